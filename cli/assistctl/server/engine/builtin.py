"""Tools that the server executes itself: what the engine asks of each of them.

A call of one is an entry in a tool step like any other. Its `_calls` entry also holds `name` and
`arguments`, as the model wrote them, and whatever the tool keeps for what the model gets back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from assistctl.server.wire import Document, whole_characters


@dataclass(frozen=True)
class Outcome:
    """A call answered.

    `shown` is what its step shows under the tool's type; `kept` goes into `_calls`; `delta` is
    what a listener hears of it before the step ends, if anything; `note` is for the run's reader.
    """

    shown: Document
    kept: Document
    delta: Document | None = None
    note: str | None = None


class Builtin(Protocol):
    """One tool as one completion of a run may call it."""

    @property
    def type(self) -> str:
        """The API's word for it, which is also the key of its details in a step."""
        ...

    @property
    def name(self) -> str:
        """What it is called for the model."""
        ...

    def definition(self) -> Document:
        """The function that the model is offered, as Chat Completions has it."""
        ...

    def begun(self, arguments: str) -> Document:
        """What the step shows of a call that has no outcome, or none yet; `arguments` may be
        empty or torn."""
        ...

    async def answer(self, arguments: str) -> Outcome:
        """Execute one call; what is wrong with it, or with the tool, becomes its outcome."""
        ...


def declared(run: Document, kind: str) -> Document | None:
    """The run's tool of this type as its assistant declares it, if it has one."""
    return next((tool for tool in run["tools"] if tool["type"] == kind), None)


def free_name(run: Document, wished: str, other: str) -> str:
    """`other` if a function of the client's has taken the name that the tool should have."""
    names = {tool["function"]["name"] for tool in run["tools"] if tool["type"] == "function"}
    return wished if wished not in names else other


def function(name: str, description: str, **properties: Any) -> Document:
    """A function whose parameters, JSON schemas, are all required."""
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    about = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": about}


def argument(arguments: str, name: str) -> str | None:
    """The text of this name in a call's arguments, as the model wrote them; None if they are
    anything but an object with such a text."""
    try:
        value = json.loads(arguments).get(name)
    except (AttributeError, RecursionError, ValueError):
        return None
    return whole_characters(value) if isinstance(value, str) else None


def named(tools: Iterable[Builtin], kind: str) -> str | None:
    """What the tool of this type is called, if it is among them."""
    return next((tool.name for tool in tools if tool.type == kind), None)
