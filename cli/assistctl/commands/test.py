"""assistctl test: the declared cases, held as conversations and judged."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from assistctl.commands._completion import complete_case, complete_key
from assistctl.commands._options import Options, as_command
from assistctl.commands._person import in_ci
from assistctl.commands._workspace import load, warn
from assistctl.errors import Interrupted
from assistctl.importing.promptfoo import import_tests
from assistctl.record.results import keep
from assistctl.render.testing.documents import report_document, report_json, report_junit
from assistctl.render.testing.markdown import report_markdown
from assistctl.render.testing.progress import shown_count
from assistctl.render.testing.text import report_text
from assistctl.render.values import counted
from assistctl.resources import Workspace
from assistctl.sync.planning import find_assistant
from assistctl.testing import Wanted, try_cases
from assistctl.testing.running import Try
from assistctl.testing.wanted import JOBS, Taping
from assistctl.verdicts import Attempt, Outcome, Report

EXIT_NOT_PASSED = 1
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


@as_command("test", formats=("text", "json", "junit", "markdown"))
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=complete_key)
@click.option(
    "--case",
    "only",
    multiple=True,
    metavar="TEXT",
    shell_complete=complete_case,
    help="Only cases with TEXT in their name.",
)
@click.option(
    "--synced", is_flag=True, help="Test what is at the target, not what is declared here."
)
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 64),
    default=JOBS,
    show_default=True,
    help="Cases at the same time.",
)
@click.option("--record", is_flag=True, help="Keep what models answer in KEY.cassette.json.")
@click.option("--replay", is_flag=True, help="Answer from there; no model is asked.")
@click.option("--approve-all", is_flag=True, help="Call functions that want approval, too.")
@click.option(
    "--import",
    "config",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write the tests of KEY as this promptfoo configuration has them, and try none.",
)
@click.option(
    "--junit",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a report for CI systems, too, in the format of JUnit.",
)
def command(
    options: Options,
    keys: tuple[str, ...],
    only: tuple[str, ...],
    synced: bool,
    jobs: int,
    record: bool,
    replay: bool,
    approve_all: bool,
    config: Path | None,
    junit: Path | None,
) -> int | None:
    """Try the cases in assistants/KEY.tests.yaml, of all assistants without KEYs.

    What is declared here is tested on an embedded server of its own, with the target's model;
    nothing is written to the target. With --synced, what is at the target is tested there. In CI,
    what was recorded is replayed.
    Functions are really called, but for those with stubs. Exits 0 only if all cases passed.

    \b
    Examples:
      assistctl test
      assistctl test guide --case hours -v
      assistctl test -t prod --synced --junit report.xml
      assistctl test guide --import promptfooconfig.yaml
    """
    if record + replay + synced > 1:
        raise click.UsageError("Only one of --record, --replay and --synced can be had.")
    taping = _taping(record, replay, synced)
    workspace = load(options, keyless=taping not in (None, "record"), tests=True)
    warn(options, workspace.warnings)
    if config:
        _import(options, workspace, keys, config)
        return None
    junit = junit.absolute() if junit else None
    one_target = options.target is not None
    wanted = Wanted(keys, only, synced, jobs, approve_all, one_target=one_target, taping=taping)
    with shown_count(sys.stderr, live=not (options.quiet or in_ci())) as count:

        def watch(tried: Try, attempt: Attempt, ended: int, total: int) -> None:
            count(tried.name, attempt.outcome.value, ended, total)

        report = try_cases(workspace, wanted, watch)
    keep(workspace, report_document(report)["cases"])
    if junit:
        junit.write_text(_XML + report_junit(report) + "\n", encoding="utf-8")
    click.echo(_shown(report, options))
    if report.count(Outcome.STOPPED):
        raise Interrupted("stopped before all cases were tried")
    return None if report.good else EXIT_NOT_PASSED


def _import(options: Options, workspace: Workspace, keys: tuple[str, ...], config: Path) -> None:
    if len(keys) != 1:
        raise click.UsageError("Name the one KEY whose tests these are.")
    key = find_assistant(workspace, keys[0]).key
    file, notes = import_tests(config, workspace.root, key)
    warn(options, notes)
    cases = load(options, tests=True).suites[key].cases  # all that is wrong with them is told
    click.echo(f"{file}: {counted(len(cases), 'case')}")


def _taping(record: bool, replay: bool, synced: bool) -> Taping:
    """In CI what was recorded is replayed unless somebody says otherwise."""
    if record:
        return "record"
    if replay:
        return "replay"
    return "replay what there is" if in_ci() and not synced else None


def _shown(report: Report, options: Options) -> str:
    match options.format:
        case "json":
            return report_json(report)
        case "markdown":
            return report_markdown(report)
        case "junit":
            return _XML + report_junit(report)
    return report_text(report, options.verbosity)
