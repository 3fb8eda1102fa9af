"""assistctl threads: what was said here, found again, exported and deleted."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from assistctl.commands._completion import complete_key, complete_target, complete_thread
from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._conversation import opened_session
from assistctl.commands._options import Options, as_command, as_group
from assistctl.commands._workspace import load, say
from assistctl.conversation.sessions import ConversationOptions
from assistctl.errors import AssistctlError
from assistctl.loading import root_of
from assistctl.record import store
from assistctl.record.threads import Thread
from assistctl.render.terminal import fitted, one_line, sanitize
from assistctl.render.threads import (
    conversation_json,
    conversation_markdown,
    conversation_text,
    copied_text,
    hits_json,
    hits_text,
    threads_json,
    threads_text,
)
from assistctl.render.values import json_document
from assistctl.resources import Workspace
from assistctl.surface import COPY, Support
from assistctl.targets import opened

_THREAD = click.argument("thread", metavar="THREAD", shell_complete=complete_thread)


@as_command("list", formats=("text", "json"))
def _list(options: Options) -> None:
    """List the threads that were used here, the one used last first.

    Those of all targets, or with --target of one.

    \b
    Examples:
      assistctl threads list
      assistctl threads list -t prod --format json
    """
    found = store.threads(root_of(options.workspace), options.target)
    click.echo(threads_json(found) if options.format == "json" else threads_text(found))


@as_command("show", formats=("text", "json"))
@click.argument("thread", metavar="[THREAD]", required=False, shell_complete=complete_thread)
def _show(options: Options, thread: str | None) -> None:
    """Show what was said on a thread; without THREAD on the one used last.

    The beginning of an id is enough. Arguments and outputs of calls are cut, but not with -v.

    \b
    Examples:
      assistctl threads show
      assistctl threads show abc123 -v
    """
    root = root_of(options.workspace)
    found = _named(root, options, thread)
    turns = store.turns(root, found)
    if options.format == "json":
        click.echo(conversation_json(found, turns))
    else:
        told = conversation_text(found, turns, whole=options.verbosity > 0)
        click.echo(fitted(told, sys.stdout))


@as_command("search", formats=("text", "json"))
@click.argument("words", metavar="WORDS", nargs=-1, required=True)
def _search(options: Options, words: tuple[str, ...]) -> None:
    """Find the turns in which all the WORDS occur, also within other words.

    Titles, messages, answers, calls and the names of attached files are looked through.

    \b
    Examples:
      assistctl threads search saturday open
      assistctl threads search refund -t prod --format json
    """
    each = [word for words_ in words for word in words_.split()]
    if not each:
        raise click.UsageError("Say what is to be found.")
    hits = store.search(root_of(options.workspace), each, options.target)
    click.echo(hits_json(hits) if options.format == "json" else hits_text(hits))


@as_command("export", formats=("markdown", "json"))
@_THREAD
def _export(options: Options, thread: str) -> None:
    """Write a thread to standard output, as Markdown or with --format json.

    A file or a pipe gets texts exactly as they were; a terminal, with controls spelled out.

    \b
    Examples:
      assistctl threads export abc123 > talk.md
      assistctl threads export abc123 --format json
    """
    root = root_of(options.workspace)
    found = _named(root, options, thread)
    form = conversation_json if options.format == "json" else conversation_markdown
    text = form(found, store.turns(root, found)).rstrip("\n")
    if sys.stdout.isatty():
        click.echo(sanitize(text))
    else:
        sys.stdout.write(f"{text}\n")  # echo takes sequences of controls out


@as_command("rename", formats=("text", "json"))
@_THREAD
@click.argument("title", metavar="TITLE")
def _rename(options: Options, thread: str, title: str) -> None:
    """Give a thread another title, here only.

    \b
    Examples:
      assistctl threads rename abc123 "Opening hours"
      assistctl threads rename thread_abc123 Saturdays
    """
    title = " ".join(title.split())
    if not title:
        raise click.UsageError("The title is empty.")
    root = root_of(options.workspace)
    found = _named(root, options, thread)
    store.rename(root, found, title)
    if options.format == "json":
        click.echo(threads_json([replace(found, title=title)]))
    else:
        say(options, f"Renamed {found.id}.")


@as_command("delete", formats=("text", "json"))
@_THREAD
@click.option("--at-target", is_flag=True, help="Delete the thread at its target, too.")
@with_consent
def _delete(options: Options, thread: str, at_target: bool, consent: Consent) -> None:
    """Forget what was said on a thread.

    The thread itself stays at its target, where nothing but --at-target deletes it.

    \b
    Examples:
      assistctl threads delete abc123
      assistctl threads delete abc123 --at-target
    """
    root = root_of(options.workspace)
    found = _named(root, options, thread)
    if at_target:
        workspace = load(replace(options, target=found.target), refuse=False)
        consent.obtain(f"delete {one_line(found.id)} at {found.target}", workspace.target)
        with opened(workspace) as surface:
            surface.delete_thread(found.id)
    store.delete(root, found)
    if options.format == "json":
        click.echo(threads_json([found]))
    else:
        where = f" at {found.target} and here" if at_target else " here"
        say(options, f"Deleted {found.id}{where}.")


@as_command("copy", formats=("text", "json"))
@_THREAD
@click.option(
    "--to",
    metavar="TARGET",
    required=True,
    shell_complete=complete_target,
    help="Where it shall be, too.",
)
@click.option(
    "--assistant",
    "key",
    metavar="KEY",
    shell_complete=complete_key,
    help="With whom it goes on there; otherwise the one that it was held with.",
)
def _copy(options: Options, thread: str, to: str, key: str | None) -> None:
    """Make a thread anew at another target, with what its API takes of it.

    It is read at its own target; where that does not tell it any more, from the record here. One
    that is not recorded here is copied by its whole id, from --target. `run -t TARGET KEY
    --continue` goes on with the copy, whose id goes to standard output; what it has not is told on
    standard error.

    \b
    Examples:
      assistctl threads copy abc123 --to prod
      assistctl threads copy abc123 --to prod --assistant guide
    """
    from assistctl.conversation import copying

    root = root_of(options.workspace)
    there = replace(options, target=to)
    workspace = load(there)
    found = _named(root, options, thread, elsewhere=True)

    def source() -> Workspace:
        return load(replace(options, target=found.target), refuse=False)

    with TemporaryDirectory(prefix="assistctl-") as directory:
        original = copying.read(source, root, found, Path(directory))
        key = key or found.assistant or _only(workspace, found)
        with opened_session(there, workspace, key, ConversationOptions()) as talk:
            as_what = talk.surface.capabilities[COPY]
            if as_what.support is Support.EMULATED:
                say(options, f"note: at {to} it is copied {as_what.how}")
            copied = copying.write(original, talk)
    if options.format == "json":
        click.echo(json_document({"target": to, "assistant": key, **asdict(copied)}))
        return
    say(options, copied_text(to, copied.messages, copied.calls, copied.left))
    click.echo(copied.thread)


def _only(workspace: Workspace, thread: Thread) -> str:
    """The assistant that a thread of which nothing is recorded can only have been held with."""
    if len(workspace.assistants) == 1:
        return next(iter(workspace.assistants.values())).key
    raise AssistctlError(
        f"{one_line(thread.id)} is not recorded here, so nobody knows with which assistant it was"
        " held; name with --assistant who goes on with it"
    )


def _named(root: Path, options: Options, name: str | None, *, elsewhere: bool = False) -> Thread:
    """See store.named. One that is not recorded may be at the target, if it may be `elsewhere`."""
    try:
        return store.named(root, options.target, name)
    except store.NotRecorded:
        if not (elsewhere and name):
            raise
        return Thread(0, name, load(options).target.name, "", None, "", "", 0)


command = as_group(
    "threads",
    "List, show, search, export, rename, delete and copy what was said here.",
    ("assistctl threads list", "assistctl threads show"),
    _list,
    _show,
    _search,
    _export,
    _rename,
    _delete,
    _copy,
)
