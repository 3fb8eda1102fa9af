"""Who answers at a local target, looked at: scripts, or an endpoint. No model is asked anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from assistctl import base_urls
from assistctl.apis.models import declared_models
from assistctl.checks import Check, State
from assistctl.resources import Json, Workspace
from assistctl.some import some
from assistctl.spec import declares_model
from assistctl.suggestion import suggestion
from assistctl.targets import model_of

_REFUSED = (401, 403)


def checks(workspace: Workspace) -> Iterator[Check]:
    """Whoever answers the runs of the embedded server."""
    model = model_of(workspace.target)
    declared = declares_model(workspace.root, workspace.target.name)
    if isinstance(model, Mapping):
        named = "as it is declared" if declared else "as OPENAI_API_KEY in the environment has it"
        yield from _endpoint(model, declared_models(workspace), named)
        return
    silent = sorted(workspace.assistants.keys() - workspace.scripts.keys())
    if model == "scripted" or not silent:
        yield _ok("scripts answer, and no model is asked")
    if silent and model == "scripted":
        what = f"there is no script for {some(silent)}"
        remedy = "write assistants/KEY.script.yaml, or declare a `model` of the target"
        yield Check("model", State.WARNING, what, remedy)
    elif silent:
        what = f"nobody answers for {some(silent)}: no model is declared, and there is no script"
        remedy = "set OPENAI_API_KEY, or declare a `model` of the target"
        yield Check("model", State.FAILED, what, remedy)


def _endpoint(model: Mapping[str, Json], wanted: Collection[str], named: str) -> Iterator[Check]:
    from assistctl.server import listing

    url = str(model["base_url"])
    there = f"the model endpoint {url} ({named})"
    try:
        found = listing(model, wanted)
    except ValueError as error:
        yield Check("model", State.FAILED, str(error))
        return
    if found.status is None:
        what = f"{there} cannot be reached: {found.fault}"
        remedy = "start it, or look at the address, at the network, and at HTTPS_PROXY"
        yield Check("model", State.FAILED, what, remedy)
    elif found.status in _REFUSED:
        what = f"{there} does not accept the key: {found.status} {found.fault}"
        yield Check("model", State.FAILED, what, "set the variable that `api_key` names")
    elif found.is_list:
        yield _ok(f"{there} answers, and accepts the key")
        yield from _missing(found.missing, found.names)
        if wanted and not found.missing:
            yield _ok(f"it has the models: {', '.join(sorted(wanted))}")
    else:
        yield _no_list(there, f"{found.status} {found.fault}", model)


def _missing(missing: Collection[str], names: Collection[str]) -> Iterator[Check]:
    for name in missing:
        close = suggestion(name, names)
        advice = f"did you mean {close!r}? " if close else ""
        remedy = f"{advice}`models: {{{name}: ITS_NAME}}` maps a name to the endpoint's own"
        yield Check("model", State.WARNING, f"it does not list the model {name!r}", remedy)


def _no_list(there: str, said: str, model: Mapping[str, Json]) -> Check:
    """Also says where the API is, if it is where an address without a version would have it."""
    from assistctl.server import listing

    url = str(model["base_url"])
    meant = base_urls.with_version(url)
    if meant and listing({**model, "base_url": meant}, ()).is_list:
        what = f"there is no API at {url}, but at {meant}"
        return Check("model", State.FAILED, what, f"write `base_url: {meant}`")
    what = f"{there} answers, but does not list its models: {said}"
    return Check("model", State.WARNING, what, base_urls.advice(url) or "look at `base_url`")


def _ok(what: str) -> Check:
    return Check("model", State.OK, what)
