"""What may be said of an endpoint in `model`: each with one that needs it."""

from __future__ import annotations

from dataclasses import replace

from tests.server.models import mind
from tests.server.models.chat import completion
from tests.server.models.mind import Answer
from tests.server.models.replies import SSE, Reply, error, sse, whole
from tests.server.models.sessions import PRICE, STOCK
from tests.server.models.switch import Switch, clear, right
from tests.server.models.switches import openai, shapes, state
from tests.server.models.switches.errors import KEY
from tests.server.models.ways import always, unknown, when

_BOTH = frozenset({"chat", "responses"})
_SECRET = "s3cret-of-the-gateway"


def _set(name: str, source: str, settings, **how) -> Switch:
    return right(f"set-{name}", source, settings=settings, **how)


def _lacks_header(name: str, value: str):
    reply = error(f"Access denied: {name} is missing or wrong", status=401)
    return when(lambda asked: asked.headers.get(name) != value, reply)


def _lacks_query(name: str, value: str):
    reply = error(f"Missing required query parameter: {name}", status=404)
    return when(lambda asked: asked.query.get(name) != value, reply)


def _lacks(name: str, value):
    reply = error(f"'{name}' is wanted, and to be {value!r}")
    return when(lambda asked: asked.body.get(name) != value, reply)


def _never_sent(*names: str):
    """The option must not be sent, not even once."""

    def after(exchanges):
        sent = {name for each in exchanges for name in names if name in each.asked.body}
        return f"{sorted(sent)} were sent" if sent else None

    return after


def _never_refused(exchanges):
    refused = [each.reply for each in exchanges if each.reply.refused]
    return f"it was refused first: {refused[0].pieces}" if refused else None


def _only(wire: str):
    def after(exchanges):
        others = [each.asked.wire for each in exchanges if each.asked.wire != wire]
        return f"it was asked by {others[0]}" if others else None

    return after


_NO_STREAMS = when(
    lambda asked: asked.streamed,
    error("This model doesn't support tool use in streaming mode.", kind="ValidationException"),
)


def _document(asked, answer):
    return whole(completion(asked, answer))


def _oblivious(asked):
    """Ollama cuts what is too long at its beginning, and does not say so."""
    if asked.tokens <= 1400:
        return mind.answer(asked)
    return Answer("Who am I?")


def _stalling(asked, answer, chunks):
    return Reply(200, {"content-type": SSE}, [sse(chunks[0]), 2.5, *map(sse, chunks[1:])])


def _pausing(asked, answer, chunks):
    return Reply(200, {"content-type": SSE}, [0.7, *map(sse, [*chunks, "[DONE]"])])


_HEADERS = [
    _set(
        "header",
        "Cloudflare Access",
        {"headers": {"cf-access-token": _SECRET}},
        refuse=[_lacks_header("cf-access-token", _SECRET)],
    ),
    _set(
        "header-api-key",
        "Azure",
        {"headers": {"api-key": _SECRET}},
        refuse=[_lacks_header("api-key", _SECRET)],
    ),
    _set(
        "header-referer",
        "OpenRouter",
        {"headers": {"HTTP-Referer": "https://shop.example", "X-Title": "Shop"}},
        refuse=[
            _lacks_header("http-referer", "https://shop.example"),
            _lacks_header("x-title", "Shop"),
        ],
    ),
    _set(
        "header-authorization",
        "proxies with passwords",
        {"headers": {"Authorization": "Basic c2hvcDpmbG93ZXJz"}},
        refuse=[_lacks_header("authorization", "Basic c2hvcDpmbG93ZXJz")],
    ),
    _set(
        "header-by-responses",
        "Azure",
        {"api": "responses", "headers": {"api-key": _SECRET}},
        wires=_BOTH,
        refuse=[_lacks_header("api-key", _SECRET)],
    ),
    clear(
        "set-header-echoed",
        "gateways that show what they got",
        "wrong",
        settings={"headers": {"x-gateway-key": _SECRET}},
        refuse=[always(error(f"x-gateway-key '{_SECRET}' is wrong", status=401))],
    ),
    clear(
        "set-header-echoed-in-stream",
        "gateways that show what they got",
        "wrong",
        settings={"headers": {"x-gateway-key": _SECRET}},
        send=lambda *_: Reply(
            200, {"content-type": SSE}, [sse({"error": {"message": f"wrong: {_SECRET}"}})]
        ),
    ),
    _set(
        "query",
        "Azure",
        {"query": {"api-version": "2026-10-01-preview"}},
        refuse=[_lacks_query("api-version", "2026-10-01-preview")],
    ),
    _set(
        "query-by-responses",
        "Azure",
        {"api": "responses", "query": {"api-version": "preview"}},
        wires=_BOTH,
        refuse=[_lacks_query("api-version", "preview")],
    ),
    clear(
        "set-query-echoed",
        "gateways",
        "wrong",
        settings={"query": {"key": _SECRET}},
        refuse=[always(error(f"key={_SECRET} is wrong", status=403))],
    ),
]

