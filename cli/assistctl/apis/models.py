"""Whether the models that a workspace declares are at its target, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from assistctl.errors import Place, Problem
from assistctl.resources import Workspace
from assistctl.suggestion import remedy


def declared_models(workspace: Workspace) -> dict[str, list[Place]]:
    """Each model that an assistant has, and where it is declared."""
    found: dict[str, list[Place]] = {}
    for assistant in workspace.assistants.values():
        place = assistant.places.get("model", assistant.place)
        places = found.setdefault(str(assistant.settings["model"]), [])
        if place not in places:  # as where `defaults` has it for all
            places.append(place)
    return found


def missing(workspace: Workspace, there: Mapping[str, str | None]) -> Iterator[Problem]:
    """The declared models that are not among those that are there (see surface.Surface.models).
    Where none is there, none is listed: that says nothing."""
    if not there:
        return
    for model, places in declared_models(workspace).items():
        if model not in there:
            what = f"{workspace.target.name!r} has no model {model!r}"
            instead = remedy(model, there, "choose one that it has")
            yield from (Problem(place, what, instead) for place in places)


def ending(
    workspace: Workspace, there: Mapping[str, str | None], today: date, within: int
) -> Iterator[Problem]:
    """The declared models that end within so many days, or have ended."""
    for model, places in declared_models(workspace).items():
        end = _day(there.get(model))
        if end is None or (days := (end - today).days) > within:
            continue
        when = f"in {days} days" if days > 1 else ("today", "tomorrow")[days] if days >= 0 else ""
        verb = f"ends at {workspace.target.name!r} {when}, on" if when else "has ended on"
        what = f"{model!r} {verb} {end}"
        yield from (Problem(place, what, "choose one that stays") for place in places)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
