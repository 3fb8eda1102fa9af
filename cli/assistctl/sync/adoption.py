"""Taking over objects that nobody owns: they become what the workspace declares, ids and all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from assistctl.errors import AssistctlError
from assistctl.plan.reconcile import PlanOptions, select
from assistctl.plan.state import Remote
from assistctl.resources import Address, Workspace
from assistctl.sync.planning import PlannedSync, declared_address, make_plan

if TYPE_CHECKING:
    from assistctl.surface import Surface


def adoption(surface: Surface, workspace: Workspace, objects: Mapping[str, str]) -> PlannedSync:
    """A survey of these addresses only, in which existing objects without an owner become ours;
    `objects` maps keys (or addresses as text) to the ids of the objects."""
    everything = surface.declare(workspace)
    wanted = {declared_address(key, everything): object_id for key, object_id in objects.items()}
    observed = surface.observe(everything)
    for address in wanted:
        if (owned := observed.owned.get(address)) is not None:
            raise AssistctlError(f"{address} exists already at the target, as {owned.id}")
    with surface.pool() as pool:
        unmanaged = pool.map(
            lambda item: surface.unmanaged(item[0], item[1], everything), wanted.items()
        )
        owned_then = {**observed.owned, **dict(zip(wanted, unmanaged, strict=True))}
    ids = {remote.id: address for address, remote in owned_then.items() if remote.id}
    observed = replace(
        observed,
        owned={address: _with_addresses(remote, ids) for address, remote in owned_then.items()},
    )
    declared = select(everything, list(wanted))
    options = PlanOptions(partial=True, adopt=list(wanted))
    return make_plan(surface, workspace, declared, observed, options)


def _with_addresses(remote: Remote, ids: Mapping[str, Address]) -> Remote:
    """The object with the Addresses of what is ours, or becomes ours with it, in place of ids."""
    resources = remote.fields.get("tool_resources")
    if not resources:
        return remote
    named = {
        tool: {key: [ids.get(item, item) for item in items] for key, items in resource.items()}
        for tool, resource in resources.items()
    }
    return replace(remote, fields={**remote.fields, "tool_resources": named})
