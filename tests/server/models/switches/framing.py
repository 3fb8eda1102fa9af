"""The same answer, framed otherwise."""

from __future__ import annotations

import json

from tests.server.models.chat import completion, delta
from tests.server.models.replies import SSE, Reply, sse, whole
from tests.server.models.switch import clear, right
from tests.server.models.ways import (
    bytewise,
    cut,
    deltas,
    document,
    first,
    rewritten,
    sent,
    zipped,
)

ALL = [
    *("plain", "tool", "elsewhere", "toolless", "forced", "single", "consecutive"),
    *("last-assistant", "first-assistant", "instructions-only", "empty", "long", "capped"),
    *("cap", "warm", "effort", "named", "pictured", "formatted", "formatted-tool"),
]


def _ascii(chunk):
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _pretty(chunk):
    lines = json.dumps(chunk, ensure_ascii=False, indent=1).splitlines()
    return "".join(f"data: {line}\n" for line in lines).encode() + b"\n"


def _one_finish(asked, answer, chunks):
    """Usage comes with the finish_reason, in one chunk."""
    *rest, last, counted = chunks
    return [*rest, {**last, "usage": counted["usage"]}]


def _azure(asked, answer, chunks):
    filtered = {"prompt_index": 0, "content_filter_results": {}}
    opening = {"id": "", "object": "", "choices": [], "prompt_filter_results": [filtered]}
    return [opening, *chunks]


def _counts_often(asked, answer, chunks):
    return [{**chunk, "usage": chunks[-1]["usage"]} for chunk in chunks]


def _uncounted(asked, answer, chunks):
    return [{key: chunk[key] for key in chunk if key != "usage"} for chunk in chunks[:-1]]


def _null_choices(asked, answer, chunks):
    return [{**chunks[0], "choices": None}, *chunks]


def _after(asked, answer, chunks):
    """The count comes behind [DONE]."""
    pieces = [*map(sse, chunks[:-1]), sse("[DONE]"), sse(chunks[-1])]
    return Reply(200, {"content-type": SSE}, pieces)


def _unended(asked, answer, chunks):
    """The connection breaks right behind the finish_reason."""
    return Reply(200, {"content-type": SSE}, [*map(sse, chunks[:-1])], ended=False)


