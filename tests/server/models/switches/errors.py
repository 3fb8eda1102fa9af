"""Errors: those that pass by themselves, those that do not, and in which shapes they are told."""

from __future__ import annotations

import time
from email.utils import formatdate

from tests.server.models.replies import SSE, Reply, error, sse, whole
from tests.server.models.switch import Switch, clear, right
from tests.server.models.ways import always, cut, first, sent

KEY = "sk-judge-0123456789abcdef-hidden"
"""As judging.KEY, which no error may show."""


def _passing(name: str, source: str, reply: Reply, *, times: int = 1, **how) -> Switch:
    """It is refused at first, and then it is not."""
    how = {"sessions": ["plain"], **how}
    return right(name, source, refuse=[first(times, reply)], **how)


def _lasting(name: str, source: str, word: str, reply: Reply, **how) -> Switch:
    """It is refused for ever; `asked` is how often it may be tried."""
    most = how.pop("asked", None)

    def after(exchanges):
        return f"it was asked {len(exchanges)} times" if most and len(exchanges) > most else None

    how = {"sessions": ["plain"], **how}
    return clear(name, source, word, refuse=[always(reply)], after=after, **how)


def _waits(name: str, source: str, reply: Reply, least: float) -> Switch:
    """It is asked again, and not before the time that was named."""

    def after(exchanges):
        (early, late) = exchanges[-2:] if len(exchanges) > 1 else (None, None)
        if early and late and early.reply.refused and late.at - early.at < least:
            return f"it was asked again after {late.at - early.at:.2f} s, not {least:g}"
        return None

    return right(name, source, refuse=[first(1, reply)], sessions=["plain"], after=after)


def once(reply_of):
    """Refuses each request the first time only."""
    gate = first(1, error("x"))
    return lambda asked: reply_of(asked) if gate(asked) else None


def _dated(seconds: int) -> Reply:
    """A date is made when it is sent."""
    moment = formatdate(time.time() + seconds, usegmt=True)
    return error("Rate limit reached", status=429, retry_after=moment)


def _first_event(body, **how):
    """A stream with status 200 that begins with an error, and is nothing else."""
    return Reply(200, {"content-type": SSE}, [sse(body, **how), sse("[DONE]")])


_RATE = "Rate limit reached for model in organization org-x on requests per min (RPM): Limit 3."
_LOADING = whole(
    {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, 503
)
_GEMINI_WAIT = whole(
    [
        {
            "error": {
                "code": 429,
                "message": "You exceeded your current quota, please check your plan and billing"
                " details. Please retry in 0.4s.",
                "status": "RESOURCE_EXHAUSTED",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.RetryInfo",
                        "retryDelay": "0.4s",
                    }
                ],
            }
        }
    ],
    429,
)
_PROVIDER = {"provider_name": "Chutes", "raw": "upstream busy"}
_ROUTER_429 = {
    "id": "gen-1",
    "object": "chat.completion.chunk",
    "error": {"code": 429, "message": "Provider returned error", "metadata": _PROVIDER},
    "choices": [],
}
_ROUTER_529 = {"error": {"code": 529, "message": "Overloaded", "type": "overloaded_error"}}

_PASSING = [
    _passing("busy-500", "many", error("The server had an error", status=500)),
    _passing("busy-502-page", "nginx", whole("<html>502</html>", 502, content_type="text/html")),
    _passing("busy-503", "many", error("Service temporarily unavailable", status=503)),
    _passing("busy-504-page", "nginx", whole("<html>504</html>", 504, content_type="text/html")),
    _passing("busy-408", "OpenAI", error("Request timed out", status=408)),
    _passing("busy-409", "OpenAI", error("Conflict", status=409)),
    _passing("busy-529", "Anthropic", whole(_ROUTER_529, 529)),
    _passing("busy-429", "OpenAI", error(_RATE, status=429, code="rate_limit_exceeded")),
    _passing("busy-429-with-tools", "OpenAI", error(_RATE, status=429), sessions=["tool"]),
    _passing("busy-three-times", "OpenAI", error(_RATE, status=429, retry_after="0"), times=3),
    _passing("loading-model", "llama.cpp", _LOADING, times=2),
    _passing(
        "loading-model-for-long",
        "llama.cpp: waited for within the run's time",
        whole(
            {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}},
            503,
            retry_after="0",
        ),
        times=9,
    ),
    _passing(
        "loading-model-ollama",
        "Ollama",
        error("llm server loading model", status=503, kind="api_error"),
        times=2,
    ),
    _passing(
        "loading-model-hugging-face",
        "Hugging Face's old API: the time is in the body",
        whole({"error": "Model gpt2 is currently loading", "estimated_time": 0.2}, 503),
    ),
    _passing("stream-429-first", "OpenRouter", _first_event(_ROUTER_429)),
    _passing("stream-529-first", "OpenRouter", _first_event(_ROUTER_529)),
    _passing(
        "stream-429-first-with-tools", "OpenRouter", _first_event(_ROUTER_429), sessions=["tool"]
    ),
    _passing(
        "stream-overloaded-event",
        "Anthropic through gateways",
        _first_event(
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            event="error",
        ),
    ),
    _passing(
        "document-429-in-200",
        "OpenRouter",
        whole({"error": {"code": 429, "message": "Provider returned error"}}),
    ),
    _passing(
        "stream-500-first",
        "vLLM",
        _first_event({"error": {"message": "EngineCore encountered an issue", "code": 500}}),
    ),
    _waits("retry-after-seconds", "OpenAI", error(_RATE, status=429, retry_after="1"), 0.95),
    _waits("retry-after-fraction", "Groq", error(_RATE, status=429, retry_after="0.4"), 0.35),
    _waits("retry-after-ms", "Azure, OpenAI", error(_RATE, status=429, retry_after_ms="400"), 0.35),
    _waits("retry-delay-in-body", "Gemini", _GEMINI_WAIT, 0.35),
    right(
        "retry-after-date",
        "RFC 9110",
        refuse=[once(lambda asked: _dated(1))],
        sessions=["plain"],
    ),
    right(
        "retry-after-past-date",
        "clocks that do not agree",
        refuse=[once(lambda asked: _dated(-60))],
        sessions=["plain"],
    ),
    _passing("retry-after-nonsense", "proxies", error(_RATE, status=429, retry_after="soon")),
    _passing("retry-after-negative", "proxies", error(_RATE, status=429, retry_after="-1")),
]

