"""For all tests: in which order, how many at a time, and that Ctrl-C means to the processes that
they start what it means at a terminal."""

import gc
import os
import signal
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

from tests import surface_table

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A script without job control has started us in the background; children would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("untimed", deadline=None)  # how long things take is no test's business
settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: more than there are cores, since tests wait for processes, sockets and disks."""
    return 2 + (os.cpu_count() or 1)


def pytest_collection(session: pytest.Session) -> None:
    """Where several processes collect all tests at the same time, each begins with other files, and
    finds of the rest that the others have rewritten its asserts: that takes two thirds of a
    collection, and would be done by each."""
    worker, tests = getattr(session.config, "workerinput", None), Path(__file__).parent
    if worker and [Path(arg).resolve() for arg in session.config.args] == [tests]:
        files = sorted(tests.rglob("test_*.py"))
        first = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
        for file in files[first:] + files[:first]:
            with suppress(Exception, pytest.skip.Exception):  # which collecting it will tell
                import_module(".".join(file.relative_to(tests.parent).with_suffix("").parts))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that nothing is left to wait for it alone."""
    items.sort(key=lambda item: item.path.name != "test_docs.py")


def pytest_collection_finish() -> None:
    """What was collected stays until the end: looking it through for garbage, again and again, took
    a thirtieth of all of the CPU."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Cases × surfaces: which behaviour was tried at which API."""
    if told := list(surface_table.lines(terminalreporter.stats.get("passed", []))):
        terminalreporter.section("cases × surfaces")
        for line in told:
            terminalreporter.write_line(line)
