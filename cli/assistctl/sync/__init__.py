"""Plan and sync without a terminal: what the commands do, as a library.

    from pathlib import Path

    from assistctl.loading import load
    from assistctl.sync import PlanOptions, apply_plan, plan_sync
    from assistctl.targets import opened

    workspace = load(Path("shop"), target="prod")
    with opened(workspace) as surface:
        planned = plan_sync(surface, workspace, options=PlanOptions(prune=True))
        print(planned.plan)                # nothing is written yet
        for result in apply_plan(surface, workspace, planned):
            print(result.change.address, result.error or "done")

Nothing here asks or prints. A caller that finds `planned.plan.drifted` decides what becomes of
these edits: `refuse_drift` raises, `keeping` leaves them.
"""

from assistctl.plan.reconcile import PlanOptions
from assistctl.sync.adoption import adoption
from assistctl.sync.apply import Observer, Result, apply_plan
from assistctl.sync.drift_policy import keeping, refuse_drift
from assistctl.sync.planning import PlannedSync, plan_sync

__all__ = [
    "Observer",
    "PlanOptions",
    "PlannedSync",
    "Result",
    "adoption",
    "apply_plan",
    "keeping",
    "plan_sync",
    "refuse_drift",
]
