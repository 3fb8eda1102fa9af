"""Everything that assistctl rests on, looked at: this machine, a workspace, its target, its model.

    for check in examine(Path("shop"), target=None):
        print(check.state.value, check.what, check.remedy)

Nothing is changed anywhere, and nothing that is started stays. Whatever is broken is a Check, and
never keeps the rest from being looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from assistctl.checks import Check, State
from assistctl.checkup import machine, models, target_checks, tools, workspace_checks
from assistctl.errors import AssistctlError


def examine(root: Path | None, target: str | None) -> Iterator[Check]:
    """Look at it all, thing by thing. `root` and `target` are as they are given to loading.load."""
    looked = workspace_checks.looked(root, target)
    yield from _safely("machine", lambda: machine.checks(looked.workspace))
    yield from looked.checks
    if looked.root is None:
        return
    there = looked.root
    yield from _safely("workspace", lambda: workspace_checks.files(there))
    if (workspace := looked.workspace) is None:
        yield Check(
            "target",
            State.WARNING,
            "no target and no model was looked at, since nobody can say which",
            "mend the workspace first",
        )
        return
    yield from _safely("tools", lambda: tools.python(workspace))
    yield from _safely("tools", lambda: tools.servers(workspace))
    yield from _safely("target", lambda: target_checks.checks(workspace, keyless=looked.keyless))
    if workspace.target.local and not looked.keyless:
        yield from _safely("model", lambda: models.checks(workspace))


def _safely(subject: str, look: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """What comes of a look, also of one that cannot be taken."""
    try:
        yield from look()
    except AssistctlError as error:
        yield Check(subject, State.FAILED, str(error))
    except Exception as error:  # noqa: BLE001  (what is broken here is what is looked for)
        what = f"this could not be looked at: {type(error).__name__}: {error}"
        yield Check(subject, State.FAILED, what)