_BODIES = [
    _set(
        "extra-body",
        "Groq's reasoning_format",
        {"extra_body": {"reasoning_format": "hidden"}},
        parameters=frozenset({"reasoning_format"}),
        refuse=[_lacks("reasoning_format", "hidden")],
    ),
    _set(
        "extra-body-thinking",
        "DeepSeek, Kimi",
        {"extra_body": {"thinking": {"type": "disabled"}}},
        parameters=frozenset({"thinking"}),
        refuse=[_lacks("thinking", {"type": "disabled"})],
    ),
    _set(
        "extra-body-split",
        "MiniMax",
        {"extra_body": {"reasoning_split": True}},
        parameters=frozenset({"reasoning_split"}),
        refuse=[_lacks("reasoning_split", True)],
    ),
    _set(
        "extra-body-template",
        "vLLM, SGLang",
        {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
        parameters=frozenset({"chat_template_kwargs"}),
        refuse=[_lacks("chat_template_kwargs", {"enable_thinking": False})],
    ),
    _set(
        "extra-body-by-responses",
        "OpenAI's service tiers",
        {"api": "responses", "extra_body": {"service_tier": "flex"}},
        wires=_BOTH,
        refuse=[_lacks("service_tier", "flex")],
    ),
    _set(
        "extra-body-over-ours",
        "OpenAI by Chat Completions without reasoning",
        {"api": "chat", "extra_body": {"reasoning_effort": "none"}},
        wires=_BOTH,
        refuse=openai.LUNA.refuse,
        sessions=["tool", "effort-tool"],
        after=_only("chat"),
    ),
    _set(
        "drop-temperature",
        "gpt-5 and later",
        {"drop": ["temperature", "top_p"]},
        sessions=["warm"],
        after=_never_sent("temperature", "top_p"),
    ),
    _set(
        "drop-effort",
        "Ollama",
        {"drop": ["reasoning_effort"]},
        sessions=["effort"],
        after=_never_sent("reasoning_effort"),
    ),
    _set(
        "drop-choice",
        "Qwen",
        {"drop": ["tool_choice"]},
        sessions=["forced"],
        after=_never_sent("tool_choice"),
    ),
    _set(
        "drop-format",
        "DeepSeek",
        {"drop": ["response_format"]},
        sessions=["formatted"],
        after=_never_sent("response_format"),
    ),
    _set(
        "drop-parallel",
        "old servers",
        {"drop": ["parallel_tool_calls"]},
        sessions=["single"],
        after=_never_sent("parallel_tool_calls"),
    ),
    _set(
        "drop-stream-options",
        "Mistral of old",
        {"drop": ["stream_options"]},
        after=_never_sent("stream_options"),
    ),
    _set(
        "drop-by-responses",
        "gpt-5 and later",
        {"api": "responses", "drop": ["temperature", "top_p"]},
        wires=_BOTH,
        sessions=["warm"],
        after=_never_sent("temperature", "top_p"),
    ),
    clear("set-drop-nonsense", "a slip", "drop", settings={"drop": ["temprature"]}),
]

_STREAMS = [
    _set("no-stream", "Bedrock, llama.cpp of old", {"stream": False}, refuse=[_NO_STREAMS]),
    _set(
        "no-stream-by-responses",
        "OpenAI: unverified organizations",
        {"api": "responses", "stream": False},
        wires=_BOTH,
        refuse=[
            when(
                lambda asked: asked.streamed,
                error("Your organization must be verified to stream this model.", param="stream"),
            )
        ],
    ),
    replace(
        next(each for each in state.SWITCHES if each.name == "thinking-in-one-document"),
        name="set-no-stream-thinking",
        settings={"stream": False},
    ),
    _set(
        "no-stream-long-thoughts",
        "models that think for minutes: silence is no fault",
        {"stream": False},
        send=lambda asked, answer, chunks: Reply(
            200,
            {"content-type": "application/json"},
            [0.5, *_document(asked, answer).pieces],
        ),
        sessions=["plain"],
    ),
    clear(
        "set-no-stream-cut-short",
        "Mistral",
        "max_completion_tokens|length",
        settings={"stream": False},
        send=lambda asked, answer, chunks: whole(
            {
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "Good"},
                        "finish_reason": "length",
                    }
                ]
            }
        ),
        sessions=["plain"],
    ),
]


