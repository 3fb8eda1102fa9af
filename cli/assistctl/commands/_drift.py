"""What becomes of edits that were made at the target since the last sync."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from assistctl.commands._survey import Survey
from assistctl.errors import Refused
from assistctl.plan.reconcile import Wishes

if TYPE_CHECKING:
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


def refuse_drift(found: Survey, wishes: Wishes) -> None:
    """Raises Refused where edits at the target would be overwritten unasked."""
    if wishes.on_drift == "fail" and (drifted := found.plan.drifted):
        raise Refused(
            f"edited at the target since the last sync: {', '.join(_drifted_fields(found))}; "
            f"nothing was changed. Use --on-drift overwrite to put {_them(len(drifted))} back as "
            "declared, --on-drift keep to leave the edits, or bring them into the YAML"
        )


def _drifted_fields(found: Survey) -> Iterator[str]:
    for change in found.plan.drifted:
        yield f"{change.address} ({', '.join(field.path for field in change.drifted)})"


def _them(number: int) -> str:
    return "it" if number == 1 else "them"
