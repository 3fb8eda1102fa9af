"""What a function takes, read from its `def`, its annotations and its docstring."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from assistctl.resources import Json
from assistctl.suggestion import suggestion
from assistctl.toolbox import decorators, docstrings, literals
from assistctl.toolbox.contexts import takes_context
from assistctl.toolbox.members import member
from assistctl.toolbox.references import Misread, Reference
from assistctl.toolbox.scope import Schema, Scope, Unreadable
from assistctl.toolbox.sources import Definition, FunctionNode, Library, Module

DECLARE = "declare `parameters` for the function"


@dataclass(frozen=True)
class Fault:
    what: str
    remedy: str


@dataclass(frozen=True)
class Parameter:
    """`schema` is what it takes; where that cannot be read it is {} and `unreadable` says why."""

    name: str
    schema: Schema
    required: bool
    unreadable: str | None = None
    remedy: str = "annotate it with a type that can be read"


@dataclass(frozen=True, eq=False)
class Signature:
    """A function as a caller by name sees it. `where` is file:line, for people; `definitions` are
    the classes to which its parameters' schemas refer; `context` are parameters that assistctl
    fills in itself; `faults` is what keeps it from being called."""

    reference: Reference
    where: str
    description: str | None
    parameters: tuple[Parameter, ...]
    variadic: tuple[str, ...] = ()
    definitions: Mapping[str, Schema] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    context: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> Schema:
        """What the function takes, as far as that can be read: a JSON Schema of type object."""
        properties: dict[str, Json] = {each.name: each.schema for each in self.parameters}
        schema: Schema = {
            "type": "object",
            "properties": properties,
            "required": [each.name for each in self.parameters if each.required],
            "additionalProperties": any(name.startswith("**") for name in self.variadic),
        }
        return schema | {"$defs": dict(self.definitions)} if self.definitions else schema

    def underivable(self) -> Iterator[Fault]:
        """Why no schema can be derived from it."""
        for name in self.variadic:
            yield Fault(f"{self} takes {name}, which nothing describes", f"name them, or {DECLARE}")
        for each in self.parameters:
            if each.unreadable:
                what = f"parameter {each.name!r} of {self}: {each.unreadable}"
                yield Fault(what, f"{each.remedy}, or {DECLARE}")

    def __str__(self) -> str:
        return f"{self.reference} ({self.where})"


def signature(reference: Reference, library: Library) -> Signature | None:
    """Read the function that a reference names.

    None if the name exists but is no `def` that can be read: made by a call, or imported from
    another package. Raises Misread if there is no such name or module, or the source is broken.
    """
    module = library.open(reference)
    meaning = library.defined(module, reference.function)
    match meaning:
        case Definition(node=ast.FunctionDef() | ast.AsyncFunctionDef() as node):
            return _signature(reference, meaning, node, library)
        case Definition(node=ast.ClassDef()):
            raise Misread(
                f"{str(reference)!r} is a class ({meaning.where})",
                "name a function at the top level of the module; it may use the class",
            )
        case None | Module():
            raise _missing(reference, module)
    return None


def _missing(reference: Reference, module: Module) -> Misread:
    close = suggestion(reference.function, module.functions)
    return Misread(
        f"{module.located.shown} has no function {reference.function!r}",
        f"did you mean {reference.module}:{close}?" if close else "write it, or correct the name",
    )


def _signature(
    reference: Reference, definition: Definition, node: FunctionNode, library: Library
) -> Signature:
    arguments, scope = node.args, Scope(library, definition.module)
    everything = list(_arguments(arguments))
    context = tuple(each.arg for each, _ in everything if takes_context(each.annotation, scope))
    named = [(each, default) for each, default in everything if each.arg not in context]
    several, rest = arguments.vararg, arguments.kwarg
    names = [each.arg for each, _ in named] + [each.arg for each in (several, rest) if each]
    documentation = docstrings.read(node, names)
    parameters = [_parameter(each, default, scope, documentation) for each, default in named]
    variadic = [f"**{rest.arg}"] if rest else []
    if several and several.annotation:
        parameters.append(_several(_parameter(several, None, scope, documentation)))
    elif several:
        variadic.append(f"*{several.arg}")
    return Signature(
        reference,
        definition.where,
        documentation.text,
        tuple(parameters),
        tuple(variadic),
        scope.shared.schemas,
        tuple(_lost(reference, node, scope)),
        context,
    )


def _several(each: Parameter) -> Parameter:
    """`*values: int`: a list of them."""
    items = {key: value for key, value in each.schema.items() if key != "description"}
    schema = {"type": "array", "items": items}
    described = literals.described(schema, each.schema.get("description"))
    return replace(each, schema=described, required=False)


def _lost(reference: Reference, node: FunctionNode, scope: Scope) -> Iterator[Fault]:
    for loss in decorators.losses(node, scope):
        yield Fault(
            f"the decorator {loss.decorator} ({loss.where}) makes {loss.left} of "
            f"{str(reference)!r}, so that it cannot be called",
            "let it return the function, or an object that holds it",
        )


def _arguments(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    yield from zip(positional, [*missing, *arguments.defaults], strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _parameter(
    argument: ast.arg,
    default: ast.expr | None,
    scope: Scope,
    documentation: docstrings.Documentation,
) -> Parameter:
    name, said = argument.arg, documentation.names.get(argument.arg)
    if argument.annotation is None:
        return Parameter(name, {}, default is None, "it has no annotation")
    try:
        found = member(argument.annotation, default, scope)
    except Unreadable as error:
        unread = Parameter(name, {}, default is None, f"its annotation cannot be read: {error}")
        return replace(unread, remedy=error.remedy) if error.remedy else unread
    except RecursionError:
        reason = "its annotation cannot be read: it is nested too deeply, or contains itself"
        return Parameter(name, {}, default is None, reason)
    return Parameter(name, literals.described(found.schema, said), found.required)
