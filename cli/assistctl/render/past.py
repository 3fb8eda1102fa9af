"""Turns of the past, as a person reads them and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import click

from assistctl.events import CodeCalled, CodeReturned, PastTurn, ToolCalled, ToolReturned
from assistctl.render.events import finished_json
from assistctl.render.steps import begun_lines, file_lines, source_lines, step_lines, tokens
from assistctl.render.terminal import one_line, sanitize
from assistctl.render.values import json_document


def past_json(turns: Sequence[PastTurn]) -> str:
    """`[{"message", "at", …}]`, with all that the result of a run has."""
    return json_document(
        [
            {"message": turn.message, "at": _when(turn.at), **finished_json(turn.finished)}
            for turn in turns
        ]
    )


def past_text(turns: Sequence[PastTurn], verbosity: int) -> str:
    """Turn after turn; with a positive verbosity nothing is cut."""
    if not turns:
        return "nothing has happened on this thread"
    thread = f"thread {one_line(turns[0].finished.thread)}"
    return "\n\n".join([thread, *("\n".join(_lines(turn, verbosity > 0)) for turn in turns)])


def _lines(turn: PastTurn, whole: bool) -> Iterator[str]:
    end = turn.finished
    told = [one_line(end.run), _when(turn.at) or "", one_line(end.status)]
    seconds = "" if end.seconds is None else f"  {end.seconds:.0f} s"
    yield click.style("  ".join(filter(None, told)) + seconds + tokens(end.usage), dim=True)
    for line in sanitize(turn.message).split("\n"):
        yield f"> {line}"
    for step in end.steps:
        if isinstance(step, CodeReturned):
            yield from begun_lines(CodeCalled(step.id, step.code), whole)
        elif isinstance(step, ToolReturned):
            yield from begun_lines(ToolCalled(step.call), whole)
        yield from step_lines(step, whole)
    if turn.shown:
        yield sanitize(turn.shown.rstrip("\n"))
    if end.sources:
        yield ""
        yield from source_lines(end.sources)
    yield from file_lines(end.files, offers=False)
    if end.error:
        yield f"{click.style('✗', fg='red')} {one_line(end.error)}"


def _when(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()
