"""What a prompt costs, estimated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from assistctl.server.tokens import count_tokens

_PER_MESSAGE = 4
_PER_IMAGE = 300
_SHORT = 64
_REMEMBERED = 1 << 15
"""So many texts, of which a digest and a number are kept: a few megabytes."""


def estimate_message(message: Mapping[str, Any]) -> int:
    """About how many tokens one Chat Completions message costs as part of a prompt."""
    content = message.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    words = sum(_counted(part["text"]) for part in parts if part["type"] == "text")
    images = sum(_PER_IMAGE for part in parts if part["type"] != "text")
    calls = message.get("tool_calls")
    return _PER_MESSAGE + words + images + (estimate_json(calls) if calls else 0)


def estimate_prompt(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
) -> int:
    """About how many tokens they are, as Chat Completions has them."""
    return sum(map(estimate_message, messages)) + (estimate_json(tools) if tools else 0)


def estimate_json(value: Any) -> int:
    return _counted(json.dumps(value, ensure_ascii=False))


def _counted(text: str) -> int:
    """As count_tokens, but once: what was said on a thread is part of the prompt of each turn."""
    if len(text) < _SHORT:
        return count_tokens(text)
    known = _known(blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest())
    if not known:
        known.append(count_tokens(text))
    return known[0]


@lru_cache(_REMEMBERED)
def _known(digest: bytes) -> list[int]:
    """Where the number of the text with this digest stands, once it is known."""
    return []
