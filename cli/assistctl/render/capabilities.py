"""What an API makes of what can be declared: text, JSON, and the table of docs/surfaces.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import click

from assistctl.errors import Place
from assistctl.render.listing import table
from assistctl.render.terminal import one_line
from assistctl.render.values import json_document, place_json
from assistctl.resources import Address, Json


class Support(Protocol):
    @property
    def value(self) -> str: ...


class Capability(Protocol):
    """See surface.Capability."""

    @property
    def support(self) -> Support: ...

    @property
    def how(self) -> str: ...

    @property
    def on_request(self) -> bool: ...


@dataclass(frozen=True)
class Held:
    """One assistant, and the features that it declares."""

    address: Address
    features: Sequence[tuple[str, Place, Capability]]


def held_text(assistants: Iterable[Held], target: str) -> str:
    """A table for each assistant."""
    blocks = [
        f"{click.style(one_line(f'{it.address} at {target}'), bold=True)}\n"
        + table(
            ("FEATURE", "HERE", "HOW"),
            [
                (name, capability.support.value, capability.how)
                for name, _, capability in it.features
            ],
        )
        for it in assistants
    ]
    return "\n\n".join(blocks) or "No assistant is declared."


def held_json(assistants: Iterable[Held], target: str, api: str) -> str:
    """`{"target", "api", "assistants": [{"address", "features": [{"feature", "support", "how",
    "file", "line", "column"}]}]}`"""
    told = [
        {
            "address": str(it.address),
            "features": [
                {**_as_json(name, capability), **place_json(place)}
                for name, place, capability in it.features
            ],
        }
        for it in assistants
    ]
    return json_document({"target": target, "api": api, "assistants": told})


def table_markdown(
    by_api: Mapping[str, Mapping[str, Capability]], titles: Mapping[str, str]
) -> str:
    """A row for each feature, a column for each API."""
    names = list(next(iter(by_api.values())))
    rows = [[f"`{name}`", *(_cell(some[name]) for some in by_api.values())] for name in names]
    heads = ["declared", *(f"{titles[api]} (`{api}`)" for api in by_api)]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def table_json(by_api: Mapping[str, Mapping[str, Capability]]) -> str:
    """`{api: [{"feature", "support", "how"}]}`"""
    return json_document(
        {api: [_as_json(*pair) for pair in some.items()] for api, some in by_api.items()}
    )


def _cell(capability: Capability) -> str:
    support = capability.support.value + (" on request" if capability.on_request else "")
    return f"{support}: {capability.how}" if capability.how else support


def _as_json(name: str, capability: Capability) -> dict[str, Json]:
    return {"feature": name, "support": capability.support.value, "how": capability.how}
