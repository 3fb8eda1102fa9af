"""Saved plans: what `plan --out` writes and `sync --plan` applies, exactly or not at all.

The file holds the plan for people and machines to read, what was asked for, and a fingerprint of
all that the decision rests on. It holds no key: keys are no part of a plan.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assistctl import __version__
from assistctl.errors import AssistctlError, Refused
from assistctl.plan.reconcile import PlanOptions
from assistctl.render.plan_json import plan_document
from assistctl.render.values import json_document
from assistctl.resources import Json, Workspace, digest
from assistctl.sync.planning import PlannedSync
from assistctl.unreadable_json import why_no_json

FORMAT = 1


@dataclass(frozen=True)
class SavedPlan:
    """A plan as it was when somebody reviewed it."""

    workspace: str
    target: str
    namespace: str
    keys: tuple[str, ...]
    prune: bool
    deep: bool
    fingerprint: str

    def check_target(self, asked: str | None) -> None:
        """Raises Refused if somebody says that it is for another target."""
        if asked not in (None, self.target):
            raise Refused(
                f"the plan was made for the target {self.target!r}, not for {asked!r}; leave out "
                "--target (or ASSISTCTL_TARGET), or make a plan for that one"
            )

    def check(self, workspace: Workspace, planned: PlannedSync) -> None:
        """Raises Refused unless everything is as it was."""
        if (workspace.name, workspace.target.namespace) != (self.workspace, self.namespace):
            raise Refused(
                f"the plan was made for workspace {self.workspace!r} in namespace "
                f"{self.namespace!r}, not for this one"
            )
        if _fingerprint(workspace, planned) != self.fingerprint:
            raise Refused(
                "the plan is stale: the workspace or the target has changed since it was saved; "
                "nothing was changed. Make a new plan and review it"
            )


def save(
    path: Path,
    workspace: Workspace,
    planned: PlannedSync,
    keys: tuple[str, ...],
    options: PlanOptions,
) -> None:
    """Write a plan, so that `sync --plan` can apply exactly this one."""
    document = {
        "assistctl_plan": FORMAT,
        "version": __version__,
        "workspace": workspace.name,
        "target": workspace.target.name,
        "namespace": workspace.target.namespace,
        "keys": list(keys),
        "prune": options.prune,
        "deep": options.deep,
        "fingerprint": _fingerprint(workspace, planned),
        "plan": plan_document(planned.plan),
    }
    try:
        path.write_text(json_document(document) + "\n", encoding="utf-8")
    except OSError as error:
        raise AssistctlError(f"{path}: the plan cannot be saved ({error.strerror})") from error


def _fingerprint(workspace: Workspace, planned: PlannedSync) -> str:
    """Of the decision, and of where it is to be carried out: empty targets all look the same."""
    target = workspace.target
    return digest([planned.fingerprint, target.api, target.base_url])


def read(path: Path) -> SavedPlan:
    """Raises AssistctlError for a file that is no saved plan."""
    try:
        document: Json = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise AssistctlError(
            f"{path}: no saved plan ({why_no_json(error)}); write one with plan --out"
        ) from error
    if not isinstance(document, Mapping) or document.get("assistctl_plan") != FORMAT:
        raise AssistctlError(f"{path}: no saved plan of this version; write one with plan --out")
    try:
        return SavedPlan(
            workspace=document["workspace"],
            target=document["target"],
            namespace=document["namespace"],
            keys=tuple(document["keys"]),
            prune=document["prune"],
            deep=document["deep"],
            fingerprint=document["fingerprint"],
        )
    except (KeyError, TypeError) as error:
        raise AssistctlError(
            f"{path}: the saved plan is incomplete; write one with plan --out"
        ) from error
