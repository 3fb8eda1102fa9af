"""What becomes of edits that were made at the target since the last sync."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from assistctl.commands._survey import Survey, decided
from assistctl.errors import Refused
from assistctl.plan.reconcile import Wishes
from assistctl.resources import Workspace

if TYPE_CHECKING:
    from assistctl.apis.assistants import Assistants
    from assistctl.plan.reconcile import OnDrift


def ask_about_drift(found: Survey) -> OnDrift:
    """Ask the person what shall become of the edits that the plan shows."""
    click.echo(f"Edited at the target: {', '.join(_drifted_fields(found))}.", err=True)
    answer = click.prompt(
        "Overwrite these edits, keep them, or stop",
        type=click.Choice(("overwrite", "keep", "stop")),
        default="stop",
        err=True,
    )
    if answer == "stop":
        raise Refused("nothing was changed")
    return "overwrite" if answer == "overwrite" else "keep"


def keeping(surface: Assistants, workspace: Workspace, found: Survey, wishes: Wishes) -> Survey:
    """What is left to do of a survey if the edits at the target stay; the plan names these."""
    kept = decided(
        surface, workspace, found.declared, found.observed, replace(wishes, on_drift="keep")
    )
    edits = tuple(replace(change, fields=change.drifted) for change in found.plan.drifted)
    return replace(kept, plan=replace(kept.plan, kept=edits))


def refuse_drift(found: Survey, on_drift: OnDrift | None) -> None:
    """Raises Refused where edits at the target would be overwritten unasked."""
    if on_drift in (None, "fail") and found.plan.drifted:
        raise Refused(
            f"edited at the target since the last sync: {', '.join(_drifted_fields(found))}; "
            "nothing was changed. Use --on-drift overwrite to discard these edits, "
            "--on-drift keep to leave them, or bring them into the YAML"
        )


def _drifted_fields(found: Survey) -> Iterator[str]:
    for change in found.plan.drifted:
        yield f"{change.address} ({', '.join(field.path for field in change.drifted)})"
