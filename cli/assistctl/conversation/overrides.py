"""What is different for one conversation: options that are checked as the declaration is, and over
what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from assistctl.errors import Place, Problem
from assistctl.resources import Assistant, Json, Target
from assistctl.spec.instructions import text_with
from assistctl.spec.options import wrong_options
from assistctl.surface import (
    ONCE_IN_NEW_THREADS,
    ONCE_OPTIONS,
    Capabilities,
    Support,
)

Overrides = Mapping[str, Json]
"""By the names that they have in the YAML: `model`, `temperature`, …, and those that stand under
`run` there, such as `max_completion_tokens`. Some have an option; the others, such as
`response_format`, can only be said without a command line."""


def overridden(assistant: Assistant, overrides: Overrides) -> Assistant:
    """The assistant as it is talked with."""
    settings, run = _parted(overrides)
    if (
        assistant.template is not None
        and "instructions" not in settings
        and wants_values(assistant)
    ):
        settings["instructions"] = text_with(assistant, {})
    return replace(
        assistant,
        settings={**assistant.settings, **settings},
        run={**assistant.run, **run},
        once=tuple(settings),
    )


def problems(
    overrides: Overrides,
    target: Target,
    capabilities: Capabilities,
    *,
    goes_on: bool,
    options: Mapping[str, str] = ONCE_OPTIONS,
) -> Iterator[Problem]:
    """What is wrong with them, each at its option; `goes_on`, whether the thread is one that
    is there already; `options`, how they were said, where that is not by their names."""
    options = {**dict(zip(overrides, overrides, strict=True)), **options}
    yield from wrong_options(*_parted(overrides), options)
    for name in [it for it in overrides if it in ONCE_OPTIONS]:
        option = options[name]
        capability = capabilities[ONCE_OPTIONS[name]]
        if capability.support is Support.REFUSED:
            yield refusal(ONCE_OPTIONS[name], target, capabilities)
        elif goes_on and capability.how == ONCE_IN_NEW_THREADS:
            what = f"a thread at {target.name!r} goes on as it began, without {option}"
            yield Problem(Place(option), what, "begin a new one, without --continue and --thread")


def refusal(option: str, target: Target, capabilities: Capabilities) -> Problem:
    """That an option of a run cannot be had at a target."""
    what = f"it cannot be had at {target.name!r}"
    return Problem(Place(option), what, capabilities[option].how)


def wants_values(assistant: Assistant) -> bool:
    """Whether its instructions have variables without a default."""
    variables = assistant.template.variables if assistant.template else {}
    return any(variable.default is None for variable in variables.values())


_OF_RUNS = (
    *("tool_choice", "parallel_tool_calls", "max_prompt_tokens", "max_completion_tokens"),
    "truncation_strategy",
)


def _parted(overrides: Overrides) -> tuple[dict[str, Json], dict[str, Json]]:
    """Those of the assistant, and those of its runs."""
    settings = {name: value for name, value in overrides.items() if name not in _OF_RUNS}
    return settings, {name: value for name, value in overrides.items() if name in _OF_RUNS}
