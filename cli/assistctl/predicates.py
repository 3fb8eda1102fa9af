"""A JSON Schema as a function that says yes or no, for what is mostly right.

jsonschema says what is wrong with a value, and takes a hundred times as long to find that nothing
is, and 50 ms to import. So a value is asked here first, and only one that does not pass is shown to
jsonschema. The keywords of our own grammar are known, with the meaning that jsonschema gives them;
a schema with any other is refused, so that nothing passes here which would fail there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sized
from typing import Any, TypeAlias

from assistctl.resources import Json

Schema: TypeAlias = Mapping[str, Any]
Predicate: TypeAlias = Callable[[Json], bool]
_Keyword: TypeAlias = Callable[[Any, Schema, "_Compiler"], Predicate]
"""Keyword's value, the schema around it, what compiles those inside -> what it demands."""


def predicate(schema: Schema, formats: Mapping[str, Predicate]) -> Predicate:
    """Whether a value obeys the schema; `{"$ref": "#"}` in it is the schema itself.

    Raises ValueError for a schema that says something whose meaning is not known here.
    """
    return _Compiler(schema, formats).root


class _Compiler:
    """Makes the predicates of one schema; `root` is that of the whole."""

    def __init__(self, schema: Schema, formats: Mapping[str, Predicate]) -> None:
        self.formats = formats
        self.root = self.compile(schema)

    def compile(self, schema: Schema) -> Predicate:
        if schema == {"$ref": "#"}:
            return lambda value: self.root(value)
        if unknown := schema.keys() - _KEYWORDS.keys() - _ANNOTATIONS:
            raise ValueError(f"no predicate is known for {', '.join(sorted(unknown))}")
        demands = [
            keyword(schema[name], schema, self)
            for name, keyword in _KEYWORDS.items()
            if name in schema
        ]
        return demands[0] if len(demands) == 1 else lambda value: _every(demands, value)


def _every(demands: list[Predicate], value: Json) -> bool:
    for demand in demands:  # noqa: SIM110  (a generator costs more than most demands)
        if not demand(value):
            return False
    return True


def _any(demands: list[Predicate], value: Json) -> bool:
    for demand in demands:  # noqa: SIM110  (as above)
        if demand(value):
            return True
    return False


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_IS: Mapping[str, Predicate] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def _type(names: Any, _: Schema, __: _Compiler) -> Predicate:
    if isinstance(names, str):
        return _IS[names]
    kinds = [_IS[name] for name in names]
    return lambda value: _any(kinds, value)


def _enum(words: Any, _: Schema, __: _Compiler) -> Predicate:
    if not all(word is None or type(word) in (str, int) for word in words):
        raise ValueError("no predicate is known for words that are no strings or integers")
    allowed = tuple(words)
    return lambda value: value in allowed and not isinstance(value, bool)


def _unique(unique: Any, schema: Schema, _: _Compiler) -> Predicate:
    if unique is not True or schema.get("items", {}).get("type") != "string":
        raise ValueError("no predicate is known for uniqueItems but of strings")
    return lambda value: (
        not isinstance(value, list)
        or not all(isinstance(item, str) for item in value)  # which `items` has refused
        or len(set(value)) == len(value)
    )


def _properties(schemas: Any, _: Schema, compiler: _Compiler) -> Predicate:
    known = {name: compiler.compile(schema) for name, schema in schemas.items()}

    def obeys(value: Json) -> bool:
        if isinstance(value, dict):
            for name, item in value.items():
                demand = known.get(name)
                if demand is not None and not demand(item):
                    return False
        return True

    return obeys


def _additional(rest: Any, schema: Schema, compiler: _Compiler) -> Predicate:
    known = frozenset(schema.get("properties", ()))
    if rest is False:
        return lambda value: not isinstance(value, dict) or value.keys() <= known
    demand = compiler.compile(rest)
    return lambda value: (
        not isinstance(value, dict)
        or all(demand(item) for name, item in value.items() if name not in known)
    )


def _required(names: Any, _: Schema, __: _Compiler) -> Predicate:
    needed = frozenset(names)
    return lambda value: not isinstance(value, dict) or needed <= value.keys()


