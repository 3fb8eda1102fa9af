"""Parameters that assistctl fills in itself, by their annotation: ToolContext."""

from __future__ import annotations

import ast

from assistctl.toolbox.annotations import alternatives
from assistctl.toolbox.scope import Scope, Unreadable, parsed

_CONTEXT = "assistctl.ToolContext"


def takes_context(annotation: ast.expr | None, scope: Scope) -> bool:
    """Whether this says ToolContext, perhaps as a string, annotated, or with None beside it."""
    match annotation:
        case ast.Constant(value=str(text)):
            try:
                return takes_context(parsed(text), scope)
            except Unreadable:
                return False
        case ast.Name() | ast.Attribute():
            return scope.meaning(annotation) == _CONTEXT
        case ast.BinOp(op=ast.BitOr()):
            return _with_none(alternatives(annotation), scope)
        case ast.Subscript(value=head, slice=inner):
            arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            match scope.meaning(head):
                case "typing.Annotated":
                    return takes_context(arguments[0], scope)
                case "typing.Optional" | "typing.Union":
                    return _with_none(arguments, scope)
    return False


def _with_none(members: list[ast.expr], scope: Scope) -> bool:
    others = [each for each in members if not _is_none(each)]
    return len(others) == 1 and takes_context(others[0], scope)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