_TIMES = [
    _set(
        "context",
        "Ollama",
        {"context": 1000},
        think=_oblivious,
        sessions=["long"],
        tells="left out|too long|older",
    ),
    _set(
        "context-with-cap",
        "Ollama",
        {"context": 2600},
        think=_oblivious,
        sessions=["capped"],
        tells="left out|too long|older|token",
    ),
    clear(
        "set-run-seconds",
        "a run that takes too long",
        "expired|seconds",
        settings={"run_seconds": 1},
        send=_stalling,
        sessions=["plain"],
    ),
    clear(
        "set-timeout",
        "an endpoint that says nothing",
        "silent",
        settings={"timeout": 0.3},
        send=_pausing,
        sessions=["plain"],
    ),
    _set(
        "timeout-and-comments",
        "OpenRouter: a comment is no silence",
        {"timeout": 2},
        send=lambda asked, answer, chunks: Reply(
            200,
            {"content-type": SSE},
            [*[b": PROCESSING\n\n", 0.7] * 4, *map(sse, [*chunks, "[DONE]"])],
        ),
        sessions=["plain"],
    ),
    _set(
        "timeout-is-long-enough",
        "an endpoint that thinks first",
        {"timeout": 30},
        send=_pausing,
        sessions=["plain"],
    ),
]

_WIRES = [
    _set("api-chat", "vLLM has both", {"api": "chat"}, wires=_BOTH, after=_only("chat")),
    _set(
        "api-responses",
        "vLLM has both",
        {"api": "responses"},
        wires=_BOTH,
        after=_only("responses"),
    ),
    _set(
        "api-auto", "others by Chat Completions", {"api": "auto"}, wires=_BOTH, after=_only("chat")
    ),
    _set(
        "profile-openai",
        "by Responses from the start",
        {"profile": "openai"},
        wires=_BOTH,
        refuse=openai.LUNA.refuse,
        sessions=["tool"],
        after=_only("responses"),
    ),
    _set(
        "profile-openai-chat",
        "the api that is said wins",
        {"profile": "openai", "api": "chat"},
        wires=_BOTH,
        after=_only("chat"),
    ),
    _set(
        "profile-azure",
        "Azure: the key in a header of its own",
        {"profile": "azure"},
        wires=_BOTH,
        refuse=[_lacks_header("api-key", KEY)],
        after=_only("responses"),
    ),
    clear("set-api-nonsense", "a slip", "api", settings={"api": "assistants"}),
    clear("set-profile-nonsense", "a slip", "profile", settings={"profile": "opeanai"}),
]


def _profiled(profile: str, needs: str, *sessions: str) -> Switch:
    """Nothing has to be refused first, for those who say whom they ask."""
    [switch] = [each for each in (*shapes.SWITCHES, *state.SWITCHES) if each.name == needs]
    return replace(
        switch,
        name=f"set-profile-{profile}-{needs}",
        settings={"profile": profile},
        sessions=sessions or switch.sessions,
        keys=switch.keys | {"extra_content"},
        after=_never_refused,
    )


_PROFILES = [
    _profiled("mistral", "mistral-ids"),
    _profiled("gemini", "outputs-have-names", "plain", "tool"),
    _profiled("gemini", "gemini-signature", "plain", "tool"),
    _profiled("deepseek", "deepseek-thinking", "plain", "tool"),
    _profiled("lmstudio", "content-null-refused"),
    _set(
        "profile-mistral-options",
        "Mistral knows no stream_options",
        {"profile": "mistral"},
        refuse=[unknown("stream_options", error("Extra inputs", status=422))],
        after=_never_refused,
    ),
]


def _format_or_calls(asked):
    """Its grammar leaves room for the format alone, so it never calls."""
    return Answer(mind.OFFER) if asked.format and asked.tools else mind.answer(asked)


def _only_by_force(asked):
    """It keeps to a format only if its grammar makes it."""
    said = _format_or_calls(asked)
    if asked.body.get("tool_choice") == "none" and asked.format:
        return Answer(mind.OFFER)
    return said if said.calls else Answer("A rose? Gladly, for 5 yuan.")


def _calls_with_format(profile: str, source: str, name="", think=_format_or_calls) -> Switch:
    return _set(
        f"profile-{profile}-format-or-calls{name}",
        source,
        {"profile": profile},
        think=think,
        sessions=["formatted-tool"],
        tells="no tools under a response_format",
        after=_never_refused,
    )


def _one_function_alone(exchanges):
    """A function chosen by its name is the only one that is offered, where a choice is a word."""
    choices = [each.asked.body.get("tool_choice") for each in exchanges if not each.reply.refused]
    offered = [
        list(each.asked.tools)
        for each in exchanges
        if each.asked.body.get("tool_choice") == "required"
    ]
    if choices[0] != "required" or offered != [["price"]]:
        return f"chosen were {choices}, with {offered}"
    return None


