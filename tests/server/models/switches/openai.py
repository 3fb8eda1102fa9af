"""OpenAI's models of today: what they refuse behind Chat Completions, and take by Responses."""

from __future__ import annotations

import copy
import json

from tests.server.models import mind, responses
from tests.server.models.chat import pieces
from tests.server.models.mind import digest
from tests.server.models.replies import SSE, Reply, error, sse, whole
from tests.server.models.switch import Switch, clear, right
from tests.server.models.switches.errors import KEY, once
from tests.server.models.switches.overflow import LEFT_OUT, LIMIT
from tests.server.models.ways import always, first, unknown, when

BOTH = frozenset({"chat", "responses"})
RESPONSES = frozenset({"responses"})
FOUR = ["plain", "tool", "elsewhere", "toolless"]
EVERY = [
    *(*FOUR, "forced", "single", "consecutive", "consecutive-assistants", "last-assistant"),
    *("first-assistant", "instructions-only", "empty", "long", "capped", "cap", "formatted"),
    *("object", "effort", "effort-tool", "named", "pictured", "formatted-tool"),
]


def on(wire, check):
    return lambda asked: check(asked) if asked.wire == wire else None


# Behind Chat Completions.


def _no_functions(model: str, *, none: bool = True):
    """Functions are refused unless no reasoning is asked for, also where nothing was said."""
    refused = error(
        f"Function tools with reasoning_effort are not supported for {model} in"
        " /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to"
        " 'none'.",
        param="reasoning_effort",
    )
    unknown_effort = error(
        f"Unsupported value: 'reasoning_effort' does not support 'none' with {model}."
        " Supported values"
        " are: 'low', 'medium', 'high', and 'xhigh'.",
        param="reasoning_effort",
        code="unsupported_value",
    )

    def check(asked):
        if asked.effort == "none" and not none:
            return unknown_effort
        return refused if asked.tools and asked.effort != "none" else None

    return on("chat", check)


def _default_only(name: str):
    """Sampling is refused on either wire, in different words, while the model reasons."""

    def check(asked):
        value = asked.body.get(name, 1)
        if value == 1 or asked.effort == "none":
            return None
        if asked.wire == "responses":
            return error(
                f"Unsupported parameter: '{name}' is not supported with this model.", param=name
            )
        return error(
            f"Unsupported value: '{name}' does not support {value} with this model. Only the"
            " default"
            " (1) value is supported.",
            param=name,
            code="unsupported_value",
        )

    return check


_MAX_TOKENS = unknown(
    "max_tokens",
    error(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
        " 'max_completion_tokens' instead.",
        param="max_tokens",
        code="unsupported_parameter",
    ),
)


def _today(name: str, model: str, *, none: bool = True, **how) -> Switch:
    return right(
        name,
        "LibreChat#14231, goose#11413, litellm#34569, openai-openapi#541",
        wires=how.pop("wires", BOTH),
        refuse=[
            _no_functions(model, none=none),
            _default_only("temperature"),
            _default_only("top_p"),
            _MAX_TOKENS,
            *how.pop("refuse", ()),
        ],
        **how,
    )


LUNA = _today(
    "gpt-6-luna",
    "gpt-6-luna",
    sessions=[*FOUR, "forced", "named", "single", "cap", "pictured", "effort-tool"],
    remembered=True,
)

