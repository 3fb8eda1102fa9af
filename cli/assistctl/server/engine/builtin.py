"""Tools that the server executes itself: what the engine asks of each of them."""

from __future__ import annotations

import json
from typing import Any, Protocol

from assistctl.server.engine.record import Run, ToolResult
from assistctl.server.wire import Document, whole_characters


class Builtin(Protocol):
    """One tool as one completion of a run may call it."""

    @property
    def type(self) -> str:
        """The word for it in every API, such as file_search."""

    @property
    def name(self) -> str:
        """What it is called for the model."""

    def definition(self) -> Document:
        """The function that the model is offered, as Chat Completions has it."""

    async def answer(self, arguments: str) -> ToolResult:
        """Execute one call; what is wrong with it, or with the tool, is part of its result."""


def free_name(run: Run, preferred: str, other: str) -> str:
    """`other` if a function of the client's has taken the name that the tool should have."""
    names = {function["function"]["name"] for function in run.functions}
    return preferred if preferred not in names else other


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
