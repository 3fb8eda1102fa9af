"""The last result of each test case: `.assistctl/tests.json`, for its owner's eyes only.

Nothing depends on it. Of a case there is one for each combination that it is tried in; what is too
long is cut, and the oldest go where there are too many.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistctl.record.locks import lock
from assistctl.redaction import Redaction
from assistctl.resources import Json, Workspace
from assistctl.state_directory import STATE, state_directory

FILE = "tests.json"
VERSION = 1
MOST_BYTES = 8 * 1024 * 1024
LONGEST = 20_000
"""Characters of a text, such as an answer."""

_NAMED_BY = ("assistant", "case", "target", "variant", "synced")


def keep(workspace: Workspace, cases: Iterable[Mapping[str, Json]]) -> None:
    """Remember results, as render's report_document has cases, in place of those before. What was
    stopped tells nothing. Where the workspace's threads are not recorded, neither is this."""
    if not workspace.records:
        return
    at = datetime.now(UTC).isoformat(timespec="seconds")
    hidden = Redaction(workspace.target.api_key).value
    new = {name_of(it): {**_cut(hidden(it)), "at": at} for it in cases if it["outcome"] != _STOPPED}
    if not new:
        return
    with (
        suppress(OSError),
        _alone(state_directory(workspace.root)),
    ):  # what came of the tests was told already
        before = {name_of(it): it for it in kept(workspace.root) if name_of(it) not in new}
        _write(workspace.root, _bounded([*before.values(), *new.values()]))


def kept(root: Path) -> tuple[Mapping[str, Json], ...]:
    """What is remembered, the oldest first: cases as report_document has them, each with `at`."""
    try:
        document = json.loads((root / STATE / FILE).read_text(encoding="utf-8"))
        if document["version"] == VERSION:
            return tuple(it for it in document["cases"] if all(name in it for name in _NAMED_BY))
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        pass  # there is none, or somebody else's
    return ()


def name_of(case: Mapping[str, Json]) -> tuple[Any, ...]:
    """By what a case is known: its assistant, its name, and the combination it is tried in."""
    return tuple(case[name] for name in _NAMED_BY)


_STOPPED = "stopped"


def _bounded(cases: list[Mapping[str, Json]]) -> list[str]:
    """The newest, as JSON, as many as there is room for."""
    texts, size = [], 0
    for case in reversed(cases):
        text = json.dumps(case, ensure_ascii=False, default=str)
        size += len(text.encode("utf-8", "replace"))
        if size > MOST_BYTES:
            break
        texts.append(text)
    return texts[::-1]


def _cut(value: Json) -> Json:
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}…"
    if isinstance(value, Mapping):
        return {name: _cut(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(item) for item in value]
    return value


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Within the block nobody else writes results there, so that none are lost; where there are no
    locks, as on some file systems, nobody waits."""
    handle = None
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        lock(handle, wait=True)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _write(root: Path, cases: list[str]) -> None:
    """At once, so that nobody reads a half of it; mkstemp makes files that only we can read."""
    directory = state_directory(root)
    handle, name = tempfile.mkstemp(prefix=f".{FILE}-", dir=directory)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            inside = ",\n".join(cases)
            file.write(f'{{"version": {VERSION}, "cases": [\n{inside}\n]}}\n')
        Path(name).replace(directory / FILE)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
