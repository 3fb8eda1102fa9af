"""A worker process: imports tools, and calls them, one after the other, as it is asked.

Lines of JSON come on one descriptor, `[number, what is asked]`, and are answered on another, by the
same number; stdin, stdout and stderr are the tools' own. The first line says what to import.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import sys
import threading
import types
from pathlib import Path
from typing import Any, Iterator, NamedTuple

from . import frames, hints, results
from .calling import Callee, TimeIsUp, WrongArguments
from .importing import Unusable, Wanted, imported
from .unwrapping import Written

_PACKAGE = "_assistctl_tools"


class ToolContext(NamedTuple):
    """What a tool learns of the call it is in; assistctl.ToolContext has the same names."""

    thread: str | None
    run: str | None
    assistant: str | None
    workspace: Path
    target: str


def serve(requests: int, answers: int, lifeline: int) -> None:
    """Answer what comes until nothing more can. The end of the `lifeline` ends the process, and all
    that it has started, whatever they are at."""
    for each in (requests, answers, lifeline):
        os.set_inheritable(each, False)
    _end_with(lifeline)
    os.register_at_fork(after_in_child=lambda: _close(requests, answers))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    process = os.getpid()
    tools = Tools()
    answer = tools.open
    for number, asked in _lines(requests):
        said = answer(asked)
        if os.getpid() != process:  # a tool has forked, and this is not the one that was asked
            os._exit(0)
        _write(answers, json.dumps([number, said]).encode() + b"\n")
        answer = tools.call


class Tools:
    """What is imported, by its `module:function`."""

    def __init__(self) -> None:
        self._root = Path()
        self._callees: dict[str, Callee] = {}

    def open(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Import `{"root", "memory": bytes or null, "functions": {name: {"wanted", "kept"}}}`;
        answers `{"failures": {name: {"why", "place", "importing", "missing"}}}`."""
        self._root = Path(asked["root"])
        _limit_memory(asked["memory"])
        _stand_in_for_assistctl()
        failures: dict[str, Any] = {}
        for name, each in asked["functions"].items():
            wanted = _wanted(each["wanted"])
            try:
                run = imported(wanted, self._root / "tools", _PACKAGE)
                self._callees[name] = Callee(run, each["kept"])
            except Unusable as error:
                failures[name] = vars(error)
            except TypeError as error:
                failures[name] = vars(Unusable(f"{name}: {error}", None))
        return {"failures": failures}

    def call(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Call `{"name", "values", "context", "seconds", "limit"}`; answers `{"text"}`, `{"wrong":
        [[at, why]]}`, `{"late": true}`, `{"invalid": why, "type"}` of a result without a JSON form,
        or `{"raised": in words, "trace": [short, whole] or null, "memory": whether that it was}`.
        """
        context = dict(asked["context"], workspace=Path(asked["context"]["workspace"]))
        callee = self._callees[asked["name"]]
        try:
            arguments = callee.arguments(asked["values"], ToolContext(**context))
            value = callee(arguments, asked["seconds"])
        except WrongArguments as error:
            return {"wrong": error.faults}
        except TimeIsUp:
            return {"late": True}
        except hints.Unconvertible as error:
            return {"raised": str(error), "trace": None, "memory": False}
        except BaseException as error:  # noqa: BLE001  (a tool may raise anything)
            return self._raised(error)
        try:
            return {"text": results.text_of(value, asked["limit"])}
        except Exception as error:  # noqa: BLE001  (a value's own code may run, and raise anything)
            return {"invalid": str(error), "type": type(value).__name__}

    def _raised(self, error: BaseException) -> dict[str, Any]:
        return {
            "raised": results.encodable(frames.in_words(error)[:10_000]),
            "trace": frames.trace(error, self._root),
            "memory": isinstance(error, MemoryError),
        }


def _close(*descriptors: int) -> None:
    for each in descriptors:
        os.close(each)


def _lines(descriptor: int) -> Iterator[Any]:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        for line in file:
            yield json.loads(line)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _wanted(fields: Any) -> Wanted:
    wanted = Wanted(*fields)
    return wanted._replace(
        written=Written(*wanted.written) if wanted.written else None,
        decorators=tuple(wanted.decorators),
    )


def _end_with(lifeline: int) -> None:
    """The kernel kills the whole group as soon as nobody holds the other end, whoever has the
    interpreter's lock then. Where it cannot, a thread does."""
    if sys.platform.startswith("linux"):
        import fcntl

        set_signal = 10  # F_SETSIG, which the module does not name
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, set_signal, signal.SIGKILL)
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:  # it ended before anybody listened
            _die(lifeline)
    else:
        threading.Thread(target=_die, args=[lifeline], daemon=True).start()


def _die(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _limit_memory(limit: int | None) -> None:
    """What the process itself may hold; mapped files and reserved addresses do not count."""
    if limit is not None:
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)  # nobody may have more than that
        limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _stand_in_for_assistctl() -> None:
    """Where it is not installed, `from assistctl import ToolContext` shall work all the same."""
    if importlib.util.find_spec("assistctl") is not None:
        return
    module = types.ModuleType("assistctl")
    module.ToolContext = ToolContext  # type: ignore[attr-defined]
    sys.modules["assistctl"] = module
