"""What OpenAI's models are known not to take, and until when they are there: facts, as of November
2026.

Sources: developers.openai.com/api/docs (deprecations, models, guides/reasoning), the reference of
`reasoning_effort`, and answers of the API as reported in litellm-docs#1173, inspect_ai#5254 and
openai-agents-python#2089. Nothing stands here that is only likely: a model without a line is one
of which nothing can be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SNAPSHOT = r"(-\d{4}-\d{2}-\d{2})?"


@dataclass(frozen=True)
class Family:
    """`refused` are the values of reasoning_effort that it does not take, all of them where it does
    not reason. `reasons` is whether it does where none is declared: while it reasons it takes no
    temperature and no top_p but 1. `tools_want_responses`: by Chat Completions it takes functions
    only while it does not reason."""

    pattern: str
    refused: frozenset[str]
    reasons: bool
    tools_want_responses: bool = False


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""All values of reasoning_effort, the least first."""

_ALL = frozenset(EFFORTS)
_LATE = frozenset(["xhigh", "max"])

_FAMILIES = (
    Family(r"gpt-6-astra", frozenset(["none", "minimal"]), True, tools_want_responses=True),
    Family(r"gpt-6\.1-sol", frozenset(["none"]), True, tools_want_responses=True),
    Family(r"gpt-5\.6-luna", frozenset(["minimal"]), True, tools_want_responses=True),
    Family(r"gpt-(5\.6|6(\.1)?)(-[a-z]+)?", frozenset(), True, tools_want_responses=True),
    Family(r"gpt-5\.1", _LATE | {"minimal"}, False),
    Family(r"gpt-5\.[24](-mini|-nano)?", frozenset(["minimal", "max"]), False),
    Family(r"gpt-5-pro", _ALL - {"high"}, True),
    Family(r"gpt-5(-mini|-nano)?", _LATE | {"none"}, True),
    Family(r"o[134](-mini|-pro)?", _LATE | {"none", "minimal"}, True),
    Family(r"gpt-4(o|\.1)(-mini|-nano)?", _ALL, False),
)

_ENDS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("gpt-3.5-turbo", "gpt-4"), ("2026-10-23", "gpt-6-luna")),
    **dict.fromkeys(("gpt-5", "gpt-5-pro", "o3", "o3-pro"), ("2026-12-11", "gpt-6.1")),
    **dict.fromkeys(("gpt-5-mini", "gpt-5-nano"), ("2026-12-11", "gpt-6-luna")),
    **dict.fromkeys(("gpt-4o", "gpt-4o-mini"), ("2027-01-14", "gpt-6-luna")),
    **dict.fromkeys(("gpt-4.1", "gpt-4.1-mini"), ("2027-01-14", "gpt-6-luna")),
}
"""Model -> its last day at OpenAI (Azure has days of its own), and what can take its place."""


def family_of(model: str) -> Family | None:
    """What is known of a model by OpenAI's name for it, snapshots included."""
    return next((f for f in _FAMILIES if re.fullmatch(f.pattern + _SNAPSHOT, model)), None)


def end_of(model: str) -> tuple[str, str] | None:
    """The last day of a model at OpenAI and a successor, where it is known to end."""
    return _ENDS.get(re.sub(_SNAPSHOT + r"\Z", "", model))


def efforts(family: Family) -> Iterator[str]:
    """The values of reasoning_effort that it takes, as far as is known."""
    return (effort for effort in EFFORTS if effort not in family.refused)
