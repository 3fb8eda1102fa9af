"""What runs ask of a model and make of its answers, with an endpoint on a real socket."""

from __future__ import annotations

import base64

import pytest

from tests.server.chat_endpoint import Reply, Stream, call, chat_endpoint_running, delta, say
from tests.server.runs_help import (
    LOG,
    SAVE_BILL,
    answer_all,
    calls_of,
    make_assistant,
    make_thread,
    run_to_stop,
    say_and_run,
    steps_of,
    texts,
    upload,
)


@pytest.fixture
def endpoint():
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def client(start, connect, endpoint):
    return connect(start(model={"base_url": endpoint.url, "api_key": "k"}))


@pytest.fixture
def assistant(client):
    return make_assistant(client)


def submit(client, run, output="ok"):
    return client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=answer_all(run, output)
    )


def asked(endpoint, number=-1):
    """The messages of one request to the endpoint, shortest form: (role, content or calls)."""
    return [
        (
            message["role"],
            message["content"]
            if not message.get("tool_calls")
            else [
                (message["content"], call["id"], call["function"]["arguments"])
                for call in message["tool_calls"]
            ],
        )
        for message in endpoint.requests[number]["messages"]
    ]


def test_a_request_holds_instructions_messages_and_tools_only(client, endpoint, assistant):
    endpoint.answer(say("Hi"))
    say_and_run(client, assistant, "hello")
    assert endpoint.requests == [
        {
            "model": "gpt-4.1",
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "hello"},
            ],
            "tools": [
                SAVE_BILL,
                {"type": "function", "function": LOG["function"]},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


def test_the_overrides_of_a_run_reach_the_model(client, endpoint, assistant):
    endpoint.answer(say("Hi"))
    closed = {"type": "object", "additionalProperties": False}
    schema = {"name": "answer", "schema": closed, "strict": True}
    say_and_run(
        client,
        assistant,
        "hello",
        model="other",
        instructions="",
        temperature=0.3,
        top_p=0.9,
        reasoning_effort="low",
        max_completion_tokens=256,
        parallel_tool_calls=False,
        tool_choice={"type": "function", "function": {"name": "log"}},
        response_format={"type": "json_schema", "json_schema": schema},
    )
    [request] = endpoint.requests
    del request["tools"], request["stream"], request["stream_options"]
    assert request == {
        "model": "other",
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.3,
        "top_p": 0.9,
        "reasoning_effort": "low",
        "max_completion_tokens": 256,
        "parallel_tool_calls": False,
        "tool_choice": {"type": "function", "function": {"name": "log"}},
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


def test_parallel_calls_go_back_to_the_endpoint_under_its_own_ids(client, endpoint, assistant):
    endpoint.answer(
        call(("x1", "log", '{"n":1}'), ("x2", "log", '{"n":2}'), text="Logging."), say("Done")
    )
    thread, run = say_and_run(client, assistant, "hello")
    calls = calls_of(run)
    assert [entry.function.arguments for entry in calls] == ['{"n":1}', '{"n":2}']
    assert all(entry.id.startswith("call_") and entry.id[5:].isalnum() for entry in calls)
    run = submit(client, run, "logged")
    assert run.usage.to_dict() == {
        "prompt_tokens": 30,
        "completion_tokens": 12,
        "total_tokens": 42,
    }
    assert asked(endpoint) == [
        ("system", "Be kind."),
        ("user", "hello"),
        ("assistant", [("Logging.", "x1", '{"n":1}'), ("Logging.", "x2", '{"n":2}')]),
        ("tool", "logged"),
        ("tool", "logged"),
    ]
    assert [step["type"] for step in steps_of(client, run)] == [
        "message_creation",
        "tool_calls",
        "message_creation",
    ]
    assert texts(client, thread) == [
        ("user", "hello"),
        ("assistant", "Logging."),
        ("assistant", "Done"),
    ]


def test_later_runs_see_what_functions_answered_but_not_what_was_never_answered(
    client, endpoint, assistant
):
    endpoint.answer(call(("x1", "log", "{}")), say("One"), call(("x2", "log", "{}")), say("Three"))
    thread, run = say_and_run(client, assistant, "first")
    submit(client, run, "out")
    client.beta.threads.messages.create(thread.id, role="user", content="second")
    run = run_to_stop(client, thread, assistant)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    client.beta.threads.messages.create(thread.id, role="user", content="third")
    run_to_stop(client, thread, assistant)
    assert asked(endpoint) == [
        ("system", "Be kind."),
        ("user", "first"),
        ("assistant", [(None, "x1", "{}")]),
        ("tool", "out"),
        ("assistant", "One"),
        ("user", "second\n\nthird"),
    ]


def test_a_call_without_arguments_has_an_empty_object_of_them(client, endpoint, assistant):
    endpoint.answer(call(("x1", "log", "")), say("ok"))
    _, run = say_and_run(client, assistant, "hello")
    assert [entry.function.arguments for entry in calls_of(run)] == ["{}"]


def test_broken_arguments_are_passed_on_as_they_are(client, endpoint, assistant):
    endpoint.answer(call(("x1", "log", '{"text": "unfin')), say("ok"))
    _, run = say_and_run(client, assistant, "hello")
    assert [entry.function.arguments for entry in calls_of(run)] == ['{"text": "unfin']


def test_what_forces_a_call_does_so_only_once(client, endpoint, assistant):
    endpoint.answer(call(("x1", "log", "{}")), say("Done"))
    _, run = say_and_run(client, assistant, "hello", tool_choice="required")
    submit(client, run)
    assert [request.get("tool_choice") for request in endpoint.requests] == ["required", None]


def test_tool_choice_none_holds_for_the_whole_run(client, endpoint, assistant):
    endpoint.answer(say("Done"))
    say_and_run(client, assistant, "hello", tool_choice="none")
    assert endpoint.requests[0]["tool_choice"] == "none"


@pytest.fixture
def searching(client):
    file = upload(client, "prices.csv", "花名,售价\n红玫瑰,8\n")
    store = client.vector_stores.create(file_ids=[file.id])
    return make_assistant(
        client,
        tools=[{"type": "file_search"}, LOG],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )


def test_a_search_is_answered_here_and_its_passages_reach_the_model(client, endpoint, searching):
    endpoint.answer(
        call(("s1", "file_search", '{"query":"红玫瑰"}')), say("It is 8", "【4:", "0†source】", ".")
    )
    thread, run = say_and_run(client, searching, "price?", tool_choice={"type": "file_search"})
    forced = {"type": "function", "function": {"name": "file_search"}}
    assert endpoint.requests[0]["tool_choice"] == forced
    assert asked(endpoint)[2:] == [
        ("assistant", [(None, "s1", '{"query":"红玫瑰"}')]),
        ("tool", "【4:0†source】 prices.csv\n花名,售价\n红玫瑰,8\n"),
    ]
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert [note.text for note in message.content[0].text.annotations] == ["【4:0†source】"]


def test_what_was_found_is_not_dragged_into_later_runs(client, endpoint, searching):
    endpoint.answer(
        call(("s1", "file_search", '{"query":"红玫瑰"}')), say("8【4:0†source】."), say("Bye")
    )
    thread, _ = say_and_run(client, searching, "price?")
    client.beta.threads.messages.create(thread.id, role="user", content="thanks")
    run_to_stop(client, thread, searching)
    assert asked(endpoint)[1:] == [("user", "price?"), ("assistant", "8."), ("user", "thanks")]


@pytest.mark.parametrize(
    "arguments", ['{"q":1}', '{"query":" "}', '{"query"', '["red"]', "[" * 100_000]
)
def test_a_search_with_wrong_arguments_is_told_to_the_model(client, endpoint, searching, arguments):
    endpoint.answer(call(("s1", "file_search", arguments)), say("Sorry"))
    _, run = say_and_run(client, searching, "price?")
    assert run.status == "completed"
    assert asked(endpoint)[-1] == (
        "tool",
        '{"error": "file_search takes a JSON object with a string `query`."}',
    )


def test_half_a_character_in_a_query_harms_nothing(client, endpoint, searching):
    endpoint.answer(call(("s1", "file_search", r'{"query":"\ud83d 红玫瑰"}')), say("8"))
    _, run = say_and_run(client, searching, "price?")
    assert run.status == "completed"
    assert asked(endpoint)[-1][1].startswith("【4:0†source】 prices.csv")


def test_a_function_of_the_clients_may_be_called_file_search(client, endpoint):
    own = {"type": "function", "function": {"name": "file_search"}}
    assistant = make_assistant(client, tools=[{"type": "file_search"}, own])
    endpoint.answer(call(("s1", "file_search", "{}")), say("ok"))
    _, run = say_and_run(client, assistant, "hello")
    assert [entry.function.name for entry in calls_of(run)] == ["file_search"]
    assert [tool["function"]["name"] for tool in endpoint.requests[0]["tools"]] == [
        "file_search",
        "search_attached_files",
    ]


def test_a_model_that_only_searches_is_stopped(client, endpoint, searching):
    endpoint.answer(call(("s1", "file_search", '{"query":"x"}')))
    _, run = say_and_run(client, searching, "price?")
    assert (run.status, run.last_error.message) == (
        "failed",
        "The model called the server's tools 20 times in a row without answering.",
    )
    assert len(endpoint.requests) == 20


def test_an_answer_without_words_is_an_empty_message(client, endpoint, assistant):
    endpoint.answer(Stream((delta("stop"),)))
    thread, run = say_and_run(client, assistant, "hello")
    assert (run.status, texts(client, thread)[-1]) == ("completed", ("assistant", ""))


def test_a_refusal_is_content_of_its_own_kind(client, endpoint, assistant):
    endpoint.answer(Stream((delta(refusal="I "), delta(refusal="won't."), delta("stop"))))
    thread, run = say_and_run(client, assistant, "hello")
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert [part.to_dict() for part in message.content] == [
        {"type": "refusal", "refusal": "I won't."}
    ]
    client.beta.threads.messages.create(thread.id, role="user", content="please")
    run_to_stop(client, thread, assistant)
    assert asked(endpoint)[-2:] == [("assistant", "I won't."), ("user", "please")]


def test_an_answer_cut_at_the_limit_is_incomplete(client, endpoint, assistant):
    endpoint.answer(say("Once upon a", finish="length", completion=256))
    thread, run = say_and_run(client, assistant, "hello", max_completion_tokens=256)
    assert (run.status, run.incomplete_details.reason, run.last_error) == (
        "incomplete",
        "max_completion_tokens",
        None,
    )
    assert run.usage.completion_tokens == 256
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert (message.status, message.incomplete_details.reason) == ("incomplete", "max_tokens")
    assert message.content[0].text.value == "Once upon a"
    [step] = steps_of(client, run)
    assert (step["status"], step["usage"]["completion_tokens"]) == ("completed", 256)


def test_a_call_cut_at_the_limit_is_not_made(client, endpoint, assistant):
    part = {"index": 0, "id": "x1", "function": {"name": "log", "arguments": '{"te'}}
    endpoint.answer(Stream((delta(tool_calls=[part]), delta("length"))))
    _, run = say_and_run(client, assistant, "hello", max_completion_tokens=256)
    assert (run.status, run.required_action) == ("incomplete", None)
    [step] = steps_of(client, run)
    assert (step["status"], step["last_error"]["message"]) == (
        "failed",
        "The answer was cut off before the tool call was complete.",
    )


def test_completion_tokens_add_up_over_the_run(client, endpoint, assistant):
    endpoint.answer(
        call(("x1", "log", "{}"), completion=200), call(("x2", "log", "{}"), completion=60)
    )
    _, run = say_and_run(client, assistant, "hello", max_completion_tokens=260)
    run = submit(client, run)
    assert [request["max_completion_tokens"] for request in endpoint.requests] == [260, 60]
    run = submit(client, run)
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")
    assert len(endpoint.requests) == 2


def test_prompt_tokens_add_up_over_the_run(client, endpoint, assistant):
    endpoint.answer(call(("x1", "log", "{}"), prompt=300))
    _, run = say_and_run(client, assistant, "hello", max_prompt_tokens=300)
    run = submit(client, run)
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_prompt_tokens")
    assert run.usage.prompt_tokens == 300


def test_a_long_thread_loses_its_middle_to_the_prompt_limit(client, endpoint, assistant):
    endpoint.answer(say("ok"))
    long = [f"{number} " + "word " * 60 for number in range(8)]
    thread = make_thread(client, *long)
    run = run_to_stop(client, thread, assistant, max_prompt_tokens=400, tools=[])
    assert run.status == "completed"
    [said] = [content for role, content in asked(endpoint) if role == "user"]
    kept = [message.split()[0] for message in said.split("\n\n")]
    assert kept[0] == "0" and kept[-1] == "7" and 2 <= len(kept) < 8


def test_a_message_too_long_for_the_prompt_limit_is_not_sent(client, endpoint, assistant):
    endpoint.answer(say("ok"))
    _, run = say_and_run(client, assistant, "word " * 600, max_prompt_tokens=256)
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_prompt_tokens")
    assert endpoint.requests == []


def test_truncation_to_the_last_messages(client, endpoint, assistant):
    endpoint.answer(say("ok"))
    thread = make_thread(client, "one", "two", "three")
    run_to_stop(
        client,
        thread,
        assistant,
        truncation_strategy={"type": "last_messages", "last_messages": 2},
    )
    assert asked(endpoint)[1:] == [("user", "two\n\nthree")]


def test_images_reach_the_model(client, endpoint, assistant):
    endpoint.answer(say("A flower."))
    image = client.files.create(file=("rose.png", b"\x89PNG"), purpose="vision")
    thread = client.beta.threads.create(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_file", "image_file": {"file_id": image.id, "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                ],
            }
        ]
    )
    run_to_stop(client, thread, assistant)
    data = base64.b64encode(b"\x89PNG").decode()
    assert endpoint.requests[0]["messages"][1]["content"] == [
        {"type": "text", "text": "What is it?"},
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{data}", "detail": "low"},
        },
        {
            "type": "image_url",
            "image_url": {"url": "https://example.com/a.png", "detail": "auto"},
        },
    ]