def _broken(asked, answer, chunks):
    said = [*map(sse, chunks)]
    return Reply(200, {"content-type": SSE}, said[: len(said) // 2], ended=False)


def _last_line_unended(text):
    return [text.rstrip(b"\n")]


def _pretty_document(asked, answer, chunks):
    body = "\n\n  " + json.dumps(completion(asked, answer), indent=2)
    return whole(body, content_type=SSE)


_NULLS = {
    "content": None,
    "tool_calls": None,
    "refusal": None,
    "function_call": None,
    "audio": None,
    "reasoning": None,
    "reasoning_content": None,
}


def _with_message(body, **fields):
    [choice] = body["choices"]
    return {**body, "choices": [{**choice, "message": {**choice["message"], **fields}}]}


SWITCHES = [
    right(
        "ordinary",
        "OpenAI's contract",
        wires=frozenset({"chat", "responses"}),
        reasoning=False,
        sessions=ALL,
        counted=True,
    ),
    right("crlf", "the SSE standard", send=rewritten(lambda text: [text.replace(b"\n", b"\r\n")])),
    right("cr", "the SSE standard", send=rewritten(lambda text: [text.replace(b"\n", b"\r")])),
    right("byte-by-byte", "slow proxies", send=rewritten(bytewise)),
    right("all-at-once", "buffering proxies", send=rewritten(lambda text: [text])),
    right("ascii-escapes", "json.dumps", send=sent(_ascii)),
    right("many-data-lines", "the SSE standard", send=sent(_pretty)),
    right("no-space", "the SSE standard", send=sent(lambda c: sse(c).replace(b"data: ", b"data:"))),
    right(
        "openrouter-comments",
        "OpenRouter's documents",
        send=sent(lambda chunk: b": OPENROUTER PROCESSING\n\n" + sse(chunk)),
    ),
    right("named-events", "the SSE standard", send=sent(lambda c: sse(c, event="message"))),
    right("odd-event-names", "gateways", send=sent(lambda c: sse(c, event="chunk"))),
    right(
        "ids-and-retry", "the SSE standard", send=sent(lambda c: b"id: 7\nretry: 100\n" + sse(c))
    ),
    right("byte-order-mark", "the SSE standard", send=rewritten(lambda t: [b"\xef\xbb\xbf" + t])),
    right("empty-data", "vllm#47526", send=sent(lambda chunk: b"data:\n\ndata: \n\n" + sse(chunk))),
    right("blank-lines", "proxies that keep alive", send=sent(lambda c: b"\n\n\n" + sse(c))),
    right(
        "gzip",
        "nginx",
        send=lambda asked, answer, chunks: Reply(
            200,
            {"content-type": SSE, "content-encoding": "gzip"},
            zipped(b"".join(map(sse, [*chunks, "[DONE]"]))),
        ),
    ),
    right("no-done", "many", send=sent(last=b"")),
    right("two-dones", "proxies", send=sent(last=sse("[DONE]") * 2)),
    right("done-in-small-letters", "pydantic-ai#8208", send=sent(last=b"data: [done]\n\n")),
    right("done-without-brackets", "old servers", send=sent(last=b"data: DONE\n\n")),
    right("junk-behind-the-end", "proxies", send=sent(last=b'data: {"cost": 0.1\n\n')),
    right("done-without-blank-line", "old servers", send=rewritten(_last_line_unended)),
    right("connection-cut-behind-finish", "old servers", send=_unended),
    right("usage-behind-done", "old servers", send=_after),
    right("usage-with-finish", "DeepSeek, Mistral", shape=_one_finish),
    right("usage-in-every-chunk", "vLLM's continuous_usage_stats", shape=_counts_often),
    right("no-usage", "many", shape=_uncounted),
    right("empty-choices-first", "Azure's prompt_filter_results", shape=_azure),
    right("null-choices", "gateways", shape=_null_choices),
    right("no-role", "many", shape=deltas(lambda d: {k: d[k] for k in d if k != "role"})),
    right("role-in-every-delta", "LM Studio", shape=deltas(lambda d: {"role": "assistant", **d})),
    right("null-everywhere", "vLLM", shape=deltas(lambda d: _NULLS | d)),
    right("empty-tool-calls", "lmstudio#1318", shape=deltas(lambda d: {"tool_calls": [], **d})),
    right("json-instead", "gateways", send=document()),
    right("json-as-text", "vllm#47526", send=document("text/plain")),
    right("json-as-stream", "vllm#47526", send=document(SSE)),
    right("json-as-bytes", "DeepSeek's errors", send=document("application/octet-stream")),
    right("json-indented-as-stream", "vllm#47526", send=_pretty_document),
    right(
        "json-with-empty-tool-calls",
        "lmstudio#1318",
        send=document(change=lambda body: _with_message(body, tool_calls=[])),
        sessions=["plain"],
    ),
    right("sse-as-json", "vllm#47526", send=rewritten(lambda t: [t], "application/json")),
    right("sse-as-text", "vllm#47526", send=rewritten(lambda text: [text], "text/plain")),
    right("sse-as-bytes", "gateways", send=rewritten(lambda t: [t], "application/octet-stream")),
    right("sse-without-a-type", "gateways", send=rewritten(lambda text: [text], None)),
    right(
        "sse-as-json-after-comments",
        "vllm#47526",
        send=rewritten(lambda text: [b": hold on\n\n", text], "application/json"),
    ),
    right("silence-then-answer", "models that think", send=rewritten(lambda t: [b"", 0.3, t])),
    right("connection-closed-at-first", "proxies", refuse=[first(1, Reply(0))]),
    clear("cut-in-the-middle", "proxies", "broke off|middle|reached", send=_broken),
    clear("cut-without-an-error", "proxies", "middle|broke off", shape=cut(), send=sent(last=b"")),
    clear(
        "not-json-in-the-middle",
        "proxies",
        "not JSON|Bad Gateway",
        shape=cut(delta()),
        send=sent(last=b"data: <html>Bad Gateway</html>\n\n"),
    ),
    clear(
        "web-page",
        "a base_url that is no API",
        "web page",
        send=lambda *_: whole("<html>Welcome</html>", content_type="text/html"),
    ),
    clear(
        "without-an-end",
        "a base_url that is a download",
        "more than 32 MB",
        send=lambda *_: Reply(200, {"content-type": SSE}, [b"data: ", *[b"x" * 65536] * 600]),
    ),
    clear("empty-body", "proxies", "empty|nothing|middle|without|JSON", send=lambda *_: whole("")),
]
