"""Tool modules become Python modules: `tools/` as a package that no other code can see."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import itertools
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from assistctl.errors import AssistctlError
from assistctl.resources import Function
from assistctl.toolbox.prints import printing_to_stderr
from assistctl.toolbox.references import TOOLS, Misread, Reference, is_local, locate, shown
from assistctl.toolbox.sources import Definition, FunctionNode, Library
from assistctl.toolbox.unwrapping import callable_behind

log = logging.getLogger(__name__)

_numbers = itertools.count(1)


def load(root: Path, functions: Iterable[Function]) -> Mapping[str, Callable[..., Any]]:
    """Import what the functions name; the result is keyed by `Function.python`.

    `<root>/tools` becomes a package with a name of its own for every call: it is not on sys.path,
    its modules may import each other relatively, and two workspaces never meet. Raises one
    AssistctlError for everything that cannot be imported, each with the line of the tool at fault.
    """
    _forget_directories(root / TOOLS)
    package = f"_assistctl_tools_{next(_numbers)}"
    references = {each.python: each for each in functions if each.python is not None}
    found: dict[str, Callable[..., Any]] = {}
    failures: list[str] = []
    with printing_to_stderr():
        for python, function in references.items():
            try:
                found[python] = _import(Reference.parse(python), root, package)
            except (Misread, _ImportFailed) as error:
                place = error.place or function.python_place or function.place
                failures.append(f"{place}: {error}")
    if failures:
        raise AssistctlError("\n".join(dict.fromkeys(failures)))
    return found


def _forget_directories(tools: Path) -> None:
    """Let an import see files written since the last mount, whatever the clock's resolution."""
    for path in list(sys.path_importer_cache):
        if Path(path).is_relative_to(tools):
            del sys.path_importer_cache[path]


class _ImportFailed(Exception):
    """What went wrong and what to do; `place` is the line of a tool, if one is known."""

    def __init__(self, message: str, place: str | None) -> None:
        super().__init__(message)
        self.place = place


def _import(reference: Reference, root: Path, package: str) -> Callable[..., Any]:
    located = locate(reference, root)
    with _told_where(reference, root):
        if is_local(reference, root):
            _mount(root / TOOLS, package)
            module = importlib.import_module(f"{package}.{reference.module}")
        else:
            module = importlib.import_module(reference.module)
    found = getattr(module, reference.function, None)
    defined = _definition(reference, root)
    node, file = defined if defined else (None, located.file)
    function = callable_behind(found, node, file, package)
    if function is None:
        raise _ImportFailed(_no_function(reference.function, found, node), located.shown)
    return function  # type: ignore[no-any-return]


def _definition(reference: Reference, root: Path) -> tuple[FunctionNode, Path] | None:
    """The `def` that a reference names, and its file."""
    library = Library(root)
    match library.defined(library.open(reference), reference.function):
        case Definition(node=ast.FunctionDef() | ast.AsyncFunctionDef() as node) as definition:
            return node, definition.module.located.file
    return None


def _no_function(name: str, found: object, node: FunctionNode | None) -> str:
    if node is None or not node.decorator_list:
        state = "has no" if found is None else "has no callable"
        return f"the imported module {state} {name!r}; define it at the top level of the module"
    decorators = ", ".join(f"@{ast.unparse(each)}" for each in node.decorator_list)
    made = "None" if found is None else f"a {type(found).__name__}, which is no function"
    return (
        f"{decorators} made {made} of {name!r} (line {node.lineno}), and the function is not to be "
        "found in it; leave the decorator out, or name a function of its own that it decorates"
    )


def _mount(tools: Path, package: str) -> None:
    if package in sys.modules:
        return
    init = tools / "__init__.py"
    if init.is_file():
        spec = importlib.util.spec_from_file_location(
            package, init, submodule_search_locations=[str(tools)]
        )
    else:
        spec = ModuleSpec(package, None, is_package=True)
        spec.submodule_search_locations = [str(tools)]
    assert spec is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    if spec.loader is None:
        return
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[package]
        raise


@contextlib.contextmanager
def _told_where(reference: Reference, root: Path) -> Iterator[None]:
    """Turn whatever an import raises, sys.exit() included, into one line for a person."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the top level of a module may raise anything
        log.debug("importing %s failed", reference.module, exc_info=True)
        raise _ImportFailed(
            f"importing {reference.module!r} failed: {_summary(error)}; {_remedy(error, root)}",
            _line_at_fault(error, root),
        ) from error


def _line_at_fault(error: BaseException, root: Path) -> str | None:
    """file:line of the innermost part of the traceback that is in tools/."""
    lines = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((error.filename, error.lineno))
    for file, line in reversed(lines):
        if Path(file).is_relative_to(root / TOOLS):
            return f"{shown(Path(file), root)}:{line or 1}"
    return None


def _summary(error: BaseException) -> str:
    text = str(error.msg if isinstance(error, SyntaxError) else error)
    return " ".join([f"{type(error).__name__}:", *text.split()])


def _remedy(error: BaseException, root: Path) -> str:
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if name is None:
        return "correct the module"
    top = name.partition(".")[0]
    tools = root / TOOLS
    if (tools / f"{top}.py").is_file() or (tools / top).is_dir():
        return f"modules in tools/ import each other relatively: from . import {top}"
    if top == TOOLS:
        return "modules in tools/ import each other relatively: from . import …"
    return f"install {top!r} where assistctl runs"
