"""Enums, dataclasses and typed dictionaries, read as syntax, to JSON Schema."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from assistctl.resources import Json
from assistctl.toolbox import docstrings, literals
from assistctl.toolbox.annotations import Schema, Scope, Unreadable, enumeration, schema_of
from assistctl.toolbox.sources import Definition

_DATACLASS = {"dataclasses.dataclass", "pydantic.dataclasses.dataclass"}
_QUALIFIERS = {"typing.Required": True, "typing.NotRequired": False}


@dataclass(frozen=True, eq=False)
class _Class:
    """A class, and the scope of its inside."""

    node: ast.ClassDef
    scope: Scope

    def parents(self) -> Iterator[_Class]:
        """Base classes that can be read, the last one first, so that nearer fields win."""
        for base in reversed(self.node.bases):
            meaning = self.scope.meaning(base)
            if isinstance(meaning, Definition) and isinstance(meaning.node, ast.ClassDef):
                yield _enter(meaning, meaning.node, self.scope)

    def annotated(self) -> Iterator[tuple[str, ast.AnnAssign]]:
        for statement in self.node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                yield statement.target.id, statement


@dataclass(frozen=True, eq=False)
class _Field:
    annotation: ast.expr
    scope: Scope
    required: bool
    default: object = literals.UNKNOWN


def class_schema(definition: Definition, node: ast.ClassDef, scope: Scope) -> Schema:
    """The schema for values of a class. Raises Unreadable for a class of another kind."""
    each = _enter(definition, node, scope)
    match _kind(each):
        case "enum":
            return enumeration(_members(each))
        case "dataclass":
            return _object(node, dict(_dataclass_fields(each)))
        case "typeddict":
            return _object(node, dict(_typeddict_fields(each)))
    raise Unreadable(f"{node.name} is neither a dataclass nor a TypedDict nor an Enum")


def _enter(definition: Definition, node: ast.ClassDef, scope: Scope) -> _Class:
    if node in scope.within:
        raise Unreadable(f"{node.name} contains itself")
    return _Class(node, scope.at(definition))


def _kind(each: _Class) -> Literal["enum", "dataclass", "typeddict"] | None:
    """What a class is, by its own decorator or by its bases."""
    for decorator in each.node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if each.scope.meaning(called) in _DATACLASS:
            return "dataclass"
    for base in map(each.scope.meaning, each.node.bases):
        if base == "typing.TypedDict":
            return "typeddict"
        if isinstance(base, str) and base.startswith("enum."):
            return "enum"
    kinds = [_kind(parent) for parent in each.parents()]
    return next((kind for kind in kinds if kind in ("enum", "typeddict")), None)


def _object(node: ast.ClassDef, fields: dict[str, _Field]) -> Schema:
    documentation = docstrings.read(node)
    properties: dict[str, Json] = {}
    for name, each in fields.items():
        try:
            schema = schema_of(each.annotation, each.scope)
        except Unreadable as error:
            raise Unreadable(f"{error} (in {node.name}.{name})") from None
        properties[name] = literals.described(
            literals.with_default(schema, each.default), documentation.names.get(name)
        )
    schema = {
        "type": "object",
        "properties": properties,
        "required": [name for name, each in fields.items() if each.required],
        "additionalProperties": False,
    }
    return literals.described(schema, documentation.text)


def _members(each: _Class) -> list[Json]:
    """The values of an Enum's members; auto() counts as the enum module does."""
    values: list[Json] = []
    for statement in each.node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not name.startswith("_"):
                values.append(_member(name, value, values, each))
    if not values:
        raise Unreadable(f"{each.node.name} has no members that can be read")
    return list(dict.fromkeys(values))


def _member(name: str, value: ast.expr, before: list[Json], each: _Class) -> Json:
    if isinstance(value, ast.Call) and each.scope.meaning(value.func) == "enum.auto":
        if any(each.scope.meaning(base) == "enum.StrEnum" for base in each.node.bases):
            return name.lower()
        return max((old for old in before if isinstance(old, int)), default=0) + 1
    found = literals.value(value)
    if not isinstance(found, str | int | float | bool):
        raise Unreadable(f"the value of {each.node.name}.{name} cannot be read")
    return found


def _dataclass_fields(each: _Class) -> Iterator[tuple[str, _Field]]:
    for parent in each.parents():
        if _kind(parent) == "dataclass":
            yield from _dataclass_fields(parent)
    for name, statement in each.annotated():
        field = _dataclass_field(statement, each.scope)
        if field is not None:
            yield name, field


def _dataclass_field(statement: ast.AnnAssign, scope: Scope) -> _Field | None:
    """None for what a dataclass does not take: class variables, fields with init=False."""
    annotation, value = statement.annotation, statement.value
    head = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    if scope.meaning(head) in ("typing.ClassVar", "dataclasses.KW_ONLY"):
        return None
    if value is None:
        return _Field(annotation, scope, required=True)
    if not (isinstance(value, ast.Call) and scope.meaning(value.func) == "dataclasses.field"):
        return _Field(annotation, scope, required=False, default=literals.value(value))
    options = {keyword.arg: keyword.value for keyword in value.keywords}
    if "init" in options and literals.value(options["init"]) is False:
        return None
    default = literals.value(options["default"]) if "default" in options else literals.UNKNOWN
    required = not {"default", "default_factory"} & options.keys()
    return _Field(annotation, scope, required, default)


def _typeddict_fields(each: _Class) -> Iterator[tuple[str, _Field]]:
    for parent in each.parents():
        yield from _typeddict_fields(parent)
    options = {keyword.arg: literals.value(keyword.value) for keyword in each.node.keywords}
    for name, statement in each.annotated():
        annotation, required = statement.annotation, options.get("total") is not False
        while isinstance(annotation, ast.Subscript):
            qualifier = each.scope.meaning(annotation.value)
            if qualifier not in (*_QUALIFIERS, "typing.ReadOnly"):
                break
            required = _QUALIFIERS.get(str(qualifier), required)
            annotation = annotation.slice
        yield name, _Field(annotation, each.scope, required)
