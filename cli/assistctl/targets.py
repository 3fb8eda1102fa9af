"""Opening a target: the embedded server is started for a local one, and stopped after."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assistctl import apis, base_urls
from assistctl.apis.transport.pacing import PARALLEL
from assistctl.errors import AssistctlError, RemoteError
from assistctl.resources import Json, Target, Workspace
from assistctl.spec.addresses import is_address, sentence
from assistctl.state_directory import state_directory

if TYPE_CHECKING:
    from assistctl.server import EmbeddedServer, Settings, Tape
    from assistctl.surface import Surface

CODE_PYTHON = "ASSISTCTL_CODE_PYTHON"


@contextmanager
def opened(
    workspace: Workspace,
    parallel: int = PARALLEL,
    *,
    database: Path | None = None,
    tape: Tape | None = None,
) -> Iterator[Surface]:
    """The API surface of the workspace's target, which is sent `parallel` requests at a time. A
    local one has its own `database`, unless another is given; what its model is asked goes
    through the `tape`."""
    with started(workspace, database=database, tape=tape) as target:
        surface = apis.connect(target, parallel)
        with closing(surface):
            try:
                yield surface
            except RemoteError as error:
                error.args = (told_of(workspace.target, error),)
                raise


def told_of(target: Target, error: RemoteError) -> str:
    """The error; of a target as it was declared, unless that is local, with which one it is, and
    what may be wrong with it."""
    if target.local:
        return str(error)
    where = f"{target.name}, {target.base_url} ({target.place})"
    told = f"{str(error).removesuffix('.')}; the target is {where}"
    advice = base_urls.advice(str(target.base_url)) if error.astray else ""
    if error.status == 401:
        advice = other_key(target)
    return f"{told}; {advice}" if advice else told


def other_key(target: Target) -> str:
    """What to do where a target does not accept the key, or wants one."""
    if target.api_key:
        return "set the variable that `api_key` names to a key that may read here"
    return "declare `api_key: ${ITS_NAME}`, and set that variable"


@contextmanager
def started(
    workspace: Workspace, *, database: Path | None = None, tape: Tape | None = None
) -> Iterator[Target]:
    """The workspace's target with its address; the server of a local one runs within the block."""
    with ExitStack() as stack:
        target = workspace.target
        if target.local:
            server = _embedded(replace(server_settings(workspace, database), tape=tape), stack)
            target = replace(target, base_url=server.base_url, api_key=server.api_key)
        yield target


def _embedded(settings: Settings, stack: ExitStack) -> EmbeddedServer:
    """The server of a local target, which runs until the stack is left."""
    from assistctl.server import DatabaseError, EmbeddedServer

    try:
        return stack.enter_context(EmbeddedServer(settings))
    except (ValueError, DatabaseError) as error:  # what the environment says of the model, too
        raise AssistctlError(str(error)) from error


def server_settings(workspace: Workspace, database: Path | None = None) -> Settings:
    """What the embedded server is told: the workspace's database, model and scripts."""
    from assistctl.server import Settings

    namespace = workspace.target.namespace
    return Settings(
        database=database or state_directory(workspace.root) / "local.db",
        model=model_of(workspace.target),
        embeddings=embeddings_of(workspace.target),
        scripts={f"{namespace}/{key}": turns for key, turns in workspace.scripts.items()},
        code_python=os.environ.get(CODE_PYTHON) or None,
    )


def model_of(target: Target) -> Literal["scripted"] | Mapping[str, Json] | None:
    """What answers the runs: as declared, else whom the environment names, else the scripts."""
    if not isinstance(target.model, Mapping):
        return target.model
    return usable({name: value for name, value in target.model.items() if name != "embeddings"})


def usable(model: Mapping[str, Json] | None) -> Mapping[str, Json] | None:
    """The same endpoint. AssistctlError for an address that is none, which only the environment
    can hold: a declared one has been checked."""
    if model is not None and not is_address(model["base_url"]):
        what, remedy = sentence("OPENAI_BASE_URL", model["base_url"])
        raise AssistctlError(f"{what}; {remedy}")
    return model


def embeddings_of(target: Target) -> Literal["auto"] | Mapping[str, Json]:
    """Where file_search gets its embeddings: as declared, else the offline encoder."""
    declared = target.model.get("embeddings") if isinstance(target.model, Mapping) else None
    return declared or "auto"
