"""assistctl import: existing assistants become YAML, prompts and files, and are adopted."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._options import Options, as_command, parallel_option
from assistctl.commands._person import in_ci
from assistctl.commands._report import applied, intent, told_plan
from assistctl.commands._workspace import load, say
from assistctl.errors import SyncFailed
from assistctl.importing.assistant_drafts import AssistantDraft
from assistctl.importing.choosing import TooMany
from assistctl.importing.downloads import download_all
from assistctl.importing.drafting import Drafts, ImportOptions, drafts_of_dump, drafts_of_target
from assistctl.importing.dumps import read_dump
from assistctl.importing.staging import staging_directory
from assistctl.importing.writing import write_drafts, yaml_path
from assistctl.keys import IN_WORDS, composed, is_key
from assistctl.render.progress import shown_progress
from assistctl.render.terminal import sanitize
from assistctl.render.values import counted
from assistctl.resources import ASSISTANT, Workspace
from assistctl.some import some
from assistctl.sync.adoption import adoption
from assistctl.sync.planning import PlannedSync
from assistctl.targets import opened

if TYPE_CHECKING:
    from assistctl.surface import Surface


def _check_key(context: click.Context, parameter: click.Parameter, key: str | None) -> str | None:
    """A click callback: whether an assistant can have this key."""
    if key is None or is_key(key := composed(key)):
        return key
    raise click.BadParameter(f"{key!r} cannot be a key: use {IN_WORDS}.")


@as_command("import")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Every assistant that nobody owns.")
@click.option(
    "--file",
    "dump",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A dump of the old API (JSON or JSON Lines); only writes files.",
)
@click.option(
    "--as",
    "key",
    metavar="KEY",
    callback=_check_key,
    help="The assistant's key; otherwise made of its name.",
)
@click.option("--no-adopt", is_flag=True, help="Only write files; leave the target alone.")
@click.option(
    "--without-files",
    is_flag=True,
    help="Leave out code_interpreter and file_search files; adopted, the assistant loses them.",
)
@with_consent
@parallel_option
def command(
    options: Options,
    ids: tuple[str, ...],
    everything: bool,
    dump: Path | None,
    key: str | None,
    no_adopt: bool,
    without_files: bool,
    consent: Consent,
    parallel: int,
) -> None:
    """Write existing assistants as YAML, prompts and files, and take them over.

    IDs are assistants at the target that nobody owns. Their files are downloaded and uploaded
    anew as the workspace's own; the plan is shown first. Afterwards `assistctl plan` is empty.
    All files are written or none, and nothing is overwritten.

    \b
    Examples:
      assistctl import asst_abc123 --as porter -t prod
      assistctl import --all --no-adopt -t prod
      assistctl import --file dump.json
    """
    if sum(map(bool, (ids, everything, dump))) != 1:
        raise click.UsageError("Name the IDs of assistants, or --all, or --file FILE.")
    if key and len(ids) > 1:
        raise click.UsageError("--as names one assistant; import them one by one.")
    if dump:
        _from_dump(options, dump, key)
        return
    workspace = load(options)
    asked = ImportOptions(ids, key, adopting=not no_adopt, with_files=not without_files)
    with opened(workspace, parallel) as surface, staging_directory(workspace.root) as directory:
        with _one_key():
            drafts = drafts_of_target(surface, workspace, asked)
        if not drafts.assistants:
            say(options, f"No assistant without an owner is at {workspace.target.name}.")
            return
        with shown_progress(
            sys.stderr, len(drafts.downloads), quiet=options.quiet, live=not in_ci()
        ) as progress:
            download_all(surface, directory, drafts.downloads, progress)
        new = (drafts.assistants, drafts.stores)
        with write_drafts(workspace.root, options.target, directory, *new) as (workspace, paths):
            _show_files(options, paths)
            if asked.adopting:
                planned = adoption(surface, workspace, drafts.objects)
                _show_plan(options, planned, asking=consent.asks(workspace.target))
                consent.obtain(intent(planned), workspace.target)
        if asked.adopting:
            _adopt(options, surface, workspace, planned, drafts)
        else:
            _say_next(options, drafts)


@contextmanager
def _one_key() -> Iterator[None]:
    try:
        yield
    except TooMany as error:
        raise click.UsageError(str(error)) from error


def _from_dump(options: Options, dump: Path, key: str | None) -> None:
    # Any target will do, and this one needs no key.
    options = replace(options, target=options.target or "local")
    workspace = load(options)
    read = read_dump(dump)
    with _one_key():
        found = drafts_of_dump(read, workspace, key)
    drafts = found.assistants
    for there in found.there:
        say(options, f"{yaml_path(there)} is there already, as the dump has it.")
    if drafts:
        with (
            staging_directory(workspace.root) as directory,
            write_drafts(workspace.root, options.target, directory, drafts) as (_, paths),
        ):
            _show_files(options, paths)
    for new, wanted in found.beside.items():
        say(
            options,
            f"note: {yaml_path(new)} has a number since {wanted!r} is another one; if they are the "
            "same assistant, keep one of them",
        )
    _say_functions(options, drafts)
    if read.others:
        left = some([f"{count} of the kind {kind!r}" for kind, count in read.others.items()])
        say(options, f"Left out: {left}; `assistctl serve --seed` takes the whole dump.")
    after = "; next: assistctl plan" if drafts else ", since all are here already."
    say(options, f"Imported {counted(len(drafts), 'assistant')}{after}")


def _adopt(
    options: Options,
    surface: Surface,
    workspace: Workspace,
    planned: PlannedSync,
    drafts: Drafts,
) -> None:
    results = applied(surface, workspace, planned, quiet=options.quiet)
    failed = {str(result.change.address) for result in results if result.error}
    if failed:
        left = [
            _adopt_command(options, *item) for item in drafts.objects.items() if item[0] in failed
        ]
        raise SyncFailed(
            f"{counted(len(failed), 'change')} of {len(results)} could not be made; what is done "
            "is done. The files are written; before you sync, finish with:\n"
            + "\n".join(f"  {line}" for line in left)
        )
    _say_functions(options, drafts.assistants)
    if drafts.downloads:
        say(options, "The files that they had before stay at the target; nothing here uses them.")
    say(
        options,
        f"Imported {counted(len(drafts.assistants), 'assistant')} from {workspace.target.name}.",
    )


def _show_files(options: Options, paths: Sequence[str]) -> None:
    if not options.quiet:
        click.echo(sanitize("\n".join(["Files:", *(f"  {path}" for path in paths), ""])))


def _show_plan(options: Options, planned: PlannedSync, *, asking: bool) -> None:
    if asking or not options.quiet:
        click.echo(told_plan(planned, options))


def _say_next(options: Options, drafts: Drafts) -> None:
    _say_functions(options, drafts.assistants)
    commands = [_adopt_command(options, *item) for item in drafts.objects.items()]
    say(options, "\n".join(["Not adopted yet; next:", *(f"  {line}" for line in commands)]))


def _adopt_command(options: Options, address: str, object_id: str) -> str:
    target = ["--target", options.target] if options.target else []
    key = address.removeprefix(f"{ASSISTANT}/")
    return shlex.join(["assistctl", "adopt", key, object_id, *target])


def _say_functions(options: Options, drafts: Iterable[AssistantDraft]) -> None:
    names = dict.fromkeys(
        tool["function"]["name"]
        for draft in drafts
        for tool in draft.fields.get("tools") or ()
        if tool["type"] == "function"
    )
    if names:
        say(
            options,
            f"To have {some(names)} called here, name Python functions with `python:` beside "
            "`function:`.",
        )
