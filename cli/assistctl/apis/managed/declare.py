"""Everything that a workspace declares, as it is owned at a target."""

from __future__ import annotations

from assistctl.apis.managed import stores
from assistctl.apis.managed.kinds import AssistantKind
from assistctl.plan.state import Declared
from assistctl.resources import Address, Workspace, declared_files


def declare(workspace: Workspace, kind: AssistantKind) -> dict[Address, Declared]:
    """By Address: the files that something uses first, then stores, then assistants."""
    declared: dict[Address, Declared] = {}
    for store in workspace.stores.values():
        declared[store.address] = Declared(
            store.address, stores.declared(store), store.place, workspace.formerly(store.address)
        )
    for assistant in workspace.assistants.values():
        declared[assistant.address] = Declared(
            assistant.address,
            kind.declared(assistant),
            assistant.place,
            workspace.formerly(assistant.address),
        )
    return {
        address: Declared(address, {"sha256": file.sha256, "bytes": file.size})
        for address, file in declared_files(workspace).items()
    } | declared
