"""Observe and reconcile: what `plan`, `sync`, `list`, `show` and `run` have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistctl.apis import capabilities
from assistctl.errors import AssistctlError
from assistctl.plan.changes import Change, Plan
from assistctl.plan.reconcile import PlanOptions, reconcile, select
from assistctl.plan.state import Declared, Observed, Upload
from assistctl.render.values import counted
from assistctl.resources import ASSISTANT, VECTOR_STORE, Address, Assistant, Workspace, digest
from assistctl.suggestion import suggestion
from assistctl.sync import upload_journal
from assistctl.sync.known import known

if TYPE_CHECKING:
    from assistctl.redaction import Redaction
    from assistctl.surface import Operation, Surface


@dataclass(frozen=True)
class PlannedSync:
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


def plan_sync(
    surface: Surface,
    workspace: Workspace,
    keys: Sequence[str] = (),
    options: PlanOptions = PlanOptions(),
) -> PlannedSync:
    """All reads, then the one decision. `keys` limit it to these and what they refer to."""
    everything = surface.declare(workspace)
    only = [declared_address(key, everything) for key in keys]
    declared = select(everything, only) if only else everything
    left = upload_journal.left(workspace)
    observed = surface.observe(everything, deep=options.deep, left=left)
    planned = make_plan(surface, workspace, declared, observed, options)
    assistants = [it for it in workspace.assistants.values() if it.address in declared]
    notes = [*planned.plan.notes, *capabilities.notes(assistants, surface.capabilities)]
    if used := [it for it in left if it.address in declared and _serves(it, declared, observed)]:
        uploads = counted(len(used), "upload")
        notes.append(f"{uploads} of a sync that was cut off, which this one goes on with")
    return replace(planned, plan=replace(planned.plan, notes=tuple(notes)))


def _serves(upload: Upload, declared: Mapping[Address, Declared], observed: Observed) -> bool:
    """Whether an upload that nothing uses yet is what a declared file is served from."""
    found = observed.upload(upload.address, declared[upload.address].fields["sha256"])
    unused = {it.id for it in observed.superseded}
    return found is not None and found.id == upload.id and upload.id in unused


def make_plan(
    surface: Surface,
    workspace: Workspace,
    declared: Mapping[Address, Declared],
    observed: Observed,
    options: PlanOptions,
) -> PlannedSync:
    """The one decision about what was read."""
    options = replace(options, known=known(workspace))
    plan = reconcile(workspace.target.name, declared, observed, options)
    plan = _without_secrets(plan, surface.redaction)
    return PlannedSync(declared, observed, plan, surface.compile(plan, declared, observed))


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


def find_assistant(workspace: Workspace, key: str) -> Assistant:
    """The declared assistant of this key. Raises AssistctlError with a suggestion."""
    name = Address.parse(key).name
    if name not in workspace.assistants:
        known = [Address(ASSISTANT, other) for other in workspace.assistants]
        raise _unknown(key, known)
    return workspace.assistants[name]


def declared_address(key: str, declared: Mapping[Address, Declared]) -> Address:
    """What is declared under this key. Raises AssistctlError with a suggestion."""
    address = Address.parse(key)
    if address not in declared:
        raise _unknown(key, declared)
    return address


def _unknown(key: str, known: Iterable[Address]) -> AssistctlError:
    known = tuple(known)
    names = sorted(a.name if a.kind == ASSISTANT else str(a) for a in known)
    close = next((str(a) for a in known if a.name == key), None) or suggestion(key, names)
    hint = f"did you mean {close!r}?" if close else f"declared are: {', '.join(names) or 'none'}"
    return AssistctlError(f"{key!r} is not declared in this workspace; {hint}")
