"""What may stand in each kind of file: one JSON Schema (2020-12) for all of them.

Every key has a description, because editors show it. `patternErrorMessage` and `errorMessage` are
what editors, and our own verdicts, advise when a value does not fit. Kinds of values are told apart
by lists of types and by if/then, never by anyOf: every verdict is about one thing, and checking is
fast.
"""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from typing import Any, Literal, TypeAlias, get_args

from assistctl.spec.grammar.assistants import (
    ASSISTANTS,
    CODE_INTERPRETER_FILES,
    INSTRUCTIONS_LENGTH,
    MOST_TOOLS,
)
from assistctl.spec.grammar.formats import FORMATS
from assistctl.spec.grammar.functions import FUNCTIONS
from assistctl.spec.grammar.mcp import MCP
from assistctl.spec.grammar.models import MODELS
from assistctl.spec.grammar.parts import SHARED, USER_METADATA_PAIRS, Schema
from assistctl.spec.grammar.scripts import SCRIPTS
from assistctl.spec.grammar.suites import SUITES
from assistctl.spec.grammar.surfaces import APIS, SURFACES
from assistctl.spec.grammar.workspace import TOOLS_MEMORY, WORKSPACES

__all__ = [
    "APIS",
    "CODE_INTERPRETER_FILES",
    "FORMATS",
    "FUNCTION_NAME",
    "INSTRUCTIONS_LENGTH",
    "KINDS",
    "MOST_TOOLS",
    "TOOLS_MEMORY",
    "USER_METADATA_PAIRS",
    "Kind",
    "checked",
    "schema",
]

Kind: TypeAlias = Literal["workspace", "assistant", "functions", "script", "tests"]
KINDS: tuple[str, ...] = get_args(Kind)

_DEFINITIONS: dict[str, Schema] = {
    **WORKSPACES,
    **MODELS,
    **ASSISTANTS,
    **SURFACES,
    **FUNCTIONS,
    **MCP,
    **SCRIPTS,
    **SUITES,
    **SHARED,
}

FUNCTION_NAME: str = SHARED["function_name"]["pattern"]

# One document serves all kinds of file: keys that only one kind has tell which it is.
_DISPATCH: Schema = {
    "if": {"required": ["turns"]},
    "then": {"$ref": "#/$defs/script"},
    "else": {
        "if": {"required": ["functions"]},
        "then": {"$ref": "#/$defs/functions"},
        "else": {
            "if": {"required": ["cases"]},
            "then": {"$ref": "#/$defs/tests"},
            "else": {
                "if": {"anyOf": [{"required": ["version"]}, {"required": ["workspace"]}]},
                "then": {"$ref": "#/$defs/workspace"},
                "else": {"$ref": "#/$defs/assistant"},
            },
        },
    },
}


def schema(kind: str | None = None) -> Schema:
    """The JSON Schema of a kind of file, or the one for all: assistctl.yaml, assistants/*.yaml,
    tools/*.yaml, *.script.yaml and *.tests.yaml. `kind` is one of KINDS."""
    if kind is None:
        names, body = set(_DEFINITIONS), {"title": "assistctl, version 1", **_DISPATCH}
    else:
        names, body = _reached_from(kind), {"title": f"assistctl {kind}", "$ref": f"#/$defs/{kind}"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **deepcopy(body),
        "type": "object",
        "$defs": {name: _open(part) for name, part in _DEFINITIONS.items() if name in names},
    }


def _open(part: Any) -> Any:
    """The part as editors want it, who see `${VAR}` where we see what it stands for: a choice of
    words may also be a string with a variable. They know none of our own formats."""
    if isinstance(part, list):
        return [_open(item) for item in part]
    if not isinstance(part, dict):
        return part
    own = {"enum", *(["format"] if part.get("format") in FORMATS else [])}
    opened = {key: _open(value) for key, value in part.items() if key not in own}
    if "enum" in part:
        opened["anyOf"] = [{"enum": list(part["enum"])}, {"type": "string", "pattern": r"\$\{"}]
    return opened


@cache
def checked(kind: Kind) -> Schema:
    """The schema of a kind as a validator wants it: a tree without references, which are slow, and
    with patterns whose `$` is the very end, which in Python it is not."""
    return dict(_inlined(_DEFINITIONS[kind]))


def _reached_from(name: str) -> set[str]:
    names, ahead = set(), {name}
    while ahead:
        names |= ahead
        ahead = set().union(*(_references(_DEFINITIONS[name]) for name in ahead)) - names
    return names


def _references(part: Any) -> set[str]:
    if isinstance(part, list):
        return set().union(*map(_references, part))
    if not isinstance(part, dict):
        return set()
    found = set().union(*map(_references, part.values()))
    return found | {_name(part)} if "$ref" in part else found


def _inlined(part: Any) -> Any:
    if isinstance(part, list):
        return [_inlined(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        beside = {key: value for key, value in part.items() if key != "$ref"}
        return {**_inlined(_DEFINITIONS[_name(part)]), **beside}
    if part.get("format") in FORMATS:  # which says all that the pattern does, and more
        return {key: value for key, value in part.items() if key != "pattern"}
    if "pattern" in part:
        return {**part, "pattern": re.sub(r"\$(?=$|\|)", r"\\Z", part["pattern"])}
    return {key: _inlined(value) for key, value in part.items()}


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).removeprefix("#/$defs/")
