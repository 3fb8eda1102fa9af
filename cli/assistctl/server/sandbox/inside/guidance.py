"""Words for what the sandbox refuses, so that whoever wrote the code knows what to do instead.

This is no wall. The kernel refuses all of it anyway, but says no more than EPERM, or, in the case
of os.system, nothing that a model would notice.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, NoReturn

_NO_PROGRAMS = (
    "No other program or process can be started here, so there is no shell, no pip and no"
    " multiprocessing. Use Python alone, in this process."
)
_NO_NETWORK = "There is no network here."
_NO_SHELL = (
    "This is plain Python, not IPython: lines that begin with ! or % do not work, and nothing"
    " can be installed."
)
_STARTS = ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system")
_MOST_CAUSES = 10


def explain_refusals() -> None:
    """Replace the functions that the kernel would refuse. To be called before any of the code
    runs, and before modules that keep references to them are imported."""
    programs: Any = import_module("_posixsubprocess")
    programs.fork_exec = _no_programs
    for name in _STARTS:
        setattr(os, name, _no_programs)
    processes: Any = import_module("_multiprocessing")
    processes.SemLock = type("SemLock", (processes.SemLock,), {"__new__": _no_programs})
    network: Any = import_module("_socket")
    network.socket = _lone_socket(network.socket)
    network.getaddrinfo = network.gethostbyname = _no_network(network.gaierror, network.EAI_FAIL)


def advice(error: BaseException, packages: Sequence[str]) -> str | None:
    """What to say after a traceback; `packages` are those that are installed."""
    for cause in _causes(error):
        if isinstance(cause, SyntaxError) and (cause.text or "").lstrip()[:1] in ("!", "%"):
            return _NO_SHELL
        missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
        if missing and not _is_known(missing.partition(".")[0]):
            there = ", ".join(packages) or "none"
            return f"Nothing can be installed here. Packages beyond the standard library: {there}."
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_known(module: str) -> bool:
    return module in sys.modules or module in getattr(sys, "stdlib_module_names", ())


def _no_programs(*arguments: Any, **options: Any) -> NoReturn:
    raise PermissionError(errno.EPERM, _NO_PROGRAMS)


def _no_network(kind: type[OSError], number: int) -> Callable[..., NoReturn]:
    def refuse(*arguments: Any, **options: Any) -> NoReturn:
        raise kind(number, _NO_NETWORK)

    return refuse


def _lone_socket(base: Any) -> Any:
    """Sockets that say why they cannot be; pairs of them can, event loops need those."""

    def init(self: Any, *arguments: Any, **options: Any) -> None:
        try:
            base.__init__(self, *arguments, **options)
        except PermissionError:
            raise PermissionError(errno.EPERM, _NO_NETWORK) from None

    return type("socket", (base,), {"__slots__": (), "__init__": init})
