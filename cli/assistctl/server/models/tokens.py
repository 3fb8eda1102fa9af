"""What a prompt costs, estimated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from assistctl.server.tokens import count_tokens

_PER_MESSAGE = 4
_PER_IMAGE = 300


def estimate_message(message: Mapping[str, Any]) -> int:
    """About how many tokens one Chat Completions message costs as part of a prompt."""
    content = message.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    words = sum(count_tokens(part["text"]) for part in parts if part["type"] == "text")
    images = sum(_PER_IMAGE for part in parts if part["type"] != "text")
    calls = message.get("tool_calls")
    return _PER_MESSAGE + words + images + (estimate_json(calls) if calls else 0)


def estimate_prompt(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
) -> int:
    return sum(map(estimate_message, messages)) + (estimate_json(tools) if tools else 0)


def estimate_json(value: Any) -> int:
    return count_tokens(json.dumps(value, ensure_ascii=False))
