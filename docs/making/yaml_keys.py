"""The keys of the YAML, from the JSON Schema, the table of what each API can, and the example.

A section is a mapping that the schema gives a name; what is written into it directly stands in its
table with a dotted name (`run.tool_choice`), what has a name itself gets a section of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from assistctl import spec
from assistctl.apis import capabilities
from assistctl.surface import Capability, Support

Schema = Mapping[str, Any]

EXAMPLE = Path(__file__).parent.parent / "reference" / "example"
"""A workspace that has every key."""

FILES = {
    "workspace": ("assistctl.yaml",),
    "assistant": (
        "assistants/porter.yaml",
        "assistants/lifeguard.yaml",
        "assistants/gatekeeper.yaml",
    ),
    "functions": ("tools/till.yaml",),
    "script": ("assistants/porter.script.yaml",),
    "tests": ("assistants/porter.tests.yaml",),
}
"""The files of the example, by their kind."""

NAMES = {
    "targets": "TARGET",
    "vector_stores": "STORE",
    "mcp_servers": "SERVER",
    "prices": "MODEL",
    "models": "MODEL",
    "functions": "FUNCTION",
    "stubs": "FUNCTION",
    "variables": "VARIABLE",
}
"""What the names of a mapping are names of, where people choose them."""


@dataclass(frozen=True)
class Key:
    """One line of a table; `feature` is what the table of the APIs may call it, `sections` are what
    its value, or each of its values, can be."""

    name: str
    schema: Schema
    needed: bool
    feature: str
    sections: tuple[str, ...]

    @property
    def default(self) -> str:
        if self.needed:
            return "needed"
        return f"`{_written(self.schema['default'])}`" if "default" in self.schema else "–"


@dataclass
class Section:
    """A mapping with a name in the schema. `path` is where it stands, `examples` what stands there
    in the example."""

    name: str
    path: str
    schema: Schema
    keys: list[Key] = field(default_factory=list)
    examples: list[Any] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return f"keys-of-{self.name.replace('_', '-')}"


@cache
def definitions() -> Mapping[str, Schema]:
    found: Mapping[str, Schema] = spec.schema()["$defs"]
    return found


@cache
def sections(kind: str) -> tuple[Section, ...]:
    """Those of a kind of file, the file itself first."""
    found: dict[str, Section] = {}
    _add(kind, "", definitions()[kind], "", found)
    looked_at = 0
    while looked_at < len(found):  # what stands further out is told first
        section = list(found.values())[looked_at]
        for key in section.keys:
            _visit(key.schema, f"{section.path}.{key.name}".lstrip("."), key.feature, found)
        looked_at += 1
    for name in FILES[kind]:
        _collect({"$ref": f"#/$defs/{kind}"}, yaml.safe_load((EXAMPLE / name).read_text()), found)
    return tuple(found.values())


def section_named(name: str) -> Section:
    """The one that has this name, on whichever page."""
    return next(s for kind in FILES for s in sections(kind) if s.name == name)


def _name(schema: Schema) -> str | None:
    return schema["$ref"].removeprefix("#/$defs/") if "$ref" in schema else None


def _resolved(schema: Schema) -> Schema:
    """What a reference refers to, with what stands beside it."""
    name = _name(schema)
    return {**definitions()[name], **schema} if name else schema


def _variants(schema: Schema) -> dict[str, Schema]:
    """The type -> what a mapping of that type is, where the types have keys of their own."""
    rules = [rule for rule in schema.get("allOf", ()) if "then" in rule]
    return {
        rule["if"]["properties"]["type"]["const"]: rule["then"]
        for rule in rules
        if "$ref" in rule["then"] or "properties" in rule["then"]
    }


def _children(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """What is in a value: ("", each item) of a list, (what it is called, each value) of names."""
    whole = _resolved(schema)
    if isinstance(inside := whole.get("items"), Mapping):
        yield "[]", inside
    if isinstance(inside := whole.get("additionalProperties"), Mapping):
        yield ".", inside


def _visit(schema: Schema, path: str, feature: str, found: dict[str, Section]) -> None:
    """Add the section that a value has, and those of what is in it."""
    whole, name = _resolved(schema), _name(schema)
    if variants := _variants(whole):
        for kind, variant in variants.items():
            at = f"{path} of type `{kind}`" if path else kind
            inner = feature if feature.endswith("transport") else f"{feature}.{kind}"
            if _name(variant) is None:  # written out where it is used
                _add(f"{name}_{kind}", at, variant, inner, found)
            else:
                _visit(variant, at, inner, found)
    elif name and "properties" in whole:
        if name not in found and name not in FILES:  # which have pages of their own
            _add(name, path, whole, feature, found)
    else:
        _look_inside(whole, path, feature, found)


def _look_inside(schema: Schema, path: str, feature: str, found: dict[str, Section]) -> None:
    last = path.rpartition(".")[2].strip("`")
    for how, inside in _children(schema):
        step = how if how == "[]" else f".{NAMES.get(last, 'NAME')}"
        _visit(inside, f"{path}{step}", feature, found)


def _add(name: str, path: str, schema: Schema, feature: str, found: dict[str, Section]) -> None:
    found[name] = Section(name, path, schema, list(_keys(schema, "", feature)))


def _keys(schema: Schema, prefix: str, feature: str) -> Iterator[Key]:
    """A mapping's keys, and those of what is written into it without a name."""
    for key, value in schema["properties"].items():
        whole, name = _resolved(value), f"{prefix}{key}"
        called = f"{feature}.{key}".lstrip(".")
        nested = _sections_of(value)
        yield Key(name, value, key in schema.get("required", ()), called, nested)
        inner = {} if nested else whole
        if "properties" in inner:
            yield from _keys(inner, f"{name}.", called)
        items = inner.get("items", {})
        if "properties" in items and "$ref" not in items:
            yield from _keys(items, f"{name}[].", called)


