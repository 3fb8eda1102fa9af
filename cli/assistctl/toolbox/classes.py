"""Classes whose values JSON can stand for, read as syntax, to JSON Schema: enums, dataclasses,
typed dictionaries, named tuples and pydantic models."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from assistctl.resources import Json
from assistctl.toolbox import docstrings, literals, models
from assistctl.toolbox.annotations import Schema, Scope, Unreadable, enumeration, schema_of
from assistctl.toolbox.enums import functional_members, members
from assistctl.toolbox.members import Member, member
from assistctl.toolbox.sources import Definition

Kind: TypeAlias = Literal["enum", "dataclass", "typeddict", "namedtuple", "model"]

_DATACLASS = {"dataclasses.dataclass", "pydantic.dataclass"}
_BASES: Mapping[str, Kind] = {
    "typing.TypedDict": "typeddict",
    "typing.NamedTuple": "namedtuple",
    **dict.fromkeys(("pydantic.BaseModel", "pydantic.RootModel", "pydantic.GenericModel"), "model"),
}
_ENUMS = {"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag", "enum.ReprEnum"}
_QUALIFIERS = {"typing.Required": True, "typing.NotRequired": False}
_GENERIC_BASES = {"typing.Generic", "typing.Protocol"}


@dataclass(frozen=True, eq=False)
class Class:
    """A class, and the scope of its inside."""

    node: ast.ClassDef
    scope: Scope

    def parents(self) -> Iterator[Class]:
        """Base classes that can be read, the last one first, so that nearer fields win."""
        for base in reversed(self.node.bases):
            head = base.value if isinstance(base, ast.Subscript) else base
            meaning = self.scope.meaning(head)
            if isinstance(meaning, Definition) and isinstance(meaning.node, ast.ClassDef):
                parent = _enter(meaning, meaning.node, self.scope)
                yield parent.bound(_arguments(base), self.scope)

    def bound(self, arguments: Sequence[ast.expr], outside: Scope) -> Class:
        """With its type variables standing for these types, which are read in the other scope."""
        given = zip(self._variables(), arguments, strict=False)
        variables = {variable: (argument, outside) for variable, argument in given}
        return replace(
            self, scope=replace(self.scope, variables={**self.scope.variables, **variables})
        )

    def _variables(self) -> list[ast.AST]:
        found: list[ast.AST] = []
        subscripts = [base for base in self.node.bases if isinstance(base, ast.Subscript)]
        generic = [base for base in subscripts if self.scope.meaning(base.value) in _GENERIC_BASES]
        for base in generic or subscripts:
            for each in _arguments(base):
                meaning = self.scope.meaning(each)
                if isinstance(meaning, Definition) and isinstance(meaning.node, ast.Call):
                    found += [meaning.node] if meaning.node not in found else []
        return found

    def annotated(self) -> Iterator[tuple[str, ast.AnnAssign, str | None]]:
        """Names with an annotation, and the string that stands below, if it says what they are."""
        for number, statement in enumerate(self.node.body):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                match self.node.body[number + 1 : number + 2]:
                    case [ast.Expr(value=ast.Constant(value=str(text)))]:
                        yield statement.target.id, statement, " ".join(text.split())
                    case _:
                        yield statement.target.id, statement, None


def class_schema(definition: Definition, node: ast.ClassDef, scope: Scope) -> Schema:
    """The schema for values of a class. Raises Unreadable for a class of another kind."""
    return generic_schema(definition, node, (), scope)


def generic_schema(
    definition: Definition, node: ast.ClassDef, arguments: Sequence[ast.expr], scope: Scope
) -> Schema:
    shared = scope.shared
    if node in scope.within:
        if arguments:
            raise Unreadable(f"{node.name} contains itself")
        return {"$ref": f"#/$defs/{shared.name(node)}"}
    if node in shared.recursive and shared.recursive[node] in shared.schemas:
        return {"$ref": f"#/$defs/{shared.recursive[node]}"}
    schema = _schema(_enter(definition, node, scope).bound(arguments, scope))
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


def _enter(definition: Definition, node: ast.ClassDef, scope: Scope) -> Class:
    return Class(node, scope.at(definition))


def _arguments(base: ast.expr) -> list[ast.expr]:
    if not isinstance(base, ast.Subscript):
        return []
    return base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]


def kind(each: Class) -> Kind | None:
    """What a class is, by its own decorator or by its bases."""
    if _is_dataclass(each):
        return "dataclass"
    for base in each.node.bases:
        meaning = each.scope.meaning(base.value if isinstance(base, ast.Subscript) else base)
        if isinstance(meaning, str) and meaning in _ENUMS:
            return "enum"
        if isinstance(meaning, str) and meaning in _BASES:
            return _BASES[meaning]
    return next((found for parent in each.parents() if (found := kind(parent))), None)


def _is_dataclass(each: Class) -> bool:
    decorators = each.node.decorator_list
    called = [node.func if isinstance(node, ast.Call) else node for node in decorators]
    return any(each.scope.meaning(node) in _DATACLASS for node in called)


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


def _head(annotation: ast.expr) -> ast.expr:
    return annotation.value if isinstance(annotation, ast.Subscript) else annotation


def _dataclass_fields(each: Class) -> Iterator[tuple[str, Member]]:
    """But for what a dataclass does not take: class variables, fields with init=False."""
    for parent in each.parents():
        if kind(parent) == "dataclass":
            yield from _dataclass_fields(parent)
    if not _is_dataclass(each):
        return  # it only inherits
    for name, statement, text in each.annotated():
        if each.scope.meaning(_head(statement.annotation)) in (
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
        if each.scope.meaning(_head(base)) == "pydantic.RootModel":
            for name, statement, _ in each.annotated():
                if name == "root":
                    return schema_of(statement.annotation, each.scope)
            arguments = _arguments(base)
            return schema_of(arguments[0], each.scope) if arguments else {}
    return next((root for parent in each.parents() if (root := _root(parent)) is not None), None)


def _model_fields(each: Class) -> Iterator[tuple[str, Member]]:
    for parent in each.parents():
        if kind(parent) == "model":
            yield from _model_fields(parent)
    for name, statement, text in each.annotated():
        annotation = statement.annotation
        private = name.startswith("_") or name == "model_config"
        if not private and each.scope.meaning(_head(annotation)) != "typing.ClassVar":
            yield name, _field(each, name, statement, text, annotation)


def member_value(node: ast.expr, scope: Scope) -> object:
    """What `Colour.RED`, or `Colour.RED.value`, stands for in JSON; else UNKNOWN."""
    match node:
        case ast.Attribute(value=ast.Attribute() as inner, attr="value"):
            return member_value(inner, scope)
        case ast.Attribute(value=owner, attr=name):
            meaning = scope.meaning(owner)
            if isinstance(meaning, Definition) and isinstance(meaning.node, ast.ClassDef):
                each = _enter(meaning, meaning.node, scope)
                if kind(each) == "enum":
                    return members(each.node, each.scope).get(name, literals.UNKNOWN)
    return literals.UNKNOWN


def called_schema(called: str, node: ast.Call, scope: Scope) -> Schema | None:
    """Classes that are made by a call: `TypedDict("T", {"a": int})`, `Enum("E", "A B")`, …"""
    content = node.args[1] if len(node.args) > 1 else None
    options = {each.arg: literals.value(each.value) for each in node.keywords}
    match called, content:
        case _, _ if called in _ENUMS and content is not None:
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