_LASTING = [
    _lasting(
        "no-key",
        "OpenAI",
        "Incorrect API key",
        error("Incorrect API key provided: sk-abc.", status=401),
        asked=1,
    ),
    _lasting(
        "forbidden",
        "OpenAI",
        "region",
        error("Country, region, or territory not supported", status=403),
        asked=1,
    ),
    _lasting(
        "no-money-402",
        "DeepSeek",
        "Insufficient Balance",
        error("Insufficient Balance", status=402),
        asked=1,
    ),
    _lasting(
        "no-money-429",
        "Kimi, GLM, MiniMax: as 429",
        "insufficient balance",
        error(
            "Your account is suspended, please check your plan and billing details: insufficient"
            " balance",
            status=429,
            code="exceeded_current_quota_error",
        ),
        asked=1,
    ),
    _lasting(
        "no-money-429-glm",
        "GLM",
        "Insufficient balance",
        whole(
            {"error": {"code": "1113", "message": "Insufficient balance or no resource package."}},
            429,
        ),
        asked=1,
    ),
    _lasting(
        "quota-429",
        "OpenAI",
        "quota",
        error(
            "You exceeded your current quota, please check your plan and billing details.",
            status=429,
            code="insufficient_quota",
            kind="insufficient_quota",
        ),
        asked=1,
    ),
    _lasting(
        "no-such-model",
        "OpenAI",
        "does not exist",
        error("The model 'x' does not exist", status=404, code="model_not_found"),
        asked=2,
    ),
    _lasting(
        "no-such-path", "a base_url without /v1", "base_url", whole({"detail": "Not Found"}, 404)
    ),
    _lasting(
        "no-such-path-in-words",
        "Go",
        "base_url",
        whole("404 page not found", 404, content_type="text/plain"),
    ),
    _lasting(
        "no-such-method",
        "a base_url elsewhere",
        "405|Method Not Allowed",
        whole({"detail": "Method Not Allowed"}, 405),
    ),
    _lasting(
        "busy-for-ever", "OpenAI", "Rate limit", error(_RATE, status=429, retry_after="0"), asked=12
    ),
    _lasting(
        "busy-for-longer-than-a-run",
        "OpenAI: a day's limit",
        "Rate limit|86400",
        error(_RATE, status=429, retry_after="86400"),
        asked=1,
    ),
    _lasting(
        "broken-for-ever",
        "many",
        "had an error",
        error("The server had an error", status=500),
        asked=8,
    ),
    _lasting(
        "redirect-301",
        "a base_url with http",
        "https://example.com/v1",
        whole("", 301, location="https://example.com/v1/chat/completions"),
        asked=2,
    ),
    _lasting(
        "redirect-308",
        "a base_url with a slash",
        "https://example.com/v1",
        whole("", 308, location="https://example.com/v1/chat/completions"),
        asked=2,
    ),
    _lasting(
        "policy",
        "OpenAI",
        "policy",
        error("Your request was flagged as violating our usage policy.", code="invalid_prompt"),
        asked=1,
    ),
    _lasting(
        "content-filter-azure",
        "Azure",
        "content management policy",
        whole(
            {
                "error": {
                    "message": "The response was filtered due to the prompt triggering Azure"
                    " OpenAI's content management policy.",
                    "type": None,
                    "param": "prompt",
                    "code": "content_filter",
                    "status": 400,
                    "innererror": {"code": "ResponsibleAIPolicyViolation"},
                }
            },
            400,
        ),
        asked=1,
    ),
]


