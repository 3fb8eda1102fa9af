"""What is different for one turn, and what ends it: the options of `run` and `chat`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from assistctl.apis import capabilities
from assistctl.commands._completion import complete_model
from assistctl.conversation.sessions import ConversationOptions, prepared
from assistctl.conversation.turns import RETRIES, Limits
from assistctl.errors import DeclarationError
from assistctl.resources import Workspace
from assistctl.spec.options import instructions_in
from assistctl.spec.wording import is_unicode, shown
from assistctl.surface import ONCE_OPTIONS
from assistctl.sync.planning import find_assistant

_PLAIN = Limits()


def _finite(ctx: click.Context, param: click.Parameter, number: float | None) -> float | None:
    """NaN is within every range; infinity is no number in JSON, and no time that can be waited."""
    if number is not None and not math.isfinite(number):
        raise click.BadParameter(f"{number} is no finite number.", ctx, param)
    return number


def with_turn_options(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Add the options to a command, which gets what they say in its `conversation`."""

    @click.option(
        "--model",
        metavar="NAME",
        shell_complete=complete_model,
        help="This model answers, not the declared one.",
    )
    @click.option(
        "--instructions",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Instructions from a file, not the declared ones.",
    )
    @click.option(
        "--var",
        "variables",
        multiple=True,
        metavar="NAME=VALUE",
        help="A value for a variable of the instructions (again for more).",
    )
    @click.option(
        "--temperature",
        metavar="NUMBER",
        type=float,
        callback=_finite,
        help="Another temperature.",
    )
    @click.option("--top-p", metavar="NUMBER", type=float, callback=_finite, help="Another top_p.")
    @click.option("--reasoning-effort", metavar="WORD", help="Another reasoning_effort.")
    @click.option(
        "--max-tokens",
        "max_completion_tokens",
        metavar="N",
        type=int,
        help="Most tokens that the model may put out in a turn.",
    )
    @click.option(
        "--max-tool-rounds",
        "rounds",
        metavar="N",
        type=click.IntRange(0),
        default=_PLAIN.rounds,
        show_default=True,
        help="How often the model may ask for tools in a turn.",
    )
    @click.option(
        "--timeout",
        "seconds",
        metavar="SECONDS",
        type=click.FloatRange(0, min_open=True),
        callback=_finite,
        default=_PLAIN.seconds,
        show_default="1800",
        help="Cancel a turn that takes longer.",
    )
    @click.option(
        "--max-cost",
        "cost",
        metavar="NUMBER",
        type=click.FloatRange(0),
        callback=_finite,
        help="Cancel a turn that has cost more, by the `prices` of the workspace.",
    )
    @click.option(
        "--retries",
        metavar="N",
        type=click.IntRange(0, 10),
        help="How often a run that is rate-limited is tried again, if nothing has come of it yet."
        f"  [default: {RETRIES}]",
    )
    @functools.wraps(function)
    def call(
        *arguments: Any,
        conversation: ConversationOptions,
        instructions: Path | None,
        rounds: int,
        seconds: float,
        retries: int | None,
        cost: float | None,
        variables: tuple[str, ...],
        **more: Any,
    ) -> int | None:
        asked = {name: more.pop(name, None) for name in ONCE_OPTIONS if name != "instructions"}
        if instructions:
            asked["instructions"] = instructions_in(instructions)
        limits = Limits(rounds=rounds, seconds=seconds, retries=retries, cost=cost)
        told = replace(
            conversation,
            overrides={name: value for name, value in asked.items() if value is not None},
            limits=limits,
            variables=_variables(variables),
        )
        return function(*arguments, conversation=told, **more)

    return call


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in given:
        name, is_there, value = pair.partition("=")
        if not is_there or not is_unicode(value):
            raise click.UsageError(f"--var wants NAME=VALUE in UTF-8, not {shown(pair)}.")
        if name in values:
            raise click.UsageError(f"--var {name} is given twice.")
        values[name] = value
    return values


def turn_options(workspace: Workspace, key: str, asked: ConversationOptions) -> ConversationOptions:
    """As `prepared` has them, what is wrong with them as a UsageError."""
    assistant = find_assistant(workspace, key)
    try:
        return prepared(workspace, assistant, asked, capabilities.at(workspace.target))
    except DeclarationError as error:
        raise click.UsageError(str(error)) from error
