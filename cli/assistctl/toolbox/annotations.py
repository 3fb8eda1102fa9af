"""Annotations, read as syntax, to JSON Schema.

An annotation may name a class, and the fields of a class have annotations: this module and
`classes` call each other, so it imports that one where it is called. No other two files do so.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from assistctl.resources import Json
from assistctl.toolbox import known_types, literals
from assistctl.toolbox.class_kinds import arguments_of, made_by_calls, member_value
from assistctl.toolbox.notes import annotated_schema, options_of, with_options
from assistctl.toolbox.scope import Schema, Scope, Unreadable, parsed
from assistctl.toolbox.sources import Definition, Meaning

_LARGEST = 3000
"""Types within one signature: what exceeds that, models and APIs refuse in their turn."""


def schema_of(node: ast.expr, scope: Scope) -> Schema:
    """The JSON Schema for an annotation. Raises Unreadable, or Misread for a broken import."""
    scope.shared.read += 1
    if scope.shared.read > _LARGEST:
        raise Unreadable(f"it holds more than {_LARGEST} types, which no model could be told")
    match node:
        case ast.Constant(value=None):
            return {"type": "null"}
        case ast.Constant(value=str(text)):
            return schema_of(parsed(text), scope)
        case ast.BinOp(op=ast.BitOr()):
            return _union(alternatives(node), scope)
        case ast.Name() | ast.Attribute():
            return _named(node, scope)
        case ast.Subscript():
            return _generic(node, scope)
        case ast.Call():
            return _made(node, scope)
    raise Unreadable(f"{ast.unparse(node)} is not a type that can be read")


def alternatives(node: ast.expr) -> list[ast.expr]:
    """`a | b | c` as [a, b, c]."""
    found: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def _named(node: ast.expr, scope: Scope) -> Schema:
    from assistctl.toolbox.classes import class_schema

    meaning, text = scope.meaning(node), ast.unparse(node)
    if _is_context(meaning):
        raise Unreadable(
            f"{text} is what another framework's runner gives to its tools, and none is at work",
            "leave it out",
        )
    match meaning:
        case Definition(node=ast.ClassDef() as found):
            return class_schema(meaning, found, (), scope)
        case Definition(node=ast.expr() as value):
            return _alias(value, meaning, scope)
        case str() if meaning in known_types.PLAIN:
            return dict(known_types.PLAIN[meaning])
        case str() if meaning in known_types.WITHOUT_JSON:
            why, remedy = known_types.WITHOUT_JSON[meaning]
            raise Unreadable(why, remedy, has_no_json=True)
        case str() if meaning.partition(".")[0] in ("builtins", "typing"):
            raise Unreadable(f"{text} stands for no kind of JSON value", has_no_json=True)
        case str():
            raise Unreadable(f"{text} is imported from {meaning.rpartition('.')[0]}")
    raise Unreadable(f"{text} is not known in {scope.module.located.shown}")


def _is_context(meaning: Meaning) -> bool:
    match meaning:
        case str():
            package, _, name = meaning.partition(".")
            return (package, name.rpartition(".")[2]) in known_types.CONTEXTS
        case Definition(module=module, node=ast.ClassDef(name=name)):
            return (module.located.tree.package, name) in known_types.CONTEXTS
    return False


def _alias(value: ast.expr, definition: Definition, scope: Scope) -> Schema:
    """`Name = <type>`, or what a call such as `NewType("Name", <type>)` makes."""
    if value in scope.variables:
        argument, outside = scope.variables[value]
        return schema_of(argument, outside)
    return schema_of(value, scope.at(definition))


def _made(node: ast.Call, scope: Scope) -> Schema:
    from assistctl.toolbox.classes import called_schema

    called, arguments = scope.meaning(node.func), node.args
    options = {each.arg: each.value for each in node.keywords if each.arg}
    match called:
        case "typing.NewType" if len(arguments) == 2:
            return schema_of(arguments[1], scope)
        case "typing.TypeAliasType" if len(arguments) > 1:
            return schema_of(arguments[1], scope)
        case "typing.TypeVar":
            if "bound" in options:
                return schema_of(options["bound"], scope)
            return _union(arguments[1:], scope) if len(arguments) > 1 else {}
        case str():
            found = _constrained(called, node, scope) or called_schema(called, node, scope)
            if found is not None:
                return found
    raise Unreadable(f"{ast.unparse(node)} is made at run time")


def _constrained(called: str, node: ast.Call, scope: Scope) -> Schema | None:
    """pydantic's `conint(ge=1)` and its like."""
    options = options_of(node, scope)
    if called in known_types.CONSTRAINED:
        return with_options(known_types.CONSTRAINED[called], options)
    if called in known_types.CONSTRAINED_ARRAYS:
        base = dict(known_types.CONSTRAINED_ARRAYS[called])
        inner = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "item_type")]
        return with_options(
            base | {"items": schema_of(inner[0], scope)} if inner else base, options
        )
    return None


