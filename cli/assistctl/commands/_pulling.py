"""A pull, shown and asked about: what `pull` and `sync --on-drift pull` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from assistctl.commands._consent import Consent
from assistctl.commands._options import Options
from assistctl.commands._workspace import say
from assistctl.errors import SyncFailed
from assistctl.pulling import FileEdit, Left, Pull, Take, note, write
from assistctl.render.git_diff import git_diff
from assistctl.render.terminal import one_line
from assistctl.render.values import counted
from assistctl.resources import Json, Workspace

if TYPE_CHECKING:
    from assistctl.surface import Surface


def show_pull(pull: Pull, options: Options, *, asking: bool) -> None:
    """What is to be written, on stdout unless that is for JSON, and what is left, on stderr."""
    as_text = options.format == "text"
    if pull.files and (asking or (as_text and not options.quiet)):
        click.echo(git_diff(map(_as_text, pull.files)), err=not as_text)
    for left in pull.left:
        if not options.quiet or not left.aside:
            click.echo(f"not pulled: {one_line(str(left))}", err=True)


def carry_out(
    surface: Surface, workspace: Workspace, pull: Pull, options: Options, consent: Consent
) -> None:
    """Write it, if somebody wants it, and have the target note it. Raises Refused, SyncFailed."""
    target = workspace.target
    if pull:
        consent.obtain(_intent(pull, target.name), target)
        write(workspace.root, pull.files)
        if failed := note(surface, pull):
            raise SyncFailed(
                "the files are written, but the target could not note it, which the next pull or "
                "sync does: " + "; ".join(failed)
            )
    if pull:
        say(options, f"Pulled {target.name}: {_told(pull)}.")


def refuse_left(pull: Pull) -> None:
    """Raises SyncFailed for drift that is still there."""
    if left := [it for it in pull.left if not it.aside]:
        raise SyncFailed(
            f"{counted(len(left), 'edit')} at the target could not be pulled; sync with --on-drift "
            "overwrite takes them back, keep leaves them"
        )


def pull_document(pull: Pull, *, written: bool) -> dict[str, Json]:
    """`{"target", "files": [{"path", "diff"}], "pulled": [{"address", "fields": [{"path", "before",
    "after"}]}], "left": [{"address", "path", "why"}], "written"}`; before is what was declared."""
    return {
        "target": pull.planned.plan.target,
        "files": [
            {"path": edit.path, "diff": click.unstyle(git_diff([_as_text(edit)]))}
            for edit in pull.files
        ],
        "pulled": [_taken(take) for take in pull.taken],
        "left": [_left(it) for it in pull.left],
        "written": written,
    }


def _left(left: Left) -> dict[str, Json]:
    return {"address": str(left.address), "path": left.path, "why": left.why}


def _taken(take: Take) -> dict[str, Json]:
    """In a plan's change `after` is what a sync would make of it; of what nothing declares, what is
    there."""
    sides = [
        (it.path, it.before, it.after) if take.aside else (it.path, it.after, it.before)
        for it in take.changes
    ]
    fields = [{"path": path, "before": before, "after": now} for path, before, now in sides]
    return {"address": str(take.address), "fields": fields}


def _as_text(edit: FileEdit) -> tuple[str, str, str]:
    return edit.path, edit.before.decode(), edit.after.decode()


def _intent(pull: Pull, target: str) -> str:
    if not pull.files:
        return f"have {target} note that {counted(len(pull.noted), 'object')} is as declared"
    return f"write {counted(len(pull.files), 'file')} here, and have {target} note that"


def _told(pull: Pull) -> str:
    """`3 edits into 2 files`."""
    edits = sum(len(take.changes) for take in pull.taken)
    if not pull.files:
        return f"{counted(len(pull.noted), 'object')} noted as declared, no file changed"
    return f"{counted(edits, 'edit')} into {counted(len(pull.files), 'file')}"
