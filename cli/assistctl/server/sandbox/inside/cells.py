"""Running one piece of code the way a notebook does: shared variables, the last value, tracebacks."""

from __future__ import annotations

import ast
import io
import linecache
import sys
import traceback
from collections.abc import Iterator
from types import CodeType, ModuleType, TracebackType
from typing import Any, Optional

_MOST_ERROR_CHARACTERS = 500


class Notebook:
    """The variables of one conversation, in a module that its code takes for `__main__`."""

    def __init__(self) -> None:
        self._module = ModuleType("__main__")
        self._number = 0

    def run(self, code: str) -> Optional[str]:  # noqa: UP045 - Python 3.9
        """Run `code`; everything it says goes to stdout and stderr. Returns its error in a line.

        Whatever the code raises ends here, KeyboardInterrupt included.
        """
        self._number += 1
        name = f"<cell {self._number}>"
        sys.modules["__main__"] = self._module
        try:
            statements, value = _compiled(code, name)
            exec(statements, self._module.__dict__)
            if value is not None:
                self._show(eval(value, self._module.__dict__))
        except BaseException as error:  # noqa: BLE001 - the code's errors are its reader's
            # Its own frame is this function's, which says nothing to the code's author.
            behind = error.__traceback__.tb_next if error.__traceback__ else None
            return _told(error, behind)
        return None

    def pictures(self) -> Iterator[bytes]:
        """Figures left open, as PNG; they are closed."""
        pyplot: Any = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            picture = io.BytesIO()
            pyplot.figure(number).savefig(picture, format="png", bbox_inches="tight")
            yield picture.getvalue()
        pyplot.close("all")

    def _show(self, value: object) -> None:
        if value is None:
            return
        self._module.__dict__["_"] = value
        sys.stdout.write(repr(value) + "\n")


def _compiled(code: str, name: str) -> tuple[CodeType, Optional[CodeType]]:  # noqa: UP045
    """The statements, and the last one apart where it is an expression."""
    # Without a time of modification the lines are never looked for in a file.
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    tree = ast.parse(code, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    value = compile(ast.Expression(last.value), name, "eval") if last else None
    return compile(tree, name, "exec"), value


def _told(error: BaseException, behind: Optional[TracebackType]) -> str:  # noqa: UP045
    """Print the traceback; an error that cannot even be printed must not win."""
    try:
        lines = traceback.format_exception(type(error), error, behind)
        sys.stderr.write("".join(lines))
        last = traceback.format_exception_only(type(error), error)[-1].strip()
    except BaseException:  # noqa: BLE001 - its __str__ is the code's, too
        last = type(error).__name__
        sys.__stderr__ and sys.__stderr__.write(last + "\n")
    return last[:_MOST_ERROR_CHARACTERS]
