"""What it means when a Chat Completions endpoint refuses: an error of the run, or a lesson."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import httpx2

from assistctl.server.models.protocol import ErrorCode, ModelError, PromptTooLong
from assistctl.server.upstream import refusal

_REMEDIES = {
    401: " Check the model's api_key.",
    403: " Check the model's api_key.",
    404: " Check the model's base_url and the assistant's model name (`models` maps it).",
}
_FAULTY = (400, 413, 422)
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|prompt is too long|too many (input )?tokens"
    r"|exceeds? the maximum number of tokens|exceed_context",
    re.IGNORECASE,
)
_TOKENS = re.compile(r"(\d[\d,]*) ?(?:input |prompt )?tokens")

_DISPENSABLE = ("max_completion_tokens", "stream_options", "parallel_tool_calls")
"""What older servers do not know: the first has an older name, of the second only the count of
tokens is lost, and the third the engine sees to itself."""


def as_error(endpoint: str, key: str | None, response: httpx2.Response) -> ModelError:
    """The error that a refused request becomes, without the key that the endpoint was sent."""
    status, said = response.status_code, refusal(response, key)
    text = f"The model endpoint {endpoint} answered {status}: {said}{_REMEDIES.get(status, '')}"
    if status == 413 or (status in _FAULTY and _TOO_LONG.search(response.text)):
        return PromptTooLong(text, _excess(said))
    code: ErrorCode = "server_error"
    if status == 429:
        code = "rate_limit_exceeded"
    elif status in _FAULTY:
        code = "invalid_prompt"
    return ModelError(code, text)


def not_understood(response: httpx2.Response, body: Mapping[str, Any]) -> frozenset[str]:
    """The fields of the body that the endpoint refuses and that can be done without."""
    if response.status_code not in (400, 422):
        return frozenset()
    return frozenset(name for name in _DISPENSABLE if name in body and name in response.text)


def without(body: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The body for an endpoint that does not understand these fields."""
    kept = {name: value for name, value in body.items() if name not in names}
    if "max_completion_tokens" in names and "max_completion_tokens" in body:
        kept["max_tokens"] = body["max_completion_tokens"]
    return kept


def _excess(said: str) -> float | None:
    """How many times too long the prompt was, where the endpoint says both numbers."""
    numbers = [int(number.replace(",", "")) for number in _TOKENS.findall(said)[:2]]
    if len(numbers) < 2 or min(numbers) <= 0:
        return None
    return max(numbers) / min(numbers)
