"""The command group, and the one border where exceptions become exit codes."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from assistctl.commands._options import Group, Invocation, group_options
from assistctl.commands._termination import terminable
from assistctl.errors import AssistctlError, DeclarationError, Interrupted
from assistctl.render.problems import error_text, problems_json, problems_text
from assistctl.render.terminal import sanitize

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("assistctl.commands.init", "Write a small working workspace."),
    "validate": (
        "assistctl.commands.validate",
        "Check the workspace, and with --online its models.",
    ),
    "doctor": ("assistctl.commands.doctor", "Look whether all is well: machine, target, model."),
    "capabilities": ("assistctl.commands.capabilities", "Tell what a target can do of it all."),
    "plan": ("assistctl.commands.plan", "Show what sync would do."),
    "sync": ("assistctl.commands.sync", "Make the target as it is declared."),
    "run": ("assistctl.commands.run", "Send one message to an assistant, print its answer."),
    "chat": ("assistctl.commands.chat", "Talk with an assistant on one thread."),
    "steps": ("assistctl.commands.steps", "Show again what happened on a thread."),
    "test": ("assistctl.commands.test", "Try the declared cases, and judge what comes."),
    "threads": ("assistctl.commands.threads", "Find again, export and delete what was said."),
    "import": ("assistctl.commands.import_", "Write existing assistants as YAML, and adopt them."),
    "pull": ("assistctl.commands.pull", "Bring edits made at the target into the YAML."),
    "adopt": ("assistctl.commands.adopt", "Take over an existing object that nobody owns."),
    "rollback": ("assistctl.commands.rollback", "Make one as it was before a sync changed it."),
    "gc": ("assistctl.commands.gc", "Find uploads that nothing uses, and delete them if wanted."),
    "list": ("assistctl.commands.list", "List what is declared against what exists."),
    "show": ("assistctl.commands.show", "Show one assistant as declared and as it exists."),
    "tools": ("assistctl.commands.tools", "List, show and call the declared functions."),
    "mcp": ("assistctl.commands.mcp", "Pin the tools of MCP servers; be one."),
    "console": ("assistctl.commands.console", "Look at it all in a browser."),
    "serve": ("assistctl.commands.serve", "Run the embedded Assistants API v2 server."),
    "schema": ("assistctl.commands.schema", "Print the JSON Schema of the YAML files."),
    "completion": ("assistctl.commands.completion", "Print a completion script for a shell."),
}
"""Command name -> (module that has it as `command`, its help in one line)."""

GARBAGE = (200_000, 50, 100)
"""How rarely to look for garbage. What is imported and declared is all in use, about 150,000
objects, and to look it through as often as Python does by default takes a sixth of a plan's CPU."""

EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED = 1, 64, 130


class LazyGroup(Group):
    """A group that imports a command's module only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = importlib.import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=line)
            for name, (_, line) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


cli = LazyGroup(
    "assistctl",
    params=group_options(),
    help="""Declare AI assistants in YAML, review the plan, sync, run.

\b
Examples:
  assistctl init my-assistants
  assistctl -C my-assistants sync
  assistctl -C my-assistants run guide "When are you open on Saturday?"
""",
    epilog="The options above may also stand after the command's name.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave the process with its exit code."""
    gc.set_threshold(*GARBAGE)
    _prepare_streams()
    code = _exit_code(arguments, Invocation())
    _give_up_what_cannot_be_written()
    gc.freeze()  # else Python looks all of it through twice more, to end
    sys.exit(code)


def _prepare_streams() -> None:
    """Any text passes: what cannot be written is escaped; what cannot be read comes as it does in
    arguments, for whoever reads it to judge. A stream that was closed (`>&-`) leads to nowhere:
    else the next file that is opened would be in its place, and stderr be mixed into stdout."""
    for name, mode, errors in (
        ("stdin", "r", "surrogateescape"),
        ("stdout", "w", "backslashreplace"),
        ("stderr", "w", "backslashreplace"),
    ):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115  (stays open)
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _give_up_what_cannot_be_written() -> None:
    """Python would complain of it again, and change the exit code, when it flushes at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit_code(arguments: Sequence[str] | None, invocation: Invocation) -> int:
    try:
        with terminable():
            code = cli.main(arguments, "assistctl", standalone_mode=False, obj=invocation)
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output left
        return EXIT_ERROR
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except click.UsageError as error:
        _say_usage_error(error, invocation)
        return EXIT_USAGE
    except click.ClickException as error:
        _say_error(error.format_message(), invocation)
        return EXIT_ERROR
    except Interrupted as error:
        click.echo(sanitize(str(error)), err=True)
        return error.exit_code
    except AssistctlError as error:
        _say_expected_error(error, invocation)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  (the border: everything else is a bug or the OS)
        _say_unexpected_error(error, invocation)
        return EXIT_ERROR
    return int(code or 0)


def _say_error(message: str, invocation: Invocation) -> None:
    click.echo(error_text(message), err=True, color=invocation.options.color)


def _say_usage_error(error: click.UsageError, invocation: Invocation) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return
    _say_error(error.format_message(), invocation)
    if error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
        click.echo(f"Try '{error.ctx.command_path} --help' for help.", err=True)


def _say_expected_error(error: AssistctlError, invocation: Invocation) -> None:
    if os.environ.get("ASSISTCTL_DEBUG"):
        click.echo(sanitize("".join(traceback.format_exception(error))), err=True, nl=False)
    if isinstance(error, DeclarationError) and invocation.options.format == "json":
        click.echo(problems_json(error.problems))
    elif isinstance(error, DeclarationError):
        click.echo(problems_text(error.problems), err=True, color=invocation.options.color)
    else:
        _say_error(str(error), invocation)


def _say_unexpected_error(error: Exception, invocation: Invocation) -> None:
    wants_traceback = bool(os.environ.get("ASSISTCTL_DEBUG")) or invocation.options.verbosity > 0
    if wants_traceback:
        click.echo(sanitize("".join(traceback.format_exception(error))), err=True, nl=False)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        _say_error(f"{where}{error.strerror}", invocation)
        return
    _say_error(f"this is a bug in assistctl: {type(error).__name__}: {error}", invocation)
    if not wants_traceback:
        click.echo("Run it again with -v to see where, and please report it.", err=True)
