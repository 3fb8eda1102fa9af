"""Decorators of the workspace's own that lose the function, as far as their source says so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from assistctl.toolbox.scope import Scope
from assistctl.toolbox.sources import Definition, FunctionNode

_DESCRIPTIONS = ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__")


@dataclass(frozen=True)
class Loss:
    """The decorator as it is written, where it is defined, and what it leaves of the function."""

    decorator: str
    where: str
    left: str


def losses(node: FunctionNode, scope: Scope) -> Iterator[Loss]:
    """Decorators after which nothing can be called. What cannot be proved is not reported: another
    package's decorator, and an object that holds the function, are looked at in a run."""
    for decorator in node.decorator_list:
        written = decorator.func if isinstance(decorator, ast.Call) else decorator
        meaning = scope.meaning(written)
        if not isinstance(meaning, Definition):
            continue
        maker, inside = meaning.node, scope.at(meaning)
        if isinstance(maker, ast.FunctionDef) and isinstance(decorator, ast.Call):
            maker = _returned_function(maker) or maker
            if maker is meaning.node:
                continue
        left = _left_by(maker, inside)
        if left:
            yield Loss(ast.unparse(written), meaning.where, left)


def _left_by(maker: ast.AST, scope: Scope) -> str | None:
    match maker:
        case ast.FunctionDef(decorator_list=[]):
            parameter = _first_parameter(maker)
            returned = list(_returns(maker))
            if not returned:
                return "None"
            if parameter and not any(_keeps(each, parameter, scope) for each in returned):
                return "no function"
        case ast.ClassDef():
            if not _class_keeps(maker, 0):
                return f"a {maker.name} without it"
    return None


def _first_parameter(maker: ast.FunctionDef) -> str | None:
    names = [each.arg for each in (*maker.args.posonlyargs, *maker.args.args)]
    return names[0] if names else None


def _returned_function(maker: ast.FunctionDef) -> ast.FunctionDef | None:
    """The decorator that a function with arguments returns, if it is defined in it."""
    inner = {each.name: each for each in maker.body if isinstance(each, ast.FunctionDef)}
    names = [each.id for each in _returns(maker) if isinstance(each, ast.Name)]
    return next((inner[name] for name in names if name in inner), None)


def _returns(node: ast.AST) -> Iterator[ast.expr]:
    """What a function returns or yields, but for the functions inside it."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.Return | ast.Yield | ast.YieldFrom) and each.value:
            yield each.value
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _returns(each)


def _keeps(value: ast.expr, parameter: str, scope: Scope) -> bool:
    """Whether the function may be in a value; only what certainly has it not is False."""
    match value:
        case ast.Constant() | ast.JoinedStr():
            return False
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            return name != parameter or attribute not in _DESCRIPTIONS
        case ast.Dict(values=values) | ast.List(elts=values) | ast.Tuple(elts=values):
            return any(_keeps(each, parameter, scope) for each in values)
        case ast.Call(func=called, args=arguments, keywords=[]):
            meaning = scope.meaning(called)
            if isinstance(meaning, Definition) and isinstance(meaning.node, ast.ClassDef):
                kept = [n for n, each in enumerate(arguments) if _keeps(each, parameter, scope)]
                return any(_class_keeps(meaning.node, number) for number in kept)
    return True


def _class_keeps(node: ast.ClassDef, number: int) -> bool:
    """Whether an object may hold what its class is given at this position, or be callable."""
    methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
    init = methods.get("__init__")
    if node.bases or node.keywords or node.decorator_list or "__call__" in methods or not init:
        return True
    names = [each.arg for each in (*init.args.posonlyargs, *init.args.args)][1:]
    if number >= len(names):
        return True
    described = {
        id(each.value)
        for each in ast.walk(init)
        if isinstance(each, ast.Attribute) and each.attr in _DESCRIPTIONS
    }
    uses = [e for e in ast.walk(init) if isinstance(e, ast.Name) and e.id == names[number]]
    return any(id(each) not in described for each in uses)
