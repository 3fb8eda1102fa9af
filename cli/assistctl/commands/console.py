"""assistctl console: the workspace and its target in a browser."""

from __future__ import annotations

import os
from contextlib import chdir, suppress
from dataclasses import replace
from functools import partial

import click

from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load, warn
from assistctl.errors import AssistctlError
from assistctl.targets import started, told_of


@as_command("console")
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Port of 127.0.0.1.  [default: any]"
)
@click.option("--write", is_flag=True, help="Let pages apply plans and change files.")
@click.option("--no-browser", is_flag=True, help="Only print the link.")
def command(options: Options, port: int, write: bool, no_browser: bool) -> None:
    """Show the workspace and its target in a browser, until Ctrl-C.

    It is for you alone: it listens on this machine only, and is opened by a link that works once.
    Without --write it only looks.

    \b
    Examples:
      assistctl console
      assistctl console -t prod --write
    """
    from assistctl.commands._console import loaded, reached, tell
    from assistctl.console.access import Links
    from assistctl.console.app import create_app
    from assistctl.console.listening import serve
    from assistctl.console.visit import Console

    workspace = load(options)
    warn(options, workspace.warnings)
    options, links = replace(options, workspace=workspace.root), Links()
    # Tools are at home in the workspace, wherever the command was started.
    with chdir(workspace.root), started(workspace) as target:
        app = create_app(
            Console(
                target=target.name,
                reach=lambda key: reached(target),
                load=lambda: loaded(options, workspace.target),
                write=write,
                links=links,
                root=workspace.root,
                namespace=target.namespace,
                told=partial(told_of, workspace.target),
            )
        )
        try:
            with suppress(KeyboardInterrupt):
                serve(app, port, lambda address: tell(address, links, browser=not no_browser))
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error
            raise AssistctlError(
                f"cannot serve on 127.0.0.1:{port} ({reason}); choose another --port"
            ) from error
        finally:
            app.state.sessions.end_all()