def _chosen(name: str, source: str, settings, **how) -> Switch:
    return _set(
        name,
        source,
        settings,
        sessions=["named"],
        assistant={"tools": [PRICE, STOCK]},
        after=_one_function_alone,
        **how,
    )


_LMSTUDIO_CHOICE = when(
    lambda asked: isinstance(asked.body.get("tool_choice"), dict),
    whole(
        {
            "error": "Invalid tool_choice type: 'object'. Supported string values: none, auto,"
            " required"
        },
        400,
    ),
)

_LOCAL = [
    _calls_with_format("llama.cpp", "llama.cpp (xllamacpp 2026.10.11549), seen"),
    _calls_with_format(
        "llama.cpp", "llama.cpp (xllamacpp 2026.10.11549), seen", "-by-force", _only_by_force
    ),
    _calls_with_format("vllm", "vllm#39929"),
    _calls_with_format("ollama", "ollama#11185"),
    _chosen(
        "profile-llama.cpp-choice",
        "llama.cpp (xllamacpp 2026.10.11549), seen",
        {"profile": "llama.cpp"},
    ),
    _chosen("choice-learnt", "lmstudio-bug-tracker#670", {}, refuse=[_LMSTUDIO_CHOICE]),
    _chosen(
        "profile-lmstudio-choice",
        "lmstudio-bug-tracker#670",
        {"profile": "lmstudio"},
        refuse=[_LMSTUDIO_CHOICE],
    ),
]

_MODELS = [
    _set(
        "models",
        "one's own names",
        {"models": {"my-clerk": "set-models"}},
        assistant={"model": "my-clerk"},
    ),
    _set(
        "models-in-detail",
        "one endpoint serves several families",
        {
            "models": {
                "my-clerk": {
                    "name": "set-models-in-detail",
                    "headers": {"x-family": "roses"},
                    "drop": ["temperature"],
                }
            }
        },
        assistant={"model": "my-clerk"},
        refuse=[_lacks_header("x-family", "roses")],
        sessions=["warm"],
        after=_never_sent("temperature"),
    ),
    _set(
        "models-and-the-rest",
        "what is said of one model is not said of others",
        {
            "models": {
                "other": {"name": "x", "headers": {"x-family": "lilies"}, "api": "responses"}
            },
            "headers": {"x-shop": "ours"},
        },
        refuse=[
            _lacks_header("x-shop", "ours"),
            when(lambda asked: "x-family" in asked.headers, error("x-family is for others")),
        ],
    ),
    _set(
        "models-each-their-api",
        "one endpoint serves several families",
        {"models": {"my-clerk": {"name": "set-models-each-their-api", "api": "responses"}}},
        assistant={"model": "my-clerk"},
        wires=_BOTH,
        after=_only("responses"),
    ),
    _set(
        "models-without-streams",
        "one endpoint serves several families",
        {"models": {"my-clerk": {"name": "set-models-without-streams", "stream": False}}},
        assistant={"model": "my-clerk"},
        refuse=[_NO_STREAMS],
    ),
    clear(
        "set-models-nonsense",
        "a slip",
        "unknown key",
        settings={"models": {"m": {"name": "x", "hedaers": {}}}},
    ),
]


def _address(name: str, base_url: str, word: str) -> Switch:
    """A base_url that cannot be one is told, with what is probably meant."""
    return clear(
        f"set-address-{name}", "copied from elsewhere", word, settings={"base_url": base_url}
    )


_ADDRESSES = [
    _set("address-slash", "copied from elsewhere", {"base_url": "{url}/"}),
    _address("with-path", "{url}/chat/completions", "chat/completions"),
    _address("with-path-and-slash", "{url}/chat/completions/", "chat/completions"),
    _address("with-responses", "{url}/responses", "responses"),
    _address("with-query", "{url}?api-version=1", "query"),
    _address("with-space-behind", "{url} ", "space"),
    _address("with-space-ahead", " {url}", "space|http"),
    _address("without-scheme", "localhost:11434/v1", "http"),
    _address("with-a-fragment", "{url}#x", "#|fragment"),
    _address("with-line-break", "{url}\n", "space|line|http"),
    _address("empty", "", "http"),
    clear("set-nonsense", "a slip", "unknown key.*stram", settings={"stram": False}),
]

SWITCHES = [
    *_HEADERS,
    *_BODIES,
    *_STREAMS,
    *_TIMES,
    *_WIRES,
    *_PROFILES,
    *_LOCAL,
    *_MODELS,
    *_ADDRESSES,
]
