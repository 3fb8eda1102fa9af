"""Every command's help, as `--help` prints it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from assistctl import main

WIDTH = 100


def commands() -> Iterator[click.Context]:
    """Every command and every command of a group, in the order of `assistctl --help`."""
    root = _root()
    for name in main.COMMANDS:
        command = main.cli.get_command(root, name)
        assert command is not None
        context = click.Context(command, root, name)
        yield context
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield click.Context(found, context, inner)


def _root() -> click.Context:
    settings = main.cli.context_settings
    return click.Context(main.cli, info_name="assistctl", terminal_width=WIDTH, **settings)


def helped(context: click.Context) -> str:
    """What a command's own `--help` prints, but for the options that all of them have."""
    own, *_ = context.get_help().split("\nGlobal options:\n")
    return own.strip()


def page() -> str:
    """A section for each."""
    root = _root()
    shared = context_of_all().get_help().partition("\nGlobal options:\n")[2].rstrip()
    parts = [f"```text\n{root.get_help()}\n```\n", "## Options of all commands\n"]
    parts.append(f"```text\n{shared}\n```\n")
    parts += [_section(context) for context in commands()]
    return "\n".join(parts)


def context_of_all() -> click.Context:
    """A command's whose options are those of all."""
    return next(context for context in commands() if context.info_name == "plan")


def _section(context: click.Context) -> str:
    path = context.command_path
    depth = "##" if path.count(" ") == 1 else "###"
    anchor = path.replace(" ", "-")
    return f"({anchor})=\n{depth} {path}\n\n```text\n{helped(context)}\n```\n"
