"""Tool modules become Python modules: `tools/` as a package that no other code can see."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import sys
import traceback
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Iterator, NamedTuple

from .frames import is_within, shown
from .unwrapping import Written, callable_behind

log = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """A function to import, as far as its source could be read. `file` and `shown` are its
    module's; `local`, whether that is below `tools/`; `written` is its `def`, `decorators` what is
    above it. All of it is JSON."""

    module: str
    function: str
    local: bool
    shown: str
    file: str
    written: Written | None
    decorators: tuple[str, ...]


class Unusable(Exception):
    """Why a function cannot be called, and at which line of a tool, if one is known. `importing`:
    its module could not be imported; `missing` is the module that was not found."""

    def __init__(
        self, why: str, place: str | None, *, importing: bool = False, missing: str | None = None
    ) -> None:
        super().__init__(why)
        self.why, self.place = why, place
        self.importing, self.missing = importing, missing


def imported(wanted: Wanted, tools: Path, package: str) -> Any:
    """The function. The directory of the tools becomes the package of this name, whose modules may
    import each other relatively; it is not on sys.path. Raises Unusable."""
    with _told_where(wanted.module, tools):
        if wanted.local:
            _mount(tools, package)
            module = importlib.import_module(f"{package}.{wanted.module}")
        else:
            module = importlib.import_module(wanted.module)
    found = getattr(module, wanted.function, None)
    function = callable_behind(found, wanted.written, Path(wanted.file), package)
    if function is None:
        raise Unusable(_no_function(wanted, found), wanted.shown)
    return function


def _no_function(wanted: Wanted, found: object) -> str:
    name, written = wanted.function, wanted.written
    if written is None or not wanted.decorators:
        state = "has no" if found is None else "has no callable"
        return f"the imported module {state} {name!r}; define it at the top level of the module"
    decorators = ", ".join(f"@{each}" for each in wanted.decorators)
    made = "None" if found is None else f"a {type(found).__name__}, which is no function"
    return (
        f"{decorators} made {made} of {name!r} (line {written.line}), and the function is not to "
        "be found in it; leave the decorator out, or name a function of its own that it decorates"
    )


def _mount(tools: Path, package: str) -> None:
    if package in sys.modules:
        return
    init = tools / "__init__.py"
    spec: ModuleSpec | None
    if init.is_file():
        spec = importlib.util.spec_from_file_location(
            package, init, submodule_search_locations=[str(tools)]
        )
    else:
        spec = ModuleSpec(package, None, is_package=True)
        spec.submodule_search_locations = [str(tools)]
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    if spec.loader is None:
        return
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[package]
        raise


@contextlib.contextmanager
def _told_where(module: str, tools: Path) -> Iterator[None]:
    """Turn whatever an import raises, sys.exit() included, into one line for a person."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the top level of a module may raise anything
        log.debug("importing %s failed", module, exc_info=True)
        raise Unusable(
            f"importing {module!r} failed: {_summary(error)}",
            _line_at_fault(error, tools),
            importing=True,
            missing=error.name if isinstance(error, ModuleNotFoundError) else None,
        ) from error


def _line_at_fault(error: BaseException, tools: Path) -> str | None:
    """file:line of the innermost part of the traceback that is in tools/."""
    lines: list[tuple[str, int | None]] = [
        (each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((error.filename, error.lineno))
    for file, line in reversed(lines):
        if is_within(Path(file), tools):
            return f"{shown(Path(file), tools.parent)}:{line or 1}"
    return None


def _summary(error: BaseException) -> str:
    text = str(error.msg if isinstance(error, SyntaxError) else error)
    return " ".join([f"{type(error).__name__}:", *text.split()])
