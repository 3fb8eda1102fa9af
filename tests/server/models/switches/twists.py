"""Traps: what must not be taken apart, not be asked for ever, and not be heard twice."""

from __future__ import annotations

import copy

from tests.server.models.chat import delta, pieces
from tests.server.models.mind import Answer
from tests.server.models.replies import Reply, error, whole
from tests.server.models.switch import Switch, clear, right
from tests.server.models.switches.openai import BOTH, RESPONSES, on
from tests.server.models.switches.overflow import too_long
from tests.server.models.ways import always, any_message, deltas, rewritten

_GREETINGS = ("Say good day.", "Once more, please.")


def _verbatim(name: str, source: str, said: str, **how) -> Switch:
    """Whatever is said has to be heard to the letter."""
    says = {question: [said] for question in _GREETINGS}
    how = {"sessions": ["plain"], **how}
    return right(f"verbatim-{name}", source, think=lambda asked: Answer(said), says=says, **how)


_LINES = "One\u2028two\u2029three\u0085four\x0bfive\x0csix\x1cseven."
_VERBATIM = [
    _verbatim("line-separators", "the SSE standard: lines end at CR and LF only", _LINES),
    _verbatim(
        "line-separators-by-responses",
        "the SSE standard",
        _LINES,
        wires=RESPONSES,
        api="responses",
    ),
    _verbatim("line-breaks", "poems", "Roses are red,\n\n  violets are blue.\n"),
    _verbatim("tags", "HTML", "<b>Good</b> day. <thinks>So they say.</thinks>"),
    _verbatim("half-a-tag", "an answer that begins as a thought would", "<thi"),
    _verbatim("less-than", "arithmetic", "< 5 yuan"),
    _verbatim("data", "an answer about streams", "data: [DONE]\n\nevent: error"),
    _verbatim("done", "an answer about streams", "[DONE]"),
    _verbatim("surrogates", "characters beyond the first plane", "𝔊𝔬𝔬𝔡 day 👩‍🌾🌹"),
    _verbatim("json-in-a-fence", "nobody asked for JSON", '```json\n{"flower": "rose"}\n```'),
    _verbatim(
        "citation-of-nothing", "a mark that no search has made", "Roses【4:0†source】 are red."
    ),
]


def _by_messages(asked, answer, chunks):
    """Chunks have `message` where `delta` should be."""
    made = copy.deepcopy(chunks)
    for chunk in made:
        for choice in chunk["choices"]:
            choice["message"] = choice.pop("delta")
    return made


def _cumulative(asked, answer, chunks):
    """Perplexity: beside each delta stands all that was said so far."""
    made, said = [], ""
    for chunk in copy.deepcopy(chunks):
        for choice in chunk["choices"]:
            said += choice["delta"].get("content") or ""
            choice["message"] = {"role": "assistant", "content": said}
        made.append(chunk)
    return made


def _refusing(asked, answer, chunks):
    return [chunks[0], *(delta(refusal=piece) for piece in pieces(answer.text)), *chunks[-2:]]


def _cited(asked, answer, chunks):
    return [{**chunk, "citations": ["https://example.com"]} for chunk in chunks]


def _other_choices(asked, answer, chunks):
    """A second choice that nobody has asked for."""
    made = copy.deepcopy(chunks)
    for chunk in made:
        if chunk["choices"]:
            other = {"index": 1, "delta": {"content": "No."}, "finish_reason": None}
            chunk["choices"].append(other)
    return made


_SPELT = [
    right("message-instead-of-delta", "old servers", shape=_by_messages),
    right("message-beside-delta", "Perplexity", shape=_cumulative, sessions=["plain"]),
    right("refusal-in-deltas", "OpenAI", shape=_refusing, sessions=["plain"]),
    right("citations-beside", "Perplexity", shape=_cited),
    right("two-choices", "a gateway that asks for several", shape=_other_choices),
    right(
        "finish-in-each-chunk",
        "old servers say stop at once",
        shape=lambda a, b, chunks: [
            {
                **chunk,
                "choices": [
                    {**c, "finish_reason": c["finish_reason"] or ""} for c in chunk["choices"]
                ],
            }
            for chunk in chunks
        ],
    ),
    right("content-null-at-the-end", "many", shape=deltas(lambda d: d or {"content": None})),
    right(
        "spaces-around-data",
        "hand-made servers",
        send=rewritten(lambda t: [t.replace(b"\n\n", b" \n\n")]),
    ),
]


def _endless(name: str, source: str, word: str, message: str, **how) -> Switch:
    """It is refused whatever is done; a few tries, and then it is told."""
    sessions = how.pop("sessions", ["plain"])
    wires = how.pop("wires", frozenset({"chat"}))
    api = how.pop("api", "auto")

    def after(exchanges):
        return f"it was asked {len(exchanges)} times" if len(exchanges) > 12 else None

    reply = error(message, **how)
    return clear(
        f"endless-{name}",
        source,
        word,
        refuse=[always(reply)],
        sessions=sessions,
        after=after,
        wires=wires,
        api=api,
    )


