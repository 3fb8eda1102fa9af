"""assistctl plan: what sync would do."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assistctl.commands._completion import complete_declared
from assistctl.commands._options import (
    Options,
    as_command,
    check_keys,
    deep_option,
    parallel_option,
)
from assistctl.commands._person import in_ci
from assistctl.commands._report import told_plan
from assistctl.commands._workspace import load, warn
from assistctl.plan.reconcile import PlanOptions
from assistctl.render.plan import plan_text
from assistctl.render.plan_json import plan_document
from assistctl.render.values import json_document
from assistctl.resources import ASSISTANT, Address, Json, Workspace
from assistctl.sync.planning import PlannedSync, plan_sync
from assistctl.targets import opened

if TYPE_CHECKING:
    from assistctl.testing.wanted import Taping
    from assistctl.verdicts import Comparison

CHANGES_PENDING = 2
EXIT_NOT_PASSED = 1


@as_command("plan", formats=("text", "json", "markdown"))
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=complete_declared)
@click.option("--prune", is_flag=True, help="Plan to delete what is owned but not declared.")
@click.option(
    "--drift-only", is_flag=True, help="Only what was edited at the target, or has gone from it."
)
@deep_option
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan, for `sync --plan FILE`.",
)
@click.option(
    "--with-tests",
    is_flag=True,
    help="Try the cases, too, with what is at the target and with what is declared. Functions are "
    "called for it, and models asked.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@parallel_option
def command(
    options: Options,
    keys: tuple[str, ...],
    prune: bool,
    drift_only: bool,
    deep: bool,
    out: Path | None,
    with_tests: bool,
    detailed_exitcode: bool,
    parallel: int,
) -> int | None:
    """Show what `assistctl sync` would do, without doing it.

    With KEYs only for these and what they refer to. -v shows the requests of each change. With
    --with-tests it exits 1 unless all cases pass with what is declared.

    \b
    Examples:
      assistctl plan
      assistctl plan guide -v
      assistctl plan -t prod --detailed-exitcode --out plan.json
    """
    check_keys(keys, prune)
    if drift_only and (prune or out):
        raise click.UsageError("--drift-only shows a part of a plan; it cannot be saved or prune.")
    if drift_only and with_tests:
        raise click.UsageError("--drift-only looks at the target alone; leave out --with-tests.")
    workspace = load(options, tests=with_tests)
    warn(options, workspace.warnings)
    plan_options = PlanOptions(partial=bool(keys), prune=prune, deep=deep or drift_only)
    with opened(workspace, parallel) as surface:
        gc.freeze()  # all that was imported and declared is in use until the end; see main.GARBAGE
        planned = plan_sync(surface, workspace, keys, plan_options)
    shown = planned.plan.drift if drift_only else planned.plan
    tests = _compared(workspace, planned, keys) if with_tests else None
    if options.format == "json":
        more = {"tests": _document(tests)} if with_tests else {}
        click.echo(json_document(plan_document(shown) | more))
    elif options.format == "markdown":
        from assistctl.render.markdown import plan_markdown

        click.echo(plan_markdown(shown, planned.stores))
    elif drift_only:
        click.echo(plan_text(shown, stores=None if options.verbosity > 0 else planned.stores))
    else:
        click.echo(told_plan(planned, options))
    if out is not None:
        from assistctl.sync.saved_plan import save

        save(out, workspace, planned, keys, plan_options)
    if with_tests and options.format != "json":
        click.echo(f"\n{_shown(tests, options)}")
    if tests and not tests.after.good:
        return EXIT_NOT_PASSED
    return CHANGES_PENDING if detailed_exitcode and shown else None


# What tests need is imported where there are some: a plan alone is to be quick.


def _compared(
    workspace: Workspace, planned: PlannedSync, keys: tuple[str, ...]
) -> Comparison | None:
    from assistctl.record.results import keep
    from assistctl.render.testing.documents import report_document
    from assistctl.testing.comparing import compare
    from assistctl.testing.wanted import Wanted

    wanted = tuple(Address.parse(key).name for key in keys if Address.parse(key).kind == ASSISTANT)
    if keys and not wanted:
        return None
    taping: Taping = "replay what there is" if in_ci() else None
    tests = compare(workspace, Wanted(wanted, taping=taping), planned.observed.owned)
    for report in filter(None, (tests.before, tests.after) if tests else ()):
        keep(workspace, report_document(report)["cases"])
    return tests


def _document(tests: Comparison | None) -> Json:
    from assistctl.render.testing.documents import comparison_document

    return comparison_document(tests) if tests else None


def _shown(tests: Comparison | None, options: Options) -> str:
    if tests is None:
        return "No tests are declared for what is planned."
    if options.format == "markdown":
        from assistctl.render.testing.markdown import comparison_markdown

        return comparison_markdown(tests)
    from assistctl.render.testing.text import comparison_text

    return comparison_text(tests, options.verbosity)
