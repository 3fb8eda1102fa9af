"""Threads that go on with another model: what one attaches to its calls is not for the next.

The first turn is answered by one switch, the second by another, which is as strict as ever.
`make test` tries each as the first and as the second one twice, `make sweep` each with each.
"""

from __future__ import annotations

from dataclasses import replace

from tests.server.models.switch import Switch
from tests.server.models.switches import calls, openai, shapes, state

_OF = {
    switch.name: switch
    for switch in (*state.SWITCHES, *shapes.SWITCHES, *openai.SWITCHES, *calls.SWITCHES)
}
_FROM = (
    "deepseek-thinking",
    "gemini-signature",
    "openrouter-details-in-fragments",
    "anthropic-thinking-blocks",
    "litellm-provider-fields",
    "gpt-6-luna",
    "ids-like-kimi",
    "ids-of-a-hundred",
    "ids-the-same",
    "words-before-calls",
)
_TO = (
    "deepseek-thinking",
    "kimi-thinking",
    "gemini-signature",
    "thoughts-refused",
    "anthropic-thinking-blocks",
    "gpt-6-luna",
    "mistral-ids",
    "content-null-refused",
    "alternating",
    "ids-of-letters",
)


def _crossing(earlier: str, later: str) -> Switch:
    return replace(
        _OF[later],
        name=f"{earlier}-then-{later}",
        source=f"{_OF[earlier].source}; {_OF[later].source}",
        sessions=["elsewhere"],
        elsewhere=earlier,
        remembered=False,
    )


SWITCHES = [_crossing(one, other) for one in _FROM for other in _TO if one != other]
FEW = [
    _crossing(one, _TO[(number + further) % len(_TO)])
    for number, one in enumerate(_FROM)
    for further in (3, 7)
]
