"""A response_format for models that do not take one: asked for in words, and the answer checked."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeAlias

from assistctl.server.models.protocol import (
    CallPart,
    Delta,
    Finish,
    ModelError,
    Request,
    Retracted,
    TextPart,
    Usage,
)

Ask: TypeAlias = Callable[[Request], AsyncGenerator[Delta, None]]

_FENCE = re.compile(r"\A```\w*\n(.*?)\n?```\s*\Z", re.DOTALL)
_LONGEST_SHOWN = 500


def in_words(response_format: Mapping[str, Any] | None) -> str:
    """What the model is told about the form of its answer."""
    schema = _schema(response_format)
    asked = "Answer with one JSON object and nothing else: no other words, no Markdown."
    if schema is None:
        return asked
    return (
        f"{asked} It has to be valid by this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}"
    )


async def in_form(
    ask: Ask, request: Request, *, calls_again: bool = True
) -> AsyncGenerator[Delta, None]:
    """The answer, once it is known to have the form that was asked for; it is asked for once more
    where it has not, then without any calls unless `calls_again`. Raises ModelError if it never
    has."""
    spent: Usage | None = None
    for last in (False, True):
        words, called, finish = "", False, None
        async with aclosing(ask(request)) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextPart):
                    words += delta.text
                elif isinstance(delta, Retracted):
                    words = ""
                elif isinstance(delta, Finish):
                    finish = replace(delta, usage=_sum(spent, delta.usage))
                else:
                    called = called or isinstance(delta, CallPart)
                    yield delta
        assert finish is not None
        spent = finish.usage
        bare = _bare(words)
        fault = _fault(bare, request.response_format)
        if fault is None or called or finish.reason != "stop":
            if words:
                yield TextPart(bare if fault is None else words)
            yield finish
            return
        if last:
            raise ModelError(
                "server_error",
                "The model did not answer in the response_format, although asked twice:"
                f" {fault}. It said: {words[:_LONGEST_SHOWN]}",
            )
        request = _once_more(request, words, fault)
        if not calls_again:
            request = replace(request, tool_choice="none")


def _once_more(request: Request, words: str, fault: str) -> Request:
    wrong = {"role": "assistant", "content": words or "(nothing)"}
    again = {
        "role": "user",
        "content": f"This is not what was asked for: {fault}. Answer again, with the JSON object"
        " alone.",
    }
    return replace(request, messages=[*request.messages, wrong, again])


def _bare(words: str) -> str:
    """The words without a Markdown fence around them."""
    fenced = _FENCE.match(words.strip())
    return fenced[1].strip() if fenced else words.strip()


def _fault(words: str, response_format: Mapping[str, Any] | None) -> str | None:
    """What is wrong with an answer; None if nothing is."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        value = json.loads(words)
    except (ValueError, RecursionError) as error:
        return f"it is not JSON ({error})"
    if not isinstance(value, dict):
        return "it is not a JSON object"
    schema = _schema(response_format)
    if schema is None:
        return None
    worst = best_match(Draft202012Validator(schema).iter_errors(value))
    return f"{worst.message} (at {worst.json_path})" if worst else None


def _schema(response_format: Mapping[str, Any] | None) -> Any:
    declared = (response_format or {}).get("json_schema") or {}
    return declared.get("schema")


def _sum(spent: Usage | None, more: Usage | None) -> Usage | None:
    if spent is None or more is None:
        return more
    return Usage(
        spent.prompt + more.prompt,
        spent.completion + more.completion,
        spent.reasoning + more.reasoning,
    )
