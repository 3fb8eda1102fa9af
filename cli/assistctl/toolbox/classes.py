"""Classes whose values JSON can stand for, read as syntax, to JSON Schema: enums, dataclasses,
typed dictionaries, named tuples and pydantic models."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from assistctl.resources import Json
from assistctl.toolbox import docstrings, literals, models
from assistctl.toolbox.annotations import enumeration, schema_of
from assistctl.toolbox.class_kinds import (
    ENUMS,
    Class,
    arguments_of,
    entered,
    head,
    is_dataclass,
    kind,
)
from assistctl.toolbox.enums import functional_members, members
from assistctl.toolbox.members import Member, member
from assistctl.toolbox.scope import Schema, Scope, Unreadable
from assistctl.toolbox.sources import Definition

_QUALIFIERS = {"typing.Required": True, "typing.NotRequired": False}


def class_schema(
    definition: Definition, node: ast.ClassDef, arguments: Sequence[ast.expr], scope: Scope
) -> Schema:
    """The schema for values of a class, or of a generic one with these `arguments`. Raises
    Unreadable for a class of another kind."""
    shared = scope.shared
    if node in scope.within:
        if arguments:
            raise Unreadable(f"{node.name} contains itself")
        return {"$ref": f"#/$defs/{shared.name(node)}"}
    if node in shared.recursive and shared.recursive[node] in shared.schemas:
        return {"$ref": f"#/$defs/{shared.recursive[node]}"}
    schema = _schema(entered(definition, node, scope).bound(arguments, scope))
    if node not in shared.recursive:
        return schema
    shared.schemas[shared.recursive[node]] = schema
    return {"$ref": f"#/$defs/{shared.recursive[node]}"}


def _schema(each: Class) -> Schema:
    match kind(each):
        case "enum":
            return enumeration(list(dict.fromkeys(members(each.node, each.scope).values())))
        case "dataclass":
            return _object(each.node, dict(_dataclass_fields(each)))
        case "typeddict":
            return _object(each.node, dict(_typeddict_fields(each)))
        case "namedtuple":
            return _object(each.node, dict(_namedtuple_fields(each)))
        case "model":
            return _model(each)
    if models.reads_itself(each.node):
        raise Unreadable(f"{each.node.name} says only at run time what it takes")
    raise Unreadable(
        f"{each.node.name} is no dataclass, TypedDict, NamedTuple, Enum or pydantic model",
        has_no_json=True,
    )


def _object(node: ast.ClassDef, fields: Mapping[str, Member], extra: Json = False) -> Schema:
    """`extra` is additionalProperties, None where everything may be sent."""
    documentation = docstrings.read(node, fields)
    properties = {
        field.note.alias or key: literals.described(field.schema, documentation.names.get(key))
        for key, field in fields.items()
    }
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "required": [f.note.alias or key for key, f in fields.items() if f.required],
    }
    if extra is not None:
        schema["additionalProperties"] = extra
    return literals.described(schema, documentation.text)


def _field(
    each: Class, name: str, statement: ast.AnnAssign, text: str | None, annotation: ast.expr
) -> Member:
    try:
        found = member(annotation, statement.value, each.scope)
    except Unreadable as error:
        raise Unreadable(f"{error} (in {each.node.name}.{name})", error.remedy) from None
    if text and "description" not in found.schema:
        return replace(found, schema=literals.described(found.schema, text))
    return found


def _dataclass_fields(each: Class) -> Iterator[tuple[str, Member]]:
    """But for what a dataclass does not take: class variables, fields with init=False."""
    for parent in each.parents():
        if kind(parent) == "dataclass":
            yield from _dataclass_fields(parent)
    if not is_dataclass(each):
        return  # it only inherits
    for name, statement, text in each.annotated():
        if each.scope.meaning(head(statement.annotation)) in (
            "typing.ClassVar",
            "dataclasses.KW_ONLY",
        ):
            continue
        found = _field(each, name, statement, text, statement.annotation)
        if found.note.options.get("init") is not False:
            yield name, found


def _namedtuple_fields(each: Class) -> Iterator[tuple[str, Member]]:
    for parent in each.parents():
        yield from _namedtuple_fields(parent)
    for name, statement, text in each.annotated():
        yield name, _field(each, name, statement, text, statement.annotation)


def _typeddict_fields(each: Class) -> Iterator[tuple[str, Member]]:
    for parent in each.parents():
        yield from _typeddict_fields(parent)
    options = {keyword.arg: literals.value(keyword.value) for keyword in each.node.keywords}
    for name, statement, text in each.annotated():
        annotation, required = statement.annotation, options.get("total") is not False
        annotation, required = _qualified(annotation, required, each.scope)
        yield name, replace(_field(each, name, statement, text, annotation), required=required)


def _qualified(annotation: ast.expr, required: bool, scope: Scope) -> tuple[ast.expr, bool]:
    """What stands within Required, NotRequired and ReadOnly, and whether it must be there."""
    while isinstance(annotation, ast.Subscript):
        qualifier = scope.meaning(annotation.value)
        if qualifier not in (*_QUALIFIERS, "typing.ReadOnly"):
            break
        required = _QUALIFIERS.get(str(qualifier), required)
        annotation = annotation.slice
    return annotation, required


def _model(each: Class) -> Schema:
    if models.reads_itself(each.node):
        raise Unreadable(f"{each.node.name} says only at run time what it takes")
    if root := _root(each):
        return root
    config = _config(each)
    extra = models.additional(config)
    fields = dict(_model_fields(each))
    renamed = models.alias_generator(config, each.scope, each.node.name)
    if renamed:
        fields = {key: _under(renamed(key), found) for key, found in fields.items()}
    return _object(each.node, fields, extra)


def _under(alias: str, field: Member) -> Member:
    note = replace(field.note, options={"alias": alias, **field.note.options})
    return replace(field, note=note)


def _config(each: Class) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for parent in each.parents():
        found |= _config(parent)
    return found | models.config(each.node)


def _root(each: Class) -> Schema | None:
    """What a RootModel wraps."""
    for base in each.node.bases:
        if each.scope.meaning(head(base)) == "pydantic.RootModel":
            for name, statement, _ in each.annotated():
                if name == "root":
                    return schema_of(statement.annotation, each.scope)
            arguments = arguments_of(base)
            return schema_of(arguments[0], each.scope) if arguments else {}
    return next((root for parent in each.parents() if (root := _root(parent)) is not None), None)


def _model_fields(each: Class) -> Iterator[tuple[str, Member]]:
    for parent in each.parents():
        if kind(parent) == "model":
            yield from _model_fields(parent)
    for name, statement, text in each.annotated():
        annotation = statement.annotation
        private = name.startswith("_") or name == "model_config"
        if not private and each.scope.meaning(head(annotation)) != "typing.ClassVar":
            yield name, _field(each, name, statement, text, annotation)


def called_schema(called: str, node: ast.Call, scope: Scope) -> Schema | None:
    """Classes that are made by a call: `TypedDict("T", {"a": int})`, `Enum("E", "A B")`, …"""
    content = node.args[1] if len(node.args) > 1 else None
    options = {each.arg: literals.value(each.value) for each in node.keywords}
    match called, content:
        case _, _ if called in ENUMS and content is not None:
            return enumeration(functional_members(called, content))
        case "typing.TypedDict", ast.Dict(keys=keys, values=values):
            pairs = [
                (literals.value(key), value) for key, value in zip(keys, values, strict=True) if key
            ]
            return _made_object(pairs, options.get("total") is not False, scope)
        case "typing.NamedTuple", ast.List(elts=items) | ast.Tuple(elts=items):
            pairs = [
                (literals.value(each.elts[0]), each.elts[1])
                for each in items
                if isinstance(each, ast.Tuple) and len(each.elts) == 2
            ]
            return _made_object(pairs, True, scope)
        case "collections.namedtuple", ast.expr():
            names = literals.value(content)
            words = names.replace(",", " ").split() if isinstance(names, str) else names
            if isinstance(words, list | tuple):
                anything = ast.Name("object")
                defaults = options.get("defaults")
                optional = len(defaults) if isinstance(defaults, list | tuple) else 0
                schema = _made_object([(word, anything) for word in words], True, scope)
                schema["required"] = schema["required"][: len(words) - optional]
                return schema
    return None


def _made_object(pairs: Sequence[tuple[object, ast.expr]], total: bool, scope: Scope) -> Schema:
    properties: dict[str, Json] = {}
    required: list[str] = []
    for name, annotation in pairs:
        if not isinstance(name, str):
            raise Unreadable("the names of its fields are made at run time")
        inner, needed = _qualified(annotation, total, scope)
        properties[name] = schema_of(inner, scope)
        required += [name] if needed else []
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
