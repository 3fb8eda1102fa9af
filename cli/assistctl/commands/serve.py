"""assistctl serve: the embedded Assistants API v2 server on its own."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assistctl import spec
from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load
from assistctl.errors import AssistctlError
from assistctl.resources import Workspace
from assistctl.spec.targets import from_environment
from assistctl.targets import CODE_PYTHON, server_settings, usable

if TYPE_CHECKING:
    from assistctl.server import Settings

KEYS = "ASSISTCTL_API_KEYS"
DATABASE = "assistants.db"
_VISIBLE = re.compile(r"[!-~]+")


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
@click.option(
    "--seed",
    "dump",
    metavar="FILE|DIR",
    type=click.Path(exists=True, path_type=Path),
    help="First add what was dumped from the old API (JSON, JSON Lines), under the ids it had.",
)
@click.option(
    "--seed-project",
    metavar="PROJECT",
    help="Whose that is.  [default: that of the API key, if all have one]",
)
@click.option("--strict-beta", is_flag=True, help="Demand the header OpenAI-Beta: assistants=v2.")
@click.option("--no-code-interpreter", is_flag=True, help="Never run Python that a model wrote.")
@click.option(
    "--code-python",
    metavar="PYTHON|VENV",
    envvar=CODE_PYTHON,
    help="Run that Python with this interpreter and its packages, in the sandbox.",
)
@click.option("--console", "with_console", is_flag=True, help="Pages for people at /console.")
def command(
    options: Options,
    host: str,
    port: int,
    database: Path | None,
    keys: tuple[str, ...],
    dump: Path | None,
    seed_project: str | None,
    strict_beta: bool,
    no_code_interpreter: bool,
    code_python: str | None,
    with_console: bool,
) -> None:
    """Serve the Assistants API v2 to any client, until Ctrl-C.

    In a workspace it serves the workspace's local database with `targets.local.model`, whatever
    the default target is; where none is declared, and anywhere else, runs are answered by OpenAI,
    if OPENAI_API_KEY is set (in a workspace its .env counts, too).

    \b
    Examples:
      assistctl serve
      assistctl serve --port 8080 --db assistants.db --api-key shop:KEY
      assistctl serve --db assistants.db --seed dump.json
    """
    from assistctl.server import DatabaseError, Settings, code_report, serve

    note, workspace = None, None
    if root := options.workspace or spec.find_root(Path.cwd()):
        workspace, note = _workspace(root, options)
        settings = server_settings(workspace, database)
    else:
        model = usable(from_environment(os.environ))
        settings = Settings(database or Path(DATABASE), model=model)
    settings = replace(
        settings,
        api_keys=_projects(keys),
        strict_beta=strict_beta,
        code_interpreter=not no_code_interpreter,
        code_python=code_python,
    )
    code = code_report(settings)
    logging.basicConfig(
        level=logging.WARNING if options.quiet else logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)

    composed, tell_console = None, None
    if with_console:
        from assistctl.commands._console import console_of  # which not every server has

        composed, tell_console = console_of(options, workspace, keyed=bool(settings.api_keys))

    def ready(url: str) -> None:
        model = _model_in_words(settings.model)
        click.echo(f"Serving the Assistants API v2 at {url}", err=True)
        click.echo(f"  database {settings.database}, {model}", err=True)
        if note:
            click.echo(f"  {note}", err=True)
        click.echo(f"  code_interpreter: {code}", err=True)
        click.echo(f"  {_doors_in_words(settings)}", err=True)
        if tell_console:
            tell_console(url)

    if dump:
        _seed(settings, dump, _seeded_project(seed_project, settings))
    try:
        serve(settings, host, port, on_ready=ready, composed=composed or (lambda api: api))
    except (ValueError, DatabaseError) as error:
        raise AssistctlError(str(error)) from error
    except OSError as error:
        reason = error.strerror or error
        raise AssistctlError(
            f"cannot serve on {host}:{port} ({reason}); choose another --host or --port"
        ) from error


def _workspace(root: Path, options: Options) -> tuple[Workspace, str | None]:
    """The workspace as its embedded server has it, and a note where that is not what commands use
    by default. Raises AssistctlError where it has none."""
    if options.target:
        workspace = load(options)
        if not workspace.target.local:
            raise AssistctlError(
                f"target {workspace.target.name!r} is another server, so there is nothing to "
                "serve; leave out --target (or ASSISTCTL_TARGET) to serve the workspace's own "
                "database"
            )
        return workspace, None
    default, served = spec.served(root)
    if served is None:
        raise AssistctlError(
            f"all targets in {root / spec.FILE} are other servers, so there is nothing to serve; "
            "add one without base_url, such as `embedded: {}`, or serve elsewhere with --db FILE"
        )
    if served == default:
        return load(options), None
    note = f"target {served}: the workspace's default target, {default}, is another server"
    return load(replace(options, target=served)), note


def _seed(settings: Settings, dump: Path, project: str) -> None:
    from assistctl.server import DatabaseError, SeedError, seed

    try:
        seeded = seed(settings, dump, project=project)
    except (SeedError, DatabaseError) as error:
        raise AssistctlError(str(error)) from error
    click.echo(f"Seeded project {project!r} from {dump}", err=True)
    click.echo(f"  new: {_counted(seeded.made)}", err=True)
    if seeded.left_alone:
        click.echo(f"  left alone: {_counted(seeded.left_alone)}", err=True)
    for note in seeded.notes:
        click.echo(f"  note: {note}", err=True)


def _seeded_project(given: str | None, settings: Settings) -> str:
    projects = sorted(set(settings.api_keys.values()) or {"default"})
    if given is None and len(projects) > 1:
        raise click.UsageError(f"--seed needs a --seed-project: one of {', '.join(projects)}")
    if given is not None and given not in projects:
        raise click.BadParameter(
            f"no API key opens {given!r}; choose one of {', '.join(projects)}",
            param_hint="'--seed-project'",
        )
    return given or projects[0]


def _counted(counts: Mapping[str, int]) -> str:
    """{"thread": 1, "vector_store.file": 2} -> "1 thread, 2 vector store files"."""
    words = {kind: kind.replace("_", " ").replace(".", " ") for kind in counts}
    told = (f"{count} {words[kind]}{'s' * (count > 1)}" for kind, count in counts.items())
    return ", ".join(told) or "nothing"


def _projects(keys: tuple[str, ...]) -> dict[str, str]:
    """API key -> the project that it opens."""
    listed = [*keys, *(key for key in os.environ.get(KEYS, "").split(",") if key.strip())]
    projects: dict[str, str] = {}
    for item in listed:
        project, colon, key = item.strip().partition(":")
        if not colon:
            project, key = "default", project
        if not key or not project:
            raise _wrong_key("write KEY or PROJECT:KEY")
        if not _VISIBLE.fullmatch(project + key):
            raise _wrong_key("keys and projects are made of visible ASCII characters, no spaces")
        if projects.setdefault(key, project) != project:
            raise _wrong_key(f"one key opens both {projects[key]!r} and {project!r}")
    return projects


def _wrong_key(reason: str) -> click.BadParameter:
    """Says nothing of the key itself."""
    return click.BadParameter(reason, param_hint=f"'--api-key' or {KEYS}")


def _doors_in_words(settings: Settings) -> str:
    if not settings.api_keys:
        return "no API key: anybody on this machine may use it"
    opened = Counter(settings.api_keys.values())
    keys = ("1 key" if count == 1 else f"{count} keys" for count in opened.values())
    return "projects: " + ", ".join(f"{name} ({n})" for name, n in zip(opened, keys, strict=True))


def _model_in_words(model: object) -> str:
    if model == "scripted":
        return "answers come from the scripted model"
    if isinstance(model, Mapping):  # no more of it: the rest may be secret
        return f"answers come from {model['base_url']} (api: {model.get('api', 'auto')})"
    return "no model is configured, so only assistants with a script can run"
