"""What a Chat Completions endpoint attaches to an answer and wants back with it.

Reasoning and signatures of thoughts come under names that differ from provider to provider, in the
message, in a call or in a call's function. Whatever is not Chat Completions' own is kept as it
came, its pieces put together.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

_OWN = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "audio"})
_OWN_OF_A_CALL = frozenset({"index", "id", "type", "function"})
_OWN_OF_A_FUNCTION = frozenset({"name", "arguments", "output", "description", "parameters"})
_FOR_THE_READER = frozenset(
    {"annotations", "name", "tool_call_id", "token_ids", "images", "citations", "logprobs"}
)
_IN_PIECES = frozenset({"text", "summary", "thinking", "content", "data"})

THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Thoughts in words: they go back with calls, and else only where an endpoint wants them."""


class State:
    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._calls: dict[int, dict[str, Any]] = {}

    def hear(self, delta: Mapping[str, Any]) -> bool:
        """Take what a delta attaches to its message; returns whether it holds thoughts."""
        attached = {
            key: value
            for key, value in delta.items()
            if key not in _OWN and key not in _FOR_THE_READER and value is not None
        }
        for key, value in attached.items():
            in_pieces = key in THOUGHTS
            self._message[key] = _joined(self._message.get(key), value, in_pieces)
        return any(delta.get(key) for key in THOUGHTS)

    def hear_call(self, number: int, part: Mapping[str, Any]) -> None:
        """Take what a part of a call attaches to it."""
        call = self._calls.setdefault(number, {})
        for key, value in part.items():
            if key not in _OWN_OF_A_CALL and value is not None:
                call[key] = _joined(call.get(key), value, False)
        function = part.get("function")
        for key, value in function.items() if isinstance(function, dict) else ():
            if key not in _OWN_OF_A_FUNCTION and value is not None:
                held = call.setdefault("function", {})
                held[key] = _joined(held.get(key), value, False)

    def kept(self) -> Mapping[str, Any] | None:
        """As JSON: `message`, and `calls` by their numbers; None if there is nothing."""
        calls = {str(number): call for number, call in self._calls.items() if call}
        kept: dict[str, Any] = {"message": self._message, "calls": calls}
        return {key: value for key, value in kept.items() if value} or None


def _joined(before: Any, piece: Any, in_pieces: bool) -> Any:
    """What has come so far, with the next piece of it."""
    if before is None:
        return copy.deepcopy(piece)
    if isinstance(before, str) and isinstance(piece, str):
        if in_pieces:
            return before + piece
        return before if before == piece or not piece else before + piece
    if isinstance(before, dict) and isinstance(piece, dict):
        for key, value in piece.items():
            if value is not None:
                before[key] = _joined(before.get(key), value, key in _IN_PIECES)
        return before
    if isinstance(before, list) and isinstance(piece, list):
        return _listed(before, piece)
    return piece


def _listed(before: list[Any], pieces: list[Any]) -> list[Any]:
    """Elements with an index are put together by it, others follow."""
    for piece in pieces:
        index = piece.get("index") if isinstance(piece, dict) else None
        same = next(
            (
                entry
                for entry in before
                if index is not None
                and isinstance(entry, dict)
                and (entry.get("index"), entry.get("type")) == (index, piece.get("type"))
            ),
            None,
        )
        if same is None:
            before.append(copy.deepcopy(piece))
        else:
            _joined(same, piece, False)
    return before
