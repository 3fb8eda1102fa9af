"""Observe and reconcile: what `plan`, `sync`, `list`, `show` and `run` have in common."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from assistctl.commands import _journal
from assistctl.commands._known import known
from assistctl.errors import AssistctlError
from assistctl.plan.changes import Change, Plan
from assistctl.plan.reconcile import Wishes, reconcile, select
from assistctl.plan.state import Declared, Observed, Remote, Upload
from assistctl.render.values import counted
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Assistant, Workspace, digest

if TYPE_CHECKING:
    from assistctl.apis.assistants import Assistants, Operation
    from assistctl.redaction import Redaction


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
        decided = [
            [change.action, change.address, change.id, change.fields]
            for change in self.plan.changes
        ]
        return digest(
            [sorted(wanted, key=str), sorted(there, key=str), decided, self.plan.undeclared]
        )

    @property
    def stores(self) -> Mapping[Address, Mapping[Address, int]]:
        """The files of each declared store, and their sizes in bytes."""
        return {
            address: {file: self.declared[file].fields["bytes"] for file in item.references}
            for address, item in self.declared.items()
            if address.kind == VECTOR_STORE
        }

    @property
    def intent(self) -> str:
        """What is done next, if somebody wants it: `apply 3 changes to prod`."""
        return f"apply {counted(len(self.plan.changes), 'change')} to {self.plan.target}"

    def by_change(self) -> list[list[Operation]]:
        """For each change of the plan, in order, its requests."""
        # By identity: changes hold values without a hash, and comparing them all is slow.
        found: dict[int, list[Operation]] = {id(change): [] for change in self.plan.changes}
        for operation in self.operations:
            found[id(operation.change)].append(operation)
        return list(found.values())

    def requests(self) -> list[list[str]]:
        """The same in words."""
        return [[str(operation) for operation in some] for some in self.by_change()]


def check_keys(keys: Sequence[str], prune: bool) -> None:
    """Refuse KEYs that cannot be looked at alone. What is no longer declared shows only against
    everything that is; whether a file is as declared, only in what uses it."""
    if keys and prune:
        raise click.UsageError("--prune looks at the whole workspace; leave out the KEYs.")
    if files := [key for key in keys if Address.parse(key).kind == FILE]:
        raise click.UsageError(f"{files[0]} goes with what uses it; name that instead.")


def survey(
    surface: Assistants, workspace: Workspace, keys: Sequence[str] = (), wishes: Wishes = Wishes()
) -> Survey:
    """All reads, then the one decision. `keys` limit it to these and what they refer to."""
    everything = surface.declare(workspace)
    only = [_declared(key, everything) for key in keys]
    declared = select(everything, only) if only else everything
    left = _journal.left(workspace)
    observed = surface.observe(everything, deep=wishes.deep, left=left)
    found = decided(surface, workspace, declared, observed, wishes)
    used = [it for it in left if it.address in declared and _serves(it, declared, observed)]
    if not used:
        return found
    note = f"{counted(len(used), 'upload')} of a sync that was cut off, which this one goes on with"
    return replace(found, plan=replace(found.plan, notes=(*found.plan.notes, note)))


def _serves(upload: Upload, declared: Mapping[Address, Declared], observed: Observed) -> bool:
    """Whether an upload that nothing uses yet is what a declared file is served from."""
    found = observed.upload(upload.address, declared[upload.address].fields["sha256"])
    unused = {it.id for it in observed.stale}
    return found is not None and found.id == upload.id and upload.id in unused


def decided(
    surface: Assistants,
    workspace: Workspace,
    declared: Mapping[Address, Declared],
    observed: Observed,
    wishes: Wishes,
) -> Survey:
    """The one decision about what was read."""
    wishes = replace(wishes, known=known(workspace))
    plan = reconcile(workspace.target.name, declared, observed, wishes)
    plan = _without_secrets(plan, surface.client.redaction)
    return Survey(declared, observed, plan, surface.compile(plan, declared, observed))


def _without_secrets(plan: Plan, redaction: Redaction) -> Plan:
    """Plans are printed, saved and posted to pull requests; what they lead to is not read from
    them. A key that somebody has written into an object is shown to nobody."""

    def hidden(change: Change) -> Change:
        fields = (
            replace(it, before=redaction.value(it.before), after=redaction.value(it.after))
            for it in change.fields
        )
        return replace(change, fields=tuple(fields))

    return replace(
        plan,
        changes=tuple(map(hidden, plan.changes)),
        left_alone=tuple(map(hidden, plan.left_alone)),
    )


def adoption(surface: Assistants, workspace: Workspace, objects: Mapping[str, str]) -> Survey:
    """A survey of these addresses only, in which existing objects without an owner become ours;
    `objects` maps keys (or addresses as text) to the ids of the objects."""
    everything = surface.declare(workspace)
    wanted = {_declared(key, everything): object_id for key, object_id in objects.items()}
    observed = surface.observe(everything)
    for address in wanted:
        if (owned := observed.owned.get(address)) is not None:
            raise AssistctlError(f"{address} exists already at the target, as {owned.id}")
    with surface.client.pool() as pool:
        strangers = pool.map(
            lambda item: surface.stranger(item[0], item[1], everything), wanted.items()
        )
        owned_then = {**observed.owned, **dict(zip(wanted, strangers, strict=True))}
    ids = {remote.id: address for address, remote in owned_then.items()}
    observed = replace(
        observed,
        owned={address: _with_addresses(remote, ids) for address, remote in owned_then.items()},
    )
    declared = select(everything, list(wanted))
    wishes = Wishes(partial=True, adopt=list(wanted))
    return decided(surface, workspace, declared, observed, wishes)


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
