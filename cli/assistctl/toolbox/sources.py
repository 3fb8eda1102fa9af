"""Python modules read as text: what their top-level names are bound to, through imports too.

A module that makes names at run time is read for what it says statically. Nothing is executed.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from assistctl.errors import Place
from assistctl.toolbox.references import (
    Located,
    Misread,
    Reference,
    Tree,
    installed,
    locate,
    tool_source,
)
from assistctl.toolbox.site_packages import search_path

_KNOWN_BY_NAME = sys.stdlib_module_names | {
    *("pydantic", "pydantic_core", "typing_extensions", "annotated_types", "annotated_doc"),
    *("fastapi", "typer", "assistctl"),
}

_STARRED = frozenset(
    ("typing", "typing_extensions", "collections.abc", "dataclasses", "enum", "pydantic")
)

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
    """One parsed source file. `stars` are its `from … import *`; `defs` its functions, those too
    whose name was bound to something else below."""

    located: Located
    tree: ast.Module
    names: Mapping[str, Binding]
    stars: tuple[Imported, ...]
    defs: Mapping[str, FunctionNode]

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
    """Reads modules, each once, and follows names between them; those of packages where the
    interpreter `python` has them, else where this one does (`search` None)."""

    def __init__(self, root: Path, python: Path | None = None) -> None:
        self._root = root
        self.search = search_path(python) if python else None
        self._modules: dict[tuple[Tree, tuple[str, ...]], Module] = {}

    def open(self, reference: Reference) -> Module:
        """The module that a reference names. Raises Misread."""
        return self._read(locate(reference, self._root, self.search))

    def lookup(self, module: Module, name: str) -> Meaning:
        """What a module's top-level name means, followed through imports within its package."""
        return self._follow(module, name, frozenset())

    def defined(self, module: Module, name: str) -> Meaning:
        """As lookup, but of what `name = tool(function)` makes, the function: as a decorator."""
        found = self.lookup(module, name)
        match found:
            case Definition(node=ast.Call() as call, module=home):
                given = [*call.args, *(each.value for each in call.keywords)]
                inside = [self._passed(home, each) for each in given]
                functions = [each for each in inside if each]
                if len(functions) == 1 and self.meaning(home, call.func) != "functools.partial":
                    return functions[0]
        return found

    def _passed(self, module: Module, node: ast.expr) -> Definition | None:
        """The function that an argument names: one defined before, if the name was bound anew."""
        if not isinstance(node, ast.Name):
            return None
        if node.id in module.defs:
            return Definition(module, module.defs[node.id])
        found = self.lookup(module, node.id)
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return found if isinstance(found, Definition) and isinstance(found.node, kinds) else None

    def meaning(
        self,
        module: Module,
        node: ast.expr,
        seen: frozenset[tuple[Module, str]] = frozenset(),
    ) -> Meaning:
        """What `name` or `name.attribute` means in a module; builtins are `builtins.…`."""
        match node:
            case ast.Name(id=name):
                return self._follow(module, name, seen) or _builtin(name)
            case ast.Attribute(value=owner, attr=name):
                outer = self.meaning(module, owner, seen)
                if isinstance(outer, Module):
                    return self.lookup(outer, name) or self._inside(outer, name)
                return f"{outer}.{name}" if isinstance(outer, str) else None
        return None

    def imported(self, module: Module, statement: ast.Import | ast.ImportFrom) -> Iterator[Module]:
        """The modules of the same package that a statement imports, those there are."""
        for _, bound in _imports(statement):
            if _inner_parts(module, bound) is None:
                continue
            outer = Imported(bound.module, None, bound.level)
            for each in (outer, _submodule(bound) if bound.name else outer):
                if found := self._imported_module(module, each):
                    yield found

    def _follow(self, module: Module, name: str, seen: frozenset[tuple[Module, str]]) -> Meaning:
        if (module, name) in seen:
            return None
        seen |= {(module, name)}
        bound = module.names.get(name)
        if isinstance(bound, Imported):
            return self._follow_import(module, bound, seen)
        if isinstance(bound, ast.Name):
            return self._follow(module, bound.id, seen) or _builtin(bound.id)
        elsewhere = self.meaning(module, bound, seen) if isinstance(bound, ast.Attribute) else None
        if elsewhere is not None:
            return elsewhere
        if bound is not None:
            return Definition(module, bound)
        for star in module.stars:
            source = self._imported_module(module, star)
            if source and (found := self._follow(source, name, seen)) is not None:
                return found
            if not star.level and name in _all_of(star.module):
                return f"{star.module}.{name}"
        return None

    def _follow_import(
        self, module: Module, bound: Imported, seen: frozenset[tuple[Module, str]]
    ) -> Meaning:
        if bound.name is None:
            return self._imported_module(module, bound) or self._named(module, bound)
        source = self._imported_module(module, bound)
        found = self._follow(source, bound.name, seen) if source else None
        inner = _submodule(bound)
        return found or self._imported_module(module, inner) or self._named(module, bound)

    def _named(self, module: Module, bound: Imported) -> str | None:
        """The name of something foreign; nothing for what should be in the package itself."""
        return str(bound) if _inner_parts(module, bound) is None else None

    def _inside(self, package: Module, name: str) -> Module | None:
        """A submodule that somebody has imported."""
        if package.located.file.name != "__init__.py":
            return None
        return self._imported_module(package, Imported(name, None, 1))

    def _imported_module(self, module: Module, bound: Imported) -> Module | None:
        parts = _inner_parts(module, bound)
        if parts is None:
            return None if bound.level else self._installed(bound.module)
        tree = module.located.tree
        file = tree.find(parts)
        if file is None:
            return None
        if tree.package is None:
            return self._read(tool_source(tree, parts, file, self._root))
        return self._read(Located(tree, parts, file, file.as_posix()))

    def _installed(self, name: str) -> Module | None:
        """A module of another package that is installed; none of those whose types are known by
        name (known_types). What cannot be read there is no fault of the workspace's."""
        if name.partition(".")[0] in _KNOWN_BY_NAME:
            return None
        try:
            return self._read(installed(tuple(name.split(".")), self.search))
        except Misread:
            return None

    def _read(self, located: Located) -> Module:
        key = (located.tree, located.parts)
        if key not in self._modules:
            self._modules[key] = _module(located)
        return self._modules[key]


