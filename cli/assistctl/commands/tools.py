"""assistctl tools: the declared functions, listed, shown, and called by hand."""

from __future__ import annotations

import contextlib
import sys

import click

from assistctl import toolbox
from assistctl.commands._completion import complete_function
from assistctl.commands._conversation import approval
from assistctl.commands._options import Options, as_command, as_group
from assistctl.commands._workspace import load
from assistctl.events import ToolCall, ToolReturned
from assistctl.render.functions import (
    functions_json,
    functions_text,
    outcome_json,
    shown_json,
    shown_text,
    told,
)
from assistctl.render.terminal import sanitize
from assistctl.resources import declared_functions
from assistctl.toolbox.choosing import function_named

_NAME = click.argument("name", metavar="NAME", shell_complete=complete_function)


@as_command("list", formats=("text", "json"))
def _list(options: Options) -> None:
    """List every declared function, where it is, and who uses it.

    \b
    Examples:
      assistctl tools list
      assistctl tools list --format json
    """
    found = declared_functions(load(options, refuse=False))
    click.echo(functions_json(found) if options.format == "json" else functions_text(found))


@as_command("show", formats=("text", "json"))
@_NAME
def _show(options: Options, name: str) -> None:
    """Show a function with its schema as the model gets it.

    NAME may be KEY/NAME, for the function that the assistant KEY has by this name.

    \b
    Examples:
      assistctl tools show opening_hours
      assistctl tools show guide/opening_hours --format json
    """
    found = function_named(name, declared_functions(load(options, refuse=False)))
    click.echo(shown_json(found) if options.format == "json" else shown_text(found))


@as_command("call", formats=("text", "json"))
@_NAME
@click.argument("arguments", metavar="[JSON]", default="{}")
@click.option("--approve-all", is_flag=True, help="Do not ask before functions that say so.")
def _call(options: Options, name: str, arguments: str, approve_all: bool) -> int | None:
    """Call a function as an assistant's call would.

    JSON are the arguments, `-` for what comes on standard input. The output that the model would
    get goes to standard output; seconds, and the traceback of what failed, to standard error.
    Exits 0 only if the call did not fail.

    \b
    Examples:
      assistctl tools call opening_hours '{"day": "monday"}'
      echo '{"day": "monday"}' | assistctl tools call opening_hours -
    """
    workspace = load(options, refuse=False)
    found = function_named(name, declared_functions(workspace))
    text = sys.stdin.read() if arguments == "-" else arguments
    call = ToolCall("call", found.function.name, text)
    assistant = found.used_by[0] if len(found.used_by) == 1 else None
    with contextlib.chdir(workspace.root):
        tools = toolbox.mounted(workspace, [found.function], assistant)
        approve = (lambda _: True) if approve_all else approval("Call")
        with contextlib.closing(tools):
            (returned,) = tools.call([call], approve=approve)
    _tell(returned, options)
    return 1 if returned.error else None


def _tell(returned: ToolReturned, options: Options) -> None:
    story = told(returned, options.verbosity)
    if story:
        click.echo(story, err=True)
    if options.format == "json":
        click.echo(outcome_json(returned))
    else:  # elsewhere than at a terminal it is data, exactly as it came
        output = sanitize(returned.output) if sys.stdout.isatty() else returned.output
        sys.stdout.write(output + "\n")


command = as_group(
    "tools",
    "List, show and call the declared functions.",
    ("assistctl tools list", "assistctl tools show opening_hours"),
    _list,
    _show,
    _call,
)
