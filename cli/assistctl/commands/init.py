"""`assistctl init`: writes one of the small workspaces that lie in templates/."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from assistctl import spec
from assistctl.commands._options import Options, as_command
from assistctl.errors import AssistctlError
from assistctl.keys import as_key
from assistctl.render.terminal import sanitize
from assistctl.render.values import json_document

TEMPLATES = {
    "guide": 'run guide "When are you open on Saturday?"',
    "rag": 'run support "Can I return a gift?"',
    "tools": 'run desk "Which rooms are free on 1 May 2027?"',
    "analyst": 'run analyst "Chart the sales by region" --save charts',
}
"""The directories in templates/, the default first, and what to try in each."""

SCHEMA = Path(spec.SCHEMA_FILE)

_GITIGNORE = Path(".gitignore")
_IGNORED = ".assistctl/\n.env\n.venv/\n__pycache__/\n"


@as_command("init")
@click.argument("directory", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--template",
    type=click.Choice(tuple(TEMPLATES)),
    default="guide",
    show_default=True,
    help="Which workspace.",
)
def command(options: Options, directory: Path | None, template: str) -> None:
    """Write a small working workspace, with tests, that needs no key.

    DIRECTORY is made if need be; without it, the current directory (or that of -C) is used.

    \b
    guide    an assistant with one Python function
    rag      answers from documents, with sources
    tools    typed Python functions, one of which asks a person first
    analyst  Python over a CSV file, and a chart

    \b
    Examples:
      assistctl init my-assistants
      assistctl init --template rag help-desk
    """
    root = (options.workspace or Path()) / (directory or Path())
    written = _write(root, _contents(template, _name_for(root)))
    if not options.quiet:
        click.echo(_next_steps(root, written, TEMPLATES[template]))


def _contents(template: str, workspace: str) -> dict[Path, str]:
    """Path below the workspace -> text."""
    files = _files(resources.files("assistctl.commands").joinpath("templates", template), Path())
    return {
        **{path: text.replace("{workspace}", workspace) for path, text in files},
        _GITIGNORE: _IGNORED,
        SCHEMA: f"{json_document(spec.schema())}\n",
    }


def _files(directory: Traversable, below: Path) -> Iterator[tuple[Path, str]]:
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry, below / entry.name)
        elif entry.is_file():
            yield below / entry.name, entry.read_text("utf-8")


def _write(root: Path, contents: dict[Path, str]) -> list[Path]:
    """Write all files, or none if one is in the way. A .gitignore that is there stays as it is."""
    there = {path for path in contents if os.path.lexists(root / path)}
    if in_the_way := sorted(there - {_GITIGNORE}):
        files = "\n".join(f"  {root / path}" for path in in_the_way)
        raise AssistctlError(
            f"these files are in the way, nothing was written:\n{files}\n"
            "Choose another directory or move them away; init never overwrites."
        )
    written = [path for path in contents if path not in there]
    for path in written:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("x", encoding="utf-8") as file:
            file.write(contents[path])
    return written


def _name_for(root: Path) -> str:
    """The directory's name as a workspace may be called."""
    return as_key(root.resolve().name) or "assistants"


def _next_steps(root: Path, written: list[Path], example: str) -> str:
    lines = ["Wrote:", *(f"  {path.as_posix()}" for path in written), ""]
    if _GITIGNORE not in written:
        lines += ["Add .assistctl/ to your .gitignore: it holds the local database.", ""]
    lines.append("Next:")
    if root.resolve() != Path.cwd():
        lines.append(f"  cd {shlex.quote(str(root))}")
    lines += [
        "  assistctl plan",
        "  assistctl sync",
        f"  assistctl {example}",
        "  assistctl test",
        "",
        "A script (assistants/*.script.yaml) answers in the place of a language model; all else is",
        "real. To ask a real model, set targets.local.model in assistctl.yaml.",
    ]
    return sanitize("\n".join(lines))