def _names(schema: Any, _: Schema, compiler: _Compiler) -> Predicate:
    demand = compiler.compile(schema)
    return lambda value: not isinstance(value, dict) or all(map(demand, value))


def _items(schema: Any, _: Schema, compiler: _Compiler) -> Predicate:
    demand = compiler.compile(schema)
    return lambda value: not isinstance(value, list) or all(map(demand, value))


def _if(schema: Any, around: Schema, compiler: _Compiler) -> Predicate:
    condition = compiler.compile(schema)
    then = compiler.compile(around.get("then", {}))
    otherwise = compiler.compile(around.get("else", {}))
    return lambda value: then(value) if condition(value) else otherwise(value)


def _all_of(schemas: Any, _: Schema, compiler: _Compiler) -> Predicate:
    """What holds for mappings of one `type` only is not asked about those of another."""
    demands = [(_only_type(schema), compiler.compile(schema)) for schema in schemas]
    every = [demand for _, demand in demands]
    general = [demand for kind, demand in demands if kind is None]
    of_type = {
        kind: [demand for other, demand in demands if other in (None, kind)] for kind, _ in demands
    }

    def obeys(value: Json) -> bool:
        if not isinstance(value, dict):
            return _every(every, value)
        kind = value.get("type")
        return _every(of_type.get(kind, general) if isinstance(kind, str) else general, value)

    return obeys


def _only_type(schema: Schema) -> str | None:
    """The only `type` of mappings of which a schema demands anything."""
    condition = schema.get("if", {})
    kind = condition.get("properties", {}).get("type", {}).get("const")
    whole = {"properties": {"type": {"const": kind}}, "required": ["type"]}
    is_all = schema.keys() == {"if", "then"} and condition == whole
    return kind if is_all and isinstance(kind, str) else None


def _any_of(schemas: Any, _: Schema, compiler: _Compiler) -> Predicate:
    ways = [compiler.compile(schema) for schema in schemas]
    return lambda value: _any(ways, value)


def _not(schema: Any, _: Schema, compiler: _Compiler) -> Predicate:
    refused = compiler.compile(schema)
    return lambda value: not refused(value)


def _pattern(text: Any, _: Schema, __: _Compiler) -> Predicate:
    search = re.compile(text).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _format(name: Any, _: Schema, compiler: _Compiler) -> Predicate:
    if name not in compiler.formats:
        raise ValueError(f"no predicate is known for the format {name}")
    return compiler.formats[name]


def _length(kind: type[Sized], *, least: bool) -> _Keyword:
    def keyword(limit: Any, _: Schema, __: _Compiler) -> Predicate:
        if least:
            return lambda value: not isinstance(value, kind) or len(value) >= limit
        return lambda value: not isinstance(value, kind) or len(value) <= limit

    return keyword


_KEYWORDS: Mapping[str, _Keyword] = {
    "type": _type,
    "enum": _enum,
    "const": lambda word, schema, compiler: _enum([word], schema, compiler),
    "required": _required,
    "additionalProperties": _additional,
    "properties": _properties,
    "propertyNames": _names,
    "items": _items,
    "uniqueItems": _unique,
    "minLength": _length(str, least=True),
    "maxLength": _length(str, least=False),
    "minItems": _length(list, least=True),
    "maxItems": _length(list, least=False),
    "maxProperties": _length(dict, least=False),
    "minimum": lambda limit, _, __: lambda value: not _is_number(value) or value >= limit,
    "maximum": lambda limit, _, __: lambda value: not _is_number(value) or value <= limit,
    "exclusiveMinimum": lambda limit, _, __: lambda value: not _is_number(value) or value > limit,
    "pattern": _pattern,
    "format": _format,
    "allOf": _all_of,
    "anyOf": _any_of,
    "not": _not,
    "if": _if,
}

_ANNOTATIONS = frozenset(
    (
        *("title", "description", "default", "examples", "writeOnly"),
        *("patternErrorMessage", "errorMessage"),
        *("then", "else"),  # part of what `if` says
    )
)