_AUTO = [
    LUNA,
    _today("gpt-6-astra", "gpt-6-astra", none=False, sessions=[*FOUR, "effort-tool"]),
    _today("gpt-6.1-sol", "gpt-6.1-sol", none=False, sessions=["tool", "long"]),
    _today("gpt-5.6-terra", "gpt-5.6-terra", sessions=["tool"]),
    _today("gpt-6-luna-warm", "gpt-6-luna", sessions=["warm", "warm-tool"], tells="temperature"),
    right(
        "gpt-5.4-please",
        "pipecat#4043: other words for it",
        wires=BOTH,
        refuse=[
            on(
                "chat",
                unknown(
                    "tools",
                    error(
                        "Function tools with reasoning_effort are not supported for gpt-5.4 in"
                        " /v1/chat/completions. Please use /v1/responses instead.",
                        param="reasoning_effort",
                    ),
                ),
            )
        ],
        sessions=["tool", "effort-tool"],
    ),
    right(
        "responses-only",
        "o1-pro, codex: 404 in Chat Completions",
        wires=RESPONSES,
        sessions=FOUR,
    ),
    right(
        "not-a-chat-model",
        "codex of old: 404, and no word of Responses",
        allowed=frozenset({"right", "clear"}),
        wires=BOTH,
        refuse=[
            on(
                "chat",
                always(
                    error(
                        "This is not a chat model and thus not supported in the"
                        " v1/chat/completions endpoint. Did you mean to use v1/completions?",
                        status=404,
                        param="model",
                    )
                ),
            )
        ],
        sessions=["plain"],
    ),
    right(
        "azure-unsupported-operation",
        "Azure: models for Responses only",
        wires=BOTH,
        refuse=[
            on(
                "chat",
                always(
                    error(
                        "The requested operation is unsupported. This model only supports the"
                        " Responses API: use /v1/responses.",
                        code="OperationNotSupported",
                    )
                ),
            )
        ],
        sessions=["plain", "tool"],
    ),
]

# By Responses. A shape gets the events.


def _by_responses(name: str, source: str, **how) -> Switch:
    how = {"wires": RESPONSES, "api": "responses", "sessions": ["plain", "tool"], **how}
    return right(f"responses-{name}", source, **how)


def _fails(name: str, source: str, word: str, **how) -> Switch:
    how = {"wires": RESPONSES, "api": "responses", "sessions": ["plain", "tool"], **how}
    return clear(f"responses-{name}", source, word, **how)


def _without(*kinds: str):
    return lambda asked, answer, made: [each for each in made if each["type"] not in kinds]


def _between(extra):
    """Another event behind each."""
    return lambda asked, answer, made: [each for event in made for each in (event, extra)]


def _summarised(asked, answer, made):
    """The reasoning has a summary, which is streamed."""
    made = copy.deepcopy(made)
    thought = {"type": "summary_text", "text": "**Thinking** of flowers"}
    found = [item for event in made for item in _items(event) if item["type"] == "reasoning"]
    for item in found:
        item["summary"] = [thought]
    at = next(n for n, event in enumerate(made) if event["type"] == "response.output_item.done")
    named = {"item_id": found[0]["id"], "output_index": 0, "summary_index": 0}
    parts = [
        {"type": "response.reasoning_summary_part.added", **named, "part": {**thought, "text": ""}},
        *(
            {"type": "response.reasoning_summary_text.delta", **named, "delta": piece}
            for piece in pieces(thought["text"])
        ),
        {"type": "response.reasoning_summary_text.done", **named, "text": thought["text"]},
        {"type": "response.reasoning_summary_part.done", **named, "part": thought},
    ]
    return [*made[:at], *parts, *made[at:]]


def _items(event):
    if "item" in event:
        return [event["item"]]
    return (event.get("response") or {}).get("output") or []


def _thought_aloud(asked, answer, made):
    """vLLM and LM Studio tell the reasoning itself."""
    made = copy.deepcopy(made)
    thought = {"type": "reasoning_text", "text": "The user wants flowers."}
    found = [item for event in made for item in _items(event) if item["type"] == "reasoning"]
    for item in found:
        item["content"] = [thought]
    at = next(n for n, event in enumerate(made) if event["type"] == "response.output_item.done")
    named = {"item_id": found[0]["id"], "output_index": 0, "content_index": 0}
    parts = [
        {"type": "response.reasoning_text.delta", **named, "delta": piece}
        for piece in pieces(thought["text"])
    ]
    done = {"type": "response.reasoning_text.done", **named, "text": thought["text"]}
    return [*made[:at], *parts, done, *made[at:]]


def _mute_delta(asked, answer, made):
    """Arguments and words come whole, with the items."""
    return _without(
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
    )(asked, answer, made)


def _only_completed(asked, answer, made):
    return made[-1:]


