"""The members of an Enum and their values, read as syntax."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from assistctl.resources import Json
from assistctl.toolbox import literals
from assistctl.toolbox.scope import Scope, Unreadable
from assistctl.toolbox.sources import Definition


def members(node: ast.ClassDef, scope: Scope) -> Mapping[str, Json]:
    """Values by name; auto() counts as the enum module does. Raises Unreadable."""
    found: dict[str, Json] = {}
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not name.startswith("_"):
                found[name] = _value(name, value, found, node, scope)
    if not found:
        raise Unreadable(f"{node.name} has no members that can be read")
    return found


def _value(
    name: str, value: ast.expr, before: Mapping[str, Json], node: ast.ClassDef, scope: Scope
) -> Json:
    if isinstance(value, ast.Call) and scope.meaning(value.func) == "enum.auto":
        return _counted(name, before, node, scope)
    found = literals.value(value)
    if found is literals.UNKNOWN and isinstance(value, ast.Name):
        meaning = scope.meaning(value)
        if isinstance(meaning, Definition) and isinstance(meaning.node, ast.expr):
            found = literals.value(meaning.node)
        found = before.get(value.id, found)
    if not isinstance(found, str | int | float | bool):
        raise Unreadable(f"the value of {node.name}.{name} cannot be read")
    return found


def _counted(name: str, before: Mapping[str, Json], node: ast.ClassDef, scope: Scope) -> Json:
    """What auto() gives: the name where strings are counted so, else the next number."""
    bases = [scope.meaning(base) for base in node.bases]
    if any(
        isinstance(each, ast.FunctionDef) and each.name.startswith("_gen") for each in node.body
    ):
        return _generated(name, node)
    if "enum.StrEnum" in bases:
        return name.lower()
    numbers = [int(old) for old in before.values() if str(old).isdecimal()]
    number = max(numbers, default=0) + 1
    return str(number) if "builtins.str" in bases else number


def _generated(name: str, node: ast.ClassDef) -> Json:
    """By `_generate_next_value_`, where it returns the name as it is or in another case."""
    for each in node.body:
        match each:
            case ast.FunctionDef(name="_generate_next_value_", body=[*_, ast.Return(value=made)]):
                match made:
                    case ast.Name(id="name"):
                        return name
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="name"), attr="lower")):
                        return name.lower()
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="name"), attr="upper")):
                        return name.upper()
    raise Unreadable(f"the value of {node.name}.{name} cannot be read")


def functional_members(called: str, content: ast.expr) -> list[Json]:
    """The values of `Enum("Colour", "RED GREEN")`, and of a list, pairs or a mapping there."""
    given = literals.value(content)
    if isinstance(given, str):
        given = given.replace(",", " ").split()
    if isinstance(given, dict):
        return list(given.values())
    if not isinstance(given, list | tuple) or not given:
        raise Unreadable("its members are made at run time")
    if all(isinstance(each, list | tuple) and len(each) == 2 for each in given):
        return [value for _, value in given]
    if called == "enum.StrEnum":
        return [str(name).lower() for name in given]
    return list(range(1, len(given) + 1))
