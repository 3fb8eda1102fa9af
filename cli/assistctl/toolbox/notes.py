"""What stands beside a type and describes it: `Field(…)` as a default or in `Annotated`, limits,
texts. pydantic's and annotated_types' are known, and what fastapi and typer made after them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from assistctl.resources import Json
from assistctl.toolbox import literals
from assistctl.toolbox.class_kinds import member_value
from assistctl.toolbox.scope import Schema, Scope, Unreadable, parsed
from assistctl.toolbox.sources import Definition

Has: TypeAlias = Literal["no default", "default", "factory"]

_FIELDS = frozenset(
    (
        *("pydantic.Field", "sqlmodel.Field", "dataclasses.field"),
        *(f"fastapi.{name}" for name in ("Query", "Body", "Path", "Header", "Cookie", "Form")),
        *("typer.Option", "typer.Argument"),
    )
)
_POSITIONAL = {
    "annotated_types.Gt": ("gt",),
    "annotated_types.Ge": ("ge",),
    "annotated_types.Lt": ("lt",),
    "annotated_types.Le": ("le",),
    "annotated_types.MultipleOf": ("multiple_of",),
    "annotated_types.MinLen": ("min_length",),
    "annotated_types.MaxLen": ("max_length",),
    "annotated_types.Len": ("min_length", "max_length"),
    "annotated_types.Interval": (),
    "pydantic.StringConstraints": (),
    "typing.Doc": ("description",),
}
"""Calls that say something within `Annotated`, with the names of what is given by position."""

_LIMITS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_OTHER_NAMES = {
    "regex": "pattern",
    "min_items": "min_length",
    "max_items": "max_length",
    "help": "description",
    "min": "ge",
    "max": "le",
}


@dataclass(frozen=True)
class Note:
    """`options` are what was given by name and is a plain value, in pydantic's words."""

    options: Mapping[str, Json] = field(default_factory=dict)
    has: Has = "no default"
    default: object = literals.UNKNOWN

    @property
    def alias(self) -> str | None:
        """The key that stands for the field in JSON."""
        names = (self.options.get(key) for key in ("validation_alias", "alias"))
        return next((name for name in names if isinstance(name, str)), None)

    def applied(self, schema: Schema) -> Schema:
        found = with_options(schema, self.options)
        return literals.with_default(found, self.default) if self.has != "no default" else found

    def over(self, other: Note) -> Note:
        """Both, where the nearer says more than the farther."""
        nearer = self if self.has != "no default" else other
        options = {**other.options, **self.options}
        return replace(self, options=options, has=nearer.has, default=nearer.default)


def note_of(node: ast.expr, scope: Scope) -> Note | None:
    """What a call such as `Field(3, ge=1)` says; None if it is no such call."""
    if not isinstance(node, ast.Call) or scope.meaning(node.func) not in _FIELDS:
        return None
    options = options_of(node, scope)
    by_name = {each.arg: each.value for each in node.keywords}
    default = node.args[0] if node.args else by_name.get("default")
    if isinstance(default, ast.Constant) and default.value is ...:
        default = None
    if default is not None:
        return Note(options, "default", constant(default, scope))
    return Note(options, "factory" if "default_factory" in by_name else "no default")


def notes_in(annotation: ast.expr, scope: Scope) -> Note:
    """What the `Field(…)` in an `Annotated[…]` says, through aliases."""
    match annotation:
        case ast.Constant(value=str(text)):
            try:
                return notes_in(parsed(text), scope)
            except Unreadable:
                return Note()
        case ast.Subscript(slice=ast.Tuple(elts=[inner, *notes])):
            if scope.meaning(annotation.value) != "typing.Annotated":
                return Note()
            found = notes_in(inner, scope)
            for node in notes:
                found = (note_of(node, scope) or Note()).over(found)
            return found
        case ast.Name() | ast.Attribute():
            match scope.meaning(annotation):
                case Definition(node=ast.Subscript() as value) as definition:
                    return notes_in(value, scope.at(definition))
    return Note()


def annotated_schema(schema: Schema, notes: Sequence[ast.expr], scope: Scope) -> Schema:
    """The schema under all that an `Annotated` says beside the type."""
    for node in notes:
        called = scope.meaning(node.func) if isinstance(node, ast.Call) else None
        match node:
            case ast.Constant(value=str(text)):
                schema = schema | {"description": text}
            case ast.Call() if called == "pydantic.WithJsonSchema" and node.args:
                given = constant(node.args[0], scope)
                schema = given if isinstance(given, dict) else schema
            case ast.Call() if found := note_of(node, scope):
                schema = found.applied(schema)
            case ast.Call() if isinstance(called, str) and called in _POSITIONAL:
                schema = with_options(schema, options_of(node, scope, _POSITIONAL[called]))
            case ast.Call():
                said = options_of(node, scope).get("description")
                schema = schema | {"description": said} if isinstance(said, str) else schema
    return schema


def options_of(node: ast.Call, scope: Scope, positional: Sequence[str] = ()) -> dict[str, Json]:
    """What a call is given by name, as far as it is JSON; `metadata` counts as given by name."""
    given = dict(zip(positional, node.args, strict=False))
    given |= {each.arg: each.value for each in node.keywords if each.arg}
    found: dict[str, Json] = {}
    for name, value in given.items():
        known = constant(value, scope)
        if name == "metadata" and isinstance(known, dict):
            found |= known
        elif known is not literals.UNKNOWN and known is not None and known is not ...:
            found[_OTHER_NAMES.get(name, name)] = known
        elif name == "validation_alias" and isinstance(value, ast.Call):
            found |= _first_choice(value)
    return found


def _first_choice(node: ast.Call) -> dict[str, Json]:
    """`AliasChoices("a", "b")`: the first name that is one."""
    names = [literals.value(each) for each in node.args]
    return {"validation_alias": next((name for name in names if isinstance(name, str)), None)}


def with_options(schema: Mapping[str, Json], options: Mapping[str, Json]) -> Schema:
    """The schema with limits and texts in JSON Schema's words, those that its types have."""
    kinds = _kinds(schema)
    found = dict(schema)
    for name, keyword in _LIMITS.items():
        value = options.get(name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and kinds & {"integer", "number"}:
            found[keyword] = value
    for kind, keywords in _LENGTHS.items():
        for name, keyword in zip(("min_length", "max_length"), keywords, strict=True):
            if kind in kinds and isinstance(options.get(name), int):
                found[keyword] = options[name]
    if "string" in kinds and isinstance(options.get("pattern"), str):
        found["pattern"] = options["pattern"]
    if isinstance(options.get("description"), str):
        found["description"] = options["description"].strip()
    if isinstance(options.get("examples"), list) and literals.is_json(options["examples"]):
        found["examples"] = options["examples"]
    extra = options.get("json_schema_extra")
    return found | extra if isinstance(extra, dict) and literals.is_json(extra) else found


def _kinds(schema: Mapping[str, Json]) -> set[str]:
    if "anyOf" in schema:
        return set().union(*map(_kinds, schema["anyOf"]))
    kinds = schema.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def constant(node: ast.expr, scope: Scope) -> object:
    """A literal, a name of one, or a member of an Enum that stands for one; else UNKNOWN."""
    found = literals.value(node)
    if found is not literals.UNKNOWN or not isinstance(node, ast.Name | ast.Attribute):
        return found
    match scope.meaning(node):
        case Definition(node=ast.expr() as value):
            return literals.value(value)
    return member_value(node, scope)