def _bare_completed(asked, answer, made):
    """The last event does not repeat the output."""
    made = copy.deepcopy(made)
    made[-1]["response"]["output"] = []
    return made


def _late_seal(asked, answer, made):
    """Only the item that is done has its encrypted content."""
    made = copy.deepcopy(made)
    for event in made:
        if event["type"] == "response.output_item.added":
            event["item"].pop("encrypted_content", None)
    return made


def _obfuscated(asked, answer, made):
    return [
        {**event, "obfuscation": "aB3"} if event["type"].endswith("delta") else event
        for event in made
    ]


def _said_before(words: str):
    """A message comes before the calls."""

    def shape(asked, answer, made):
        if not answer.calls:
            return made
        talk = mind.Answer(words)
        said = responses.events(asked, talk, reasoning=False)
        message = said[-1]["response"]["output"][0] | {
            "id": "msg_" + digest(answer.key[:15])[:40] + "00"
        }
        inner = [
            json.loads(json.dumps(e).replace(responses.item_id("msg", talk.key), message["id"]))
            for e in said[2:-1]
        ]
        for event in inner:
            event["output_index"] = 1
        shifted = [
            {**event, "output_index": event["output_index"] + 1}
            if event.get("output_index")
            else event
            for event in made
        ]
        at = next(n for n, event in enumerate(shifted) if event.get("output_index", 0) > 1)
        last = copy.deepcopy(made[-1])
        last["response"]["output"].insert(1, message)
        return [*shifted[:at], *inner, *shifted[at:-1], last]

    return shape


def _searched(asked, answer, made):
    """An item of a kind that nobody here has asked for."""
    item = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {}}
    found = [
        {"type": "response.output_item.added", "output_index": 9, "item": item},
        {"type": "response.web_search_call.completed", "output_index": 9, "item_id": "ws_1"},
        {"type": "response.output_item.done", "output_index": 9, "item": item},
    ]
    return [*made[:2], *found, *made[2:]]


def _refused(asked, answer, made):
    """The model refuses, in a part of its own kind."""
    made = copy.deepcopy(made)
    kept = []
    for event in made:
        kind = event["type"]
        if kind.startswith("response.output_text"):
            event = {key: event[key] for key in event if key not in ("logprobs", "text")}
            event["type"] = kind.replace("output_text", "refusal")
            if kind.endswith("done"):
                event["refusal"] = answer.text
        for item in _items(event):
            for part in item.get("content") or []:
                if part.get("type") == "output_text":
                    text = part.pop("text")
                    part.clear()
                    part.update(type="refusal", refusal=text)
        if "part" in event:
            text = event["part"].get("text", "")
            event["part"] = {"type": "refusal", "refusal": text}
        kept.append(event)
    return kept


