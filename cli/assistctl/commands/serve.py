"""assistctl serve: the embedded Assistants API v2 server on its own."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import click

from assistctl import spec
from assistctl.commands._options import Options, as_command
from assistctl.commands._target import model_of, server_settings
from assistctl.commands._workspace import load
from assistctl.errors import AssistctlError

KEYS = "ASSISTCTL_API_KEYS"
DATABASE = "assistants.db"


@as_command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--db",
    "database",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The SQLite file.  [default: .assistctl/local.db in a workspace, else assistants.db]",
)
@click.option(
    "--api-key",
    "keys",
    multiple=True,
    metavar="[PROJECT:]KEY",
    help=f"Accept this key (again for more); {KEYS} in the environment, comma-separated, is safer.",
)
@click.option("--strict-beta", is_flag=True, help="Demand the header OpenAI-Beta: assistants=v2.")
def command(
    options: Options,
    host: str,
    port: int,
    database: Path | None,
    keys: tuple[str, ...],
    strict_beta: bool,
) -> int | None:
    """Serve the Assistants API v2 to any client, until Ctrl-C.

    In a workspace it serves the workspace's local database with `targets.local.model`; anywhere
    else runs are answered by OpenAI, if OPENAI_API_KEY is set.
    """
    from assistctl.server import Settings, StoreError, serve

    workspace = None
    if options.workspace or spec.find_root(Path.cwd()):
        workspace = load(options)
        if not workspace.target.local:
            raise AssistctlError(
                f"target {workspace.target.name!r} is not local, so there is nothing to serve; "
                "choose one without base_url with --target"
            )
        settings = server_settings(workspace, database)
    else:
        settings = Settings(database or Path(DATABASE), model=model_of(None))
    settings = replace(settings, api_keys=_projects(keys), strict_beta=strict_beta)
    logging.basicConfig(
        level=logging.WARNING if options.quiet else logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)

    def ready(url: str) -> None:
        model = _model_in_words(settings.model)
        click.echo(f"Serving the Assistants API v2 at {url}", err=True)
        click.echo(f"  database {settings.database}, {model}", err=True)
        if not settings.api_keys:
            click.echo("  no API key: anybody on this machine may use it", err=True)

    try:
        serve(settings, host, port, on_ready=ready)
    except (ValueError, StoreError) as error:
        raise AssistctlError(str(error)) from error
    except OSError as error:
        reason = error.strerror or error
        raise AssistctlError(
            f"cannot serve on {host}:{port} ({reason}); choose another --host or --port"
        ) from error
    return None


def _projects(keys: tuple[str, ...]) -> dict[str, str]:
    """API key -> the project that it opens."""
    listed = [*keys, *(key for key in os.environ.get(KEYS, "").split(",") if key.strip())]
    projects = {}
    for item in listed:
        project, colon, key = item.strip().rpartition(":")
        if not key or (colon and not project):
            raise click.BadParameter("write KEY or PROJECT:KEY", param_hint="'--api-key'")
        projects[key] = project or "default"
    return projects


def _model_in_words(model: object) -> str:
    if model == "scripted":
        return "answers come from the scripted model"
    if isinstance(model, dict):
        return f"answers come from {model.get('base_url')}"
    return "no model is configured, so only assistants with a script can run"
