"""What the model behind the endpoint answers: always the same to the same request.

It only knows what the request holds. So an answer is whole only if the history, the tools and
their outputs have all arrived.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.server.models.asked import Asked

HELLO = "Good day to you, 花店 🌷! What may it be?"
AGAIN = "Good day once more."
PRICES = "A rose costs 5 and a lily 8 yuan."
TULIP = "A tulip costs 6, the rose was 5 yuan."
FORGOTTEN = "I have forgotten what was before."
LOST = "I lack the tool or its outputs."
ROSES = "12 roses, 5 yuan each."
SEEN = "A rose."
PICTURE = "https://shop.example/rose.png"
EMPTY = "How can I help?"
BOTH = "Good day, and the two of you are welcome."
OFFER = '{"flower": "rose", "price": 5}'


@dataclass(frozen=True)
class Call:
    name: str
    arguments: Mapping[str, Any]

    @property
    def json(self) -> str:
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True)
class Answer:
    """One completion; `thought` is what the model thinks first, for those that show it."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    thought: str = "The user wants something. Let me see."

    @property
    def key(self) -> str:
        """Says which completion it is: what belongs to it can be made from this at any time."""
        if not self.calls:
            return digest(self.text)
        return digest(*(f"{call.name} {call.json}" for call in self.calls))


def digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def answer(asked: Asked) -> Answer:
    question = asked.question
    for words, reply in _REPLIES.items():
        if words in question:
            return reply(asked)
    return Answer(EMPTY)


def price(*flowers: str) -> tuple[Call, ...]:
    return tuple(Call("price", {"flower": flower}) for flower in flowers)


def _answered(asked: Asked) -> dict[str, str]:
    return {str(call.given.get("flower")): output for call, output in asked.outputs}


def _prices(asked: Asked) -> Answer:
    known = _answered(asked)
    if {"rose", "lily"} <= set(known):
        return Answer(f"A rose costs {known['rose']} and a lily {known['lily']} yuan.")
    return _calling(asked, *({"rose", "lily"} - set(known)))


def _tulip(asked: Asked) -> Answer:
    if "rose costs 5" not in asked.history:
        return Answer(FORGOTTEN)
    known = _answered(asked)
    if "tulip" in known:
        return Answer(f"A tulip costs {known['tulip']}, the rose was 5 yuan.")
    return _calling(asked, "tulip")


def _roses(asked: Asked) -> Answer:
    known = {call.name: output for call, output in asked.outputs}
    if {"price", "stock"} <= set(known):
        return Answer(f"{known['stock']} roses, {known['price']} yuan each.")
    return Answer(calls=tuple(Call(name, {"flower": "rose"}) for name in ("price", "stock")))


def _calling(asked: Asked, *flowers: str) -> Answer:
    """Roses first; one at a time if that is asked for."""
    calls = price(*sorted(flowers, reverse=True))
    if "price" not in asked.tools:
        return Answer(LOST)
    return Answer(calls=calls[:1] if asked.body.get("parallel_tool_calls") is False else calls)


def _again(asked: Asked) -> Answer:
    return Answer(AGAIN if HELLO.split("!")[0] in asked.history else FORGOTTEN)


def _both(asked: Asked) -> Answer:
    return Answer(BOTH if "Say good day to me." in asked.question else FORGOTTEN)


def _rose(asked: Asked) -> Answer:
    return Answer("The rose was 5 yuan." if "rose costs 5" in asked.history else FORGOTTEN)


def _offer(asked: Asked) -> Answer:
    """JSON if that is asked for, be it by the parameter or in words."""
    if asked.format:
        return Answer(OFFER)
    words = "\n".join(item.text for item in asked.items if item.role != "assistant")
    told = all(word in words for word in ("JSON", "flower", "price"))
    return Answer(f"```json\n{OFFER}\n```" if told else "A rose for 5 yuan?")


def _offer_at_its_price(asked: Asked) -> Answer:
    return _offer(asked) if "rose" in _answered(asked) else _calling(asked, "rose")


def _picture(asked: Asked) -> Answer:
    return Answer(SEEN if PICTURE in json.dumps(asked.body) else FORGOTTEN)


_REPLIES: dict[str, Callable[[Asked], Answer]] = {
    "And to my friend, too.": _both,
    "Say good day.": lambda asked: Answer(HELLO),
    "Once more, please.": _again,
    "What do a rose and a lily cost?": _prices,
    "And a tulip?": _tulip,
    "What was the rose?": _rose,
    "How many roses, and for how much?": _roses,
    "Offer a rose.": _offer,
    "Offer a rose for its price.": _offer_at_its_price,
    "What is in the picture?": _picture,
}
