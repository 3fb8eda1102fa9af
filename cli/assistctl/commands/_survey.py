"""Observe and reconcile: what `plan`, `sync`, `list`, `show` and `run` have in common."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from assistctl.errors import AssistctlError
from assistctl.plan.changes import Plan
from assistctl.plan.reconcile import Wishes, reconcile, select
from assistctl.plan.state import Declared, Observed
from assistctl.resources import ASSISTANT, Address, Assistant, Workspace, digest

if TYPE_CHECKING:
    from assistctl.apis.assistants import Assistants, Operation


@dataclass(frozen=True)
class Survey:
    """What was declared (as far as it was asked for), what was there, and the decision."""

    declared: Mapping[Address, Declared]
    observed: Observed
    plan: Plan
    operations: tuple[Operation, ...]

    @property
    def fingerprint(self) -> str:
        """A digest of everything that the decision rests on: it changes with any edit of what is
        declared, or of what is there of ours, and with the decision itself."""
        there = [
            [remote.address, remote.id, remote.fields, [upload.id for upload in remote.uploads]]
            for remote in self.observed.owned.values()
            if remote.address in self.declared or remote.address in self.plan.addresses
        ]
        wanted = [[item.address, item.fields] for item in self.declared.values()]
        return digest([sorted(wanted, key=str), sorted(there, key=str), str(self.plan)])

    def by_change(self) -> list[list[Operation]]:
        """For each change of the plan, in order, its requests."""
        return [
            [operation for operation in self.operations if operation.change == change]
            for change in self.plan.changes
        ]

    def requests(self) -> list[list[str]]:
        """The same in words."""
        return [[str(operation) for operation in some] for some in self.by_change()]


def refuse_prune_of_some(keys: Sequence[str], prune: bool) -> None:
    """What is no longer declared shows only against everything that is."""
    if keys and prune:
        raise click.UsageError("--prune looks at the whole workspace; leave out the KEYs.")


def survey(
    surface: Assistants, workspace: Workspace, keys: Sequence[str] = (), wishes: Wishes = Wishes()
) -> Survey:
    """All reads, then the one decision. `keys` limit it to these and what they refer to."""
    everything = surface.declare(workspace)
    only = [_declared(key, everything) for key in keys]
    declared = select(everything, only) if only else everything
    observed = surface.observe(everything)
    plan = reconcile(workspace.target.name, declared, observed, wishes)
    return Survey(declared, observed, plan, surface.compile(plan, declared, observed))


def adoption(surface: Assistants, workspace: Workspace, key: str, object_id: str) -> Survey:
    """A survey of one address in which an existing object without an owner becomes ours."""
    everything = surface.declare(workspace)
    address = _declared(key, everything)
    observed = surface.observe(everything)
    if (owned := observed.owned.get(address)) is not None:
        raise AssistctlError(f"{address} exists already at the target, as {owned.id}")
    stranger = surface.stranger(address, object_id, everything)
    observed = replace(observed, owned={**observed.owned, address: stranger})
    declared = select(everything, [address])
    wishes = Wishes(partial=True, adopt=[address])
    plan = reconcile(workspace.target.name, declared, observed, wishes)
    return Survey(declared, observed, plan, surface.compile(plan, declared, observed))


def assistant(workspace: Workspace, key: str) -> Assistant:
    """The declared assistant of this key. Raises AssistctlError with a suggestion."""
    name = Address.parse(key).name
    if name not in workspace.assistants:
        known = [Address(ASSISTANT, other) for other in workspace.assistants]
        raise _unknown(key, known)
    return workspace.assistants[name]


def _declared(key: str, declared: Mapping[Address, Declared]) -> Address:
    address = Address.parse(key)
    if address not in declared:
        raise _unknown(key, declared)
    return address


def _unknown(key: str, known: Iterable[Address]) -> AssistctlError:
    known = tuple(known)
    names = sorted(a.name if a.kind == ASSISTANT else str(a) for a in known)
    close = [str(a) for a in known if a.name == key] or difflib.get_close_matches(key, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"declared are: {', '.join(names) or 'none'}"
    return AssistctlError(f"{key!r} is not declared in this workspace; {hint}")
