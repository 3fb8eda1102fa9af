"""Files -> Workspace: strict YAML that remembers file:line:column, one JSON Schema, references."""

from assistctl.spec.discovery import FILE, find_root, is_of_tests, missing_workspace
from assistctl.spec.grammar import KINDS, schema
from assistctl.spec.targets import declares_model, served
from assistctl.spec.workspace import load

SCHEMA_FILE = "assistctl.schema.json"
"""The JSON Schema of the files, for editors: what they name in their first line."""

__all__ = [
    "FILE",
    "KINDS",
    "SCHEMA_FILE",
    "declares_model",
    "find_root",
    "is_of_tests",
    "load",
    "missing_workspace",
    "schema",
    "served",
]
