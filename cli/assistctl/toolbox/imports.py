"""What tool modules import of each other, checked before anything is imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from assistctl.errors import Place
from assistctl.suggestion import suggestion
from assistctl.toolbox.references import TOOLS, Misread, is_tool_module
from assistctl.toolbox.site_packages import find_spec
from assistctl.toolbox.sources import Library, Module

_FORGIVEN = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")


def faults(module: Module, library: Library, root: Path) -> Iterator[Misread]:
    """Imports between tool modules that fail in a run: in a module, and in those that it imports.

    A package that is not installed is no fault: a job that only plans need not have it.
    """
    seen = {module.located.parts}
    ahead = [module]
    while ahead:
        each = ahead.pop()
        for statement in _imports(each.tree.body):
            if fault := _absolute(statement, each, root, library.search) or _missing(
                statement, each, root
            ):
                yield fault
            try:
                found = list(library.imported(each, statement))
            except Misread as broken:
                place = broken.place or _place(each, statement)
                yield Misread(broken.what, broken.remedy, place)
                continue
            unseen = [inner for inner in found if inner.located.parts not in seen]
            seen |= {inner.located.parts for inner in unseen}
            ahead += unseen


def _imports(body: Iterable[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """All imports that must succeed, those within functions too."""
    for statement in body:
        match statement:
            case ast.Import() | ast.ImportFrom():
                yield statement
            case ast.If(test=test) if ast.unparse(test).endswith("TYPE_CHECKING"):
                yield from _imports(statement.orelse)
            case ast.Try() if any(map(_forgives, statement.handlers)):
                yield from _imports([*statement.orelse, *statement.finalbody])
            case _:
                for name in ("body", "orelse", "finalbody"):
                    yield from _imports(getattr(statement, name, []))


def _forgives(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or ast.unparse(each) in _FORGIVEN for each in caught)


def _absolute(
    statement: ast.Import | ast.ImportFrom,
    module: Module,
    root: Path,
    search: tuple[str, ...] | None,
) -> Misread | None:
    """`from tools.helpers import clean` and `from helpers import clean`: no such package is on the
    path in a run."""
    if isinstance(statement, ast.ImportFrom) and statement.level:
        return None
    named = statement.module if isinstance(statement, ast.ImportFrom) else statement.names[0].name
    parts = tuple((named or "").split("."))
    if not _is_sibling(parts[0], root) or _is_installed(parts[0], root, search):
        return None
    inner = parts[1:] if parts[0] == TOOLS and not is_tool_module(TOOLS, root) else parts
    return Misread(
        f"`{ast.unparse(statement)}` finds nothing in a run: {TOOLS}/ is not on Python's path",
        f"modules in {TOOLS}/ import each other relatively: {_relative(statement, inner, module)}",
        _place(module, statement),
    )


def _relative(
    statement: ast.Import | ast.ImportFrom, inner: tuple[str, ...], module: Module
) -> str:
    dots = "." * (len(_package(module)) + 1)
    if isinstance(statement, ast.ImportFrom):
        names = ast.unparse(ast.ImportFrom(None, statement.names, 1)).partition("import ")[2]
        return f"from {dots}{'.'.join(inner)} import {names}"
    above = ".".join(inner[:-1])
    renamed = statement.names[0].asname
    return f"from {dots}{above} import {inner[-1] if inner else '…'}" + (
        f" as {renamed}" if renamed else ""
    )


def _place(module: Module, statement: ast.stmt) -> Place:
    return Place(module.located.shown, statement.lineno, statement.col_offset + 1)


def _package(module: Module) -> tuple[str, ...]:
    here = module.located
    return here.parts if here.file.name == "__init__.py" else here.parts[:-1]


def _is_sibling(name: str, root: Path) -> bool:
    return is_tool_module(name, root) or (name == TOOLS and (root / TOOLS).is_dir())


def _is_installed(name: str, root: Path, search: tuple[str, ...] | None) -> bool:
    """Whether a package of this name comes from elsewhere than the workspace, in which a command
    may just have been started; its virtual environment is elsewhere."""
    if name in sys.stdlib_module_names:
        return True
    spec = find_spec(name, search)
    # A folder that is no package (its origin is None) is that of the workspace, or looks like it.
    if spec is None or spec.origin is None:
        return False
    origin = Path(spec.origin)
    apart = search is not None or origin.is_relative_to(sys.prefix)
    return apart or not origin.is_relative_to(root)


def _missing(statement: ast.Import | ast.ImportFrom, module: Module, root: Path) -> Misread | None:
    """`from .helper import clean` where no such module is."""
    if not isinstance(statement, ast.ImportFrom) or not statement.level:
        return None
    package = _package(module)
    up = len(package) - (statement.level - 1)
    place = _place(module, statement)
    if up < 0:
        what = f"`{ast.unparse(statement)}` leaves {TOOLS}/"
        return Misread(what, f"import only what is in {TOOLS}/, or an installed package", place)
    inner = (*package[:up], *(statement.module.split(".") if statement.module else ()))
    folder = (root / TOOLS).joinpath(*inner)
    if not inner or folder.is_dir() or folder.with_suffix(".py").is_file():
        return None
    known = [each.stem for each in folder.parent.glob("*.py")]
    close = suggestion(inner[-1], known)
    return Misread(
        f"`{ast.unparse(statement)}` needs {TOOLS}/{'/'.join(inner)}.py, which does not exist",
        f"did you mean {close}?" if close else "create it, or correct the name",
        place,
    )
