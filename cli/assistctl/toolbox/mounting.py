"""The Python behind functions, made ready to be called: imported here, or in worker processes."""

from __future__ import annotations

import ast
import contextlib
import itertools
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from assistctl.errors import AssistctlError
from assistctl.resources import Function, Interpreter
from assistctl.toolbox.prints import printing_to_stderr
from assistctl.toolbox.references import (
    TOOLS,
    Misread,
    Reference,
    is_local,
    is_tool_module,
    locate,
)
from assistctl.toolbox.site_packages import own_python
from assistctl.toolbox.sources import Definition, FunctionNode, Library
from assistctl.toolbox.worker.calling import Callee
from assistctl.toolbox.worker.importing import Unusable, Wanted, imported
from assistctl.toolbox.worker.unwrapping import Written
from assistctl.toolbox.workers import Workers, started

_numbers = itertools.count(1)


def load(root: Path, functions: Iterable[Function]) -> Mapping[str, Callee]:
    """Import what the functions name; the result is keyed by `Function.python`.

    `<root>/tools` becomes a package with a name of its own for every call: it is not on sys.path,
    its modules may import each other relatively, and two workspaces never meet. Raises one
    AssistctlError for everything that cannot be imported, each with the line of the tool at fault.
    """
    _forget_directories(root / TOOLS)
    package = f"_assistctl_tools_{next(_numbers)}"
    found: dict[str, Callee] = {}

    def made(python: str, wanted: Wanted, function: Function) -> None:
        run = imported(wanted, root / TOOLS, package)
        import pydantic  # noqa: F401  (it converts, having been imported)

        try:
            found[python] = Callee(run, function.context)
        except TypeError as error:
            raise Unusable(f"{python}: {error}", None) from error

    with printing_to_stderr():
        _each(functions, Library(root), root, made, "where assistctl runs")
    return found


def load_apart(root: Path, functions: Iterable[Function], interpreter: Interpreter) -> Workers:
    """Import what the functions name in a worker process of another interpreter. Raises
    AssistctlError as `load` does, and for an interpreter that is none."""
    wanted: dict[str, tuple[Wanted, tuple[str, ...]]] = {}

    def note(python: str, each: Wanted, function: Function) -> None:
        wanted[python] = (each, function.context)

    functions = list(functions)
    where = f"for {interpreter.shown}"
    library = Library(root, interpreter.python)
    _each(functions, library, root, note, where)
    workers, failures = started(root, wanted, interpreter)

    def told(python: str, each: Wanted, function: Function) -> None:
        if python in failures:
            raise failures[python]

    try:
        _each(functions, library, root, told, where)
    except AssistctlError:
        workers.close()
        raise
    return workers


def _each(
    functions: Iterable[Function],
    library: Library,
    root: Path,
    do: Callable[[str, Wanted, Function], None],
    where: str,
) -> None:
    """Do it for every Python function there is, and raise all that goes wrong as one error; a
    missing package is to be installed `where`."""
    failures: list[str] = []
    for python, function in {each.python: each for each in functions if each.python}.items():
        try:
            do(python, _wanted(Reference.parse(python), library, root), function)
        except (Misread, Unusable) as error:
            place = error.place or function.python_place or function.place
            failures.append(f"{place}: {_in_words(error, root, where)}")
    if failures:
        raise AssistctlError("\n".join(dict.fromkeys(failures)))


def _forget_directories(tools: Path) -> None:
    """Let an import see files written since the last mount, whatever the clock's resolution."""
    for path in list(sys.path_importer_cache):
        if Path(path).is_relative_to(tools):
            del sys.path_importer_cache[path]


def _wanted(reference: Reference, library: Library, root: Path) -> Wanted:
    """Raises Misread."""
    located = locate(reference, root, library.search)
    file = located.file
    written: Written | None = None
    decorators: tuple[str, ...] = ()
    if definition := _definition(reference, library):
        node, file = definition
        first = min(each.lineno for each in (node, *node.decorator_list))
        written = Written(node.name, node.lineno, first)
        decorators = tuple(ast.unparse(each) for each in node.decorator_list)
    return Wanted(
        reference.module,
        reference.function,
        is_local(reference, root),
        located.shown,
        str(file),
        written,
        decorators,
    )


def _definition(reference: Reference, library: Library) -> tuple[FunctionNode, Path] | None:
    """The `def` that a reference names, and its file. What cannot be read the import will tell."""
    with contextlib.suppress(Misread):
        match library.defined(library.open(reference), reference.function):
            case Definition(node=ast.FunctionDef() | ast.AsyncFunctionDef() as node) as definition:
                return node, definition.module.located.file
    return None


def _in_words(error: Misread | Unusable, root: Path, where: str) -> str:
    if isinstance(error, Misread) or not error.importing:
        return str(error)
    return f"{error.why}; {_remedy(error.missing, root, where)}"


def _remedy(missing: str | None, root: Path, where: str) -> str:
    if missing is None:
        return "correct the module"
    top = missing.partition(".")[0]
    if is_tool_module(top, root):
        return f"modules in tools/ import each other relatively: from . import {top}"
    if top == TOOLS:
        return "modules in tools/ import each other relatively: from . import …"
    python = own_python(root) if where == "where assistctl runs" else None
    there = f"; there is a .venv here: set `tools: {{python: {python}}}` in assistctl.yaml"
    return f"install {top!r} {where}{there if python else ''}"