_ENDLESS = [
    _endless(
        "temperature",
        "a refusal of what was not sent",
        "temperature",
        "Unsupported parameter: 'temperature' is not supported with this model.",
        param="temperature",
    ),
    _endless(
        "effort",
        "a refusal of what was not sent",
        "reasoning_effort",
        "`reasoning_effort` is not supported with this model",
    ),
    _endless(
        "tool-choice",
        "a refusal of what was not sent",
        "tool_choice",
        "tool_choice is not supported",
        sessions=["tool"],
    ),
    _endless(
        "cap",
        "a cap that nobody set",
        "max_tokens",
        "max_tokens is too large: 32000. This model supports at most 16384 completion tokens",
    ),
    _endless(
        "content",
        "a fault of the template",
        "content",
        "Invalid 'content': 'content' field must be a string or an array of objects.",
        sessions=["plain", "tool"],
    ),
    _endless(
        "roles",
        "a template that nothing fits",
        "alternate",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        sessions=["plain", "consecutive"],
    ),
    _endless(
        "reasoning-content",
        "a demand that cannot be met",
        "reasoning_content",
        "The reasoning_content in the thinking mode must be passed back to the API.",
    ),
    _endless(
        "reasoning-item",
        "a demand that cannot be met",
        "reasoning",
        "Item 'fc_1' of type 'function_call' was provided without its required"
        " 'reasoning' item: 'rs_1'.",
        wires=RESPONSES,
        api="responses",
    ),
    _endless(
        "seal",
        "a demand that cannot be met",
        "could not be verified",
        "The encrypted content for item rs_1 could not be verified.",
        wires=RESPONSES,
        api="responses",
        code="invalid_encrypted_content",
    ),
    _endless(
        "unknown-parameter",
        "a parameter that is always there",
        "model",
        "Unknown parameter: 'model'.",
        param="model",
    ),
    clear(
        "endless-between-wires",
        "each wire points to the other",
        "/v1/",
        wires=BOTH,
        refuse=[
            on("chat", always(error("Please use /v1/responses instead."))),
            on(
                "responses",
                always(
                    error(
                        "Not supported in /v1/responses. Please use /v1/chat/completions.",
                        status=404,
                    )
                ),
            ),
        ],
        after=lambda exchanges: (
            f"it was asked {len(exchanges)} times" if len(exchanges) > 8 else None
        ),
        sessions=["plain", "tool"],
    ),
    clear(
        "endless-null-or-empty",
        "content is refused in either form",
        "content",
        refuse=[
            any_message(
                lambda m: m["role"] == "assistant" and not m.get("content"),
                error("messages.1.content: must be a non-empty string"),
            )
        ],
        sessions=["tool"],
        allowed=frozenset({"right", "clear"}),
    ),
]


def _without_responses(name: str, reply: Reply) -> Switch:
    """By Responses at first, as OpenAI is asked, and then by what there is."""
    return right(
        f"set-profile-openai-{name}",
        "gateways that call themselves OpenAI",
        settings={"profile": "openai"},
        wires=BOTH,
        refuse=[on("responses", always(reply))],
        sessions=["plain", "tool"],
        remembered=True,
    )


_CHANGING = [
    _without_responses("not-found", whole({"detail": "Not Found"}, 404)),
    _without_responses(
        "not-found-in-words", whole("404 page not found", 404, content_type="text/plain")
    ),
    _without_responses(
        "not-found-azure", whole({"error": {"code": "404", "message": "Resource not found"}}, 404)
    ),
    _without_responses("not-allowed", whole({"detail": "Method Not Allowed"}, 405)),
    _without_responses("not-implemented", error("not implemented", status=501)),
    _without_responses(
        "not-for-this-model",
        error(
            "The requested model 'gpt-4o-search-preview' cannot be used with the Responses API.",
            status=400,
        ),
    ),
]


def _garbled(asked):
    return Reply(
        400, {"content-type": "application/json"}, [b'{"error": {"message": "caf\xe9 wilted"}}']
    )


_REST = [
    clear("garbled-error", "a body in Latin-1", "wilted", refuse=[_garbled], sessions=["plain"]),
    *(
        clear(
            f"redirect-{status}",
            "a base_url that has moved",
            "https://example.com/v1",
            refuse=[always(whole("", status, location="https://example.com/v1/chat/completions"))],
            sessions=["plain"],
        )
        for status in (302, 307)
    ),
    too_long(
        "tokens-per-minute-as-429",
        "OpenAI: what the minute allows is less than the request",
        lambda n, most: error(
            f"Request too large for gpt-6-luna in organization org-x on tokens per min (TPM): Limit"
            f" {most}, Requested {n}. The input or output tokens must be reduced in order to run"
            " successfully.",
            status=429,
            code="rate_limit_exceeded",
            kind="tokens",
        ),
    ),
]

SWITCHES = [*_VERBATIM, *_SPELT, *_ENDLESS, *_CHANGING, *_REST]