def _sections_of(schema: Schema) -> tuple[str, ...]:
    """The names of the mappings that a value, or each of its values, can be."""
    whole, name = _resolved(schema), _name(schema)
    if variants := _variants(whole):
        return tuple(_name(variant) or f"{name}_{kind}" for kind, variant in variants.items())
    if name and "properties" in whole:
        return (name,)
    return next(filter(None, (_sections_of(inside) for _, inside in _children(schema))), ())


def _collect(schema: Schema, value: Any, found: Mapping[str, Section]) -> None:
    """Note what stands in the example, section by section."""
    whole, name = _resolved(schema), _name(schema)
    if variants := _variants(whole):
        kind = value["type"]
        variant = variants[kind]
        _collect_mapping(_name(variant) or f"{name}_{kind}", _resolved(variant), value, found)
    elif name and "properties" in whole and isinstance(value, dict):
        _collect_mapping(name, whole, value, found)
    else:
        _collect_inside(whole, value, found)


def _collect_mapping(
    name: str, schema: Schema, value: Mapping[str, Any], found: Mapping[str, Section]
) -> None:
    if name in found:
        found[name].examples.append(value)
    _collect_inside(schema, value, found)


def _collect_inside(schema: Schema, value: Any, found: Mapping[str, Section]) -> None:
    inside = dict(_children(schema))
    if isinstance(value, list) and "[]" in inside:
        for item in value:
            _collect(inside["[]"], item, found)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in schema.get("properties", ()):
                _collect(schema["properties"][key], item, found)
            elif "." in inside:
                _collect(inside["."], item, found)


# What is written.


def covered(section: Section) -> list[Any]:
    """As few examples of a section as have all keys that any has."""
    chosen: list[Any] = []
    seen: set[str] = set()
    for example in sorted(section.examples, key=lambda it: -len(shown(section, it))):
        if new := shown(section, example) - seen:
            seen |= new
            chosen.append(example)
    return chosen


def shown(section: Section, example: Mapping[str, Any]) -> set[str]:
    """The keys of the section's table that an example has."""
    return {key.name for key in section.keys if _has(example, key.name.split("."))}


def _has(value: Any, steps: list[str]) -> bool:
    if not steps:
        return True
    name = steps[0].removesuffix("[]")
    if not isinstance(value, dict) or name not in value:
        return False
    inner = value[name]
    if steps[0].endswith("[]"):
        return any(_has(item, steps[1:]) for item in inner)
    return _has(inner, steps[1:])


def _page(kind: str) -> str:
    return "\n".join(_text(section, kind) for section in sections(kind))


PAGES = {kind: partial(_page, kind) for kind in FILES}
"""What makes the reference of each kind of file."""


