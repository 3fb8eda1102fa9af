"""The console, as `console` and `serve --console` open it: what it reaches, and its links."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import click
from starlette.types import ASGIApp

from assistctl import apis
from assistctl.commands._options import Options
from assistctl.commands._person import can_answer
from assistctl.commands._workspace import load
from assistctl.console.access import LINK_SECONDS, Links
from assistctl.console.app import beside, create_app
from assistctl.console.reach import Reach
from assistctl.console.visit import ROOT, Console
from assistctl.errors import AssistctlError, Place
from assistctl.resources import Target, Workspace


def reached(target: Target) -> Reach:
    """Connections to a target."""
    from assistctl.apis.transport.client import Client

    assert target.base_url is not None, "a local target is given its address before it is used"
    return Reach(apis.connect(target), Client(target.base_url, target.api_key or "none"))


def loaded(options: Options, target: Target) -> Workspace:
    """The workspace as its files are now. Raises AssistctlError where they say another target than
    the console has been started for."""
    workspace = load(options)
    if workspace.target != target and _where(workspace.target) != _where(target):
        raise AssistctlError(
            f"{target.name} is declared otherwise now ({workspace.target.place}); start the "
            "console again"
        )
    return workspace


def _where(target: Target) -> tuple[object, ...]:
    return (target.name, target.api, target.namespace, target.base_url, target.api_key)


def console_of(
    options: Options, workspace: Workspace | None, *, keyed: bool
) -> tuple[Callable[[ASGIApp], ASGIApp], Callable[[str], None]]:
    """The console beside the API that `serve` serves: what makes one application of both, and what
    is told the API's address once it listens.

    With keys it is opened by them, and shows what the API shows with each. Those who hold one are
    clients of the API and not the workspace's authors: of its files and of what was said on this
    machine they see nothing. Without keys it is for one person of this machine, opened by a link.
    """
    links = None if keyed else Links()
    served: list[str] = []
    target = workspace.target if workspace and not keyed else _ANY

    def reach(key: str | None) -> Reach:
        found = reached(replace(target, base_url=served[0], api_key=key or target.api_key))
        try:
            found.client.page("/assistants", limit=1)  # with a key that opens nothing, a 401
        except AssistctlError:
            found.close()
            raise
        return found

    def listens(url: str) -> None:
        served.append(url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:"))
        address = url.removesuffix("/v1")
        if links:
            tell(address, links, browser=False)
        else:
            click.echo(f"  console: {address}{ROOT}, opened by a key", err=True)

    console = Console(
        target=target.name,
        reach=reach,
        load=(lambda: loaded(options, target)) if workspace and not keyed else None,
        links=links,
        root=workspace.root if workspace and not keyed else None,
        namespace=target.namespace if workspace and not keyed else None,
    )
    return partial(beside, console=create_app(console)), listens


_ANY = Target("this server", "assistants", "", Place("serve"))


def tell(address: str, links: Links, *, browser: bool) -> None:
    """Print a link, or, where a person is at the terminal, open it, and print another one whenever
    Enter is pressed."""
    link = _link(address, links)
    click.echo(f"Console: {link}", err=True)
    minutes = round(LINK_SECONDS / 60)
    again = "; press Enter for another one" if can_answer() else ""
    click.echo(f"  the link opens it once, within {minutes} minutes{again}", err=True)
    if not can_answer():
        return
    if browser:
        threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()
    threading.Thread(target=_more_links, args=(address, links), daemon=True).start()


def _more_links(address: str, links: Links) -> None:
    while os.read(sys.stdin.fileno(), 4096):  # not through a buffer, whose lock nobody gets at exit
        click.echo(f"Console: {_link(address, links)}", err=True)


def _link(address: str, links: Links) -> str:
    return f"{address}{ROOT}/enter?token={links.new()}"
