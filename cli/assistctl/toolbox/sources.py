"""Python modules read as text: what their top-level names are bound to, through imports too.

A module that makes names at run time is read for what it says statically. Nothing is executed.
"""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from assistctl.errors import Place
from assistctl.toolbox.references import Located, Misread, Reference, Tree, locate, tool_source

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Imported:
    """What an import statement binds: a module (`name` None), or a name out of one."""

    module: str
    name: str | None = None
    level: int = 0

    def __str__(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module


Binding: TypeAlias = FunctionNode | ast.ClassDef | ast.expr | Imported


@dataclass(frozen=True, eq=False)
class Module:
    """One parsed source file. `stars` are its `from … import *`."""

    located: Located
    names: Mapping[str, Binding]
    stars: tuple[Imported, ...]

    @property
    def functions(self) -> list[str]:
        """The names that a person may have meant, imported ones included."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, Imported)
        return [name for name, bound in self.names.items() if isinstance(bound, kinds)]


@dataclass(frozen=True, eq=False)
class Definition:
    """What a name stands for, and the module in which it stands."""

    module: Module
    node: FunctionNode | ast.ClassDef | ast.expr

    @property
    def where(self) -> str:
        return f"{self.module.located.shown}:{self.node.lineno}"


Meaning: TypeAlias = Definition | Module | str | None
"""A definition or module that could be read, the dotted name of something foreign, or unknown."""


class Library:
    """Reads modules, each once, and follows names between them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._modules: dict[tuple[Tree, tuple[str, ...]], Module] = {}

    def open(self, reference: Reference) -> Module:
        """The module that a reference names. Raises Misread."""
        return self._read(locate(reference, self._root))

    def lookup(self, module: Module, name: str) -> Meaning:
        """What a module's top-level name means, followed through imports within its package."""
        return self._follow(module, name, frozenset())

    def meaning(self, module: Module, node: ast.expr) -> Meaning:
        """What `name` or `name.attribute` means in a module; builtins are `builtins.…`."""
        match node:
            case ast.Name(id=name):
                return self.lookup(module, name) or _builtin(name)
            case ast.Attribute(value=owner, attr=name):
                outer = self.meaning(module, owner)
                if isinstance(outer, Module):
                    return self.lookup(outer, name)
                return f"{outer}.{name}" if isinstance(outer, str) else None
        return None

    def _follow(self, module: Module, name: str, seen: frozenset[tuple[Module, str]]) -> Meaning:
        if (module, name) in seen:
            return None
        seen |= {(module, name)}
        bound = module.names.get(name)
        if isinstance(bound, Imported):
            return self._follow_import(module, bound, seen)
        if isinstance(bound, ast.Name):
            return self._follow(module, bound.id, seen) or _builtin(bound.id)
        if bound is not None:
            return Definition(module, bound)
        for star in module.stars:
            source = self._imported_module(module, star)
            if source and (found := self._follow(source, name, seen)) is not None:
                return found
        return None

    def _follow_import(
        self, module: Module, bound: Imported, seen: frozenset[tuple[Module, str]]
    ) -> Meaning:
        if _inner_parts(module, bound) is None:
            return str(bound)
        if bound.name is None:
            return self._imported_module(module, bound)
        source = self._imported_module(module, bound)
        found = self._follow(source, bound.name, seen) if source else None
        return found or self._imported_module(module, _submodule(bound))

    def _imported_module(self, module: Module, bound: Imported) -> Module | None:
        parts = _inner_parts(module, bound)
        tree = module.located.tree
        file = tree.find(parts) if parts is not None else None
        if parts is None or file is None:
            return None
        if tree.package is None:
            return self._read(tool_source(tree, parts, file, self._root))
        return self._read(Located(tree, parts, file, file.as_posix()))

    def _read(self, located: Located) -> Module:
        key = (located.tree, located.parts)
        if key not in self._modules:
            self._modules[key] = _module(located)
        return self._modules[key]


def _builtin(name: str) -> str | None:
    return f"builtins.{name}" if hasattr(builtins, name) else None


def _inner_parts(module: Module, bound: Imported) -> tuple[str, ...] | None:
    """The parts of an imported module within the importing one's own package; None if foreign."""
    named = tuple(bound.module.split(".")) if bound.module else ()
    here = module.located
    if not bound.level:
        own = here.tree.package is not None and named[0] == here.tree.package
        return named[1:] if own else None
    package = here.parts if here.file.name == "__init__.py" else here.parts[:-1]
    up = len(package) - (bound.level - 1)
    return package[:up] + named if up >= 0 else None


def _submodule(bound: Imported) -> Imported:
    """`from .a import b`, read as the module `.a.b`."""
    dot = "." if bound.module else ""
    return Imported(f"{bound.module}{dot}{bound.name}", None, bound.level)


def _module(located: Located) -> Module:
    try:
        names, stars = _top_level(located)
    except SyntaxError as error:
        place = Place(located.shown, error.lineno or 1, max(1, error.offset or 1))
        raise Misread(f"this is not valid Python: {error.msg}", "correct it", place) from None
    except (ValueError, RecursionError, MemoryError, OSError) as error:
        what = f"this cannot be read as Python: {str(error) or type(error).__name__}"
        raise Misread(what, "correct it", Place(located.shown)) from None
    return Module(located, names, stars)


def _top_level(located: Located) -> tuple[dict[str, Binding], tuple[Imported, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is the author's business
        tree = ast.parse(located.file.read_bytes(), located.shown)
    names: dict[str, Binding] = {}
    stars: list[Imported] = []
    for name, bound in _bindings(tree.body):
        if name == "*" and isinstance(bound, Imported):
            stars.append(Imported(bound.module, None, bound.level))
        else:
            names[name] = bound
    return names, tuple(stars)


def _bindings(body: Iterable[ast.stmt]) -> Iterator[tuple[str, Binding]]:
    """Every name bound at the top level, in order; of several branches the first one counts."""
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, statement
            case ast.ClassDef(name=name):
                yield name, statement
            case ast.Assign(targets=[*targets], value=value):
                yield from ((each.id, value) for each in targets if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.Import() | ast.ImportFrom():
                yield from _imports(statement)
            case ast.If() | ast.Try() | ast.With():
                yield from _branches(statement)


def _branches(statement: ast.If | ast.Try | ast.With) -> Iterator[tuple[str, Binding]]:
    others = [getattr(statement, "orelse", [])]
    others += [handler.body for handler in getattr(statement, "handlers", [])]
    others += [getattr(statement, "finalbody", [])]
    first = dict(_bindings(statement.body))
    for body in others:
        first = dict(_bindings(body)) | first
    yield from first.items()


def _imports(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Binding]]:
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            origin = Imported(statement.module or "", alias.name, statement.level)
            yield alias.asname or alias.name, origin
        elif alias.asname:
            yield alias.asname, Imported(alias.name)
        else:
            top = alias.name.partition(".")[0]
            yield top, Imported(top)
