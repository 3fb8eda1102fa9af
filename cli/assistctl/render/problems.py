"""What is wrong -> text, JSON."""

from __future__ import annotations

from collections.abc import Sequence

import click

from assistctl.errors import Problem
from assistctl.render.terminal import sanitize
from assistctl.render.values import counted, json_document, place_json
from assistctl.resources import Json


def error_text(message: str) -> str:
    """`error: message`, made harmless and styled."""
    return f"{click.style('error:', fg='red', bold=True)} {sanitize(message)}"


def problems_text(problems: Sequence[Problem]) -> str:
    """One line per problem, `file:line:column: what; what to do`, then one that counts them."""
    lines = [_line(problem) for problem in problems]
    return "\n".join([*lines, error_text(counted(len(problems), "problem"))])


def warnings_text(warnings: Sequence[Problem]) -> str:
    """One line per warning, `file:line:column: warning: what; what to do`."""
    word = click.style("warning:", fg="yellow", bold=True)
    return "\n".join(_line(warning, f"{word} ") for warning in warnings)


def problems_json(problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> str:
    """`{"problems": [{"file", "line", "column", "what", "remedy"}], "warnings": [the same]}`;
    line 0: the whole file."""
    return json_document(
        {
            "problems": [_as_json(problem) for problem in problems],
            "warnings": [_as_json(warning) for warning in warnings],
        }
    )


def _line(problem: Problem, kind: str = "") -> str:
    place = click.style(sanitize(str(problem.place)), bold=True)
    return f"{place}: {kind}{sanitize(problem.what)}; {sanitize(problem.remedy)}"


def _as_json(problem: Problem) -> dict[str, Json]:
    return {**place_json(problem.place), "what": problem.what, "remedy": problem.remedy}
