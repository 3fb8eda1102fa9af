"""Where an annotation stands, and what can be said of it: the words in which its readers speak."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from assistctl.resources import Json
from assistctl.toolbox.sources import Definition, Library, Meaning, Module

Schema: TypeAlias = dict[str, Json]
"""JSON Schema of one value."""

_SAME_MODULE = {
    "typing_extensions": "typing",
    "collections.abc": "typing",
    "annotated_doc": "typing",
    "pathlib._local": "pathlib",
    "assistctl.events": "assistctl",
}


class Unreadable(Exception):
    """An annotation that does not say statically which JSON it stands for; the reason in words.

    `remedy` is what to do, if there is something better than another annotation. What `has_no_json`
    is understood, but no JSON value stands for it: as one of several alternatives it is left out.
    """

    def __init__(self, why: str, remedy: str | None = None, *, has_no_json: bool = False) -> None:
        super().__init__(why)
        self.remedy, self.has_no_json = remedy, has_no_json


@dataclass(eq=False)
class Shared:
    """The `$defs` of one signature: classes that contain themselves, by their names."""

    schemas: dict[str, Schema] = field(default_factory=dict)
    recursive: dict[ast.ClassDef, str] = field(default_factory=dict)
    read: int = 0

    def name(self, node: ast.ClassDef) -> str:
        """The name under which a class is or will be found."""
        if node not in self.recursive:
            taken = set(self.recursive.values())
            numbered = (f"{node.name}{number}" for number in range(2, len(taken) + 3))
            self.recursive[node] = next(n for n in (node.name, *numbered) if n not in taken)
        return self.recursive[node]


@dataclass(frozen=True, eq=False)
class Scope:
    """Where an annotation stands. `within` are the classes being read, to notice recursion;
    `variables` what type variables stand for, by the call that makes each."""

    library: Library
    module: Module
    within: tuple[ast.ClassDef, ...] = ()
    shared: Shared = field(default_factory=Shared)
    variables: Mapping[ast.AST, tuple[ast.expr, Scope]] = field(default_factory=dict)

    def meaning(self, node: ast.expr) -> Meaning:
        """As Library.meaning, with one spelling for what has several names."""
        found = self.library.meaning(self.module, node)
        if not isinstance(found, str):
            return found
        module, _, name = found.rpartition(".")
        if module.startswith("pydantic.") and not module.startswith("pydantic.v1"):
            module = "pydantic"
        return f"{_SAME_MODULE.get(module, module)}.{name}"

    def at(self, definition: Definition) -> Scope:
        """The scope in which the insides of a definition are read."""
        within = self.within
        if isinstance(definition.node, ast.ClassDef):
            within = (*within, definition.node)
        return replace(self, module=definition.module, within=within)


def parsed(text: str) -> ast.expr:
    """An annotation that is written as a string. Raises Unreadable."""
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise Unreadable(f"{text!r} is not a type") from None
