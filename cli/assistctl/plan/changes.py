"""Changes and the Plan, as values. `str(plan)` is deterministic; tests assert whole plans."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Literal, TypeAlias

from assistctl.plan.state import Applied
from assistctl.resources import Address, Json


class Action(StrEnum):
    """What happens to an object at the target; ADOPT takes one over that nobody owns."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADOPT = "adopt"


ChangedSide: TypeAlias = Literal["declared", "remote", "both"]
"""Which side of a field changed since the last sync."""


@dataclass(frozen=True)
class FieldChange:
    """One leaf that differs. `path` reads like the YAML (`tools[save_bill].function.description`);
    None as before or after means absent. A reference to another declared thing is its Address."""

    path: str
    before: Json
    after: Json
    side: ChangedSide = "declared"

    @property
    def field(self) -> str:
        """The API's top-level field that the leaf belongs to."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]


@dataclass(frozen=True)
class Change:
    """What happens to one address, and why, in words. `id` is the object's id where it has one.
    `lost`: it is made anew, since it has gone from the target after the last sync. `noted` is what
    the record shall say of fields that were brought into the YAML, and so need no other write.
    """

    action: Action
    address: Address
    cause: str
    fields: tuple[FieldChange, ...] = ()
    id: str | None = None
    lost: bool = False
    noted: Mapping[str, Applied] = field(default_factory=dict)

    @property
    def drifted(self) -> tuple[FieldChange, ...]:
        """The fields that somebody changed at the target since the last sync."""
        return tuple(change for change in self.fields if change.side != "declared")


@dataclass(frozen=True)
class Plan:
    """All changes in the order they are shown, and what is told beside them.

    - `undeclared`: the owned objects that nothing declares and that stay all the same; of these the
      `protected` would stay even if prune was asked for.
    - `notes`: sentences for whoever reads the plan.
    - `kept`: what was edited at the target and is to stay so.
    - `left_alone`: what was edited there where nothing is declared; `before` is what the last sync
      left, `after` what is there.
    - `partial`: only some addresses were asked for. `only_drift`: nothing but drift is in it.
    """

    target: str
    changes: tuple[Change, ...] = ()
    undeclared: tuple[Address, ...] = ()
    notes: tuple[str, ...] = ()
    protected: tuple[Address, ...] = ()
    partial: bool = False
    kept: tuple[Change, ...] = ()
    left_alone: tuple[Change, ...] = ()
    only_drift: bool = False

    @property
    def summary(self) -> Mapping[str, int]:
        """Counts by action; adopted objects count as updates. Keys: create, update, delete."""
        count = {"create": 0, "update": 0, "delete": 0}
        for change in self.changes:
            count["update" if change.action is Action.ADOPT else change.action.value] += 1
        return count

    @property
    def addresses(self) -> frozenset[Address]:
        """What the plan changes."""
        return frozenset(change.address for change in self.changes)

    @cached_property
    def written(self) -> Mapping[Address, Change]:
        """What is created, updated or adopted. No address comes twice, as in deletes it may."""
        return {it.address: it for it in self.changes if it.action is not Action.DELETE}

    @property
    def drifted(self) -> tuple[Change, ...]:
        """The changes that would write over, or lose, what somebody changed at the target."""
        return tuple(change for change in self.changes if change.drifted)

    @property
    def drift(self) -> Plan:
        """Only what was edited at the target since the last sync, or has gone from it."""
        changes = [
            change if change.lost else replace(change, fields=change.drifted)
            for change in self.changes
            if change.drifted or change.lost
        ]
        return Plan(
            self.target,
            tuple(changes),
            partial=self.partial,
            left_alone=self.left_alone,
            only_drift=True,
        )

    def __bool__(self) -> bool:
        """Whether there is something to do; of drift, whether there is any."""
        return bool(self.changes) or (self.only_drift and bool(self.left_alone))

    def __str__(self) -> str:
        lines = []
        for change in self.changes:
            lines.append(f"{change.action} {change.address}: {change.cause}")
            lines += [f"  {f.path}: {f.before!r} -> {f.after!r}" for f in change.fields]
        protected = dict.fromkeys(self.protected, " (protected)")
        lines += [f"undeclared {it}{protected.get(it, '')}" for it in self.undeclared]
        for change in self.left_alone:
            lines.append(f"left alone {change.address}: {change.cause}")
            lines += [f"  {f.path}: {f.before!r} -> {f.after!r}" for f in change.fields]
        return "\n".join(lines)
