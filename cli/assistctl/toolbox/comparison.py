"""Whether what a declared schema lets through is what a function takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from assistctl.resources import Json
from assistctl.suggestion import remedy

Schema: TypeAlias = Mapping[str, Json]

_COMPOSED = ("$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas")
_DEPTH = 32


@dataclass(frozen=True)
class Mismatch:
    what: str
    remedy: str


def mismatches(declared: Schema, taken: Schema) -> Iterator[Mismatch]:
    """Compare two schemas of type object: what the model may send, and what the function takes.

    Only what is certain is reported: a part of the declared schema that says no type, or says it
    in a way not understood here, matches everything. Whether it is a schema at all is not checked.
    """
    yield from _Comparison(declared, taken).objects(declared, taken, ())


@dataclass(frozen=True)
class _Comparison:
    """`root` is where the declared schema's local references start, `taken` where the function's
    do. Those contain themselves: each is `entered` once from each place."""

    root: Schema
    taken: Schema
    entered: set[tuple[int, str]] = field(default_factory=set)

    def objects(self, declared: Schema, taken: Schema, path: tuple[str, ...]) -> Iterator[Mismatch]:
        sent, known = _mapping(declared.get("properties")), taken.get("properties")
        if known is None:
            return
        for name, schema in sent.items():
            if name in known:
                yield from self._values(schema, known[name], (*path, name))
            elif taken.get("additionalProperties") is False:
                yield _unknown((*path, name), [each for each in known if each not in sent])
        if not any(word in declared for word in _COMPOSED):
            yield from _unguaranteed(declared, taken, path)

    def _values(self, declared: Json, taken: Schema, path: tuple[str, ...]) -> Iterator[Mismatch]:
        if "$ref" in taken:
            step = (id(declared), taken["$ref"])
            if step in self.entered:
                return
            self.entered.add(step)
        offered, accepted = self._forms(declared), self._forms_of_taken(taken)
        if offered is None or accepted is None:
            return
        for form in offered:
            fitting = [each for each in accepted if _fits(form["type"], each["type"])]
            if not fitting:
                yield _wrong_kind(path, form["type"], accepted)
            elif len(fitting) == 1:
                yield from self._inside(form, fitting[0], path)

    def _inside(self, declared: Schema, taken: Schema, path: tuple[str, ...]) -> Iterator[Mismatch]:
        if "enum" in declared and "enum" in taken:
            yield from _wrong_values(declared["enum"], taken["enum"], path)
        if taken["type"] == "object":
            yield from self.objects(declared, taken, path)
        if taken["type"] == "array" and "items" in declared:
            yield from self._values(declared["items"], taken["items"], (*path, "[]"))

    def _forms(self, schema: Json, depth: int = 0) -> list[Schema] | None:
        """The alternatives of a schema, each of one type; None if it does not say."""
        if not isinstance(schema, Mapping) or depth > _DEPTH or "allOf" in schema:
            return None
        if "$ref" in schema:
            return self._forms(self._target(schema["$ref"]), depth + 1)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                found = [self._forms(each, depth + 1) for each in _list(schema[word])]
                return _joined(found)
        return _typed(schema)

    def _forms_of_taken(self, taken: Schema) -> list[Schema] | None:
        if "$ref" in taken:
            return _typed(self.taken["$defs"][taken["$ref"].removeprefix("#/$defs/")])
        if "anyOf" in taken:
            return _joined([self._forms_of_taken(each) for each in taken["anyOf"]])
        return _typed(taken)

    def _target(self, reference: Json) -> Json:
        """What `#/…` points to within the declared schema, or None."""
        target: Json = self.root
        if not str(reference).startswith("#"):
            return None
        for part in str(reference).lstrip("#").strip("/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if part:
                target = target.get(key) if isinstance(target, Mapping) else None
        return target


def _typed(schema: Schema) -> list[Schema] | None:
    """One form for each type, with those values of an enum or const that are of this type."""
    values = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
    kinds = schema.get("type", list(dict.fromkeys(map(_kind, values))))
    each = [kinds] if isinstance(kinds, str) else _list(kinds)
    if not each:
        return None
    if not values:
        return [{**schema, "type": kind} for kind in each]
    return [
        {**schema, "type": kind, "enum": [value for value in values if _fits(_kind(value), kind)]}
        for kind in each
    ]


def _joined(found: Sequence[list[Schema] | None]) -> list[Schema] | None:
    forms: list[Schema] = []
    for each in found:
        if each is None:
            return None
        forms += each
    return forms


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _fits(sent: Json, taken: str) -> bool:
    return sent == taken or (sent, taken) == ("integer", "number")


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case list():
            return "array"
    return "object"


def _unguaranteed(declared: Schema, taken: Schema, path: tuple[str, ...]) -> Iterator[Mismatch]:
    """Names that one side requires and the other does not have."""
    sent = _mapping(declared.get("properties"))
    required = [name for name in _list(declared.get("required")) if isinstance(name, str)]
    for name in taken.get("required", []):
        if name in required:
            continue
        lacking = "leaves it optional" if name in sent else "does not have it"
        yield Mismatch(
            f"the function requires {_shown((*path, name))}, and the schema {lacking}",
            f"list {name!r} under `required`, or give the parameter a default value"
            if name in sent
            else f"declare {name!r}, or give the parameter a default value",
        )
    if taken.get("additionalProperties") is False:
        for name in required:
            if name not in sent and name not in taken.get("properties", {}):
                yield _unknown((*path, name), taken["properties"])


def _unknown(path: tuple[str, ...], known: Sequence[str]) -> Mismatch:
    return Mismatch(
        f"the schema has {_shown(path)}, which the function does not take",
        remedy(path[-1], known, "add it to the function, or take it away"),
    )


def _wrong_kind(path: tuple[str, ...], sent: str, accepted: Sequence[Schema]) -> Mismatch:
    kinds = " or ".join(dict.fromkeys(each["type"] for each in accepted))
    return Mismatch(
        f"the schema says {sent} for {_shown(path)}, and the function takes {kinds}",
        "let the schema and the annotation say the same",
    )


def _wrong_values(
    sent: Sequence[Json], taken: Sequence[Json], path: tuple[str, ...]
) -> Iterator[Mismatch]:
    extra = [each for each in sent if each not in taken]
    if extra:
        yield Mismatch(
            f"the schema allows {', '.join(map(repr, extra))} for {_shown(path)}, and the function "
            f"takes {', '.join(map(repr, taken))}",
            "let the schema and the annotation say the same",
        )


def _shown(path: tuple[str, ...]) -> str:
    return repr(".".join(path).replace(".[]", "[]"))
