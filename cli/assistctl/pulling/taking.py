"""What was edited at a target since the last sync, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assistctl.plan.changes import Action, Change, FieldChange
from assistctl.plan.compare import telling
from assistctl.plan.fingerprints import fingerprint
from assistctl.plan.state import RECORD, Declared, Observed
from assistctl.redaction import Redaction
from assistctl.resources import FILE, Address, Json
from assistctl.sync.planning import PlannedSync


@dataclass(frozen=True)
class Take:
    """One of the API's fields of one object, of which the target has another value.

    `before` is what is declared, `after` what is there, less the defaults that the API documents
    (tools by their names, Addresses for ids); `changes` is the same leaf by leaf. `both`: the
    declaration has changed since the last sync, too. `aside`: nothing declares the field.
    """

    address: Address
    field: str
    before: Json
    after: Json
    changes: tuple[FieldChange, ...]
    both: bool = False
    aside: bool = False

    @property
    def arrived(self) -> bool:
        """Whether what is declared is already what is there."""
        return fingerprint(self.before) == fingerprint(self.after)


@dataclass(frozen=True)
class Left:
    """What is not pulled, and why. `aside`: a sync leaves it alone, too."""

    address: Address
    path: str
    why: str
    aside: bool = False

    def __str__(self) -> str:
        return f"{self.address} ({self.path}): {self.why}"


def taken(planned: PlannedSync, redaction: Redaction) -> Iterator[Take | Left]:
    """Everything that the plan calls an edit at the target, as what becomes of it."""
    plan = planned.plan
    for changes, aside in ((plan.drifted, False), (plan.left_alone, True)):
        for change in changes:
            if change.action is Action.DELETE:
                paths = ", ".join(field.path for field in change.drifted)
                yield Left(change.address, paths, "it is no longer declared")
            elif change.address.kind == FILE:
                why = "its content was replaced there, and is only known by its digest"
                yield Left(change.address, "sha256", why)
            elif former := planned.observed.owned[change.address].formerly:
                paths = ", ".join(field.path for field in change.drifted)
                why = f"it has moved here from {former}, which a sync has to tell the target first"
                yield Left(change.address, paths, why, aside)
            else:
                declaration = planned.declared[change.address]
                yield from _fields(change, declaration, planned.observed, redaction, aside)


def _fields(
    change: Change, declaration: Declared, observed: Observed, redaction: Redaction, aside: bool
) -> Iterator[Take | Left]:
    remote = observed.owned[change.address]
    fields = [field for field in change.drifted if field.path != RECORD]
    for name in dict.fromkeys(field.field for field in fields):
        declared = declaration.fields.get(name)
        found = telling(name, remote, declared)
        some = tuple(field for field in fields if field.field == name)
        both = any(field.side == "both" for field in some)
        if redaction.value(found) != found:
            yield Left(change.address, name, "it holds what looks like a key or a password", aside)
        else:
            yield Take(change.address, name, declared, found, some, both, aside)
