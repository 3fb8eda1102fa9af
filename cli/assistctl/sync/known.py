"""What `.assistctl/` remembers of a target: which declared things were there after the last sync.

A convenience: by it a plan tells what has gone from the target from what was never there. A sync
makes either of them, and without the memory everything is told as not being there yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from assistctl.plan.changes import Action, Change
from assistctl.resources import Address, Json, Workspace
from assistctl.state_directory import STATE, state_directory


def known(workspace: Workspace) -> frozenset[Address]:
    """What was at the workspace's target after the last sync from here; nothing if it is not
    remembered, or was another server or namespace."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        document: Json = json.loads(_path(workspace).read_text(encoding="utf-8"))
        if document["where"] == where(workspace):
            return frozenset(Address.parse(text) for text in document["addresses"])
    return frozenset()


def remember(
    workspace: Workspace, declared: Iterable[Address], made: Iterable[Change], failed: set[Address]
) -> None:
    """Note what is there after a sync of `declared`, which has `made` these changes; of what has
    `failed` nothing new is known."""
    gone = {change.address for change in made if change.action is Action.DELETE}
    before = known(workspace)
    there = (before - gone) | (frozenset(declared) - failed)
    if there == before:
        return
    document = {"where": where(workspace), "addresses": sorted(map(str, there))}
    with suppress(OSError):
        state_directory(workspace.root)
        path = _path(workspace)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def where(workspace: Workspace) -> list[Json]:
    """What tells one target from another in what is remembered of it."""
    return [workspace.target.base_url, workspace.target.namespace]


def _path(workspace: Workspace) -> Path:
    return workspace.root / STATE / "known" / f"{workspace.target.name}.json"