def _all_of(module: str) -> Collection[str]:
    """What `from typing import *` and its like bind; these modules are ours already."""
    return importlib.import_module(module).__all__ if module in _STARRED else ()


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
        tree = _parsed(located)
        names, stars = _top_level(tree)
    except SyntaxError as error:
        place = Place(located.shown, error.lineno or 1, max(1, error.offset or 1))
        raise Misread(f"this is not valid Python: {error.msg}", "correct it", place) from None
    except (ValueError, RecursionError, MemoryError, OSError) as error:
        what = f"this cannot be read as Python: {str(error) or type(error).__name__}"
        raise Misread(what, "correct it", Place(located.shown)) from None
    defs: dict[str, FunctionNode] = {}
    for name, bound in _bindings(tree.body):
        if isinstance(bound, ast.FunctionDef | ast.AsyncFunctionDef):
            defs[name] = bound
    return Module(located, tree, names, stars, defs)


def _parsed(located: Located) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is the author's business
        return ast.parse(located.file.read_bytes(), located.shown)


def _top_level(tree: ast.Module) -> tuple[dict[str, Binding], tuple[Imported, ...]]:
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
            case ast.stmt() if type(statement).__name__ == "TypeAlias":  # Python 3.12
                yield statement.name.id, statement.value  # type: ignore[attr-defined]


def _branches(statement: ast.If | ast.Try | ast.With) -> Iterator[tuple[str, Binding]]:
    others = [getattr(statement, "orelse", [])]
    others += [handler.body for handler in getattr(statement, "handlers", [])]
    others += [getattr(statement, "finalbody", [])]
    first = dict(_bindings(statement.body))
    for body in others:
        first = dict(_bindings(body)) | first
    yield from first.items()


def _imports(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Imported]]:
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            origin = Imported(statement.module or "", alias.name, statement.level)
            yield alias.asname or alias.name, origin
        elif alias.asname:
            yield alias.asname, Imported(alias.name)
        else:
            top = alias.name.partition(".")[0]
            yield top, Imported(top)
