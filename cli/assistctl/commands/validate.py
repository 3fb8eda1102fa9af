"""`assistctl validate`: everything that can be checked without a network, and models with one."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from assistctl.apis import models
from assistctl.checks import State
from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load, warn
from assistctl.errors import DeclarationError, Problem
from assistctl.render.problems import problems_json
from assistctl.render.values import counted
from assistctl.resources import Target, Workspace, declared_files, declared_functions
from assistctl.targets import opened
from assistctl.toolbox.site_packages import missing_python

EXIT_INVALID = DeclarationError.exit_code


@as_command("validate", formats=("text", "json"))
@click.option("--online", is_flag=True, help="Ask the target, too, whether it has the models.")
@click.option(
    "--within",
    metavar="DAYS",
    type=click.IntRange(0),
    default=60,
    show_default=True,
    help="With --online: warn of models that end in so many days.",
)
@click.option("--strict", is_flag=True, help="Warnings are errors.")
def command(options: Options, online: bool, within: int, strict: bool) -> int | None:
    """Check the workspace without any network, unless --online asks the target.

    YAML, schema, references, files, limits, what the target's API can do, and the Python functions
    against what is declared of them, whose code is read but not run. All problems are shown at
    once. What the model that answers will not take is no problem, but a warning, and so is one that
    ends, and a call in a script that the assistant's functions would not take.

    \b
    Examples:
      assistctl validate
      assistctl validate --strict --format json
      assistctl validate --online -t prod
    """
    workspace = load(options, tests=True)
    problems: list[Problem] = []
    warnings = [*workspace.warnings, *missing_python(workspace.interpreter)]
    if workspace.scripted_calls:
        from assistctl.toolbox.scripts import misfits

        warnings += misfits(workspace)
    if online and not _is_scripted(workspace.target):
        asked = _endpoint if workspace.target.local else _target
        wrong, noticed = asked(workspace, within)
        problems, warnings = [*problems, *wrong], [*warnings, *noticed]
    if strict:
        problems, warnings = [*problems, *warnings], []
    if options.format == "json":
        click.echo(problems_json(sorted(problems), sorted(warnings)))
        return EXIT_INVALID if problems else None
    warn(options, sorted(warnings))
    if problems:
        raise DeclarationError(problems)
    if not options.quiet:
        click.echo(_summary(workspace))
    return None


def _is_scripted(target: Target) -> bool:
    """Whether no model is asked, so that any may be named."""
    return target.local and target.model == "scripted"


def _target(workspace: Workspace, within: int) -> tuple[list[Problem], list[Problem]]:
    """What is wrong with the models at a target elsewhere, and what will be."""
    with opened(workspace) as surface:
        there = surface.models(models.declared_models(workspace))
    today = datetime.now(UTC).date()
    return [*models.missing(workspace, there)], [*models.ending(workspace, there, today, within)]


def _endpoint(workspace: Workspace, _within: int) -> tuple[list[Problem], list[Problem]]:
    """The same of the embedded server's model endpoint, which tells of no model's end."""
    from assistctl.checkup.models import checks

    found: dict[State, list[Problem]] = {state: [] for state in State}
    for check in checks(workspace):
        found[check.state].append(
            Problem(workspace.target.place, check.what, check.remedy or "correct it")
        )
    return found[State.FAILED], found[State.WARNING]


def _summary(workspace: Workspace) -> str:
    """`Valid: 2 assistants, 1 function, 3 files.`"""
    found = (
        counted(len(workspace.assistants), "assistant"),
        counted(len(declared_functions(workspace)), "function"),
        counted(len(declared_files(workspace)), "file"),
    )
    return f"Valid: {', '.join(found)}."
