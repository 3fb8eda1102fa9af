"""Thoughts that an endpoint mixes into what it says: they are no part of the answer."""

from __future__ import annotations

from tests.server.models.chat import completion, delta, pieces
from tests.server.models.replies import whole
from tests.server.models.switch import clear, right
from tests.server.models.ways import both

QUOTED = "Good day. A <think> tag </think> is for thoughts."
THOUGHT = "The user says hello, so I say hello. 你好."


def _opened(*said: str):
    """Words before those of the answer, in the same field."""
    return lambda asked, answer, chunks: [
        chunks[0],
        *(delta(content=piece) for piece in said),
        *chunks[1:],
    ]


def before(**fields):
    return lambda asked, answer, chunks: [chunks[0], delta(**fields), *chunks[1:]]


def _parted(asked, answer, chunks):
    """Content is a list of parts, thinking among them."""
    made = []
    for chunk in chunks:
        for choice in chunk["choices"]:
            said = choice["delta"].get("content")
            if said:
                part = {"type": "text", "text": said}
                chunk = {**chunk, "choices": [{**choice, "delta": {"content": [part]}}]}
        made.append(chunk)
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}
    return [made[0], delta(content=[thinking]), *made[1:]]


def _plain_thinking_part(asked, answer, chunks):
    thinking = {"type": "thinking", "thinking": THOUGHT}
    return [chunks[0], delta(content=[thinking]), *chunks[1:]]


def _parts_in_document(asked, answer, chunks):
    body = completion(asked, answer)
    message = body["choices"][0]["message"]
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}]
    parts += [{"type": "text", "text": answer.text}] if answer.text else []
    return whole(
        body | {"choices": [{**body["choices"][0], "message": message | {"content": parts}}]}
    )


def _tagged_document(asked, answer, chunks):
    body = completion(asked, answer)
    body["choices"][0]["message"]["content"] = f"<think>\n{THOUGHT}\n</think>\n\n{answer.text}"
    return whole(body)


def _behind(asked, answer, chunks):
    """Thoughts in a field of their own come behind the words."""
    return [*chunks[:-2], delta(reasoning_content=THOUGHT), *chunks[-2:]]


def _never_closed(asked, answer, chunks):
    return [chunks[0], delta(content=f"<think>{THOUGHT}"), delta("length"), *chunks[-1:]]


def _quoting(asked, answer, chunks):
    """Words about the tag, in the middle of an answer, are part of it."""
    return [chunks[0], *(delta(content=piece) for piece in pieces(QUOTED)), *chunks[-2:]]


_CLOSED = (f"<think>\n{THOUGHT}\n</think>\n\n",)
_TORN = ("<", "th", "ink>", THOUGHT[:9], THOUGHT[9:], "</thi", "nk", ">", "\n", "\n")

SWITCHES = [
    right("think-tags", "Qwen, DeepSeek R1 behind plain servers", shape=_opened(*_CLOSED)),
    right("think-tags-torn", "tags over several deltas", shape=_opened(*_TORN)),
    right("think-tags-empty", "Qwen with thinking off", shape=_opened("<think>\n\n</think>\n\n")),
    right(
        "think-end-tag-only", "templates that open the tag", shape=_opened(f"{THOUGHT}</think>\n\n")
    ),
    right(
        "think-end-tag-only-torn",
        "templates that open the tag",
        shape=_opened(THOUGHT[:9], THOUGHT[9:], "</", "think", ">\n\n"),
    ),
    right("think-after-white-space", "Qwen", shape=_opened("\n", *_CLOSED)),
    right("think-tags-in-one-document", "servers that do not stream", send=_tagged_document),
    right(
        "think-tags-quoted",
        "words about the tag",
        shape=_quoting,
        sessions=["plain"],
        says={question: [QUOTED] for question in ("Say good day.", "Once more, please.")},
    ),
    right(
        "reasoning-field", "vLLM, Ollama, OpenRouter", shape=before(reasoning=THOUGHT, content="")
    ),
    right(
        "reasoning-content-field", "DeepSeek, llama.cpp", shape=before(reasoning_content=THOUGHT)
    ),
    right("reasoning-text-field", "gateways", shape=before(reasoning_text=THOUGHT)),
    right("thinking-field", "Ollama's own name", shape=before(thinking=THOUGHT)),
    right(
        "reasoning-fields-both",
        "vLLM sent both names for a while",
        shape=before(reasoning=THOUGHT, reasoning_content=THOUGHT),
    ),
    right("reasoning-object", "gateways", shape=before(reasoning={"text": THOUGHT})),
    right("reasoning-behind-the-words", "gateways", shape=_behind),
    right("thinking-parts", "Mistral's Magistral", shape=_parted),
    right("thinking-part-plain", "gateways to Anthropic", shape=_plain_thinking_part),
    right("thinking-parts-in-one-document", "Mistral's Magistral", send=_parts_in_document),
    right(
        "think-tags-and-field",
        "llama.cpp",
        shape=both(_opened("<think></think>"), before(reasoning_content=THOUGHT)),
    ),
    clear(
        "think-never-closed",
        "the cap comes first",
        "max_completion_tokens|length",
        shape=_never_closed,
        sessions=["plain"],
    ),
]
for _switch in SWITCHES:
    object.__setattr__(
        _switch, "keys", frozenset({"reasoning", "reasoning_content", "reasoning_text", "thinking"})
    )
