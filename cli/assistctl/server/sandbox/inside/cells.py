"""Running code the way a notebook does: shared variables, the last value, tracebacks."""

from __future__ import annotations

import ast
import builtins
import io
import linecache
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from .guidance import advice

_MOST_ERROR_CHARACTERS = 500
_OURS = str(Path(__file__).parent)


class Notebook:
    """The variables of one conversation, in a module that its code takes for `__main__`.

    `packages` are those that it may import, for who tries others.
    """

    def __init__(self, packages: Sequence[str] = ()) -> None:
        self._packages = packages
        self._module = ModuleType("__main__")
        self._number = 0
        self._picture: bytes | None = None

    def run(self, code: str) -> str | None:
        """Run `code`; all that it says goes to stdout and stderr. Returns its error in one line.

        Whatever the code raises ends here, KeyboardInterrupt included.
        """
        self._number += 1
        self._picture = None
        sys.modules["__main__"] = self._module
        self._module.__dict__["__builtins__"] = builtins  # code may have put something else there
        try:
            statements, value = _compiled(code, f"<cell {self._number}>")
            exec(statements, self._module.__dict__)
            if value is not None:
                self._show(eval(value, self._module.__dict__))
        except SystemExit as leaving:
            return f"SystemExit: {leaving.code}"[:_MOST_ERROR_CHARACTERS] if leaving.code else None
        except BaseException as error:  # noqa: BLE001 - the code's errors are for its author
            told = tell(error)
            if note := advice(error, self._packages):
                sys.stderr.write(f"[{note}]\n")
            return told
        return None

    def pictures(self, most: int) -> Iterator[bytes]:
        """As PNG: the last value if it is a picture, and figures left open, which are closed."""
        if self._picture is not None:
            yield self._picture
        pyplot: Any = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums()[: most - 1]:
            picture = io.BytesIO()
            pyplot.figure(number).savefig(picture, format="png", bbox_inches="tight")
            yield picture.getvalue()
        pyplot.close("all")

    def _show(self, value: Any) -> None:
        if value is None:
            return
        self._module.__dict__["_"] = value
        sys.stdout.write(repr(value) + "\n")
        if hasattr(type(value), "_repr_png_"):
            picture = value._repr_png_()
            self._picture = picture if isinstance(picture, bytes) else None


def _compiled(code: str, name: str) -> tuple[CodeType, CodeType | None]:
    """The statements, and the last one apart where it is an expression."""
    # Without a time of modification the lines are never looked for in a file.
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    # Not ast.parse, whose own frame would appear in the traceback of a SyntaxError.
    tree: Any = compile(code, name, "exec", ast.PyCF_ONLY_AST)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    value = compile(ast.Expression(last.value), name, "eval") if last else None
    return compile(tree, name, "exec"), value


def tell(error: BaseException) -> str:
    """Print the traceback, and return the error in one line; even if neither can be made."""
    try:
        told = traceback.TracebackException(type(error), error, error.__traceback__)
        told.stack[:] = [frame for frame in told.stack if not frame.filename.startswith(_OURS)]
        sys.stderr.write("".join(told.format()))
        # The place of a SyntaxError comes before it, and indented; notes come after.
        lines = [line for line in told.format_exception_only() if not line[:1].isspace()]
        first = lines[0].splitlines()[0]
    except BaseException:  # noqa: BLE001 - what its __str__ does is the code's, too
        first = type(error).__name__
        with suppress(BaseException):
            sys.stderr.write(f"{first}\n")
    return first[:_MOST_ERROR_CHARACTERS]