def _ended(kind: str, **fields):
    """Breaks off half-way; the response tells how it ended."""

    def shape(asked, answer, made):
        said = [n for n, event in enumerate(made) if event["type"].endswith(".delta")]
        cut = made[: said[len(said) // 2]]
        last = {**made[-1]["response"], "status": kind, "output": [], **fields}
        return [*cut, {"type": f"response.{kind}", "response": last}]

    return shape


def _erring(event):
    def shape(asked, answer, made):
        said = [n for n, each in enumerate(made) if each["type"].endswith(".delta")]
        return [*made[: said[len(said) // 2]], event]

    return shape


def at_once(event):
    """Nothing but this, behind the first two events."""
    return lambda asked: Reply(
        200,
        {"content-type": SSE},
        [sse({**event, "sequence_number": 2}, str(event["type"]))],
    )


def failure(code: str, message: str, **response):
    failed = {"id": "resp_1", "object": "response", "status": "failed", "output": []}
    failed |= {"error": {"code": code, "message": message}, **response}
    return {"type": "response.failed", "response": failed}


def beyond(said):
    return lambda asked: said(asked) if asked.tokens > LIMIT else None


def _sent(spell, last: bytes = b""):
    def send(asked, answer, made):
        pieces_ = [spell(event) for event in responses.numbered(made)]
        return Reply(200, {"content-type": SSE}, [*pieces_, last])

    return send


def _bytes(change):
    def send(asked, answer, made):
        text = b"".join(sse(event, event["type"]) for event in responses.numbered(made))
        return Reply(200, {"content-type": SSE}, change(text))

    return send


def _document(kind: str):
    def send(asked, answer, made):
        return whole(made[-1]["response"], content_type=kind)

    return send


def _cut(asked, answer, made):
    sent = [sse(event, event["type"]) for event in responses.numbered(made)]
    return Reply(200, {"content-type": SSE}, sent[: len(sent) // 2], ended=False)


def _stored(asked):
    """Nothing may depend on what somebody else stores."""
    return asked.body.get("store") is not False


def _strict_by_default(asked):
    for tool in asked.body.get("tools") or []:
        closed = (tool.get("parameters") or {}).get("additionalProperties") is False
        if tool.get("strict", True) is not False and not closed:
            return error(
                f"Invalid schema for function '{tool.get('name')}': In context=(),"
                " 'additionalProperties' is required to be supplied and to be false.",
                param="tools[0].parameters",
                code="invalid_function_parameters",
            )
    return None


def _unreasonable(asked):
    """A model that does not reason knows nothing of it."""
    if responses.ENCRYPTED in (asked.body.get("include") or []):
        return error("Encrypted content is not supported with this model.", param="include")
    if asked.effort:
        return error(
            "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
            param="reasoning.effort",
            code="unsupported_parameter",
        )
    return None


def _expired(asked):
    """The seal of what came from an earlier turn is not valid any more."""
    questions = [n for n, item in enumerate(asked.input) if item.get("role") == "user"]
    old = asked.input[: questions[-1]] if questions else []
    if any(item.get("type") == "reasoning" for item in old):
        return error(
            "The encrypted content gAAA...x== could not be verified. Reason: Encrypted content"
            " could"
            " not be decrypted or parsed.",
            code="invalid_encrypted_content",
        )
    return None


_RATE = "Rate limit reached for gpt-6-luna on tokens per min (TPM). Please try again in 0.2s."
_FAULT = "An error occurred while processing your request. Please include the request ID abc."
_WINDOW = (
    "Your input exceeds the context window of this model. Please adjust your input and try again."
)
_FLAT_ERROR = {"type": "error", "code": "server_error", "message": _FAULT, "param": None}
_NESTED_ERROR = {
    "type": "error",
    "error": {"type": "server_error", "code": "server_error", "message": _FAULT, "param": None},
}

_RIGHT = [
    _by_responses("ordinary", "OpenAI's reference", sessions=EVERY),
    _by_responses(
        "store-is-false",
        "OpenAI's guide on zero data retention",
        sessions=FOUR,
        refuse=[when(_stored, error("store must be false for this organization", param="store"))],
    ),
    _by_responses(
        "strict-by-default",
        "OpenAI's migration guide",
        refuse=[_strict_by_default],
        sessions=["tool"],
    ),
    _by_responses(
        "without-reasoning",
        "gpt-4.1",
        reasoning=False,
        sessions=[*FOUR, "effort"],
        refuse=[_unreasonable],
    ),
    _by_responses(
        "warm",
        "LibreChat#14355",
        refuse=[_default_only("temperature"), _default_only("top_p")],
        sessions=["warm", "warm-tool"],
        tells="temperature",
        remembered=True,
    ),
    _by_responses(
        "effort-values",
        "gpt-6-astra",
        refuse=[
            when(
                lambda asked: asked.effort == "low",
                error(
                    "Unsupported value: 'low' is not supported with the 'gpt-6-astra' model."
                    " Supported values are: 'medium', 'high'.",
                    param="reasoning.effort",
                    code="unsupported_value",
                ),
            )
        ],
        sessions=["effort", "effort-tool"],
        tells="reasoning",
        remembered=True,
    ),
    _by_responses(
        "cap-of-the-model",
        "OpenAI",
        refuse=[
            when(
                lambda asked: (asked.cap or 0) > 16384,
                error(
                    "max_output_tokens is too large: 32000. This model supports at most 16384"
                    " completion tokens, whereas you provided 32000.",
                    param="max_output_tokens",
                    code="invalid_value",
                ),
            )
        ],
        sessions=["cap"],
        tells="token|cap",
        remembered=True,
    ),
    _by_responses("seal-with-the-end", "OpenAI", shape=_late_seal, sessions=FOUR),
    _by_responses(
        "seal-expired",
        "codex#5957: keys that are changed",
        refuse=[_expired],
        sessions=["tool"],
        allowed=frozenset({"right", "clear"}),
    ),
    _by_responses("summaries", "OpenAI", shape=_summarised, sessions=FOUR),
    _by_responses("thoughts-aloud", "vLLM, LM Studio", shape=_thought_aloud),
    _by_responses("no-deltas", "gateways", shape=_mute_delta),
    _by_responses("only-the-end", "gateways", shape=_only_completed),
    _by_responses("the-end-is-bare", "gateways", shape=_bare_completed),
    _by_responses(
        "no-beginning", "gateways", shape=_without("response.created", "response.in_progress")
    ),
    _by_responses(
        "no-items-added",
        "gateways",
        shape=_without("response.output_item.added"),
        allowed=frozenset({"right", "clear"}),
    ),
    _by_responses(
        "no-arguments-done",
        "gateways",
        shape=_without("response.function_call_arguments.done", "response.output_text.done"),
    ),
    _by_responses("obfuscated", "OpenAI", shape=_obfuscated),
    _by_responses("keepalive", "OpenAI", shape=_between({"type": "keepalive"})),
    _by_responses(
        "events-of-tomorrow", "OpenAI", shape=_between({"type": "response.dance", "step": 1})
    ),
    _by_responses("items-of-tomorrow", "OpenAI", shape=_searched),
    _by_responses(
        "queued-first",
        "OpenAI",
        shape=lambda a, b, made: [{**made[0], "type": "response.queued"}, *made],
    ),
    _by_responses(
        "words-before-calls",
        "gpt-5.4 and later: a preamble",
        shape=_said_before("Let me look."),
        preface="Let me look.",
        sessions=["tool"],
    ),
    _by_responses("refusal", "OpenAI", shape=_refused, sessions=["plain"]),
    _by_responses(
        "crlf", "the SSE standard", send=_bytes(lambda text: [text.replace(b"\n", b"\r\n")])
    ),
    _by_responses(
        "byte-by-byte",
        "slow proxies",
        send=_bytes(lambda text: [text[n : n + 1] for n in range(len(text))]),
        sessions=["plain"],
    ),
    _by_responses(
        "comments", "proxies", send=_sent(lambda event: b": ping\n\n" + sse(event, event["type"]))
    ),
    _by_responses("no-event-names", "gateways", send=_sent(sse)),
    _by_responses(
        "done-at-the-end", "gateways", send=_sent(lambda e: sse(e, e["type"]), sse("[DONE]"))
    ),
    _by_responses("document", "gateways that do not stream", send=_document("application/json")),
    _by_responses("document-as-stream", "gateways", send=_document(SSE)),
    _by_responses(
        "busy-429",
        "OpenAI",
        refuse=[first(1, error(_RATE, status=429, retry_after="0.2"))],
        sessions=["plain"],
    ),
    _by_responses(
        "busy-500", "OpenAI", refuse=[first(1, error(_FAULT, status=500))], sessions=["plain"]
    ),
    _by_responses(
        "busy-failed-first",
        "OpenAI",
        refuse=[once(at_once(failure("server_error", _FAULT)))],
        sessions=["plain"],
    ),
    _by_responses(
        "busy-rate-limit-first",
        "OpenAI",
        refuse=[once(at_once(failure("rate_limit_exceeded", _RATE)))],
        sessions=["plain"],
    ),
    _by_responses(
        "busy-error-first", "OpenAI", refuse=[once(at_once(_FLAT_ERROR))], sessions=["plain"]
    ),
    _by_responses(
        "busy-overloaded-first",
        "OpenAI",
        refuse=[
            once(
                at_once(
                    {
                        "type": "error",
                        "error": {
                            "type": "overloaded_error",
                            "message": "Overloaded",
                            "code": "server_is_overloaded",
                        },
                    }
                )
            )
        ],
        sessions=["plain"],
    ),
]

_LONG = {"sessions": ["long"], "tells": LEFT_OUT}
_OVERFLOW = [
    _by_responses(
        "overflow",
        "OpenAI",
        refuse=[
            beyond(lambda asked: error(_WINDOW, param="input", code="context_length_exceeded"))
        ],
        **_LONG,
    ),
    _by_responses(
        "overflow-with-numbers",
        "OpenAI",
        refuse=[
            beyond(
                lambda asked: error(
                    f"Input tokens exceed the configured limit of {LIMIT} tokens. Your messages"
                    f" resulted in {asked.tokens} tokens. Please reduce the length of the"
                    " messages.",
                    code="context_length_exceeded",
                )
            )
        ],
        **_LONG,
    ),
    _by_responses(
        "overflow-in-stream",
        "OpenAI: response.failed",
        refuse=[beyond(at_once(failure("context_length_exceeded", _WINDOW)))],
        **_LONG,
    ),
    _by_responses(
        "overflow-as-error-event",
        "OpenAI: error",
        refuse=[
            beyond(
                at_once(
                    {
                        "type": "error",
                        "error": {
                            "type": "invalid_request_error",
                            "code": "context_length_exceeded",
                            "message": _WINDOW,
                            "param": "input",
                        },
                    }
                )
            )
        ],
        **_LONG,
    ),
]

_CLEAR = [
    _fails(
        "incomplete-cap",
        "OpenAI",
        "max_completion_tokens",
        shape=_ended("incomplete", incomplete_details={"reason": "max_output_tokens"}),
    ),
    _fails(
        "incomplete-filter",
        "OpenAI",
        "filter",
        shape=_ended("incomplete", incomplete_details={"reason": "content_filter"}),
    ),
    _fails(
        "incomplete-of-tomorrow",
        "OpenAI",
        "solar_flare",
        shape=_ended("incomplete", incomplete_details={"reason": "solar_flare"}),
    ),
    _fails(
        "failed-in-the-middle",
        "OpenAI",
        "error occurred",
        shape=_ended("failed", error={"code": "server_error", "message": _FAULT}),
    ),
    _fails("cancelled-in-the-middle", "OpenAI", "cancelled", shape=_ended("cancelled")),
    _fails("error-in-the-middle", "OpenAI", "error occurred", shape=_erring(_FLAT_ERROR)),
    _fails("nested-error-in-the-middle", "OpenAI", "error occurred", shape=_erring(_NESTED_ERROR)),
    _fails("cut-in-the-middle", "proxies", "middle|broke off", send=_cut),
    _fails(
        "ended-in-the-middle",
        "proxies",
        "middle|broke off",
        shape=lambda a, b, made: made[: len(made) // 2],
    ),
    _fails(
        "ended-before-completed",
        "proxies",
        "middle|broke off|end",
        shape=_without("response.completed"),
    ),
    _fails(
        "no-key",
        "OpenAI",
        "Incorrect API key",
        refuse=[always(error("Incorrect API key provided: sk-abc.", status=401))],
    ),
    _fails(
        "key-echoed",
        "gateways",
        "Incorrect API key",
        refuse=[always(error(f"Incorrect API key provided: {KEY}", status=401))],
    ),
    _fails(
        "quota",
        "OpenAI",
        "quota",
        refuse=[
            always(error("You exceeded your current quota.", status=429, code="insufficient_quota"))
        ],
    ),
    _fails(
        "no-such-path", "a server without it", "responses|base_url|api", wires=frozenset({"chat"})
    ),
    _fails(
        "verify-organization",
        "OpenAI",
        "verified",
        refuse=[
            always(
                error(
                    "Your organization must be verified to stream this model.",
                    param="stream",
                    code="unsupported_value",
                )
            )
        ],
    ),
]

SWITCHES = [*_AUTO, *_RIGHT, *_OVERFLOW, *_CLEAR]
