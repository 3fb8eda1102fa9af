"""What was said and done before a completion, as a model reads it, and how much of it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from assistctl.server.models.tokens import estimate_prompt
from assistctl.server.wire import Document


@dataclass(frozen=True)
class HistoryItem:
    """What must stay together: one message (`spoken`), or one round of tool calls with all its
    outputs, as messages of Chat Completions.

    `id` is the message's or the round's; words that were said `beside` a round bear its id.
    """

    messages: tuple[Document, ...]
    run_id: str | None
    spoken: bool
    id: str = ""
    beside: str | None = None

    @cached_property
    def tokens(self) -> int:
        """An estimate of what it costs of a prompt."""
        return estimate_prompt(self.messages)


@dataclass(frozen=True)
class History:
    """From before a run, and the run's own."""

    before: list[HistoryItem]
    own: list[HistoryItem]


def flatten(items: Iterable[HistoryItem]) -> list[Document]:
    """The messages of all items; words and calls of one completion become one message again."""
    messages: list[Document] = []
    rounds: dict[str, int] = {}
    last: HistoryItem | None = None
    for item in items:
        first, *rest = item.messages
        if item.beside in rounds:
            calling = messages[rounds[item.beside]]
            said = (calling["content"] or "") + first["content"]
            messages[rounds[item.beside]] = {**calling, "content": said}
            continue
        if last and last.spoken and not item.spoken and last.run_id == item.run_id:
            first = {**first, "content": messages.pop()["content"]}
        if not item.spoken:
            rounds[item.id] = len(messages)
        messages += [first, *rest]
        last = item
    return messages


def last_messages(items: Sequence[HistoryItem], count: int) -> list[HistoryItem]:
    """The most recent `count` messages and the rounds of calls among them."""
    spoken = [position for position, item in enumerate(items) if item.spoken]
    return list(items[spoken[-count] :]) if len(spoken) > count else list(items)


def within(items: Sequence[HistoryItem], tokens: int) -> list[HistoryItem]:
    """Items dropped from the middle, then the first, until the rest fits; the last one stays."""
    kept = dict(enumerate(items))
    total = sum(item.tokens for item in items)
    for position in [*range(1, len(items) - 1), 0][: max(len(items) - 1, 0)]:
        if total <= tokens:
            break
        total -= kept.pop(position).tokens
    return list(kept.values())
