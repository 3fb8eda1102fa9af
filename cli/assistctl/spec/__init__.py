"""Files -> Workspace: strict YAML that remembers file:line:column, one JSON Schema, references."""

from assistctl.spec.grammar import KINDS, schema
from assistctl.spec.sources import find_root, missing_workspace
from assistctl.spec.workspace import load

__all__ = ["KINDS", "find_root", "load", "missing_workspace", "schema"]