def test_an_image_that_was_deleted_is_mentioned(client, endpoint, assistant):
    endpoint.answer(say("Which?"))
    image = client.files.create(file=("rose.png", b"x"), purpose="vision")
    part = {"type": "image_file", "image_file": {"file_id": image.id}}
    thread = client.beta.threads.create(messages=[{"role": "user", "content": [part]}])
    client.files.delete(image.id)
    run_to_stop(client, thread, assistant)
    assert asked(endpoint)[-1] == (
        "user",
        [{"type": "text", "text": "(an image that has been deleted)"}],
    )


def test_a_forced_tool_that_is_not_there_is_not_forced(client, endpoint, assistant):
    endpoint.answer(say("ok"))
    for kind in ("code_interpreter", "file_search"):
        say_and_run(client, assistant, "hello", tool_choice={"type": kind})
    assert [request.get("tool_choice") for request in endpoint.requests] == [None, None]


def test_words_after_a_call_are_kept_too(client, endpoint, assistant):
    part = {"index": 0, "id": "x1", "function": {"name": "log", "arguments": "{}"}}
    endpoint.answer(
        Stream((delta(tool_calls=[part]), delta(content="Wait."), delta("tool_calls"))),
        say("Done"),
    )
    thread, run = say_and_run(client, assistant, "hello")
    assert submit(client, run).status == "completed"
    assert [text for _, text in texts(client, thread)] == ["hello", "Wait.", "Done"]


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (
            Reply(400, {"error": {"message": "too long"}}),
            "invalid_prompt",
            "answered 400: too long",
        ),
        (
            Reply(429, {"error": {"message": "slow down"}}, {"retry-after": "0"}),
            "rate_limit_exceeded",
            "answered 429: slow down",
        ),
    ],
)
def test_an_endpoints_refusal_is_the_runs_last_error(
    client, endpoint, assistant, answer, code, message
):
    endpoint.answer(answer)
    thread, run = say_and_run(client, assistant, "hello")
    assert (run.status, run.last_error.to_dict()) == (
        "failed",
        {"code": code, "message": f"The model endpoint {endpoint.url} {message}"},
    )
    assert steps_of(client, run) == []
    endpoint.answer(say("Hi"))
    assert run_to_stop(client, thread, assistant).status == "completed"


def test_a_content_filter_fails_the_run_and_marks_the_message(client, endpoint, assistant):
    endpoint.answer(say("Some", finish="content_filter"))
    thread, run = say_and_run(client, assistant, "hello")
    assert (run.status, run.last_error.message) == (
        "failed",
        "The model's content filter stopped the answer.",
    )
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert message.incomplete_details.reason == "content_filter"


def test_tokens_are_estimated_where_the_endpoint_does_not_count(client, endpoint, assistant):
    endpoint.answer(Stream((delta(content="Hello there"), delta("stop"))))
    _, run = say_and_run(client, assistant, "hello")
    assert run.usage.prompt_tokens > 5 and run.usage.completion_tokens == 2
