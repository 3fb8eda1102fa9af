"""What a pydantic model is configured to do, as far as its JSON goes."""

from __future__ import annotations

import ast
from collections.abc import Callable

from assistctl.toolbox import literals
from assistctl.toolbox.scope import Scope, Unreadable

_HOOKS = ("__get_pydantic_core_schema__", "__get_pydantic_json_schema__", "__get_validators__")
_GENERATORS = ("to_camel", "to_pascal", "to_snake")


def reads_itself(node: ast.ClassDef) -> bool:
    """Whether the class has code of its own that says what JSON it takes."""
    return any(isinstance(each, ast.FunctionDef) and each.name in _HOOKS for each in node.body)


def config(node: ast.ClassDef) -> dict[str, ast.expr]:
    """The options of `model_config`, of an inner `class Config`, and of the class's own line."""
    found: dict[str, ast.expr] = {}
    for statement in node.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="model_config")], value=value)
                | ast.AnnAssign(target=ast.Name(id="model_config"), value=ast.expr() as value)
            ):
                found |= _options(value)
            case ast.ClassDef(name="Config", body=body):
                for each in body:
                    if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
                        found[each.targets[0].id] = each.value
    return found | {each.arg: each.value for each in node.keywords if each.arg}


def _options(value: ast.expr) -> dict[str, ast.expr]:
    match value:
        case ast.Call(keywords=keywords):
            return {each.arg: each.value for each in keywords if each.arg}
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {str(literals.value(key)): each for key, each in pairs if key is not None}
    return {}


def additional(options: dict[str, ast.expr]) -> bool | None:
    """What `additionalProperties` is: None, for anything, only where the model says so."""
    if "extra" in options and literals.value(options["extra"]) in ("allow", "ignore"):
        return None
    return False


def alias_generator(
    options: dict[str, ast.expr], scope: Scope, name: str
) -> Callable[[str], str] | None:
    """pydantic's own, which are known. Raises Unreadable for another one."""
    node = options.get("alias_generator")
    if node is None or literals.value(node) is None:
        return None
    meaning = scope.meaning(node)
    if isinstance(meaning, str) and meaning.startswith("pydantic."):
        made = meaning.rpartition(".")[2]
        if made in _GENERATORS:
            from pydantic import alias_generators

            found: Callable[[str], str] = getattr(alias_generators, made)
            return found
    raise Unreadable(
        f"the names in {name} are made at run time by its alias_generator",
        "give its fields an `alias` each",
    )
