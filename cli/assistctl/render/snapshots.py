"""Snapshots, the newest first, with what going back to each would change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from assistctl.plan.changes import Plan
from assistctl.render.plan import SIGNS
from assistctl.render.plan_json import plan_document
from assistctl.render.terminal import one_line
from assistctl.render.values import json_document
from assistctl.resources import Json
from assistctl.some import some

FEW = 4
"""So many changes are named, and the others counted."""


@dataclass(frozen=True)
class ListedSnapshot:
    """`plan` is that of the way back to it; a text says why there can be none, None that the target
    could not be asked. `unfinished`: what it was taken for was cut off."""

    name: str
    path: str
    unfinished: bool
    plan: Plan | str | None


@dataclass(frozen=True)
class KeptSnapshot:
    """A snapshot with the addresses of what it has."""

    name: str
    path: str
    unfinished: bool
    objects: tuple[str, ...]


def snapshots_text(listed: Iterable[ListedSnapshot]) -> str:
    """`2026-11-28T120000.000000Z  ~ assistant/clerk (instructions)`, a line for each."""
    return "\n".join(f"{one_line(it.name)}{_marks(it)}" for it in listed)


def kept_text(kept: Iterable[KeptSnapshot]) -> str:
    """`2026-11-28T120000.000000Z  assistant/clerk`, a line for each."""
    return "\n".join(
        f"{one_line(it.name)}  {some(it.objects, FEW)}" + "  (cut off)" * it.unfinished
        for it in kept
    )


def kept_json(kept: Iterable[KeptSnapshot]) -> str:
    """`[{"name", "path", "unfinished", "objects"}]`"""
    return json_document([asdict(it) for it in kept])


def snapshots_json(listed: Iterable[ListedSnapshot]) -> str:
    """`[{"name", "path", "unfinished", "changes"}]`: the changes as a plan has them, or null where
    they are not known, for which `reason` may say why."""
    return json_document([_as_json(it) for it in listed])


def _as_json(listed: ListedSnapshot) -> dict[str, Json]:
    plan = listed.plan
    changes = plan_document(plan)["changes"] if isinstance(plan, Plan) else None
    document = {
        "name": listed.name,
        "path": listed.path,
        "unfinished": listed.unfinished,
        "changes": changes,
    }
    return document | {"reason": plan} if isinstance(plan, str) else document


def _marks(listed: ListedSnapshot) -> str:
    words = [_in_words(listed.plan)] if listed.plan is not None else []
    if listed.unfinished:
        words.append("(cut off)")
    return "".join(f"  {one_line(word)}" for word in words)


def _in_words(plan: Plan | str) -> str:
    if isinstance(plan, str):
        return f"cannot be gone back to: {plan}"
    if not plan:
        return "nothing: it is so now"
    named = [
        f"{SIGNS[change.action]} {change.address}"
        + (f" ({', '.join(dict.fromkeys(it.field for it in change.fields))})" * bool(change.id))
        for change in plan.changes
    ]
    return some(named, FEW)
