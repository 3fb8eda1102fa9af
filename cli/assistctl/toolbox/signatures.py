"""What a function takes, read from its `def`, its annotations and its docstring."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from assistctl.resources import Json
from assistctl.toolbox import docstrings, literals
from assistctl.toolbox.annotations import Schema, Scope, Unreadable, schema_of
from assistctl.toolbox.references import Misread, Reference, suggestion
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
    by_keyword: bool = True
    unreadable: str | None = None


@dataclass(frozen=True, eq=False)
class Signature:
    """A function as a caller by keyword sees it. `where` is file:line, for people."""

    reference: Reference
    where: str
    description: str | None
    parameters: tuple[Parameter, ...]
    variadic: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> Schema:
        """What the function takes, as far as that can be read: a JSON Schema of type object."""
        named = [each for each in self.parameters if each.by_keyword]
        properties: dict[str, Json] = {each.name: each.schema for each in named}
        return {
            "type": "object",
            "properties": properties,
            "required": [each.name for each in named if each.required],
            "additionalProperties": any(name.startswith("**") for name in self.variadic),
        }

    def uncallable(self) -> Iterator[Fault]:
        """Why it cannot be called by keyword, whatever schema is declared."""
        for each in self.parameters:
            if each.required and not each.by_keyword:
                yield Fault(
                    f"parameter {each.name!r} of {self} is positional-only",
                    "take the '/' out of the signature: arguments are passed by name",
                )

    def underivable(self) -> Iterator[Fault]:
        """Why no schema can be derived from it."""
        for name in self.variadic:
            yield Fault(f"{self} takes {name}, which nothing describes", f"name them, or {DECLARE}")
        for each in self.parameters:
            if not each.by_keyword:
                what = f"parameter {each.name!r} of {self} is positional-only"
                yield Fault(what, f"take the '/' out of the signature, or {DECLARE}")
            elif each.unreadable:
                what = f"parameter {each.name!r} of {self}: {each.unreadable}"
                yield Fault(what, f"annotate it with a type that can be read, or {DECLARE}")

    def __str__(self) -> str:
        return f"{self.reference} ({self.where})"


def signature(reference: Reference, library: Library) -> Signature | None:
    """Read the function that a reference names.

    None if the name exists but is no `def` that can be read: made by a call, or imported from
    another package. Raises Misread if there is no such name or module, or the source is broken.
    """
    module = library.open(reference)
    meaning = library.lookup(module, reference.function)
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
    documentation = docstrings.read(node)
    scope = Scope(library, definition.module)
    arguments = node.args
    variadic = [(arguments.vararg, "*"), (arguments.kwarg, "**")]
    return Signature(
        reference,
        definition.where,
        documentation.text,
        tuple(
            _parameter(
                argument, default, scope, documentation, argument not in arguments.posonlyargs
            )
            for argument, default in _arguments(arguments)
        ),
        tuple(f"{stars}{each.arg}" for each, stars in variadic if each),
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
    by_keyword: bool,
) -> Parameter:
    schema, unreadable = _annotation(argument, scope)
    if default is not None:
        schema = literals.with_default(schema, literals.value(default))
    schema = literals.described(schema, documentation.names.get(argument.arg))
    return Parameter(argument.arg, schema, default is None, by_keyword, unreadable)


def _annotation(argument: ast.arg, scope: Scope) -> tuple[Schema, str | None]:
    if argument.annotation is None:
        return {}, "it has no annotation"
    try:
        return schema_of(argument.annotation, scope), None
    except Unreadable as error:
        return {}, f"its annotation cannot be read: {error}"
    except RecursionError:
        return {}, "its annotation cannot be read: it is nested too deeply, or contains itself"