def _generic(node: ast.Subscript, scope: Scope) -> Schema:
    from assistctl.toolbox.classes import class_schema

    head = scope.meaning(node.value)
    arguments = arguments_of(node)
    read = _GENERIC.get(head) if isinstance(head, str) else None
    if read is not None:
        return read(arguments, scope)
    if isinstance(head, str) and head in known_types.WITHOUT_JSON:
        return _named(node.value, scope)
    unparameterized = ("os.PathLike", "re.Pattern", "typing.Pattern", "pydantic.Json")
    if head in unparameterized or _is_context(head):
        return _named(node.value, scope)
    if isinstance(head, Definition) and isinstance(head.node, ast.ClassDef):
        return class_schema(head, head.node, arguments, scope)
    if isinstance(head, Definition) and isinstance(head.node, ast.expr):
        inside = scope.at(head)
        given = zip(_variables(head.node, inside), arguments, strict=False)
        bound = {variable: (argument, scope) for variable, argument in given}
        return schema_of(head.node, replace(inside, variables={**scope.variables, **bound}))
    raise Unreadable(f"{ast.unparse(node)} is not a type that can be read")


def _variables(alias: ast.expr, scope: Scope) -> list[ast.AST]:
    """The type variables of an alias, in the order in which they come."""
    return made_by_calls((it for it in ast.walk(alias) if isinstance(it, ast.Name)), scope)


def _union(members: Sequence[ast.expr], scope: Scope) -> Schema:
    """Alternatives for which no JSON value stands are left out, as long as another is more than
    null: what is sent is one of those, and the function takes it."""
    found: list[Schema] = []
    left_out: Unreadable | None = None
    for member in members:
        try:
            schema = schema_of(member, scope)
        except Unreadable as error:
            if not error.has_no_json:
                raise
            left_out = left_out or error
        else:
            found += [each for each in alternatives_of(schema) if each not in found]
    if left_out and all(each == {"type": "null"} for each in found):
        raise left_out
    return union_of(found)


def union_of(alternatives: list[Schema]) -> Schema:
    """What lets through what one of these does, as short as JSON Schema says it."""
    if {} in alternatives:
        return {}
    if len(alternatives) == 1:
        return alternatives[0]
    if all(each.keys() == {"type"} for each in alternatives):
        return {"type": [each["type"] for each in alternatives]}
    return {"anyOf": alternatives}


def alternatives_of(schema: Schema) -> list[Schema]:
    """The schemas of which a value obeys one, each of one type where only types are given."""
    if schema.keys() == {"anyOf"}:
        return list(schema["anyOf"])
    if schema.keys() == {"type"} and isinstance(schema["type"], list):
        return [{"type": kind} for kind in schema["type"]]
    return [schema]


def _optional(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    return _union([*arguments, ast.Constant(value=None)], scope)


def _annotated(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    return annotated_schema(schema_of(arguments[0], scope), arguments[1:], scope)


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
    schema: Schema = {"type": "object"}
    if names := _names(schema_of(keys, scope), keys):
        schema["propertyNames"] = names
    inner = schema_of(values, scope) if values else {}
    return schema | {"additionalProperties": inner} if inner else schema


def _names(keys: Schema, node: ast.expr) -> Schema:
    """What the keys of a JSON object must look like to stand for keys of this type."""
    match keys:
        case {"type": "string", "enum": values}:
            return {"enum": list(values)}
        case {"type": "string"} | {"type": ["string", "number"]}:
            return {}
        case {"type": "integer"} if "enum" not in keys:
            return {"pattern": "^-?[0-9]+$"}
        case {"type": "number"} if "enum" not in keys:
            return {"pattern": "^-?[0-9]+([.][0-9]+)?$"}
        case _ if not keys:
            return {}
    raise Unreadable(f"the keys of JSON objects are strings, not {ast.unparse(node)}")


def _counter(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    return _mapping([arguments[0]], scope) | {"additionalProperties": {"type": "integer"}}


def _literal(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    values: list[Json] = []
    for argument in arguments:
        for value in _literal_values(argument, scope):
            if value not in values or type(value) not in map(type, values):
                values.append(value)
    return enumeration(values)


def _literal_values(argument: ast.expr, scope: Scope) -> Sequence[Json]:
    value = literals.value(argument)
    if value is literals.UNKNOWN:
        value = member_value(argument, scope)
    if value is not literals.UNKNOWN:
        return [value]
    if isinstance(argument, ast.Name | ast.Subscript):  # a Literal, or an alias of one
        schema = schema_of(argument, scope)
        if "enum" in schema:
            return list(schema["enum"])
    raise Unreadable(f"{ast.unparse(argument)} in Literal is not a plain value")


def enumeration(values: Sequence[Json]) -> Schema:
    """A schema that allows exactly these values. Raises Unreadable if one is not JSON."""
    kinds: list[str] = []
    for value in values:
        kind = _KINDS.get(type(value))
        if kind is None:
            raise Unreadable(f"{value!r} is not a value that JSON has")
        kinds += [kind] if kind not in kinds else []
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": list(values)}


def _inside(arguments: Sequence[ast.expr], scope: Scope) -> Schema:
    return schema_of(arguments[0], scope)


_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}

_GENERIC: Mapping[str, Callable[[Sequence[ast.expr], Scope], Schema]] = {
    "typing.Optional": _optional,
    "typing.Union": _union,
    "typing.Literal": _literal,
    "typing.Annotated": _annotated,
    **dict.fromkeys(("typing.Required", "typing.NotRequired", "typing.Final"), _inside),
    "pydantic.RootModel": _inside,
    **dict.fromkeys(sorted(known_types.ARRAYS), _array),
    **dict.fromkeys(sorted(known_types.TUPLES), _tuple),
    **dict.fromkeys(sorted(known_types.SETS), _set),
    **dict.fromkeys(sorted(known_types.MAPPINGS), _mapping),
    **dict.fromkeys(sorted(known_types.COUNTERS), _counter),
}
