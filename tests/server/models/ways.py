"""What switches are made of: ways to refuse a request, to spell an answer, and to send it."""

from __future__ import annotations

import copy
import gzip
import json
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from tests.server.models.asked import Asked
from tests.server.models.chat import completion
from tests.server.models.mind import Answer
from tests.server.models.replies import SSE, Reply, error, sse, whole
from tests.server.models.switch import Check, Send, Shape

Chunk = dict[str, Any]
Chunks = list[Chunk]


# To refuse.


def when(wrong: Callable[[Asked], Any], reply: Reply) -> Check:
    return lambda asked: reply if wrong(asked) else None


def unknown(name: str, reply: Reply) -> Check:
    """The parameter is not taken at all; a dot leads into it."""
    first, *rest = name.split(".")

    def sent(asked: Asked) -> bool:
        value: Any = asked.body.get(first)
        for key in rest:
            value = value.get(key) if isinstance(value, dict) else None
        return value is not None

    return when(sent, reply)


def first(times: int, reply: Reply) -> Check:
    """Each request is refused so many times before it is taken."""
    seen: Counter[str] = Counter()
    lock = Lock()

    def check(asked: Asked) -> Reply | None:
        with lock:
            key = json.dumps(asked.body, sort_keys=True)
            seen[key] += 1
            return reply if seen[key] <= times else None

    return check


def always(reply: Reply) -> Check:
    return lambda asked: reply


def any_message(wrong: Callable[[Mapping[str, Any]], Any], reply: Reply) -> Check:
    return when(lambda asked: any(map(wrong, asked.messages)), reply)


def any_call(wrong: Callable[[Mapping[str, Any]], Any], reply: Reply) -> Check:
    return when(lambda asked: any(map(wrong, calls_of(asked))), reply)


def calls_of(asked: Asked) -> list[Mapping[str, Any]]:
    return [call for message in asked.messages for call in message.get("tool_calls") or []]


# To spell. A shape gets (asked, answer, chunks).


def deltas(change: Callable[[Chunk], Chunk | None]) -> Shape:
    """Changes the delta of each chunk that has one; None takes the chunk out."""

    def shape(asked: Asked, answer: Answer, chunks: Chunks) -> Chunks:
        made = []
        for chunk in copy.deepcopy(chunks):
            for choice in chunk.get("choices") or []:
                changed = change(choice["delta"])
                if changed is None and choice["finish_reason"] is None:
                    break
                choice["delta"] = changed or {}
            else:
                made.append(chunk)
        return made

    return shape


def parts(change: Callable[[Chunk], Chunk]) -> Shape:
    """Changes each part of a call."""

    def each(delta: Chunk) -> Chunk:
        if "tool_calls" in delta:
            delta["tool_calls"] = [change(part) for part in delta["tool_calls"]]
        return delta

    return deltas(each)


def ids(name: Callable[[int, str], Any]) -> Shape:
    """Gives the calls other ids: of the number and the usual one."""

    def change(part: Chunk) -> Chunk:
        return {**part, "id": name(part["index"], part["id"])} if "id" in part else part

    return parts(change)


def finish(word: Any, calls: Any = ...) -> Shape:
    """Another finish_reason, for calls too unless they have one of their own."""

    def shape(asked: Asked, answer: Answer, chunks: Chunks) -> Chunks:
        chosen = word if calls is ... or not answer.calls else calls
        made = copy.deepcopy(chunks)
        for chunk in made:
            for choice in chunk.get("choices") or []:
                if choice["finish_reason"]:
                    choice["finish_reason"] = chosen
        return made

    return shape


def half(chunks: Chunks) -> Chunks:
    """What came before an answer broke off: some words, or a torn call."""
    said = [chunk for chunk in chunks if _says(chunk)]
    return chunks[: chunks.index(said[len(said) // 2])]


def _says(chunk: Chunk) -> bool:
    return any(
        choice["delta"].get("content") or choice["delta"].get("tool_calls")
        for choice in chunk.get("choices") or []
    )


def cut(*ending: Any) -> Shape:
    """Breaks off half-way, and then sends these chunks."""
    return lambda asked, answer, chunks: [*half(chunks), *copy.deepcopy(list(ending))]


def both(*shapes: Shape) -> Shape:
    def shape(asked: Asked, answer: Answer, chunks: Chunks) -> Chunks:
        for each in shapes:
            chunks = each(asked, answer, chunks)
        return chunks

    return shape


def ahead(make: Callable[[Answer], Chunks]) -> Shape:
    """More chunks before all others."""
    return lambda asked, answer, chunks: [*make(answer), *chunks]


# To send. A sender gets (asked, answer, chunks).


def sent(spell: Callable[[Any], bytes] = sse, *, last: bytes | None = None, **options: Any) -> Send:
    """A stream whose chunks are spelt in another way."""
    done = sse("[DONE]") if last is None else last
    headers = {"content-type": options.get("kind", SSE), **options.get("headers", {})}

    def send(asked: Asked, answer: Answer, chunks: Chunks) -> Reply:
        pieces = [*map(spell, chunks), done]
        return Reply(200, headers, pieces, options.get("ended", True))

    return send


def rewritten(change: Callable[[bytes], list[bytes | float]], kind: str | None = SSE) -> Send:
    """The bytes of the usual stream, all at once, in other pieces."""

    def send(asked: Asked, answer: Answer, chunks: Chunks) -> Reply:
        text = b"".join(sse(chunk) for chunk in [*chunks, "[DONE]"])
        return Reply(200, {"content-type": kind} if kind else {}, change(text))

    return send


def document(kind: str = "application/json", change: Callable[[Chunk], Any] | None = None) -> Send:
    """One JSON document, though a stream was asked for."""

    def send(asked: Asked, answer: Answer, chunks: Chunks) -> Reply:
        body = completion(asked, answer)
        return whole(change(body) if change else body, content_type=kind)

    return send


def zipped(text: bytes) -> list[bytes | float]:
    return [gzip.compress(text)]


def bytewise(text: bytes) -> list[bytes | float]:
    return [text[place : place + 1] for place in range(len(text))]


def refusal(message: str, **how: Any) -> Reply:
    return error(message, **how)
