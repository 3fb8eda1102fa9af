"""The console, as `console` and `serve --console` open it: what it reaches, and its links."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from dataclasses import replace

import click

from assistctl import apis
from assistctl.commands._options import Options
from assistctl.commands._person import can_answer
from assistctl.commands._workspace import load
from assistctl.console.access import LINK_SECONDS, Links
from assistctl.console.reach import Reach
from assistctl.console.visit import ROOT
from assistctl.errors import AssistctlError
from assistctl.resources import Target, Workspace


def reached(target: Target, key: str | None = None) -> Reach:
    """Connections to a target, with a key of somebody's own if there is one."""
    from assistctl.apis.transport.client import Client

    if key is not None:
        target = replace(target, api_key=key)
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
