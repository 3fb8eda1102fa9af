"""Which assistants are imported, and under which keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from assistctl.apis.managed import ownership
from assistctl.errors import AssistctlError
from assistctl.importing.names import key_for, title_of
from assistctl.resources import ASSISTANT, Address, Workspace

if TYPE_CHECKING:
    from assistctl.surface import Body


class TooMany(AssistctlError):
    """One key was asked for, but there are several assistants."""


def owner_of(body: Body) -> str | None:
    """`<namespace>/<key>` of whoever owns an object."""
    return ownership.owner_of(body.get("metadata"))


def asked_for(
    everyone: Mapping[str, Body], ids: Iterable[str], workspace: Workspace
) -> dict[str, Body]:
    """The assistants with these ids. Raises AssistctlError for those that are not there, have an
    owner, or are declared by their name already."""
    faults = []
    found = {}
    for asked in dict.fromkeys(ids):
        body = everyone.get(asked)
        if body is None:
            faults.append(f"there is no assistant {asked!r} at {workspace.target.name}")
        elif (owner := owner_of(body)) is not None:
            faults.append(f"{title_of(body)} has an owner already: {owner}")
        else:
            found[asked] = body
    _refuse(faults)
    return found


def without_owner(everyone: Mapping[str, Body]) -> dict[str, Body]:
    return {each: body for each, body in everyone.items() if owner_of(body) is None}


def refuse_declared(bodies: Iterable[Body], everyone: Iterable[Body], workspace: Workspace) -> None:
    """Raises AssistctlError for an assistant whose name is declared here, by one that is not at
    the target yet: these are most likely the same."""
    there = _owned(everyone, workspace)
    waiting = {
        assistant.settings.get("name"): assistant
        for assistant in workspace.assistants.values()
        if assistant.key not in there
    }
    _refuse(
        f"{title_of(body)} bears the name that {same.address} declares; take it over with "
        f"`assistctl adopt {same.key} {body['id']}`, or import it alone, with --as KEY"
        for body in bodies
        if body.get("name") and (same := waiting.get(body["name"]))
    )


def keys_for(
    bodies: Mapping[str, Body],
    workspace: Workspace,
    everyone: Iterable[Body] = (),
    requested: str | None = None,
) -> dict[str, str]:
    """A free key for each assistant, by its id: the one asked for, or one made of its name."""
    taken = {*_names_in(workspace.root / "assistants"), *_owned(everyone, workspace)}
    if requested is not None:
        if len(bodies) > 1:
            raise TooMany(f"--as names one assistant, but there are {len(bodies)}.")
        if requested in taken:
            raise AssistctlError(
                f"{Address(ASSISTANT, requested)} is in use already, by a file or directory in "
                "assistants/ or by an assistant at the target; choose another key with --as"
            )
        return dict.fromkeys(bodies, requested)
    keys: dict[str, str] = {}
    for each, body in bodies.items():
        keys[each] = key_for(body.get("name"), each, {*taken, *keys.values()}, "assistant")
    return keys


def store_keys(stores: Iterable[Body], workspace: Workspace) -> set[str]:
    """The keys that a vector store cannot be given any more."""
    return {
        *_names_in(workspace.root / "vector_stores"),
        *_owned(stores, workspace),
        *workspace.stores,
    }


def _owned(bodies: Iterable[Body], workspace: Workspace) -> set[str]:
    """The keys of what this workspace owns at its target."""
    owners = [owner.partition("/") for body in bodies if (owner := owner_of(body))]
    return {key for namespace, _, key in owners if namespace == workspace.target.namespace}


def _names_in(directory: Path) -> set[str]:
    """The names in a directory up to their first dot, small."""
    if not directory.is_dir():
        return set()
    return {path.name.casefold().partition(".")[0] for path in directory.iterdir()}


def _refuse(faults: Iterable[str]) -> None:
    if listed := list(faults):
        raise AssistctlError("nothing was imported: " + "; ".join(listed))
