"""A target, looked at. It is only asked, and nothing at it is changed: whether the key may write is
found out by deleting an object that nobody has."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from assistctl import base_urls
from assistctl.apis import models
from assistctl.apis.transport.client import path_of
from assistctl.apis.transport.probe import Answer, Ask, probing
from assistctl.checks import Check, State
from assistctl.resources import Json, Target, Workspace
from assistctl.state_directory import STATE
from assistctl.targets import other_key

_COLLECTIONS = {
    "assistants": "/assistants",
    "agents": "/agents",
    "responses": "/vector_stores",
}
"""What each API has a list of; of responses there is none."""

_WORDS = {
    "assistants": "the Assistants API v2",
    "agents": "the Agents API",
    "responses": "files and vector stores, as the Responses API has them",
}
_CLOCK_SECONDS = 60
_SOON_DAYS = 60
_REFUSED = (401, 403)


def checks(workspace: Workspace, *, keyless: bool) -> Iterator[Check]:
    """The target in use; without its key, whether it is there."""
    target = workspace.target
    if target.local:
        yield _embedded(workspace)
        return
    with probing(str(target.base_url), target.api_key) as ask:
        first = ask("GET", "/models")
        if first.status is None:
            what = f"{_named(target)} cannot be reached: {first.said}"
            remedy = "look at the address, at the network, and at HTTPS_PROXY"
            yield Check("target", State.FAILED, what, remedy)
            return
        yield _ok(f"{_named(target)} answers")
        yield from _clock(first)
        if keyless:
            return
        listed = ask("GET", f"{_COLLECTIONS[target.api]}?limit=1")
        yield from _key(target, first, listed)
        if first.status in _REFUSED or listed.status in _REFUSED:
            return
        if not listed.is_list:
            yield _no_api(target, listed)
            return
        yield _ok(f"it speaks {_WORDS[target.api]}")
        yield _writable(target, ask)
        yield from _models(workspace, first, ask)


def _embedded(workspace: Workspace) -> Check:
    from assistctl.server import database_fault, lack_of_room

    name = f"{workspace.target.name} is the embedded server"
    path = workspace.root / STATE / "local.db"
    if not path.exists():
        return _ok(f"{name}; nothing was synced to it yet")
    if lack := lack_of_room(path):
        return Check("target", State.FAILED, f"{name}, and {lack}", "make room")
    if fault := database_fault(path):
        what = f"{name}, and its database {path} cannot be used: {fault}"
        return Check("target", State.FAILED, what, "correct that, or move the file away")
    return _ok(f"{name}; its database has {path.stat().st_size / 2**20:,.1f} MB")


def _named(target: Target) -> str:
    return f"{target.name}, {target.base_url} ({target.place}),"


def _clock(answer: Answer) -> Iterator[Check]:
    if answer.date is None:
        return
    apart = (datetime.now(UTC) - answer.date).total_seconds()
    if abs(apart) > _CLOCK_SECONDS:
        side = "ahead of" if apart > 0 else "behind"
        what = f"this machine's clock is {abs(apart):,.0f} seconds {side} the target's"
        yield Check("target", State.WARNING, what, "set it: keys and waiting times go by it")


def _key(target: Target, first: Answer, listed: Answer) -> Iterator[Check]:
    refused = next((it for it in (listed, first) if it.status in _REFUSED), None)
    if refused is not None:
        told = "it does not accept the key" if target.api_key else "it wants a key"
        what = f"{told}: {refused.status} {refused.said}"
        yield Check("target", State.FAILED, what, other_key(target))
    elif listed.is_list:
        yield _ok("it accepts the key" if target.api_key else "it wants no key")


def _no_api(target: Target, listed: Answer) -> Check:
    """Also says where the API is, if it is where an address without a version would have it."""
    url = str(target.base_url)
    meant = base_urls.with_version(url)
    if meant and not listed.is_list:
        with probing(meant, target.api_key) as ask:
            if ask("GET", f"{_COLLECTIONS[target.api]}?limit=1").is_of_the_api:
                what = f"there is no API at {url}, but at {meant}"
                return Check("target", State.FAILED, what, f"write `base_url: {meant}`")
    path = _COLLECTIONS[target.api]
    what = f"it does not speak {_WORDS[target.api]}: GET {path}: {listed.status} {listed.said}"
    advice = base_urls.advice(url)
    remedy = "; ".join(filter(None, ("look at `base_url` and `api`", advice)))
    return Check("target", State.FAILED, what, remedy)


def _writable(target: Target, ask: Ask) -> Check:
    nobodys = f"{_COLLECTIONS[target.api]}/nobodys_{uuid.uuid4().hex}"
    answer = ask("DELETE", nobodys)
    if answer.status in (*_REFUSED, 405, 501):
        what = f"the key may read, but not write: {answer.status} {answer.said}"
        return Check("target", State.WARNING, what, "plan works with it; sync needs another key")
    if answer.status is None or answer.status >= 500:
        what = f"whether the key may write is not clear: {answer.status or ''} {answer.said}"
        return Check("target", State.WARNING, what, "`assistctl sync` will tell")
    return _ok("the key may write")


def _models(workspace: Workspace, listed: Answer, ask: Ask) -> Iterator[Check]:
    if not listed.is_list or not listed.body["data"]:
        yield _ok("it lists no models, so that nobody can say whether those declared are there")
        return
    there = {str(it.get("id")): it for it in listed.body["data"] if isinstance(it, dict)}
    wanted = models.declared_models(workspace)
    for name in wanted.keys() - there.keys():
        answer = ask("GET", path_of("/models", name))
        if answer.status == 200 and isinstance(answer.body, dict):
            there[name] = answer.body
    ends: dict[str, Json] = {name: it.get("shutdown_date") for name, it in there.items()}
    today = datetime.now(UTC).date()
    missing = list(models.missing(workspace, ends))
    for problem in (*missing, *models.ending(workspace, ends, today, _SOON_DAYS)):
        what = f"{problem.place}: {problem.what}"
        yield Check("target", State.WARNING, what, problem.remedy)
    if wanted and not missing:
        yield _ok(f"it has the models: {', '.join(sorted(wanted))}")


def _ok(what: str) -> Check:
    return Check("target", State.OK, what)
