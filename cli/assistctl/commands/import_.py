"""assistctl import: existing assistants become YAML, prompts and files, and are adopted."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from assistctl.commands._apply import apply, told_plan
from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._importing import choosing
from assistctl.commands._importing.downloads import Wanted, download_all
from assistctl.commands._importing.drafts import Background, Draft, drafted
from assistctl.commands._importing.dumps import read_dump
from assistctl.commands._importing.names import some
from assistctl.commands._importing.placing import tray
from assistctl.commands._importing.shape import Unfit, check_shape
from assistctl.commands._importing.stores import StoreDraft, shared, store_ids
from assistctl.commands._importing.writing import written
from assistctl.commands._options import Options, as_command, parallel_option
from assistctl.commands._survey import Survey, adoption
from assistctl.commands._target import opened
from assistctl.commands._workspace import environment, load
from assistctl.errors import AssistctlError, SyncFailed
from assistctl.render.terminal import sanitize
from assistctl.render.values import counted
from assistctl.resources import ASSISTANT, VECTOR_STORE, Address, Workspace
from assistctl.spec.additions import defaults

if TYPE_CHECKING:
    from assistctl.apis.assistants import Assistants
    from assistctl.apis.assistants.existing import Belongings, Body

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class _Asked:
    """What is to be imported, and how; no `ids` means all."""

    ids: tuple[str, ...]
    key: str | None
    adopting: bool
    with_files: bool


@dataclass(frozen=True)
class _Drafts:
    assistants: tuple[Draft, ...]
    stores: tuple[StoreDraft, ...]
    belongings: Belongings

    @property
    def objects(self) -> dict[str, str]:
        """Address -> id of everything that is to be adopted; stores before who searches them."""
        addresses = {Address(VECTOR_STORE, store.key): store.id for store in self.stores}
        for draft in self.assistants:
            if draft.store:
                addresses[Address(VECTOR_STORE, f"{draft.key}.file_search")] = draft.store
        addresses |= {Address(ASSISTANT, draft.key): draft.id for draft in self.assistants}
        return {str(address): object_id for address, object_id in addresses.items()}

    @property
    def wanted(self) -> list[Wanted]:
        everybody: list[Draft | StoreDraft] = [*self.stores, *self.assistants]
        return [
            Wanted(path, self.belongings.files[file_id], draft.title)
            for draft in everybody
            for path, file_id in draft.files.items()
        ]


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
    callback=choosing.check_key,
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
    """
    if sum(map(bool, (ids, everything, dump))) != 1:
        raise click.UsageError("Name the IDs of assistants, or --all, or --file FILE.")
    if key and len(ids) > 1:
        raise click.UsageError("--as names one assistant; import them one by one.")
    if dump:
        _from_dump(options, dump, key)
        return
    workspace = load(options)
    asked = _Asked(ids, key, adopting=not no_adopt, with_files=not without_files)
    with opened(workspace, parallel) as surface, tray(workspace.root) as directory:
        drafts = _read(surface, workspace, asked)
        if not drafts.assistants:
            _say(options, f"No assistant without an owner is at {workspace.target.name}.")
            return
        download_all(surface, directory, drafts.wanted, quiet=options.quiet)
        new = (drafts.assistants, drafts.stores)
        with written(options, workspace.root, directory, *new) as (workspace, paths):
            _show_files(options, paths)
            if asked.adopting:
                found = adoption(surface, workspace, drafts.objects)
                _show_plan(options, found, asking=consent.asks(workspace.target))
                consent.obtain(found.intent, workspace.target)
        if asked.adopting:
            _adopt(options, surface, workspace, found, drafts)
        else:
            _say_next(options, drafts)


def _from_dump(options: Options, dump: Path, key: str | None) -> None:
    # Any target will do, and this one needs no key.
    options = replace(options, target=options.target or "local")
    workspace = load(options)
    read = read_dump(dump)
    bodies = read.assistants
    _for_each(bodies, check_shape)
    keys = choosing.keys_for(bodies, workspace, asked=key)
    background = Background(_defaults(workspace))
    drafts = _for_each(bodies, lambda body: drafted(body, keys[body["id"]], background))
    with (
        tray(workspace.root) as directory,
        written(options, workspace.root, directory, drafts) as (_, paths),
    ):
        _show_files(options, paths)
    _say_functions(options, drafts)
    if read.others:
        left = some([f"{count} of the kind {kind!r}" for kind, count in read.others.items()])
        _say(options, f"Left out: {left}; `assistctl serve --seed` takes the whole dump.")
    _say(options, f"Imported {counted(len(drafts), 'assistant')}; next: assistctl plan")


