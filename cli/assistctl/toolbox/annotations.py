"""Annotations, read as syntax, to JSON Schema."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from assistctl.resources import Json
from assistctl.toolbox.sources import Definition, Library, Meaning, Module

Schema: TypeAlias = dict[str, Json]


class Unreadable(Exception):
    """An annotation that does not say statically which JSON it stands for; the reason in words."""


@dataclass(frozen=True, eq=False)
class Scope:
    """Where an annotation stands. `within` are the classes being read, to notice recursion."""

    library: Library
    module: Module
    within: tuple[ast.ClassDef, ...] = ()

    def meaning(self, node: ast.expr) -> Meaning:
        """As Library.meaning, with one spelling for what `typing` has under several names."""
        found = self.library.meaning(self.module, node)
        if not isinstance(found, str):
            return found
        module, _, name = found.rpartition(".")
        return f"{_SAME_MODULE.get(module, module)}.{name}"

    def at(self, definition: Definition) -> Scope:
        """The scope in which the insides of a definition are read."""
        within = self.within
        if isinstance(definition.node, ast.ClassDef):
            within = (*within, definition.node)
        return replace(self, module=definition.module, within=within)


def schema_of(node: ast.expr, scope: Scope) -> Schema:
    """The JSON Schema for an annotation. Raises Unreadable, or Misread for a broken import."""
    match node:
        case ast.Constant(value=None):
            return {"type": "null"}
        case ast.Constant(value=str(text)):
            return schema_of(_parsed(text), scope)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _union([left, right], scope)
        case ast.Name() | ast.Attribute():
            return _named(node, scope)
        case ast.Subscript():
            return _generic(node, scope)
    raise Unreadable(f"{ast.unparse(node)} is not a type that can be read")


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise Unreadable(f"{text!r} is not a type") from None


def _named(node: ast.expr, scope: Scope) -> Schema:
    from assistctl.toolbox.classes import class_schema  # a class has annotations in its turn

    meaning, text = scope.meaning(node), ast.unparse(node)
    match meaning:
        case Definition(node=ast.ClassDef() as found):
            return class_schema(meaning, found, scope)
        case Definition(node=ast.expr() as value):
            return _alias(value, meaning, scope)
        case str() if meaning in _PLAIN:
            return dict(_PLAIN[meaning])
        case str() if meaning.partition(".")[0] in ("builtins", "typing"):
            raise Unreadable(f"{text} stands for no kind of JSON value")
        case str():
            raise Unreadable(f"{text} is imported from {meaning.rpartition('.')[0]}")
    raise Unreadable(f"{text} is not known in {scope.module.located.shown}")


def _alias(value: ast.expr, definition: Definition, scope: Scope) -> Schema:
    """`Name = <type>`, or `Name = NewType("Name", <type>)`."""
    inside = scope.at(definition)
    if isinstance(value, ast.Call):
        if inside.meaning(value.func) != "typing.NewType" or len(value.args) != 2:
            raise Unreadable(f"{ast.unparse(value)} is made at run time")
        value = value.args[1]
    return schema_of(value, inside)


def _generic(node: ast.Subscript, scope: Scope) -> Schema:
    head = scope.meaning(node.value)
    read = _GENERIC.get(head) if isinstance(head, str) else None
    if read is None:
        raise Unreadable(f"{ast.unparse(node)} is not a type that can be read")
    arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return read(arguments, scope)


def _union(members: Sequence[ast.expr], scope: Scope) -> Schema:
    found: list[Schema] = []
    for member in members:
        schema = schema_of(member, scope)
        found += [each for each in _alternatives(schema) if each not in found]
    if {} in found:
        return {}
    if len(found) == 1:
        return found[0]
    if all(each.keys() == {"type"} for each in found):
        return {"type": [each["type"] for each in found]}
    return {"anyOf": found}


def _alternatives(schema: Schema) -> list[Schema]:
    if schema.keys() == {"anyOf"}:
        return list(schema["anyOf"])
    if schema.keys() == {"type"} and isinstance(schema["type"], list):
        return [{"type": kind} for kind in schema["type"]]
    return [schema]


def _optional(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    return _union([*arguments, ast.Constant(value=None)], scope)


def _annotated(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    """The description is a bare string, or what `Field(description="…")` or `Doc("…")` says."""
    schema = schema_of(arguments[0], scope)
    for note in arguments[1:]:
        if text := _description(note, scope):
            schema = schema | {"description": text}
    return schema


def _description(note: ast.expr, scope: Scope) -> str | None:
    match note:
        case ast.Constant(value=str(text)):
            return text
        case ast.Call(func=called, args=[ast.Constant(value=str(text))]):
            return text if scope.meaning(called) == "typing.Doc" else None
        case ast.Call(keywords=keywords):
            for keyword in keywords:
                match keyword:
                    case ast.keyword(arg="description", value=ast.Constant(value=str(text))):
                        return text
    return None


def _array(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    return {"type": "array", "items": schema_of(arguments[0], scope)}


def _set(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    return _array(arguments, scope) | {"uniqueItems": True}


def _tuple(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    match arguments:
        case [item, ast.Constant(value=value)] if value is ...:
            return _array([item], scope)
    # `items` rather than `prefixItems`: providers demand it; the order is checked at the call.
    size = len(arguments)
    return {
        "type": "array",
        "items": _union(arguments, scope) if arguments else {},
        "minItems": size,
        "maxItems": size,
    }


def _mapping(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    keys, values = arguments if len(arguments) == 2 else (arguments[0], None)
    if schema_of(keys, scope).get("type") != "string":
        raise Unreadable(f"the keys of JSON objects are strings, not {ast.unparse(keys)}")
    inner = schema_of(values, scope) if values else {}
    return {"type": "object", "additionalProperties": inner} if inner else {"type": "object"}


def _literal(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    values = []
    for argument in arguments:
        try:
            values.append(ast.literal_eval(argument))
        except (ValueError, SyntaxError, TypeError):
            raise Unreadable(f"{ast.unparse(argument)} in Literal is not a plain value") from None
    return enumeration(values)


def enumeration(values: Sequence[Json]) -> Schema:
    """A schema that allows exactly these values. Raises Unreadable if one is not JSON."""
    kinds: list[str] = []
    for value in values:
        kind = _KINDS.get(type(value))
        if kind is None:
            raise Unreadable(f"{value!r} is not a value that JSON has")
        kinds += [kind] if kind not in kinds else []
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": list(values)}


_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}

_SAME_MODULE = {"typing_extensions": "typing", "collections.abc": "typing"}

_LIST: Schema = {"type": "array", "items": {}}
_DICT: Schema = {"type": "object"}

_PLAIN: Mapping[str, Schema] = {
    "builtins.str": {"type": "string"},
    "builtins.int": {"type": "integer"},
    "builtins.float": {"type": "number"},
    "builtins.bool": {"type": "boolean"},
    "builtins.object": {},
    "typing.Any": {},
    "builtins.list": _LIST,
    "builtins.tuple": _LIST,
    "builtins.set": _LIST | {"uniqueItems": True},
    "builtins.frozenset": _LIST | {"uniqueItems": True},
    "builtins.dict": _DICT,
    "typing.List": _LIST,
    "typing.Tuple": _LIST,
    "typing.Set": _LIST | {"uniqueItems": True},
    "typing.Sequence": _LIST,
    "typing.Dict": _DICT,
    "typing.Mapping": _DICT,
    "datetime.date": {"type": "string", "format": "date"},
    "datetime.datetime": {"type": "string", "format": "date-time"},
    "datetime.time": {"type": "string", "format": "time"},
    "datetime.timedelta": {"type": "string", "format": "duration"},
    "uuid.UUID": {"type": "string", "format": "uuid"},
    "decimal.Decimal": {"type": ["string", "number"], "format": "decimal"},
    "pathlib.Path": {"type": "string"},
}

_GENERIC: Mapping[str, Callable[[Sequence[ast.expr], Scope], Schema]] = {
    "typing.Optional": _optional,
    "typing.Union": _union,
    "typing.Literal": _literal,
    "typing.Annotated": _annotated,
    "builtins.list": _array,
    "typing.List": _array,
    "typing.Sequence": _array,
    "builtins.tuple": _tuple,
    "typing.Tuple": _tuple,
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "typing.Set": _set,
    "typing.FrozenSet": _set,
    "typing.AbstractSet": _set,
    "builtins.dict": _mapping,
    "typing.Dict": _mapping,
    "typing.Mapping": _mapping,
}
