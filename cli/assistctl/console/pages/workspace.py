"""What is declared against what is there: the plan, drift, snapshots, and applying the plan."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.responses import Response

from assistctl.apis.transport.client import path_of
from assistctl.console.differences import Line, difference
from assistctl.console.visit import Endpoint, Section, Visit
from assistctl.errors import Refused
from assistctl.plan.changes import Action, Change, FieldChange
from assistctl.plan.cleanup import mass_prune
from assistctl.plan.reconcile import PlanOptions
from assistctl.render.folding import is_files
from assistctl.render.plan import SIDES, SIGNS, files_diff, headline, what_to_do
from assistctl.render.values import brief, declared_brief, sides
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Workspace
from assistctl.sync import PlannedSync, apply_plan, keeping, plan_sync, refuse_drift
from assistctl.sync import snapshots as kept
from assistctl.sync.standing import standing, standings

SECTION = Section("Workspace", "/workspace", "w", needs_workspace=True)

FEW = 5
"""Of more files than these, only how they stand is told at first."""

MOST_FILES = 500
"""How many of very many files are named, those first that are not as they shall be."""

APPLYING = threading.Lock()
"""Of whoever changes files and the target."""


@dataclass(frozen=True)
class ShownField:
    """A field that differs: lines of a text, files that come and go (and how many `more` come), or
    one value and the other."""

    path: str
    side: str
    lines: tuple[Line, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    more: int = 0
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownChange:
    """A change as the page shows it."""

    sign: str
    action: str
    address: Address
    cause: str
    id: str | None
    fields: tuple[ShownField, ...]


def overview(visit: Visit) -> Response:
    """The whole workspace at the target."""
    workspace = visit.workspace
    prune = visit.asked("prune") == "1"
    planned = _planned(visit, workspace, prune)
    rows = standings(planned)
    plan = planned.plan
    files = [row for row in rows if row.address.kind == FILE]
    uploads = [it for it in plan.changes if _is_upload(it)]
    folded = {it.address for it in uploads[MOST_FILES:]}
    return visit.page(
        "workspace.html",
        title=workspace.name,
        workspace=workspace,
        rows=[row for row in rows if row.address.kind != FILE],
        files=sorted(files, key=lambda row: row.status == "synced")[:MOST_FILES],
        standing=Counter(row.status for row in files),
        few=FEW,
        plan=plan,
        headline=headline(plan),
        changes=[_shown(it) for it in plan.changes if it.address not in folded],
        folded=len(folded),
        left_alone=[_shown(it) for it in plan.left_alone],
        deletions=[it.address for it in plan.changes if it.action is Action.DELETE],
        advice=list(what_to_do(plan)),
        fingerprint=planned.fingerprint,
        prune=prune,
        refusals=list(mass_prune(plan.changes, planned.observed)),
        snapshots=list(kept.all_of(workspace)),
    )


def _is_upload(change: Change) -> bool:
    return change.address.kind == FILE and change.action is Action.CREATE


def show(visit: Visit) -> Response:
    """One thing field by field, as declared and as the target has it."""
    workspace = visit.workspace
    address = Address.parse(visit.asked("address"))
    planned = _planned(visit, workspace, prune=False)
    remote, declared = planned.observed.owned.get(address), planned.declared.get(address)
    if remote is None and declared is None:
        raise Refused(f"{address} is neither declared nor at the target")
    hidden = visit.surface.redaction.value
    change = planned.plan.written.get(address)
    return visit.page(
        "show.html",
        title=str(address),
        listed=standing(planned, address),
        declared=hidden(declared.fields) if declared else None,
        observed=hidden(remote.fields) if remote else None,
        change=_shown(change) if change else None,
        ways=list(_ways(address, declared is not None, remote.id if remote else None)),
    )


def _ways(address: Address, is_declared: bool, remote_id: str | None) -> Iterator[tuple[str, str]]:
    """Pages on which there is more to do with it, and what."""
    if address.kind == ASSISTANT and (is_declared or remote_id):
        subject = str(address) if is_declared else f"id/{remote_id}"
        yield f"/playground/table?{urlencode({'with': subject})}", "Talk with it"
    if address.kind == VECTOR_STORE and remote_id:
        yield path_of("/stores", remote_id), "Search it"


def apply(visit: Visit) -> Response:
    """Make the plan that was shown true, exactly that one."""
    with APPLYING:
        workspace = visit.workspace
        prune = visit.sent("prune") == "1"
        check_consent(visit, workspace)
        options = PlanOptions(prune=prune, deep=True)
        planned = plan_sync(visit.surface, workspace, options=options)
        if planned.fingerprint != visit.sent("fingerprint"):
            raise Refused(
                "the workspace or the target has changed since this plan was shown; nothing was"
                " changed. Look at the new plan first"
            )
        for reason in mass_prune(planned.plan.changes, planned.observed):
            raise Refused(f"{reason}; nothing was changed")
        deletes = any(it.action is Action.DELETE for it in planned.plan.changes)
        if deletes and visit.sent("deletes") != "1":
            raise Refused("it was not said that what the plan names is to be deleted")
        match visit.sent("drift"):
            case "keep":
                planned = keeping(visit.surface, workspace, planned, options)
            case "overwrite":
                pass
            case _:
                refuse_drift(planned, "fail")
        results = list(apply_plan(visit.surface, workspace, planned))
    return visit.page(
        "applied.html",
        title="Applied",
        workspace=workspace,
        results=results,
        failed=sum(1 for result in results if result.error),
        signs=SIGNS,
    )


ENDPOINTS = (
    Endpoint("/workspace", overview),
    Endpoint("/workspace/show", show),
    Endpoint("/workspace/apply", apply, "POST", writes=True),
)


def _planned(visit: Visit, workspace: Workspace, prune: bool) -> PlannedSync:
    return plan_sync(visit.surface, workspace, options=PlanOptions(prune=prune, deep=True))


def check_consent(visit: Visit, workspace: Workspace) -> None:
    """As the command line has it: somebody says yes, or, where the target wants that, its name."""
    target = workspace.target
    if target.confirm and visit.sent("confirm").strip() != target.name:
        raise Refused(f"the name that was typed is not {target.name!r}; nothing was changed")


def _shown(change: Change) -> ShownChange:
    return ShownChange(
        SIGNS[change.action],
        change.action.value,
        change.address,
        change.cause,
        change.id,
        tuple(_field(change, field) for field in change.fields),
    )


def _field(change: Change, field: FieldChange) -> ShownField:
    shown = ShownField(field.path, SIDES[field.side])
    if is_files(field.before) or is_files(field.after):
        files = tuple(files_diff(field))
        comes = [it for it in files if it[0] == "+"]
        unnamed = {*comes[MOST_FILES:]}
        return replace(
            shown, files=tuple(it for it in files if it not in unnamed), more=len(unnamed)
        )
    before, after = field.before or "", field.after or ""
    if isinstance(before, str) and isinstance(after, str) and _is_text(before + after):
        return replace(shown, lines=tuple(difference(before, after)))
    if change.action is Action.CREATE:
        return replace(shown, values=(declared_brief(field.after),))
    if change.action is Action.DELETE:
        return replace(shown, values=(brief(field.before),))
    return replace(shown, values=sides(field.before, field.after))


def _is_text(value: str) -> bool:
    """A text that is read word by word, rather than an id or a digest."""
    return bool(re.search(r"\s|[^\x00-\x7f]", value))
