"""How /v1/responses answers, refuses and breaks off, at OpenAI and at others that have it."""

from __future__ import annotations

from tests.server.models import responses
from tests.server.models.eventful import (
    at_once,
    bare_completed,
    between,
    cut,
    document,
    ended,
    erring,
    failure,
    late_seal,
    mute_delta,
    numbered_zero,
    obfuscated,
    only_completed,
    refused,
    renamed,
    rewritten,
    said_before,
    searched,
    sent,
    spent,
    summarised,
    thought_aloud,
    unnumbered,
    without,
)
from tests.server.models.replies import SSE, error, sse
from tests.server.models.switch import Switch, clear, right
from tests.server.models.switches.errors import KEY, once
from tests.server.models.switches.openai import FOUR, RESPONSES, default_only
from tests.server.models.switches.overflow import LEFT_OUT, LIMIT, beyond
from tests.server.models.ways import always, first, when

EVERY = [
    *(*FOUR, "forced", "single", "consecutive", "consecutive-assistants", "last-assistant"),
    *("first-assistant", "instructions-only", "empty", "long", "capped", "cap", "formatted"),
    *("object", "effort", "effort-tool", "named", "pictured", "formatted-tool"),
]


def _by_responses(name: str, source: str, **how) -> Switch:
    how = {"wires": RESPONSES, "api": "responses", "sessions": ["plain", "tool"], **how}
    return right(f"responses-{name}", source, **how)


def _fails(name: str, source: str, word: str, **how) -> Switch:
    how = {"wires": RESPONSES, "api": "responses", "sessions": ["plain", "tool"], **how}
    return clear(f"responses-{name}", source, word, **how)


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
    _by_responses("ordinary", "OpenAI's reference", sessions=EVERY, counted=True),
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
        refuse=[default_only("temperature"), default_only("top_p")],
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
    _by_responses("seal-with-the-end", "OpenAI", shape=late_seal, sessions=FOUR),
    _by_responses(
        "seal-expired",
        "codex#5957: keys that are changed",
        refuse=[_expired],
        sessions=["tool"],
        allowed=frozenset({"right", "clear"}),
    ),
    _by_responses("summaries", "OpenAI", shape=summarised, sessions=FOUR),
    _by_responses("thoughts-aloud", "vLLM, LM Studio", shape=thought_aloud),
    _by_responses("no-deltas", "gateways", shape=mute_delta),
    _by_responses("only-the-end", "gateways", shape=only_completed),
    _by_responses("the-end-is-bare", "gateways", shape=bare_completed),
    _by_responses(
        "no-beginning", "gateways", shape=without("response.created", "response.in_progress")
    ),
    _by_responses(
        "no-items-added",
        "gateways",
        shape=without("response.output_item.added"),
        allowed=frozenset({"right", "clear"}),
    ),
    _by_responses(
        "no-arguments-done",
        "gateways",
        shape=without("response.function_call_arguments.done", "response.output_text.done"),
    ),
    _by_responses(
        "no-index",
        "llama.cpp (xllamacpp 2026.10.11549), seen",
        shape=unnumbered,
        reasoning=False,
        sessions=[*FOUR, "forced"],
    ),
    _by_responses("index-zero-for-all", "gateways", shape=numbered_zero),
    _by_responses("ids-new-in-each-event", "Copilot's proxy", shape=renamed, reasoning=False),
    _by_responses("obfuscated", "OpenAI", shape=obfuscated),
    _by_responses("keepalive", "OpenAI", shape=between({"type": "keepalive"})),
    _by_responses(
        "events-of-tomorrow", "OpenAI", shape=between({"type": "response.dance", "step": 1})
    ),
    _by_responses("items-of-tomorrow", "OpenAI", shape=searched),
    _by_responses(
        "queued-first",
        "OpenAI",
        shape=lambda a, b, made: [{**made[0], "type": "response.queued"}, *made],
    ),
    _by_responses(
        "words-before-calls",
        "gpt-5.4 and later: a preamble",
        shape=said_before("Let me look."),
        preface="Let me look.",
        sessions=["tool"],
    ),
    _by_responses("refusal", "OpenAI", shape=refused, sessions=["plain"]),
    _by_responses(
        "crlf", "the SSE standard", send=rewritten(lambda text: [text.replace(b"\n", b"\r\n")])
    ),
    _by_responses(
        "byte-by-byte",
        "slow proxies",
        send=rewritten(lambda text: [text[n : n + 1] for n in range(len(text))]),
        sessions=["plain"],
    ),
    _by_responses(
        "comments", "proxies", send=sent(lambda event: b": ping\n\n" + sse(event, event["type"]))
    ),
    _by_responses("no-event-names", "gateways", send=sent(sse)),
    _by_responses(
        "done-at-the-end", "gateways", send=sent(lambda e: sse(e, e["type"]), sse("[DONE]"))
    ),
    _by_responses("document", "gateways that do not stream", send=document("application/json")),
    _by_responses("document-as-stream", "gateways", send=document(SSE)),
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
        "cut-at-the-limit-and-completed",
        "llama.cpp (xllamacpp 2026.10.11549), seen",
        "max_completion_tokens",
        shape=spent(300),
        sessions=["plain"],
        run={"max_completion_tokens": 300},
    ),
    _fails(
        "incomplete-cap",
        "OpenAI",
        "max_completion_tokens",
        shape=ended("incomplete", incomplete_details={"reason": "max_output_tokens"}),
    ),
    _fails(
        "incomplete-filter",
        "OpenAI",
        "filter",
        shape=ended("incomplete", incomplete_details={"reason": "content_filter"}),
    ),
    _fails(
        "incomplete-of-tomorrow",
        "OpenAI",
        "solar_flare",
        shape=ended("incomplete", incomplete_details={"reason": "solar_flare"}),
    ),
    _fails(
        "failed-in-the-middle",
        "OpenAI",
        "error occurred",
        shape=ended("failed", error={"code": "server_error", "message": _FAULT}),
    ),
    _fails("cancelled-in-the-middle", "OpenAI", "cancelled", shape=ended("cancelled")),
    _fails("error-in-the-middle", "OpenAI", "error occurred", shape=erring(_FLAT_ERROR)),
    _fails("nested-error-in-the-middle", "OpenAI", "error occurred", shape=erring(_NESTED_ERROR)),
    _fails("cut-in-the-middle", "proxies", "middle|broke off", send=cut),
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
        shape=without("response.completed"),
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

SWITCHES = [*_RIGHT, *_OVERFLOW, *_CLEAR]
