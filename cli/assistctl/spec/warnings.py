"""What is not wrong, but will not be as it is declared: models that do not take it, or that end,
and texts that are the name of a file."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from pathlib import Path

from assistctl.base_urls import host_of
from assistctl.errors import Problem
from assistctl.resources import Json, Target
from assistctl.spec.families import Family, efforts, end_of, family_of
from assistctl.spec.located import Located
from assistctl.spec.templates import path_beside
from assistctl.spec.wording import either, shown

_OPENAI = (".openai.com",)
_AZURE = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")


def warnings_about(fields: Located, target: Target) -> Iterator[Problem]:
    """Of an assistant with these fields, where it is known that OpenAI or Azure answers for it."""
    declared = fields.get("model")
    if not isinstance(declared, str):
        return
    model, way = _asked(declared, target)
    provider = _provider(target, way)
    if provider == "openai":
        yield from _ending(model, fields)
    family = family_of(model) if provider else None
    if family:
        dropped = way.get("drop", ())
        yield from (w for name, w in _refused(model, family, fields) if name not in dropped)
        if family.tools_want_responses and way.get("api") == "chat" and fields.get("tools"):
            yield from _without_tools(model, fields)


def taken_as_text(fields: Located, root: Path) -> Iterator[Problem]:
    """Instructions that name a file, of which the model would be told the name."""
    told = fields.get("instructions")
    if isinstance(told, str) and told == "".join(told.split()):
        place = fields.value_place("instructions")
        if os.path.isfile(root / path_beside(told, place)):  # noqa: PTH113  (may be no path at all)
            what = f"`instructions` is just the word {shown(told)}, which is the name of a file"
            yield Problem(place, what, f"write {{file: {told}}} to have its text")


def _asked(declared: str, target: Target) -> tuple[str, Mapping[str, Json]]:
    """The endpoint's name of a declared model, and how that one is asked."""
    endpoint = target.model if isinstance(target.model, Mapping) else {}
    own = endpoint.get("models", {}).get(declared, {})
    if isinstance(own, str):
        own = {"name": own}
    drop = [*endpoint.get("drop", ()), *own.get("drop", ())]
    return own.get("name", declared), {**endpoint, **own, "drop": drop}


def _provider(target: Target, way: Mapping[str, Json]) -> str | None:
    """`openai` or `azure` where it is certain that one of them answers."""
    if target.local and target.model == "scripted":
        return None
    if profile := way.get("profile"):
        return profile if profile in ("openai", "azure") else None
    host = "." + host_of(way.get("base_url") or target.base_url or "")
    if host.endswith(_OPENAI):
        return "openai"
    return "azure" if host.endswith(_AZURE) else None


def _ending(model: str, fields: Located) -> Iterator[Problem]:
    if end := end_of(model):
        day, successor = end
        what = f"OpenAI has {shown(model)} until {day} and no longer"
        yield Problem(fields.value_place("model"), what, f"choose another, such as {successor}")


def _refused(model: str, family: Family, fields: Located) -> Iterator[tuple[str, Problem]]:
    """Each option that the model does not take, with its name."""
    effort = fields.get("reasoning_effort")
    place = fields.value_place("reasoning_effort")
    taken = list(efforts(family))
    if effort in family.refused and not taken:
        what = f"{shown(model)} does not reason: `reasoning_effort` is left out"
        yield "reasoning_effort", Problem(place, what, "remove it")
    elif effort in family.refused:
        what = f"{shown(model)} does not take `reasoning_effort: {effort}`: it is left out"
        yield "reasoning_effort", Problem(place, what, f"choose {either(taken)}")
    reasons = family.reasons if effort in (None, *family.refused) else effort != "none"
    for name in ("temperature", "top_p") if reasons else ():
        if fields.get(name, 1) != 1:
            what = f"{shown(model)} takes no `{name}` but 1 while it reasons: it is left out"
            calm = "none" in taken
            remedy = "remove it, or declare `reasoning_effort: none`" if calm else "remove it"
            yield name, Problem(fields.value_place(name), what, remedy)


def _without_tools(model: str, fields: Located) -> Iterator[Problem]:
    if fields.get("reasoning_effort") != "none":
        what = f"{shown(model)} takes tools by Chat Completions only if it does not reason"
        remedy = "remove `api: chat` from the target's model, so that it is asked by Responses"
        yield Problem(fields.value_place("tools"), what, remedy)
