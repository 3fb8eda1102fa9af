"""Thoughts that stand among the words of an answer, between <think> and </think>.

Some templates open the thoughts themselves, so that only the end tag is seen: of models that think
the beginning is therefore held back until it is known what it was; of others it is taken back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = "(?:think|thinking|thought|reasoning)"
_OPENINGS = ("<think>", "<thinking>", "<thought>", "<reasoning>")
_OPENING = re.compile(f"<{_NAME}>")
_CLOSING = re.compile(f"(?<!`)</{_NAME}>")
_LONGEST_TAG = len("</reasoning>")
_THINKERS = re.compile(
    r"think|reason|\br1\b|qwq|deepseek|qwen3|glm|minimax|magistral|kimi|nemotron|hunyuan|ernie",
    re.IGNORECASE,
)


def thinks(model: str) -> bool:
    """Whether a model of this name may think aloud."""
    return _THINKERS.search(model) is not None


@dataclass(frozen=True)
class Heard:
    """Words of the answer; `retracted` says that all words before them were thoughts."""

    text: str
    retracted: bool = False


@dataclass
class Thoughts:
    """Tells words from thoughts. With `wary` nothing is let go while an end tag may come.

    `seen` tells whether there were thoughts.
    """

    wary: bool
    seen: bool = False
    _inside: bool = False
    _begun: bool = False
    _quoted: bool = False
    _held: str = ""
    _tail: str = ""

    def feed(self, text: str) -> Heard:
        self._held += text
        return self._heard(ended=False)

    def end(self) -> Heard:
        return self._heard(ended=True)

    def elsewhere(self) -> None:
        """Thoughts have come in a field of their own, so none is among the words."""
        self.seen = True
        self.wary = False

    def _heard(self, ended: bool) -> Heard:
        if self._inside:
            return self._thought()
        if self._begun:
            return self._words()
        if self.seen:
            self._held = self._held.lstrip()
        start = self._held.lstrip()
        if opening := _OPENING.match(start):
            self._inside = self.seen = True
            self._held = start[opening.end() :]
            return self._thought()
        if not ended and any(tag.startswith(start) for tag in _OPENINGS):
            return Heard("")
        if self.wary and not _OPENING.search(self._held):
            if _CLOSING.search(self._held):
                return self._answer()
            if not ended:
                return Heard("")
        self._begun = True
        return self._words()

    def _thought(self) -> Heard:
        if _CLOSING.search(self._held):
            return self._answer()
        self._held = self._held[-_LONGEST_TAG:]
        return Heard("")

    def _answer(self, retracted: bool = False) -> Heard:
        """What follows the end of the thoughts; perhaps more of them."""
        closing = _CLOSING.search(self._held)
        assert closing is not None
        self._held = self._held[closing.end() :]
        self._inside, self._begun, self._tail, self.seen = False, False, "", True
        self.wary = False
        return Heard(self._heard(ended=False).text, retracted)

    def _words(self) -> Heard:
        """Words, unless an end tag without a beginning says that they were none."""
        text, self._held = self._held, ""
        window = self._tail + text
        self._tail = window[-_LONGEST_TAG:]
        self._quoted = self._quoted or _OPENING.search(window) is not None
        if not self._quoted and _CLOSING.search(window):
            self._held = window
            return self._answer(retracted=True)
        return Heard(text)