def _read(surface: Assistants, workspace: Workspace, asked: _Asked) -> _Drafts:
    """All reads, and what they come to."""
    from assistctl.apis.assistants import existing

    everyone = existing.assistants(surface.client)
    if asked.ids:
        bodies = choosing.asked_for(everyone, asked.ids, workspace)
    else:
        bodies = choosing.without_owner(everyone)
    _for_each(bodies, check_shape)
    if asked.key is None:
        choosing.refuse_declared(bodies.values(), everyone.values(), workspace)
    searched = [store_id for body in bodies.values() for store_id in store_ids(body)]
    files = any(body.get("tool_resources") for body in bodies.values())
    belongings = existing.belongings(surface.client, searched, files=files)
    stores = shared(
        workspace,
        everyone.values(),
        belongings,
        taken=choosing.store_keys(belongings.stores.values(), workspace),
        with_files=asked.with_files,
    )
    keys = choosing.keys_for(bodies, workspace, everyone.values(), asked.key)
    background = Background(_defaults(workspace), belongings, stores, asked.with_files)
    drafts = _for_each(bodies, lambda body: drafted(body, keys[body["id"]], background))
    if asked.adopting:
        _refuse_losses(drafts)
    return _Drafts(drafts, stores.drafts, belongings)


def _for_each(bodies: Mapping[str, Body], make: Callable[[Body], _Made]) -> tuple[_Made, ...]:
    """What is made of each assistant. Raises AssistctlError that names every Unfit one."""
    made: list[_Made] = []
    faults: list[str] = []
    for each, body in bodies.items():
        try:
            made.append(make(body))
        except Unfit as unfit:
            faults.append(f"  {each}: {unfit}")
    if faults:
        raise AssistctlError("nothing was imported:\n" + "\n".join(faults))
    return tuple(made)


def _refuse_losses(drafts: Iterable[Draft]) -> None:
    if faults := [f"  {draft.title}: {some(draft.lost)}" for draft in drafts if draft.lost]:
        raise AssistctlError(
            "nothing was imported, since this cannot be declared, and adopted assistants would "
            "lose it:\n" + "\n".join(faults) + "\nTo write the rest as YAML all the same, use "
            "--no-adopt."
        )


def _adopt(
    options: Options,
    surface: Assistants,
    workspace: Workspace,
    found: Survey,
    drafts: _Drafts,
) -> None:
    results = apply(surface, workspace, found, quiet=options.quiet)
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
    if drafts.wanted:
        _say(options, "The files that they had before stay at the target; nothing here uses them.")
    _say(
        options,
        f"Imported {counted(len(drafts.assistants), 'assistant')} from {workspace.target.name}.",
    )


def _show_files(options: Options, paths: Sequence[str]) -> None:
    if not options.quiet:
        click.echo(sanitize("\n".join(["Files:", *(f"  {path}" for path in paths), ""])))


def _show_plan(options: Options, found: Survey, *, asking: bool) -> None:
    if asking or not options.quiet:
        click.echo(told_plan(found, options))


def _say_next(options: Options, drafts: _Drafts) -> None:
    _say_functions(options, drafts.assistants)
    commands = [_adopt_command(options, *item) for item in drafts.objects.items()]
    _say(options, "\n".join(["Not adopted yet; next:", *(f"  {line}" for line in commands)]))


def _adopt_command(options: Options, address: str, object_id: str) -> str:
    target = ["--target", options.target] if options.target else []
    key = address.removeprefix(f"{ASSISTANT}/")
    return shlex.join(["assistctl", "adopt", key, object_id, *target])


def _say_functions(options: Options, drafts: Iterable[Draft]) -> None:
    names = dict.fromkeys(
        tool["function"]["name"]
        for draft in drafts
        for tool in draft.fields.get("tools") or ()
        if tool["type"] == "function"
    )
    if names:
        _say(
            options,
            f"To have {some(names)} called here, name Python functions with `python:` beside "
            "`function:`.",
        )


def _say(options: Options, text: str) -> None:
    if not options.quiet:
        click.echo(sanitize(text), err=True)


def _defaults(workspace: Workspace) -> Mapping[str, object]:
    return defaults(workspace.root, environ=environment(workspace.root))
