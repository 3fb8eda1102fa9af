"""The conversations that every switch is put through, and what is to come of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.server.models import mind

PRICES = {"rose": "5", "lily": "8", "tulip": "6"}
PRICE = {
    "type": "function",
    "function": {
        "name": "price",
        "description": "What a flower costs, in yuan.",
        "parameters": {
            "type": "object",
            "properties": {"flower": {"type": "string"}},
            "required": ["flower"],
        },
    },
}
STOCK = {
    "type": "function",
    "function": {**PRICE["function"], "name": "stock", "description": "How many are left."},
}
ROSE, LILY, TULIP = ({"flower": flower} for flower in PRICES)
SCHEMA = {
    "name": "offer",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"flower": {"type": "string"}, "price": {"type": "number"}},
        "required": ["flower", "price"],
        "additionalProperties": False,
    },
}
FORMAT = {"type": "json_schema", "json_schema": SCHEMA}


@dataclass(frozen=True)
class Turn:
    """`says` are the assistant's messages; a mapping among them is JSON of that value. `calls` are
    the arguments of all calls to `price`, and `{"stock": flower}` for those to `stock`. `run`
    overrides the assistant for this run; a turn `elsewhere` is given to another model."""

    question: str | None
    says: Sequence[Any]
    calls: Sequence[Mapping[str, Any]] = ()
    run: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: bool = False


@dataclass(frozen=True)
class Session:
    turns: Sequence[Turn]
    tools: Sequence[Mapping[str, Any]] = ()
    before: Sequence[Mapping[str, Any]] = ()
    assistant: Mapping[str, Any] = field(default_factory=dict)


def said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


_ASKED = Turn("What do a rose and a lily cost?", [mind.PRICES], [ROSE, LILY])
_ELSEWHERE = Turn(_ASKED.question, _ASKED.says, _ASKED.calls, elsewhere=True)
_TULIP = Turn("And a tulip?", [mind.TULIP], [TULIP])


def _forced(turn: Turn) -> Turn:
    return replace(turn, run={"tool_choice": "required"})


def _named(turn: Turn) -> Turn:
    choice = {"type": "function", "function": {"name": "price"}}
    return replace(turn, run={"tool_choice": choice})


_OFFER = {"flower": "rose", "price": 5}
_FILLER = "We spoke of ribbons, vases and the weather, and of all that flowers need in spring. " * 5
LONG = tuple(
    said("assistant" if number % 2 else "user", f"Remark {number}: {_FILLER}")
    for number in range(16)
)

SESSIONS: Mapping[str, Session] = {
    "plain": Session(
        [Turn("Say good day.", [mind.HELLO]), Turn("Once more, please.", [mind.AGAIN])]
    ),
    "greeting": Session([Turn("Say good day.", [mind.HELLO])]),
    "tool": Session([_ASKED, _TULIP], [PRICE]),
    "elsewhere": Session([_ELSEWHERE, _TULIP], [PRICE]),
    "toolless": Session(
        [_ELSEWHERE, Turn("What was the rose?", ["The rose was 5 yuan."], run={"tools": []})],
        [PRICE],
    ),
    "two-tools": Session(
        [Turn("How many roses, and for how much?", [mind.ROSES], [ROSE, {"stock": "rose"}])],
        [PRICE, STOCK],
    ),
    "forced": Session([_forced(_ASKED), _forced(_TULIP)], [PRICE]),
    "named": Session([_named(_ASKED), _named(_TULIP)], [PRICE]),
    "silent": Session([replace(_ASKED, says=[""]), Turn("Say good day.", [mind.HELLO])], [PRICE]),
    "pictured": Session(
        [Turn("What is in the picture?", [mind.SEEN]), Turn("Say good day.", [mind.HELLO])],
        before=[
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": mind.PICTURE}}]}
        ],
    ),
    "formatted-tool": Session(
        [Turn("Offer a rose for its price.", [_OFFER], [ROSE])],
        [PRICE],
        assistant={"response_format": FORMAT},
    ),
    "single": Session(
        [Turn(_ASKED.question, _ASKED.says, _ASKED.calls, {"parallel_tool_calls": False}), _TULIP],
        [PRICE],
    ),
    "consecutive": Session(
        [Turn("And to my friend, too.", [mind.BOTH])], before=[said("user", "Say good day to me.")]
    ),
    "consecutive-assistants": Session(
        [Turn("Say good day.", [mind.HELLO])],
        before=[
            said("user", "When do you open?"),
            said("assistant", "At nine."),
            said("assistant", "On Sundays at ten."),
        ],
    ),
    "last-assistant": Session(
        [Turn(None, [mind.EMPTY])],
        before=[said("user", "When do you open?"), said("assistant", "At nine, as always.")],
    ),
    "first-assistant": Session(
        [Turn("Say good day.", [mind.HELLO])], before=[said("assistant", "Welcome to the shop!")]
    ),
    "instructions-only": Session([Turn(None, [mind.EMPTY])]),
    "empty": Session([Turn(None, [mind.EMPTY])], assistant={"instructions": None}),
    "long": Session([Turn("Say good day.", [mind.HELLO])], before=LONG),
    "capped": Session(
        [Turn("Say good day.", [mind.HELLO], run={"max_completion_tokens": 2000})], before=LONG
    ),
    "cap": Session(
        [
            Turn("Say good day.", [mind.HELLO], run={"max_completion_tokens": 32000}),
            Turn("Once more, please.", [mind.AGAIN], run={"max_completion_tokens": 32000}),
        ]
    ),
    "formatted": Session(
        [Turn("Offer a rose.", [_OFFER]), Turn("Offer a rose.", [_OFFER])],
        assistant={"response_format": FORMAT},
    ),
    "object": Session(
        [Turn("Offer a rose.", [_OFFER])],
        assistant={
            "response_format": {"type": "json_object"},
            "instructions": "You answer in JSON with flower and price.",
        },
    ),
    "warm": Session(
        [Turn("Say good day.", [mind.HELLO]), Turn("Once more, please.", [mind.AGAIN])],
        assistant={"temperature": 0.2, "top_p": 0.9},
    ),
    "warm-tool": Session([_ASKED, _TULIP], [PRICE], assistant={"temperature": 0.2}),
    "effort": Session(
        [Turn("Say good day.", [mind.HELLO]), Turn("Once more, please.", [mind.AGAIN])],
        assistant={"reasoning_effort": "low"},
    ),
    "effort-tool": Session([_ASKED, _TULIP], [PRICE], assistant={"reasoning_effort": "low"}),
}
