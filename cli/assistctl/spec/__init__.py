"""Files -> Workspace: strict YAML that remembers file:line:column, one JSON Schema, references."""

from assistctl.spec.discovery import FILE, find_root, missing_workspace
from assistctl.spec.grammar import KINDS, schema
from assistctl.spec.targets import served
from assistctl.spec.workspace import load

__all__ = ["FILE", "KINDS", "find_root", "load", "missing_workspace", "schema", "served"]
