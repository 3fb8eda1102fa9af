"""What becomes of edits that were made at the target since the last sync."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from assistctl.errors import Refused
from assistctl.plan.reconcile import PlanOptions
from assistctl.resources import Workspace
from assistctl.sync.planning import PlannedSync, make_plan

if TYPE_CHECKING:
    from assistctl.plan.reconcile import OnDrift
    from assistctl.surface import Surface


def keeping(
    surface: Surface, workspace: Workspace, planned: PlannedSync, options: PlanOptions
) -> PlannedSync:
    """What is left to do of a survey if the edits at the target stay; the plan names these."""
    kept = make_plan(
        surface, workspace, planned.declared, planned.observed, replace(options, on_drift="keep")
    )
    edits = tuple(replace(change, fields=change.drifted) for change in planned.plan.drifted)
    return replace(kept, plan=replace(kept.plan, kept=edits))


def refuse_drift(planned: PlannedSync, on_drift: OnDrift | None) -> None:
    """Raises Refused where edits at the target would be overwritten unasked."""
    if on_drift in (None, "fail") and planned.plan.drifted:
        raise Refused(
            f"edited at the target since the last sync: {', '.join(drifted_fields(planned))}; "
            "nothing was changed. `assistctl pull` brings these edits into the YAML, "
            "--on-drift overwrite discards them, --on-drift keep leaves them"
        )


def drifted_fields(planned: PlannedSync) -> Iterator[str]:
    """What was edited at the target: `assistant/helper (model, tools)`."""
    for change in planned.plan.drifted:
        yield f"{change.address} ({', '.join(field.path for field in change.drifted)})"
