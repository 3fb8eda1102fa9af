"""`assistctl validate`: everything that can be checked without a network."""

from __future__ import annotations

from collections.abc import Iterator

import click

from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load, warn
from assistctl.render.problems import problems_json
from assistctl.render.values import counted
from assistctl.resources import CodeInterpreter, Workspace


@as_command("validate", formats=("text", "json"))
def command(options: Options) -> int | None:
    """Check the workspace without any network.

    YAML, schema, references, files, limits, and the Python functions against what is declared of
    them, whose code is read but not run. All problems are shown at once. What the model that
    answers will not take is no problem, but a warning.
    """
    workspace = load(options)
    if options.format == "json":
        click.echo(problems_json((), workspace.warnings))
    else:
        warn(options, workspace)
        if not options.quiet:
            click.echo(_summary(workspace))
    return None


def _summary(workspace: Workspace) -> str:
    """`Valid: 2 assistants, 1 function, 3 files.`"""
    found = (
        counted(len(workspace.assistants), "assistant"),
        counted(len(set(_functions(workspace))), "function"),
        counted(len(set(_files(workspace))), "file"),
    )
    return f"Valid: {', '.join(found)}."


def _functions(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Where each function is declared: assistants may well use one name for different ones."""
    for assistant in workspace.assistants.values():
        yield from ((str(function.place), function.name) for function in assistant.functions)
    for function in workspace.functions.values():
        yield str(function.place), function.name


def _files(workspace: Workspace) -> Iterator[str]:
    for assistant in workspace.assistants.values():
        for tool in assistant.tools:
            if isinstance(tool, CodeInterpreter):
                yield from (file.path for file in tool.files)
    for store in workspace.stores.values():
        yield from (file.path for file in store.files)
