"""What a model endpoint says to whoever sets it up: whether it answers, and has these models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from assistctl.server.models.asking import AskedModel
from assistctl.server.models.endpoint import Endpoint
from assistctl.server.models.refusals import hidden
from assistctl.server.upstream import sentence

_LONGEST = 300


@dataclass(frozen=True)
class Listing:
    """What came of asking for the list of models. `status` None: there was no answer; `is_list`:
    it is one; `fault`, in words, what else it is; `missing` are the wanted models that it has not,
    and `names` those that it has. No secret is in it."""

    status: int | None
    fault: str = ""
    is_list: bool = False
    names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def listing(declared: Mapping[str, Any], wanted: Collection[str]) -> Listing:
    """Ask an endpoint as it is declared (`Settings.model`); no model is asked anything. ValueError
    says what is wrong with the declaration."""
    endpoint = Endpoint.parse(declared)
    return asyncio.run(_asked(AskedModel(endpoint), endpoint, wanted))


async def _asked(model: AskedModel, endpoint: Endpoint, wanted: Collection[str]) -> Listing:
    try:
        answer = await model.got("/models")
        names = _names(answer)
        if names is None:
            return Listing(answer.status_code, hidden(_said(answer), endpoint.secrets)[:_LONGEST])
        missing = [name for name in wanted if not await model.knows(name)]
        return Listing(answer.status_code, "", True, names, tuple(missing))
    except httpx2.HTTPError as error:
        told = str(error) or type(error).__name__
        return Listing(None, hidden(told, endpoint.secrets)[:_LONGEST])
    finally:
        await model.aclose()


def _names(answer: httpx2.Response) -> tuple[str, ...] | None:
    """The ids that it lists; None for what is no list."""
    try:
        data = answer.json()["data"] if answer.is_success else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(data, list):
        return None
    return tuple(str(it["id"]) for it in data if isinstance(it, dict) and "id" in it)


def _said(answer: httpx2.Response) -> str:
    """Why, in one line; of a page as little as that it is one."""
    try:
        said = json.loads(answer.text)
        return "this is no list" if answer.is_success else sentence(said)
    except (ValueError, RecursionError):
        is_page = answer.text.lstrip().startswith("<")
        return "a web page" if is_page else answer.text.strip() or answer.reason_phrase
