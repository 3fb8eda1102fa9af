"""What shells are offered: names that the workspace has, whatever is wrong with it otherwise.

Nobody is asked over a network, and nothing is ever said: where nothing can be read, nothing is
offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import click
from click.shell_completion import CompletionItem

from assistctl.keys import composed
from assistctl.render.terminal import one_line
from assistctl.resources import (
    ASSISTANT,
    VECTOR_STORE,
    Address,
    Workspace,
    declared_files,
    declared_functions,
)

Completer: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Offers: TypeAlias = Callable[[click.Context, Path, str], Iterable[tuple[str, str]]]
"""All that might be meant in a workspace, each with what is said of it, by what was typed."""

_SHORTEST_WORD = 3


def completer(offers: Offers) -> Completer:
    """What completes a parameter with those of the offers that begin as what was typed."""

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        begun = composed(incomplete)
        with suppress(Exception):  # whatever is broken, a prompt is no place to say so
            if (root := _root(ctx)) is not None:
                found = dict(offers(ctx, root, begun))
                return [
                    CompletionItem(value, help=one_line(help_text) or None)
                    for value, help_text in found.items()
                    if composed(value).startswith(begun)
                ]
        return []

    return complete


def _assistants(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    """By the names of their files; nothing is parsed."""
    keys = {composed(path.stem) for path in (root / "assistants").glob("*.yaml")}
    yield from ((key, "") for key in sorted(keys) if "." not in key)


def _declared(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    """Assistants by their keys, and stores; assistants by their addresses where these are typed."""
    yield from _assistants(ctx, root, begun)
    if begun.startswith(ASSISTANT[0]) and begun:
        yield from ((str(Address(ASSISTANT, key)), "") for key, _ in _assistants(ctx, root, ""))
    for key in sorted(_workspace(ctx, root).stores):
        yield str(Address(VECTOR_STORE, key)), ""


def _addresses(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    """The same, and the files that they use."""
    yield from _declared(ctx, root, begun)
    yield from ((str(file), "") for file in sorted(declared_files(_workspace(ctx, root))))


def _targets(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    yield from ((name, "") for name in _workspace(ctx, root).targets)


def _threads(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    """Those that were used here, the one used last first, with their titles."""
    from assistctl.record import store

    for thread in store.threads(root, _given(ctx, "target")):
        yield thread.id, thread.title or ""


def _snapshots(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    """Those of the target in use, the newest first."""
    from assistctl.sync.snapshots import names

    target = _workspace(ctx, root).target
    yield from ((name, target.name) for name in names(root, target))


def _functions(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    """By their names; as KEY/NAME where that is typed."""
    for found in declared_functions(_workspace(ctx, root)):
        about = (found.function.description or "").partition("\n")[0]
        yield found.function.name, about
        if "/" in begun:
            yield from ((f"{key}/{found.function.name}", about) for key in found.used_by)


def _cases(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    """The words in their names, of which one is enough: shells take names with spaces apart."""
    for suite in _workspace(ctx, root).suites.values():
        for case in suite.cases:
            words = (word.strip(".,;:!?\"'()") for word in case.name.split())
            yield from ((word, case.name) for word in words if len(word) >= _SHORTEST_WORD)


def _models(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    """Those that assistants have, that have a price, or that tests are tried with."""
    workspace = _workspace(ctx, root)
    named = [str(it.settings.get("model", "")) for it in workspace.assistants.values()]
    named += workspace.prices
    for suite in workspace.suites.values():
        named += suite.matrix.models
    yield from ((name, "") for name in dict.fromkeys(named) if name)


def _mcp_servers(ctx: click.Context, root: Path, begun: str) -> Iterator[tuple[str, str]]:
    from assistctl.spec import mcp

    servers, _ = mcp.servers_of(root, {})
    yield from ((name, "") for name in servers)


def _workspace(ctx: click.Context, root: Path) -> Workspace:
    """As much of it as can be read."""
    from assistctl import loading

    known: Workspace | None = ctx.meta.get(__name__)
    if known is None:
        ctx.meta[__name__] = known = loading.glimpse(root, _given(ctx, "target"))
    return known


def _root(ctx: click.Context) -> Path | None:
    """The workspace that a command line names or is typed in."""
    start = (_given(ctx, "workspace") or Path.cwd()).resolve()
    roots = (start, *start.parents)
    return next((root for root in roots if (root / "assistctl.yaml").is_file()), None)


def _given(ctx: click.Context, name: str) -> Any:
    """What a command line gives for a parameter, of a command or of a group that it is in."""
    value = ctx.params.get(name)
    return value or (_given(ctx.parent, name) if ctx.parent else None)


complete_key = completer(_assistants)
complete_declared = completer(_declared)
complete_address = completer(_addresses)
complete_target = completer(_targets)
complete_thread = completer(_threads)
complete_snapshot = completer(_snapshots)
complete_function = completer(_functions)
complete_case = completer(_cases)
complete_model = completer(_models)
complete_mcp_server = completer(_mcp_servers)
