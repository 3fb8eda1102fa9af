"""What happened on a thread, or in one run, as its target remembers it."""

from __future__ import annotations

from collections.abc import Sequence

from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import PastTurn
from assistctl.record import store
from assistctl.resources import Workspace
from assistctl.surface import Surface

_LOOK_BACK = 20
"""On how many threads a run is looked for, whose id does not say where it was."""


def past_turns(workspace: Workspace, surface: Surface, wanted: str | None) -> Sequence[PastTurn]:
    """The turns of a thread, oldest first, or the one run that has this id, on a thread that was
    used from here; None: the thread used last. Raises AssistctlError where there is none."""
    known = [thread.id for thread in store.threads(workspace.root, workspace.target.name)]
    if wanted is None:
        if not known:
            raise AssistctlError(
                f"no conversation at {workspace.target.name} is known here yet; name a thread"
            )
        return surface.turns(known[0])
    try:
        return surface.turns(wanted)
    except RemoteError as error:
        if error.status not in (400, 404):
            raise
        missing = error
    for thread in known[:_LOOK_BACK]:
        try:
            turns = surface.turns(thread)
        except RemoteError as error:
            if error.status not in (400, 404):
                raise
            continue  # it was deleted
        if found := [turn for turn in turns if turn.finished.run == wanted]:
            return found
    raise AssistctlError(
        f"{missing}; nor is there a run of this id on the threads that were used last from here"
    ) from missing
