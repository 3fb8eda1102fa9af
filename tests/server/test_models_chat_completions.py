"""The Chat Completions model against an endpoint on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import anyio
import pytest

from assistctl.server.models import asking
from assistctl.server.models.asking import AskedModel
from assistctl.server.models.endpoint import Endpoint
from assistctl.server.models.protocol import (
    CallPart,
    Finish,
    ModelError,
    PromptTooLong,
    RefusalPart,
    Request,
    TextPart,
    Usage,
)
from assistctl.server.models.refusals import Refused, as_error
from tests.server.chat_endpoint import (
    Reply,
    Stream,
    call,
    chat_endpoint_running,
    delta,
    say,
    usage,
)

USER = {"role": "user", "content": "Hi"}


@pytest.fixture
def endpoint():
    with chat_endpoint_running() as endpoint:
        yield endpoint


def ask(endpoint, request=None, **options):
    declared = Endpoint.parse({"base_url": endpoint.url, **options})

    async def collect():
        model = AskedModel(declared)
        try:
            return [part async for part in model.stream(request or Request("m", [USER]))]
        finally:
            await model.aclose()

    return asyncio.run(collect())


def failure(endpoint, request=None, **options):
    with pytest.raises(ModelError) as caught:
        ask(endpoint, request, **options)
    return caught.value.code, caught.value.message.replace(endpoint.url, "URL")


def test_text_arrives_in_the_pieces_in_which_it_was_sent(endpoint):
    endpoint.answer(say("Good ", "day", "", "。花"))
    assert ask(endpoint) == [
        TextPart("Good "),
        TextPart("day"),
        TextPart("。花"),
        Finish("stop", Usage(10, 5)),
    ]


def test_a_bare_request_sends_only_what_is_needed(endpoint):
    endpoint.answer(say("x"))
    ask(endpoint, api_key="k-1", models={"m": "other"})
    assert endpoint.requests == [
        {
            "model": "other",
            "messages": [USER],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]
    assert endpoint.paths == ["/v1/chat/completions"]
    assert endpoint.headers[0]["authorization"] == "Bearer k-1"


def test_every_option_is_passed_on(endpoint):
    endpoint.answer(say("x"))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    ask(
        endpoint,
        Request(
            "m",
            [USER],
            tools=[tool],
            tool_choice="required",
            parallel_tool_calls=False,
            response_format={"type": "json_object"},
            temperature=0.2,
            top_p=0.9,
            reasoning_effort="low",
            max_completion_tokens=300,
        ),
    )
    sent = endpoint.requests[0]
    assert {key: sent[key] for key in sent.keys() - {"messages", "stream", "stream_options"}} == {
        "model": "m",
        "tools": [tool],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
        "temperature": 0.2,
        "top_p": 0.9,
        "reasoning_effort": "low",
        "max_completion_tokens": 300,
    }
    assert "authorization" not in endpoint.headers[0]


def test_parallel_calls_keep_their_numbers_and_name_themselves_once(endpoint):
    endpoint.answer(call(("c1", "add", '{"a":1}'), ("c2", "sub", '{"b":2}')))
    assert ask(endpoint) == [
        CallPart(0, "c1", "add", '{"a'),
        CallPart(0, arguments='":1}'),
        CallPart(1, "c2", "sub", '{"b'),
        CallPart(1, arguments='":2}'),
        Finish("tool_calls", Usage(20, 7)),
    ]


def whole(index, call_id, name, arguments):
    part = {"id": call_id, "function": {"name": name, "arguments": arguments}}
    return part if index is None else {"index": index, **part}


@pytest.mark.parametrize(
    ("what", "first", "second"),
    [
        ("zero for every index", whole(0, "c1", "f", "{}"), whole(0, "c2", "g", "{}")),
        ("no index", whole(None, "c1", "f", "{}"), whole(None, "c2", "g", "{}")),
        ("neither index nor id", whole(None, "", "f", "{}"), whole(None, "", "g", "{}")),
        ("arguments as an object", whole(0, "c1", "f", {}), whole(1, "c2", "g", {})),
        ("no index and one id", whole(None, "c1", "f", "{}"), whole(None, "c1", "g", "{}")),
        ("indexes that are text", whole("0", "c1", "f", "{}"), whole("1", "c2", "g", "{}")),
        ("indexes from one, downwards", whole(2, "c1", "f", "{}"), whole(1, "c2", "g", "{}")),
    ],
)
def test_calls_of_a_sloppy_endpoint_are_told_apart(endpoint, what, first, second):
    endpoint.answer(
        Stream((delta(tool_calls=[first]), delta(tool_calls=[second]), delta("tool_calls")))
    )
    parts = [part for part in ask(endpoint) if isinstance(part, CallPart)]
    named = [(part.index, part.name) for part in parts if part.name]
    assert named == [(0, "f"), (1, "g")], what


def test_an_id_and_name_that_repeat_in_every_part_are_one_call(endpoint):
    parts = [whole(0, "c1", "f", '{"a"'), whole(0, "c1", "f", ":1}")]
    endpoint.answer(Stream((*(delta(tool_calls=[part]) for part in parts), delta("stop"))))
    assert ask(endpoint) == [
        CallPart(0, "c1", "f", '{"a"'),
        CallPart(0, arguments=":1}"),
        Finish("stop", None),
    ]


def test_parts_without_an_index_go_on_with_the_call_of_their_id(endpoint):
    endpoint.answer(
        Stream(
            (
                delta(tool_calls=[whole(None, "c1", "f", '{"a"')]),
                delta(tool_calls=[whole(None, "c2", "g", '{"b"')]),
                delta(tool_calls=[{"id": "c1", "function": {"arguments": ":1}"}}]),
                delta(tool_calls=[{"id": "c2", "function": {"arguments": ":2}"}}]),
                delta("tool_calls"),
            )
        )
    )
    assert ask(endpoint) == [
        CallPart(0, "c1", "f", '{"a"'),
        CallPart(1, "c2", "g", '{"b"'),
        CallPart(0, arguments=":1}"),
        CallPart(1, arguments=":2}"),
        Finish("tool_calls"),
    ]


def test_of_two_calls_with_one_id_the_second_has_none(endpoint):
    """Their outputs could not be told apart; the engine then has an id of its own."""
    parts = [whole(0, "c1", "f", "{}"), whole(1, "c1", "f", "[]"), whole(1, "c1", "f", "[]")]
    endpoint.answer(Stream((*(delta(tool_calls=[part]) for part in parts), delta("tool_calls"))))
    assert ask(endpoint) == [
        CallPart(0, "c1", "f", "{}"),
        CallPart(1, "", "f", "[]"),
        CallPart(1, arguments="[]"),
        Finish("tool_calls"),
    ]


def test_a_call_as_it_was_spelt_before_there_were_tools(endpoint):
    endpoint.answer(
        Stream(
            (
                delta(function_call={"name": "f", "arguments": "{"}),
                delta(function_call={"arguments": "}"}),
                delta("function_call"),
            )
        )
    )
    assert ask(endpoint) == [
        CallPart(0, "", "f", "{"),
        CallPart(0, arguments="}"),
        Finish("tool_calls"),
    ]


@pytest.mark.parametrize(
    "call", [whole(0, "c1", "", "{}"), whole(0, "c1", "", ""), {"index": 0, "id": "c1"}]
)
def test_a_call_that_names_no_tool_is_an_error(endpoint, call):
    endpoint.answer(Stream((delta(tool_calls=[call]), delta("tool_calls"))))
    assert failure(endpoint) == (
        "server_error",
        "The model endpoint URL called a tool without saying which",
    )


def test_an_empty_call_beside_words_is_nothing(endpoint):
    empty = [None, {"index": 0, "function": {}}]
    endpoint.answer(Stream((delta(content="a", tool_calls=empty), delta("stop"))))
    assert ask(endpoint) == [TextPart("a"), Finish("stop")]


def test_halves_of_a_character_are_put_together_and_lone_ones_replaced(endpoint):
    def escaped(text):
        return f'data: {{"choices": [{{"delta": {{"content": "{text}"}}}}]}}\n\n'

    endpoint.answer(
        Stream((escaped(r"a\ud83c"), escaped(r"\udf39b"), escaped(r"\udf39"), delta("stop")))
    )
    assert ask(endpoint) == [TextPart("a"), TextPart("🌹b"), TextPart("�"), Finish("stop")]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("function_call", "tool_calls"),
    ],
)
def test_reasons_go_by_many_names(endpoint, given, reason):
    endpoint.answer(Stream((delta(content="a"), delta(given))))
    cut = reason in ("length", "content_filter")
    assert ask(endpoint) == [TextPart("a"), Finish(reason, word=given if cut else "")]


@pytest.mark.parametrize(
    "usage",
    [None, {"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": "many"}, [1], "1"],
)
def test_a_count_that_is_none_is_no_count(endpoint, usage):
    endpoint.answer(Stream((delta(content="a"), delta("stop"), {"choices": [], "usage": usage})))
    assert ask(endpoint) == [TextPart("a"), Finish("stop", None)]


def test_a_name_that_comes_late_takes_the_arguments_before_it_along(endpoint):
    endpoint.answer(
        Stream(
            (
                delta(tool_calls=[{"index": 0, "id": "c1", "function": {"arguments": '{"a":'}}]),
                delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "1}"}}]),
                delta("tool_calls"),
            )
        )
    )
    assert ask(endpoint) == [CallPart(0, "c1", "f", '{"a":1}'), Finish("tool_calls")]


def test_json_instead_of_a_stream_is_read_as_one_chunk(endpoint):
    message = {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}
    body = {
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    endpoint.answer(Reply(200, body))
    assert ask(endpoint) == [TextPart("Hello"), Finish("stop", Usage(3, 1))]


def test_a_refusal_and_a_content_filter_are_said(endpoint):
    endpoint.answer(Stream((delta(refusal="No."), delta("content_filter"))))
    assert ask(endpoint) == [RefusalPart("No."), Finish("content_filter", word="content_filter")]


def test_comments_unknown_events_and_a_missing_finish_reason_do_no_harm(endpoint):
    endpoint.answer(
        Stream((": ping\n\n", 'event: x\ndata: {"choices":null}\n\n', delta(content="a")))
    )
    assert ask(endpoint) == [TextPart("a"), Finish("stop")]


def test_a_stream_that_breaks_off_after_its_reason_is_whole(endpoint):
    endpoint.answer(Stream((delta(content="a"), delta("stop"), usage(1, 1)), done=False))
    assert ask(endpoint) == [TextPart("a"), Finish("stop", Usage(1, 1))]


def test_a_stream_that_breaks_off_is_an_error_and_is_not_repeated(endpoint):
    endpoint.answer(Stream((delta(content="a"),), done=False))
    code, message = failure(endpoint)
    assert (code, message.split(":")[0]) == (
        "server_error",
        "The model endpoint URL could not be reached or broke off",
    )
    assert len(endpoint.requests) == 1


def test_a_json_answer_without_a_reason_is_an_error(endpoint):
    endpoint.answer(Reply(200, {"choices": [{"message": {"content": "a"}}]}))
    assert failure(endpoint) == (
        "server_error",
        "The model endpoint URL ended its answer in the middle",
    )


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        ("data: {oops\n\n", "server_error", "sent what is not JSON: '{oops'"),
        ("data: [1]\n\n", "server_error", "sent what is not a chunk: '[1]'"),
        (
            'data: {"error":{"message":"slow down","code":"rate_limit_exceeded"}}\n\n',
            "rate_limit_exceeded",
            "failed while answering: slow down",
        ),
        (
            'data: {"error":"overloaded"}\n\n',
            "server_error",
            "failed while answering: overloaded",
        ),
        (
            'event: error\ndata: {"message":"overloaded"}\n\n',
            "server_error",
            "failed while answering: overloaded",
        ),
        (
            'data: {"object":"error","message":"overloaded","code":429}\n\n',
            "rate_limit_exceeded",
            "failed while answering: overloaded",
        ),
        (
            'data: {"choices":[{"delta":{},"finish_reason":"error"}]}\n\n',
            "server_error",
            "gave up in the middle of its answer (error)",
        ),
        (
            'data: {"choices":[null]}\n\n',
            "server_error",
            "sent what is not a chunk: '{\"choices\": [null]}'",
        ),
        (
            'data: {"choices":[{"delta":{"content":5}}]}\n\n',
            "server_error",
            'sent what is not a chunk: \'{"choices": [{"delta": {"content": 5}}]}\'',
        ),
        (
            'data: {"choices":[{"delta":{"tool_calls":[{"index":[0]}]}}]}\n\n',
            "server_error",
            "sent what is not a chunk:"
            ' \'{"choices": [{"delta": {"tool_calls": [{"index": [0]}]}}]}\'',
        ),
    ],
)
def test_an_error_in_mid_stream_is_told(endpoint, sent, code, message):
    endpoint.answer(Stream((delta(content="a"), sent)))
    assert failure(endpoint) == (code, f"The model endpoint URL {message}")


@pytest.mark.parametrize(
    ("reply", "code", "message"),
    [
        (
            Reply(400, {"error": {"message": "context too long"}}),
            "invalid_prompt",
            "answered 400: context too long",
        ),
        (
            Reply(401, {"error": {"message": "bad key"}}),
            "server_error",
            "answered 401: bad key Check the model's api_key.",
        ),
        (
            Reply(404, {"detail": "no such model"}),
            "server_error",
            "answered 404: no such model Check the assistant's model name (`models` maps it).",
        ),
        (
            Reply(429, {"error": {"message": "no credit", "code": "insufficient_quota"}}),
            "rate_limit_exceeded",
            "answered 429: no credit",
        ),
        (
            Reply(429, {"error": {"message": "later"}}, {"retry-after": "3600"}),
            "rate_limit_exceeded",
            "answered 429: later",
        ),
        (
            Reply(418, "<h1>teapot</h1>", {"content-type": "text/html"}),
            "server_error",
            "answered 418: <h1>teapot</h1>",
        ),
    ],
)
def test_a_refused_request_becomes_the_fitting_error_at_once(endpoint, reply, code, message):
    endpoint.answer(reply)
    assert failure(endpoint) == (code, f"The model endpoint URL {message}")
    assert len(endpoint.requests) == 1


def test_a_busy_endpoint_is_asked_again_after_the_time_it_names(endpoint):
    long_ago = {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}
    endpoint.answer(
        Reply(429, {"error": {"message": "later"}}, {"retry-after": "0"}),
        Reply(503, "", {"retry-after": "0.01"}),
        Reply(429, "", long_ago),
        Reply(529, "", {"retry-after-ms": "10", "retry-after": "3600"}),
        say("now"),
    )
    assert ask(endpoint) == [TextPart("now"), Finish("stop", Usage(10, 5))]
    assert len(endpoint.requests) == 5


@pytest.mark.parametrize(
    ("status", "code", "times"), [(429, "rate_limit_exceeded", 6), (500, "server_error", 3)]
)
def test_an_endpoint_that_stays_busy_or_broken_is_given_up(endpoint, status, code, times):
    endpoint.answer(Reply(status, {"error": {"message": "later"}}, {"retry-after": "0"}))
    assert failure(endpoint) == (code, f"The model endpoint URL answered {status}: later")
    assert len(endpoint.requests) == times


def test_a_wait_that_the_run_has_no_time_for_is_not_begun(endpoint):
    busy = Reply(429, {"error": {"message": "later"}}, {"retry-after": "30"})
    endpoint.answer(busy, say("now"))
    declared = Endpoint.parse({"base_url": endpoint.url})

    async def collect():
        model = AskedModel(declared)
        try:
            with anyio.fail_after(20):
                return [part async for part in model.stream(Request("m", [USER]))]
        finally:
            await model.aclose()

    with pytest.raises(ModelError, match="answered 429: later"):
        asyncio.run(collect())
    assert len(endpoint.requests) == 1


TOOL = {"type": "function", "function": {"name": "f"}}


def only(*fields):
    """How servers of several kinds refuse fields that they do not know."""
    pydantic = [{"type": "extra_forbidden", "loc": ["body", name]} for name in fields]
    return {
        "OpenAI": Reply(
            400, {"error": {"message": f"Unrecognized request argument supplied: {fields[0]}"}}
        ),
        "Go": Reply(400, {"error": f'json: unknown field "{fields[0]}"'}),
        "FastAPI": Reply(422, {"detail": pydantic}),
        "vLLM": Reply(400, {"object": "error", "message": str(pydantic), "code": 400}),
    }


@pytest.mark.parametrize("kind", list(only("")))
def test_what_an_older_endpoint_does_not_know_is_left_out_from_then_on(endpoint, kind):
    endpoint.answer(
        only("max_completion_tokens")[kind],
        only("stream_options")[kind],
        only("parallel_tool_calls")[kind],
        say("a"),
    )
    request = Request(
        "m", [USER], tools=[TOOL], parallel_tool_calls=False, max_completion_tokens=300
    )
    declared = Endpoint.parse({"base_url": endpoint.url})

    async def ask_twice():
        model = AskedModel(declared)
        try:
            return [[part async for part in model.stream(request)] for _ in range(2)]
        finally:
            await model.aclose()

    said = [TextPart("a"), Finish("stop", Usage(10, 5))]
    assert asyncio.run(ask_twice()) == [said, said]
    asked = {"model": "m", "messages": [USER], "tools": [TOOL], "stream": True}
    assert endpoint.requests[3:] == [{**asked, "max_tokens": 300}] * 2
    assert len(endpoint.requests) == 5


def test_a_refusal_for_another_reason_is_told_and_changes_nothing(endpoint):
    too_large = Reply(400, {"error": {"message": "max_completion_tokens is too large"}})
    refused = Reply(400, {"error": {"message": "max_tokens is too large"}})
    endpoint.answer(too_large, refused)
    request = Request("m", [USER], max_completion_tokens=10**9)
    assert failure(endpoint, request) == (
        "invalid_prompt",
        "The model endpoint URL answered 400: max_tokens is too large",
    )


@pytest.mark.parametrize(
    ("status", "message", "excess"),
    [
        (
            400,
            "This model's maximum context length is 8192 tokens. However, your messages resulted"
            " in 16384 tokens.",
            2.0,
        ),
        (
            400,
            "maximum context length is 4,096 tokens. However, you requested 5,120 tokens (4096 in"
            " the messages, 1024 in the completion).",
            4 / 3,
        ),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", 1.05),
        (400, "the request exceeds the available context size", None),
        (413, "Request too large", None),
    ],
)
def test_a_prompt_that_is_too_long_is_an_error_of_its_own(endpoint, status, message, excess):
    endpoint.answer(Reply(status, {"error": {"message": message}}))
    with pytest.raises(PromptTooLong) as caught:
        ask(endpoint)
    assert (caught.value.code, caught.value.excess) == ("invalid_prompt", excess)


@pytest.mark.parametrize("kind", ["text/plain", ""])
def test_a_stream_by_another_name_is_read(endpoint, kind):
    sent = 'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    endpoint.answer(Reply(200, sent, {"content-type": kind}))
    assert ask(endpoint) == [TextPart("a"), Finish("stop")]


def test_a_web_page_is_no_answer(endpoint):
    endpoint.answer(Reply(200, "<html>", {"content-type": "text/html"}))
    assert failure(endpoint) == (
        "server_error",
        "The model endpoint URL answered with a web page. Check the model's base_url.",
    )


@pytest.mark.parametrize(
    "answer",
    [
        Reply(404, "404 page not found", {"content-type": "text/plain"}),
        Reply(200, "<html>", {"content-type": "text/html"}),
    ],
)
def test_where_no_api_answers_an_address_without_a_version_is_asked_about(endpoint, answer):
    endpoint.url = endpoint.url.removesuffix("/v1")
    endpoint.answer(answer)
    assert failure(endpoint)[1].endswith(" Is URL/v1 meant, with /v1 at its end?")
    endpoint.answer(Reply(404, {"detail": "no such model"}))
    assert "/v1" not in failure(endpoint)[1]


def test_an_endpoint_that_takes_no_connection_is_given_up(endpoint, monkeypatch):
    monkeypatch.setattr(asking, "_CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        endpoint.url = f"http://127.0.0.1:{address[1]}/v1"
        with contextlib.ExitStack() as waiting:
            for _ in range(3):  # until its backlog is full
                caller = waiting.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex(address)
            assert failure(endpoint) == (
                "server_error",
                "The model endpoint URL did not answer within 0.1 seconds",
            )


def test_an_endpoint_that_falls_silent_is_given_up(endpoint):
    release = threading.Event()
    endpoint.answer(say("a", release, "b"))
    try:
        assert failure(endpoint, timeout=0.1) == (
            "server_error",
            "The model endpoint URL was silent for 0.1 seconds",
        )
    finally:
        release.set()


def test_an_endpoint_that_is_not_there_is_named(endpoint):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint.url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        code, message = failure(endpoint)
    assert code == "server_error"
    assert message.startswith("The model endpoint URL could not be reached or broke off: ")


def test_a_proxy_in_the_environment_is_not_asked_for_a_loopback_endpoint(endpoint, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:9")
    endpoint.answer(say("a"))
    assert ask(endpoint)[0] == TextPart("a")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({}, "the model's base_url must be an http(s) URL, not None"),
        ({"base_url": "ftp://x"}, "the model's base_url must be an http(s) URL, not 'ftp://x'"),
        (
            {"base_url": "http://[::1"},
            "the model's base_url must be an http(s) URL, not 'http://[::1'",
        ),
        (
            {"base_url": "http:///v1"},
            "the model's base_url must be an http(s) URL, not 'http:///v1'",
        ),
        ({"base_url": "http://x", "key": 1}, "unknown key of a model endpoint: key"),
    ],
)
def test_a_wrong_endpoint_is_refused_when_it_is_declared(declared, message):
    with pytest.raises(ValueError) as caught:
        Endpoint.parse(declared)
    assert str(caught.value) == message


@pytest.mark.parametrize("key", ["sk-你好", "sk-1\n"])
def test_a_key_that_no_header_can_bring_is_refused_untold(key):
    with pytest.raises(ValueError) as caught:
        AskedModel(Endpoint.parse({"base_url": "http://x", "api_key": key}))
    assert str(caught.value) == (
        "the model's API key has characters that no HTTP header can carry (a line break at its "
        "end?); set it again"
    )


def test_the_key_does_not_show_in_a_repr():
    assert "secret" not in repr(Endpoint.parse({"base_url": "http://x/", "api_key": "secret"}))


KEY = "hidden-key-of-the-endpoint"


@pytest.mark.parametrize(
    "answer",
    [
        Reply(401, {"error": {"message": f"Wrong: Bearer {KEY}"}}),
        Reply(400, f"headers were {{'authorization': 'Bearer {KEY}'}}"),
        Stream((delta(content="a"), {"error": {"message": f"{KEY} is blocked"}})),
        Stream((delta(content="a"), f"data: <html>{KEY}\n\n")),
        Reply(502, " " * 10 + "x" * 493 + KEY),
    ],
)
def test_a_key_that_is_echoed_is_told_to_nobody(endpoint, answer):
    endpoint.answer(answer)
    _, message = failure(endpoint, api_key=KEY)
    assert KEY[:6] not in message
    assert "[redacted]"[:6] in message


def test_keys_of_others_are_told_to_nobody_and_words_are_left_alone(endpoint):
    said = "Bearer token of task sk-proj-0123456789abcdef is none, says Bearer 0123456789abcdef0"
    endpoint.answer(Reply(401, {"error": {"message": said}}))
    _, message = failure(endpoint, api_key="none")
    assert message == (
        "The model endpoint URL answered 401: Bearer token of task [redacted] is none, says "
        "Bearer [redacted] Check the model's api_key."
    )


def test_only_a_404_that_speaks_of_no_model_sends_people_to_the_base_url():
    told = [
        as_error("http://a.example/v1", Refused(404, said, said)).message
        for said in ("Not Found", "model 'm' not found")
    ]
    assert told == [
        "The model endpoint http://a.example/v1 answered 404: Not Found Check the model's base_url,"
        " and the assistant's model name (`models` maps it).",
        "The model endpoint http://a.example/v1 answered 404: model 'm' not found Check the"
        " assistant's model name (`models` maps it).",
    ]
