"""A Plan -> JSON for programs."""

from __future__ import annotations

from assistctl.plan.changes import Change, FieldChange, Plan
from assistctl.resources import Json


def plan_document(plan: Plan) -> dict[str, Json]:
    """The shape of the command line's contract; `moved` is added to each field, `protected`,
    `kept`, `left_alone` and `notes` where there are some. Absent values are None; Addresses in
    values are left as they are."""
    document: dict[str, Json] = {
        "target": plan.target,
        "changes": [_change(change) for change in plan.changes],
        "undeclared": [str(address) for address in plan.undeclared],
        "summary": dict(plan.summary),
    }
    if plan.protected:
        document["protected"] = [str(address) for address in plan.protected]
    if plan.kept:
        document["kept"] = [_change(change) for change in plan.kept]
    if plan.left_alone:
        document["left_alone"] = [_change(change) for change in plan.left_alone]
    if plan.notes:
        document["notes"] = list(plan.notes)
    return document


def _change(change: Change) -> dict[str, Json]:
    return {
        "action": change.action.value,
        "address": str(change.address),
        "cause": change.cause,
        "fields": [_field(field) for field in change.fields],
    }


def _field(field: FieldChange) -> dict[str, Json]:
    return {
        "path": field.path,
        "before": field.before,
        "after": field.after,
        "moved": field.side,
    }
