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
from assistctl.errors import AssistctlError
from assistctl.events import ToolCall, ToolReturned
from assistctl.render.functions import (
    functions_json,
    functions_text,
    outcome_json,
    reference,
    shown_json,
    shown_text,
    told,
)
from assistctl.render.terminal import sanitize
from assistctl.resources import DeclaredFunction, declared_functions
from assistctl.suggestion import suggestion

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
    found = _named(name, declared_functions(load(options, refuse=False)))
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
    found = _named(name, declared_functions(workspace))
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


def _named(name: str, found: tuple[DeclaredFunction, ...]) -> DeclaredFunction:
    """The function of this name, of all that there are or of one assistant's."""
    key, _, own = name.rpartition("/")
    alike = [each for each in found if each.function.name == own]
    chosen = [each for each in alike if not key or key in each.used_by]
    used = [each for each in chosen if each.used_by]
    if len(used or chosen) == 1:
        return (used or chosen)[0]
    if chosen:
        places = " and ".join(f"{reference(each)} ({each.function.place})" for each in used)
        raise AssistctlError(f"several functions are called {own!r}; say which: {places}")
    if alike:
        keys = ", ".join(key for each in alike for key in each.used_by) or "no assistant"
        raise AssistctlError(f"{key!r} has no function {own!r}; it is used by: {keys}")
    close = suggestion(own, [each.function.name for each in found])
    advice = f"did you mean {close!r}?" if close else "`assistctl tools list` shows them"
    raise AssistctlError(f"no function {own!r} is declared in this workspace; {advice}")


command = as_group(
    "tools",
    "List, show and call the declared functions.",
    ("assistctl tools list", "assistctl tools show opening_hours"),
    _list,
    _show,
    _call,
)
