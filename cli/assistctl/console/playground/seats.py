"""What a playground is about: a declared assistant, one that is only at the target, or none yet;
and whom its form, as it was sent, makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from assistctl.console.playground.drafts import (
    Draft,
    Offer,
    as_file,
    draft_of,
    edits,
    offers,
    with_edits,
)
from assistctl.console.playground.fields import FORMAT, RUN
from assistctl.console.playground.ready import Version, existing
from assistctl.console.playground.tool_files import Listed, listed
from assistctl.errors import AssistctlError
from assistctl.loading import environment
from assistctl.resources import Assistant, Json, Workspace
from assistctl.spec.additions import defaults
from assistctl.surface import ONCE_OPTIONS, Surface
from assistctl.sync.planning import find_assistant

NEW = "new"
BY_ID = "id/"
DECLARED = "assistant/"

BESIDE_DECLARED, BESIDE_MODEL = "declared", "model"

_KEY = "playground"
_MODEL = "gpt-6-luna"


@dataclass(frozen=True)
class Seat:
    """The subject of a playground: its `assistant`, unless it is new, what holds one that nothing
    declares, its form as it was before anybody changed it, the tools that there are, and the lists
    of their files that can be edited."""

    subject: str
    workspace: Workspace
    assistant: Assistant | None
    remote_id: str | None
    base: Draft
    offers: list[Offer] = field(default_factory=list)
    lists: Mapping[str, Listed] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What people call it."""
        if self.assistant is None:
            return "A new assistant"
        name = self.assistant.settings.get("name")
        known = self.remote_id or self.assistant.key
        return str(name or known)

    @property
    def plain(self) -> str:
        """What it is called without a draft."""
        return "As it is" if self.remote_id else "As declared"


def seat(surface: Surface, workspace: Workspace, subject: str) -> Seat:
    """Raises AssistctlError for a subject that is not there."""
    if subject == NEW:
        known = defaults(workspace.root, environ=environment(workspace.root))
        lists = listed(workspace, None)
        files = {name: it.names for name, it in lists.items()}
        base = Draft({"model": str(known.get("model") or _MODEL)}, files=files)
        return Seat(subject, workspace, None, None, base, offers(workspace, None), lists)
    if subject.startswith(BY_ID):
        object_id = subject.removeprefix(BY_ID)
        body = surface.existing().get(object_id)
        if body is None:
            raise AssistctlError(f"there is no assistant {object_id!r} at {workspace.target.name}")
        assistant = existing(body, workspace)
        own = [it for it in offers(workspace, assistant) if it.item is None]
        return Seat(subject, workspace, assistant, object_id, draft_of(assistant, {}), own)
    assistant = find_assistant(workspace, subject.removeprefix(DECLARED))
    lists = listed(workspace, assistant)
    base = draft_of(assistant, lists)
    return Seat(subject, workspace, assistant, None, base, offers(workspace, assistant), lists)


def versions(seat: Seat, draft: Draft, beside: str, model: str) -> list[tuple[str, Version]]:
    """Whom to talk to, by titles: the draft, and whoever stands beside it. Raises AssistctlError
    for a draft that no assistant can be."""
    is_draft = draft != seat.base or seat.assistant is None
    own = "Draft" if is_draft else seat.plain
    found = [(own, version(seat, draft))]
    if beside == BESIDE_DECLARED and seat.assistant:
        found.append((seat.plain, version(seat, seat.base)))
    elif beside == BESIDE_MODEL:
        if not model:
            raise AssistctlError("name the other model that shall answer beside this one")
        other = replace(draft, settings={**draft.settings, "model": model})
        mine = str(draft.settings.get("model") or "its own model")
        found = [(f"{own}, {mine}", found[0][1]), (f"{own}, {model}", version(seat, other))]
    return found


def version(seat: Seat, draft: Draft) -> Version:
    """The subject as a draft has it. Raises AssistctlError."""
    workspace, assistant = seat.workspace, seat.assistant
    if assistant is None:
        key = next(key for key in _keys() if key not in workspace.assistants)
        there = with_edits(workspace, [as_file(workspace, draft, key)])
        return Version(there, there.assistants[key], variables=draft.variables)
    if seat.remote_id is not None:
        told = _told(seat, draft)
        of_runs = {name: draft.settings[name] for name in RUN if name in draft.settings}
        with_runs = replace(assistant, run={k: v for k, v in of_runs.items() if k not in told})
        return Version(workspace, with_runs, seat.remote_id, told)
    there = with_edits(workspace, edits(workspace, assistant, draft))
    return Version(there, there.assistants[assistant.key], variables=draft.variables)


def _told(seat: Seat, draft: Draft) -> Mapping[str, Json]:
    """What each run of an assistant that nothing declares is told."""
    before, now = seat.base.settings, draft.settings
    if gone := [name for name in before if name not in now]:
        raise AssistctlError(
            f"a run cannot be told to have no {gone[0]}: save the assistant as YAML first, and"
            " take it out there"
        )
    if set(draft.tools) != set(seat.base.tools):
        raise AssistctlError(
            "a run cannot be told to have other tools: save the assistant as YAML first, and change"
            " them there"
        )
    changed = {name: value for name, value in now.items() if before.get(name) != value}
    if FORMAT in changed:
        raise AssistctlError(
            "a run cannot be told another form of its answers: save the assistant as YAML first,"
            " and change it there"
        )
    return {name: value for name, value in changed.items() if name in ONCE_OPTIONS}


def _keys() -> list[str]:
    return [_KEY, *(f"{_KEY}-{number}" for number in range(2, 1000))]