def _shape(name: str, source: str, body, **how) -> Switch:
    """A reason in an unusual place."""
    return _lasting(
        f"reason-{name}",
        source,
        "the flowers have wilted",
        whole(body, how.pop("status", 400), **how),
    )


_WILTED = "the flowers have wilted"
_SHAPES = [
    _shape("as-string", "Ollama, TGI, LM Studio", {"error": _WILTED}),
    _shape("beside-a-code", "xAI", {"code": "invalid", "error": _WILTED}),
    _shape(
        "code-and-message",
        "DashScope, GLM, Azure's gateway",
        {"code": "Invalid", "message": _WILTED},
    ),
    _shape("detail", "FastAPI", {"detail": _WILTED}),
    _shape(
        "detail-list",
        "FastAPI",
        {"detail": [{"loc": ["body"], "msg": _WILTED, "type": "value_error"}]},
        status=422,
    ),
    _shape("detail-object", "Mistral of old", {"detail": {"message": _WILTED}}),
    _shape("list", "Gemini", [{"error": {"code": 400, "message": _WILTED, "status": "INVALID"}}]),
    _shape(
        "vllm",
        "vLLM",
        {"object": "error", "message": _WILTED, "type": "BadRequestError", "code": 400},
    ),
    _shape(
        "errors", "Cloudflare", {"success": False, "errors": [{"code": 7000, "message": _WILTED}]}
    ),
    _shape("msg", "Chinese gateways", {"code": 400, "msg": _WILTED}),
    _shape(
        "nested",
        "OpenRouter",
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": _WILTED},
            }
        },
    ),
    _shape("bedrock", "Bedrock", {"Message": _WILTED}),
    _shape("title", "problem+json", {"title": "Bad Request", "detail": _WILTED, "status": 400}),
    clear(
        "error-without-an-end",
        "proxies",
        _WILTED,
        sessions=["plain"],
        refuse=[always(Reply(400, pieces=[_WILTED.encode(), *[b" " * 65536] * 20, 60.0]))],
    ),
    _shape("in-words", "proxies", _WILTED, content_type="text/plain"),
    _shape(
        "as-page",
        "nginx",
        f"<html><body><h1>{_WILTED}</h1></body></html>",
        content_type="text/html",
    ),
]


def _middle(
    name: str, source: str, *ending, word: str = "wilted", last: bytes | None = None
) -> Switch:
    """The answer has begun when the error comes."""
    return clear(f"middle-{name}", source, word, shape=cut(*ending), send=sent(last=last))


_MIDDLE = [
    _middle("error", "OpenAI", {"error": {"message": _WILTED, "type": "server_error"}}),
    _middle("error-as-string", "Ollama", {"error": _WILTED}),
    _middle("code-and-message", "DashScope", {"code": "InternalError", "message": _WILTED}),
    _middle("detail", "FastAPI", {"detail": _WILTED}),
    _middle("object", "vLLM", {"object": "error", "message": _WILTED, "code": 500}),
    _middle(
        "event",
        "LM Studio",
        last=b'event: error\ndata: {"error": {"message": "the flowers have wilted"}}\n\n',
    ),
    _middle(
        "line",
        "llama.cpp of old",
        last=b'error: {"code": 500, "message": "the flowers have wilted"}\n\n',
    ),
    _middle(
        "choice",
        "OpenRouter",
        {
            "id": "gen-1",
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": ""},
                    "finish_reason": "error",
                    "error": {"code": 502, "message": _WILTED},
                }
            ],
        },
    ),
    _middle(
        "top-and-choice",
        "OpenRouter",
        {
            "id": "gen-1",
            "error": {"code": "server_error", "message": _WILTED},
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
        },
    ),
    _middle(
        "rate-limit", "OpenRouter", {"error": {"code": 429, "message": f"Rate limited: {_WILTED}"}}
    ),
    _middle(
        "too-long",
        "SGLang",
        {"error": {"message": "maximum context length reached, the flowers have wilted"}},
    ),
]

_SECRETS = [
    _lasting(
        "key-echoed",
        "gateways",
        "Incorrect",
        error(f"Incorrect API key provided: {KEY}", status=401),
    ),
    _lasting(
        "key-echoed-in-headers",
        "proxies",
        "headers",
        whole({"detail": f"headers: {{'authorization': 'Bearer {KEY}'}}"}, 400),
    ),
    _middle("key-echoed", "proxies", {"error": {"message": f"{KEY}: the flowers have wilted"}}),
]


SWITCHES = [*_PASSING, *_LASTING, *_SHAPES, *_MIDDLE, *_SECRETS]