def _text(section: Section, kind: str) -> str:
    apis = ["APIs"] if kind == "assistant" else []
    head = ["key", "what it is", "if left out", *apis]
    lines = [
        f"({section.anchor})=",
        f"## {_title(section.path)}",
        "",
        section.schema.get("description", ""),
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
    ]
    for key in section.keys:
        what = f"{_description(key)}<br>*{_type(key.schema, key.sections)}*"
        cells = [f"`{key.name}`", what, key.default, *([_at_apis(key.feature)] if apis else [])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_examples(section)])


def _title(path: str) -> str:
    """`a[] of type `b`.c` -> "`a[]` of type `b`, its `c`"; that of the file itself."""
    first, *more = path.split(" of type ")
    title = f"`{first}`" if first else "The file"
    for part in more:
        kind, _, inner = part.partition(".")
        title += f" of type {kind}" + (f", its `{inner}`" if inner else "")
    return title


def _examples(section: Section) -> Iterator[str]:
    for example in covered(section):
        nested = {key.name for key in section.keys if key.sections}
        inner = {k for k, v in example.items() if k in nested and isinstance(v, dict | list)}
        rest = {k: v for k, v in example.items() if k not in inner} or example
        yield f"```yaml\n{''.join(_line(k, v) for k, v in rest.items())}```\n"


def _line(key: str, value: Any) -> str:
    if not isinstance(value, dict | list):
        return f"{key}: {_written(value)}\n"
    return yaml.safe_dump(
        {key: value}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=90
    )


def _type(schema: Schema, nested: tuple[str, ...] = ()) -> str:
    whole = _resolved(schema)
    if "const" in whole:
        return f"`{_written(whole['const'])}`"
    types = whole.get("type", [])
    types = [types] if isinstance(types, str) else list(types)
    words = [_one_type(kind, whole, nested) for kind in types if kind != "null"]
    if "if" in whole and whole["if"].get("type") == "string":
        words[0] = _words(whole["then"])
    null = ["null"] if "null" in types else []
    return " or ".join([*words, *null]) or "anything"


def _one_type(kind: str, whole: Schema, nested: tuple[str, ...]) -> str:
    inside = dict(_children(whole))
    if kind == "string":
        return _words(whole) or f"text{_size(whole, 'Length', ' characters')}"
    if kind == "array":
        items = inside.get("[]")
        of = _links(nested) or (_type(items) if items else "anything")
        return f"list of {of}{_size(whole, 'Items', '')}"
    if kind == "object":
        if "." in inside:
            return f"names → {_links(nested) or _type(inside['.'])}"
        return _links(nested) or "mapping"
    if kind == "boolean":
        return "true or false"
    return {"integer": "whole number", "number": "number"}[kind] + _range(whole)


def _words(schema: Schema) -> str:
    choices = [part["enum"] for part in schema.get("anyOf", ()) if "enum" in part]
    return ", ".join(f"`{_written(word)}`" for word in choices[0] if word) if choices else ""


def _size(schema: Schema, what: str, unit: str) -> str:
    most = schema.get(f"max{what}")
    return f" (at most {most:,}{unit})" if most else ""


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']:g}"
    if least is None:
        return ""
    return f" from {least:,}" + (f" to {most:,.0f}" if most is not None else "")


def _links(names: tuple[str, ...]) -> str:
    return ", ".join(f"[{name}](#{section_named(name).anchor})" for name in names)


def _description(key: Key) -> str:
    whole = _resolved(key.schema)
    advice = whole.get("patternErrorMessage", "")
    said = whole.get("description", "")
    return (f"{said.rstrip('.')}; {advice}." if advice else said).replace("|", "\\|")


def _at_apis(feature: str) -> str:
    """Where it is not simply had: `agents: refused`."""
    steps = feature.split(".")
    names = (".".join(steps[:count]) for count in range(len(steps), 0, -1))
    row = next((capabilities.TABLE[name] for name in names if name in capabilities.TABLE), ())
    said = {api: _word(it) for api, it in zip(capabilities.TITLES, row, strict=False)}
    had = [api for api, word in said.items() if word != Support.LEFT_OUT.value]
    if row and len(had) == 1:
        return f"{had[0]} only{'¹' if '¹' in said[had[0]] else ''}"
    return "<br>".join(f"{api}: {word}" for api, word in said.items() if word != "native")


def _word(capability: Capability) -> str:
    if capability.on_request:
        return "on request"
    return f"{capability.support.value}{'¹' if capability.hosted else ''}"


def _written(value: Any) -> str:
    dumped = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
    return dumped.split("\n")[0]
