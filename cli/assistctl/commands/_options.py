"""Global options, accepted before and after a command's name, and the decorator that adds them.

    @as_command("plan", formats=("text", "json", "markdown"))
    @click.argument("keys", nargs=-1)
    def command(options: Options, keys: tuple[str, ...]) -> int | None:
        ...

What a command returns is its exit code; None is 0.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from assistctl import __version__
from assistctl.apis.transport.pacing import PARALLEL
from assistctl.commands._completion import complete_target
from assistctl.commands._suggestions import with_own_suggestions
from assistctl.render.terminal import is_plain_terminal
from assistctl.resources import FILE, Address
from assistctl.suggestion import suggestion

FORMATS = ("text", "json", "jsonl", "markdown", "junit")


@dataclass(frozen=True)
class Options:
    """The global options of one invocation, the later position having won.

    `workspace` None: search upwards from the current directory. `target` None: the workspace's
    default. `verbosity` is -1 with -q, 0, or the number of -v. `color` is False where the user
    wants none, True where it is wanted in pipes and files, too; None leaves it to whether the
    stream is a terminal.
    """

    workspace: Path | None = None
    target: str | None = None
    format: str = "text"
    verbosity: int = 0
    color: bool | None = None

    @property
    def quiet(self) -> bool:
        return self.verbosity < 0


@dataclass
class Invocation:
    """click's `obj`: carries the options of the command out to the border in main. Until they are
    read, they are what the environment says."""

    options: Options = field(default_factory=lambda: Options(color=_wanted_color()))


def _wanted_color() -> bool | None:
    """What the environment says. Whoever wants no colours at all is obeyed before whoever wants
    them everywhere, and both before what a terminal can."""
    if os.environ.get("NO_COLOR"):
        return False
    if forced := os.environ.get("FORCE_COLOR"):
        return forced.lower() not in ("0", "false")
    return False if is_plain_terminal() else None


def as_command(
    name: str, *, formats: Sequence[str] = ("text",)
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a click command of a function that takes the Options first; `formats` are the values
    of --format that it understands, the first one being the default."""

    def build(function: Callable[..., int | None]) -> click.Command:
        @functools.wraps(function)
        def call(**arguments: Any) -> int | None:
            context = click.get_current_context()
            options = _resolve(context, formats)
            context.color = options.color
            context.ensure_object(Invocation).options = options
            own = {key: value for key, value in arguments.items() if key not in _NAMES}
            return function(options, **own)

        command = click.command(name, cls=_Command)(call)
        command.params += _global_options(formats)
        return command

    return build


parallel_option = click.option(
    "--parallel",
    metavar="N",
    type=click.IntRange(1, 64),
    default=PARALLEL,
    show_default=True,
    help="Requests at the same time (1 to 64).",
)
deep_option = click.option(
    "--deep",
    is_flag=True,
    help="List the files of all vector stores, to find edits of single ones (so do --drift-only "
    "and --on-drift).",
)


class Group(click.Group):
    """A group of commands that suggests its own, and takes the global options, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it, but for what it suggests instead of an unknown option."""
        with with_own_suggestions(self, ctx):
            return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, but for what it suggests instead of an unknown command."""
        name, names = args[0], self.list_commands(ctx)
        if name not in names and not name.startswith("-") and not ctx.resilient_parsing:
            close = suggestion(name, names)
            advice = f" Did you mean '{close}'?" if close else ""
            ctx.fail(f"No such command '{name}'.{advice}")
        return super().resolve_command(ctx, args)


def as_group(
    name: str, text: str, examples: Sequence[str], *commands: click.Command
) -> click.Command:
    """Commands of one subject, `assistctl tools list`; the global options may stand anywhere."""
    lines = "\n".join(f"  {example}" for example in examples)
    told = f"{text}\n\n\b\nExamples:\n{lines}"
    return Group(name, params=_global_options(FORMATS), commands=commands, help=told)


def group_options() -> list[click.Parameter]:
    """The global options as they stand before the command's name, where any format may be named."""
    options = _global_options(FORMATS)
    for option in options:
        if option.name == "target":
            option.envvar = "ASSISTCTL_TARGET"
    return options


_NAMES = ("workspace", "target", "format", "quiet", "verbose", "no_color")


class _Command(click.Command):
    """A command whose help lists its own options first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with with_own_suggestions(self, ctx):
            return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                is_shared = parameter.name in (*_NAMES, "version")
                (shared if is_shared else own).append(record)
        with formatter.section("Options"):
            formatter.write_dl(own)
        with formatter.section("Global options"):
            formatter.write_dl(shared)


def _global_options(formats: Sequence[str]) -> list[click.Parameter]:
    directory = click.Path(exists=True, file_okay=False, path_type=Path)
    return [
        click.Option(
            ["-C", "--workspace"],
            type=directory,
            metavar="DIR",
            help="The workspace; otherwise the nearest directory upwards with an assistctl.yaml.",
        ),
        click.Option(
            ["-t", "--target"],
            metavar="NAME",
            shell_complete=complete_target,
            help="The target to use (environment: ASSISTCTL_TARGET).",
        ),
        click.Option(
            ["--format"],
            type=click.Choice(formats),
            hidden=len(formats) == 1,
            help="How the result is written.",
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="Only the result and errors."),
        click.Option(["-v", "--verbose"], count=True, help="More about what happens."),
        click.Option(
            ["--no-color"],
            is_flag=True,
            help="No colours (environment: NO_COLOR, TERM=dumb; FORCE_COLOR for the contrary).",
        ),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version and leave.",
        ),
    ]


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"assistctl {__version__}")
        ctx.exit()


def _resolve(context: click.Context, formats: Sequence[str]) -> Options:
    before = _given_before(context)
    after = _given(context.params)
    both = {**before, **after}
    chosen = both.get("format", formats[0])
    if chosen not in formats:
        raise click.BadParameter(
            f"'{context.info_name}' writes {_listed(formats)}, not {chosen}.",
            ctx=context,
            param_hint="'--format'",
        )
    loudness = after if {"quiet", "verbose"} & after.keys() else before
    if {"quiet", "verbose"} <= loudness.keys():
        raise click.UsageError("-q and -v contradict each other.", ctx=context)
    return Options(
        workspace=both.get("workspace"),
        target=both.get("target"),
        format=chosen,
        verbosity=-1 if "quiet" in loudness else loudness.get("verbose", 0),
        color=False if "no_color" in both else _wanted_color(),
    )


def _given_before(context: click.Context) -> dict[str, Any]:
    """The same of all groups that the command is in, the innermost having won."""
    outer = context.parent
    return {**_given_before(outer), **_given(outer.params)} if outer else {}


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The global options that were really given at one position."""
    return {name: parameters[name] for name in _NAMES if parameters.get(name)}


def _listed(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def check_keys(keys: Sequence[str], prune: bool) -> None:
    """Refuse KEYs that cannot be looked at alone. What is no longer declared shows only against
    everything that is; whether a file is as declared, only in what uses it."""
    if keys and prune:
        raise click.UsageError("--prune looks at the whole workspace; leave out the KEYs.")
    if files := [key for key in keys if Address.parse(key).kind == FILE]:
        raise click.UsageError(f"{files[0]} goes with what uses it; name that instead.")
