"""Streams of responses, held against the contract as they are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.server.contract import Contract


def told(contract: Contract, stream: Iterable[Any]) -> list[dict[str, Any]]:
    """All events of a stream; every one is as the contract has it, and none is missing."""
    events = [event.to_dict() for event in stream]
    numbers = [event["sequence_number"] for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    schemas = contract.by_type(contract.named("ResponseStreamEvent"))
    for event in events:
        assert contract.faults(schemas[event["type"]], event) == [], event
    return events


def names(events: Iterable[dict[str, Any]]) -> list[str]:
    """The types of events without what they all begin with; a row of the same one counts once."""
    found: list[str] = []
    for event in events:
        name = event["type"].removeprefix("response.")
        if not found or found[-1] != name:
            found.append(name)
    return found
