"""How cases come out with what is at a target, and with what is declared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from assistctl.resources import ASSISTANT, Address, Workspace
from assistctl.testing.running import try_cases
from assistctl.testing.wanted import Wanted
from assistctl.verdicts import Comparison, Outcome


def compare(workspace: Workspace, wanted: Wanted, there: Collection[Address]) -> Comparison | None:
    """The wanted cases, tried at the target with those assistants that are `there`, then with what
    is declared; None if no wanted assistant has tests."""
    keys = tuple(key for key in wanted.keys or workspace.suites if key in workspace.suites)
    if not keys:
        return None
    after = replace(wanted, keys=keys, one_target=True, plain=True)
    synced = tuple(key for key in keys if Address(ASSISTANT, key) in there)
    before = None
    if synced:
        asked = replace(after, keys=synced, synced=True, taping=None)
        before = try_cases(workspace, asked)
        if before.count(Outcome.STOPPED):
            raise KeyboardInterrupt
    return Comparison(before, try_cases(workspace, after))
