"""A class read as syntax: what kind it is, what it inherits, what its members stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from assistctl.toolbox import literals
from assistctl.toolbox.enums import members
from assistctl.toolbox.scope import Scope
from assistctl.toolbox.sources import Definition

Kind: TypeAlias = Literal["enum", "dataclass", "typeddict", "namedtuple", "model"]

_DATACLASS = {"dataclasses.dataclass", "pydantic.dataclass"}
_BASES: Mapping[str, Kind] = {
    "typing.TypedDict": "typeddict",
    "typing.NamedTuple": "namedtuple",
    **dict.fromkeys(("pydantic.BaseModel", "pydantic.RootModel", "pydantic.GenericModel"), "model"),
}
ENUMS = {"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag", "enum.ReprEnum"}
_GENERIC_BASES = {"typing.Generic", "typing.Protocol"}


@dataclass(frozen=True, eq=False)
class Class:
    """A class, and the scope of its inside."""

    node: ast.ClassDef
    scope: Scope

    def parents(self) -> Iterator[Class]:
        """Base classes that can be read, the last one first, so that nearer fields win."""
        for base in reversed(self.node.bases):
            meaning = self.scope.meaning(head(base))
            if isinstance(meaning, Definition) and isinstance(meaning.node, ast.ClassDef):
                parent = entered(meaning, meaning.node, self.scope)
                yield parent.bound(arguments_of(base), self.scope)

    def bound(self, arguments: Sequence[ast.expr], outside: Scope) -> Class:
        """With its type variables standing for these types, which are read in the other scope."""
        given = zip(self._variables(), arguments, strict=False)
        variables = {variable: (argument, outside) for variable, argument in given}
        return replace(
            self, scope=replace(self.scope, variables={**self.scope.variables, **variables})
        )

    def _variables(self) -> list[ast.AST]:
        subscripts = [base for base in self.node.bases if isinstance(base, ast.Subscript)]
        generic = [base for base in subscripts if self.scope.meaning(base.value) in _GENERIC_BASES]
        named = (each for base in generic or subscripts for each in arguments_of(base))
        return made_by_calls(named, self.scope)

    def annotated(self) -> Iterator[tuple[str, ast.AnnAssign, str | None]]:
        """Names with an annotation, and the string that stands below, if it says what they are."""
        for number, statement in enumerate(self.node.body):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                match self.node.body[number + 1 : number + 2]:
                    case [ast.Expr(value=ast.Constant(value=str(text)))]:
                        yield statement.target.id, statement, " ".join(text.split())
                    case _:
                        yield statement.target.id, statement, None


def entered(definition: Definition, node: ast.ClassDef, scope: Scope) -> Class:
    """The class that a name in `scope` means, with the scope of its own inside."""
    return Class(node, scope.at(definition))


def made_by_calls(named: Iterable[ast.expr], scope: Scope) -> list[ast.AST]:
    """The calls, each once, that make what is named: those of type variables."""
    meanings = [scope.meaning(each) for each in named]
    found = [each.node for each in meanings if isinstance(each, Definition)]
    return list(dict.fromkeys(node for node in found if isinstance(node, ast.Call)))


def arguments_of(base: ast.expr) -> list[ast.expr]:
    """`A, B` of `Base[A, B]`."""
    if not isinstance(base, ast.Subscript):
        return []
    return base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]


def head(annotation: ast.expr) -> ast.expr:
    """`Base` of `Base[A, B]`, and of `Base`."""
    return annotation.value if isinstance(annotation, ast.Subscript) else annotation


def kind(each: Class) -> Kind | None:
    """What a class is, by its own decorator or by its bases."""
    if is_dataclass(each):
        return "dataclass"
    for base in each.node.bases:
        meaning = each.scope.meaning(head(base))
        if isinstance(meaning, str) and meaning in ENUMS:
            return "enum"
        if isinstance(meaning, str) and meaning in _BASES:
            return _BASES[meaning]
    return next((found for parent in each.parents() if (found := kind(parent))), None)


def is_dataclass(each: Class) -> bool:
    """Whether it is decorated as one itself; a class that only inherits takes no new fields."""
    decorators = each.node.decorator_list
    called = [node.func if isinstance(node, ast.Call) else node for node in decorators]
    return any(each.scope.meaning(node) in _DATACLASS for node in called)


def member_value(node: ast.expr, scope: Scope) -> object:
    """What `Colour.RED`, or `Colour.RED.value`, stands for in JSON; else UNKNOWN."""
    match node:
        case ast.Attribute(value=ast.Attribute() as inner, attr="value"):
            return member_value(inner, scope)
        case ast.Attribute(value=owner, attr=name):
            meaning = scope.meaning(owner)
            if isinstance(meaning, Definition) and isinstance(meaning.node, ast.ClassDef):
                each = entered(meaning, meaning.node, scope)
                if kind(each) == "enum":
                    return members(each.node, each.scope).get(name, literals.UNKNOWN)
    return literals.UNKNOWN
