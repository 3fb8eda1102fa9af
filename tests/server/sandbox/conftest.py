"""Real sandboxes with small limits, so that they are reached soon; a skip where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from assistctl.server.sandbox import Execution, Limits, Sandboxes

MIB = 2**20
SMALL = Limits(
    seconds=20.0,
    output_bytes=4096,
    flood_bytes=MIB,
    returned_files=3,
    returned_bytes=2 * MIB,
    memory_bytes=256 * MIB,
    data_bytes=4 * MIB,
    temp_bytes=4 * MIB,
    entries=500,
    threads=16,
    sessions=3,
)

Run = Callable[..., Execution]


@pytest.fixture(scope="session")
def confinable() -> None:
    sandboxes = Sandboxes(SMALL)
    reason = sandboxes.available()
    sandboxes.close_all()
    if reason is not None:
        pytest.skip(f"no sandbox on this machine: {reason}")


@pytest.fixture
def opened(confinable: None) -> Iterator[Callable[..., Sandboxes]]:
    """Makes sandboxes with some limits changed; all are closed at the end."""
    all_of_them: list[Sandboxes] = []

    def opened(python: str | None = None, **limits: Any) -> Sandboxes:
        sandboxes = Sandboxes(replace(SMALL, **limits), python)
        all_of_them.append(sandboxes)
        return sandboxes

    yield opened
    for sandboxes in all_of_them:
        sandboxes.close_all()


@pytest.fixture
def sandboxes(opened: Callable[..., Sandboxes]) -> Sandboxes:
    return opened()


@pytest.fixture(scope="module")
def lasting(confinable: None) -> Iterator[Run]:
    """Runs code in one conversation, which goes on from test to test of a module: for what leaves
    everything as it was, since an interpreter takes longer to start than most of them to run."""
    sandboxes = Sandboxes(SMALL)
    yield partial(sandboxes.execute, "thread_lasting")
    sandboxes.close_all()


@pytest.fixture
def run(sandboxes: Sandboxes) -> Run:
    """Runs code in one conversation: `run(code, …)`."""

    def run(code: str, *arguments: Any, **options: Any) -> Execution:
        return sandboxes.execute("thread_1", code, *arguments, **options)

    return run
