"""Runs by polling: creation, locks, outputs, cancelling, steps, what a run remembers."""

from __future__ import annotations

import openai as sdk
import pytest

from tests.server.runs_help import (
    LOG,
    SAVE_BILL,
    SCRIPTS,
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

CONTENT = "step_details.tool_calls[*].file_search.results[*].content"


@pytest.fixture
def client(start, connect):
    return connect(start(scripts=SCRIPTS))


@pytest.fixture
def runs(client):
    return client.beta.threads.runs


@pytest.fixture
def assistant(client):
    return make_assistant(client)


@pytest.fixture
def searching(client):
    """An assistant with a price list to search, and functions."""
    file = upload(client, "prices.csv", "花名,售价\n红玫瑰,8\n\n郁金香,6\n")
    store = client.vector_stores.create(file_ids=[file.id])
    return make_assistant(
        client,
        tools=[{"type": "file_search"}, SAVE_BILL, LOG],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )


def refused(function, *args, **kwargs):
    """(status, message, param, code) of the error that a call answers."""
    with pytest.raises(sdk.APIStatusError) as caught:
        function(*args, **kwargs)
    error = caught.value
    return error.status_code, error.body["message"], error.param, error.code


def test_a_run_expires_after_600_seconds_unless_it_completes(client, runs, assistant):
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "hello"}])
    made = runs.create(thread.id, assistant_id=assistant.id)
    assert made.expires_at == made.created_at + 600
    assert runs.poll(made.id, thread_id=thread.id).expires_at is None


def test_a_step_expires_with_its_run_until_it_ends(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "bill")
    [waiting] = steps_of(client, run)
    assert (waiting["status"], waiting["expires_at"]) == ("in_progress", run.expires_at)
    runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=answer_all(run)
    )
    assert [step["expires_at"] for step in steps_of(client, run)] == [None, None]


def test_a_run_remembers_what_was_resolved_from_assistant_and_defaults(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "hello")
    run = run.to_dict()
    assert run["created_at"] <= run["started_at"] <= run["completed_at"]
    usage = run["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    changing = ("created_at", "started_at", "completed_at", "expires_at", "usage", "id")
    assert {key: value for key, value in run.items() if key not in changing} == {
        "object": "thread.run",
        "assistant_id": assistant.id,
        "thread_id": thread.id,
        "status": "completed",
        "cancelled_at": None,
        "failed_at": None,
        "required_action": None,
        "last_error": None,
        "incomplete_details": None,
        "model": "gpt-4.1",
        "instructions": "Be kind.",
        "tools": [tool.to_dict() for tool in assistant.tools],
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "max_prompt_tokens": None,
        "max_completion_tokens": None,
        "truncation_strategy": {"type": "auto", "last_messages": None},
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "response_format": "auto",
        "notes": ["answered by the scripted model, not by a language model"],
    }


def test_a_run_may_override_the_assistant(client, assistant):
    overrides = {
        "model": "gpt-5",
        "instructions": "Be brief.",
        "tools": [],
        "temperature": 0.0,
        "top_p": 0.5,
        "reasoning_effort": "low",
        "max_prompt_tokens": 1000,
        "max_completion_tokens": 500,
        "truncation_strategy": {"type": "last_messages", "last_messages": 2},
        "tool_choice": "none",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
        "metadata": {"a": "b"},
    }
    _, run = say_and_run(client, assistant, "hello", **overrides)
    assert {key: run.to_dict()[key] for key in overrides} == overrides
    assert run.status == "completed"


def test_null_is_the_same_as_nothing(client, runs, assistant):
    thread = make_thread(client, "hello")
    nulls = ("model", "instructions", "additional_messages", "tools", "metadata", "temperature")
    nulls += ("tool_choice", "truncation_strategy", "parallel_tool_calls", "response_format")
    run = runs.create(
        thread.id, assistant_id=assistant.id, extra_body=dict.fromkeys((*nulls, "stream"))
    )
    assert (run.model, run.tool_choice, run.metadata) == ("gpt-4.1", "auto", {})
    assert run.truncation_strategy.type == "auto"


def test_instructions_are_text_even_where_the_assistant_has_none(client):
    silent = make_assistant(client, instructions=None)
    _, run = say_and_run(client, silent, "hello")
    assert run.instructions == ""
    _, run = say_and_run(client, silent, "hello", additional_instructions="More.")
    assert run.instructions == "More."


def test_additional_instructions_and_messages_are_appended(client, assistant):
    thread, run = say_and_run(
        client,
        assistant,
        "first",
        additional_instructions="In French.",
        additional_messages=[
            {"role": "assistant", "content": "second"},
            {"role": "user", "content": [{"type": "text", "text": "hello third"}]},
        ],
    )
    assert run.instructions == "Be kind.\n\nIn French."
    assert texts(client, thread) == [
        ("user", "first"),
        ("assistant", "second"),
        ("user", "hello third"),
        ("assistant", "Good day to you."),
    ]


def test_the_answer_belongs_to_its_run(client, assistant):
    thread, run = say_and_run(client, assistant, "hello")
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert (message.run_id, message.assistant_id, message.status) == (
        run.id,
        assistant.id,
        "completed",
    )
    [step] = steps_of(client, run)
    assert step["step_details"] == {
        "type": "message_creation",
        "message_creation": {"message_id": message.id},
    }
    assert step["usage"] == run.usage.to_dict()


def test_a_function_call_waits_for_its_outputs(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "both")
    assert (run.status, run.usage) == ("requires_action", None)
    assert [(call.function.name, call.function.arguments) for call in calls_of(run)] == [
        ("save_bill", '{"totalCost": 1}'),
        ("log", '{"text": "花"}'),
    ]
    [waiting] = steps_of(client, run)
    assert (waiting["status"], waiting["usage"]) == ("in_progress", None)
    one = runs.steps.retrieve(waiting["id"], run_id=run.id, thread_id=thread.id)
    assert one.usage is None
    assert [call["function"]["output"] for call in waiting["step_details"]["tool_calls"]] == [
        None,
        None,
    ]
    again = runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=answer_all(run))
    assert (again.status, again.required_action) == ("queued", None)
    run = runs.poll(run_id=run.id, thread_id=thread.id)
    assert run.status == "completed"
    called, said = steps_of(client, run)
    assert [call["function"]["output"] for call in called["step_details"]["tool_calls"]] == [
        "ok",
        "ok",
    ]
    assert (called["status"], said["type"]) == ("completed", "message_creation")
    assert run.usage.total_tokens == sum(step["usage"]["total_tokens"] for step in (called, said))
    assert texts(client, thread)[-1] == ("assistant", "Both done.")


def test_every_call_must_be_answered_and_no_other(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "both")
    first, second = [call.id for call in calls_of(run)]
    for got in ([first], [first, second, "call_x"], [first, first], []):
        outputs = [{"tool_call_id": call_id, "output": "x"} for call_id in got]
        assert refused(runs.submit_tool_outputs, run.id, thread_id=thread.id, tool_outputs=outputs)[
            :2
        ] == (400, f"Expected tool outputs for call_ids {[first, second]}, got {got}")
    assert runs.retrieve(run.id, thread_id=thread.id).status == "requires_action"


def test_an_output_may_be_missing_or_null(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "both")
    first, second = [call.id for call in calls_of(run)]
    outputs = [{"tool_call_id": second, "output": None}, {"tool_call_id": first}]
    runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs, stream=None)
    run = runs.poll(run_id=run.id, thread_id=thread.id)
    assert run.status == "completed"


def test_outputs_in_the_wrong_state_are_refused(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "hello")
    assert refused(runs.submit_tool_outputs, run.id, thread_id=thread.id, tool_outputs=[]) == (
        400,
        'Runs in status "completed" do not accept tool outputs.',
        None,
        None,
    )


def test_an_active_run_locks_its_thread(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "bill")
    create = client.beta.threads.messages.create
    assert refused(create, thread.id, role="user", content="x")[:2] == (
        400,
        f"Can't add messages to {thread.id} while a run {run.id} is active.",
    )
    assert refused(runs.create, thread.id, assistant_id=assistant.id)[:2] == (
        400,
        f"Thread {thread.id} already has an active run {run.id}.",
    )
    runs.cancel(run.id, thread_id=thread.id)
    create(thread.id, role="user", content="hello")
    assert run_to_stop(client, thread, assistant).status == "completed"


def test_a_waiting_run_is_cancelled_at_once(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "bill")
    run = runs.cancel(run.id, thread_id=thread.id)
    assert (run.status, run.required_action) == ("cancelled", None)
    assert run.cancelled_at is not None and run.usage.total_tokens > 0
    [step] = steps_of(client, run)
    assert (step["status"], step["cancelled_at"]) == ("cancelled", run.cancelled_at)


def test_what_has_ended_cannot_be_cancelled(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "hello")
    assert refused(runs.cancel, run.id, thread_id=thread.id)[:2] == (
        400,
        "Cannot cancel run with status 'completed'.",
    )


def test_code_interpreter_switched_off_is_left_out_and_the_run_says_so(start, connect):
    client = connect(start(scripts=SCRIPTS, code_interpreter=False))
    assistant = make_assistant(client, tools=[{"type": "code_interpreter"}, LOG])
    _, run = say_and_run(client, assistant, "hello")
    assert run.status == "completed"
    assert run.to_dict()["notes"] == [
        "code_interpreter is switched off on this server; the run goes on without it",
        "answered by the scripted model, not by a language model",
    ]


def test_without_any_model_the_run_fails_and_names_the_ways_out(start, connect):
    client = connect(start(model=None))
    thread, run = say_and_run(client, make_assistant(client, metadata={}), "hello")
    assert (run.status, run.last_error.code) == ("failed", "server_error")
    assert run.last_error.message == (
        "No model is set up to answer. Declare targets.local.model (an endpoint, or `scripted`),"
        " set OPENAI_API_KEY, or write a script for the assistant (<key>.script.yaml)."
    )
    assert (run.failed_at is not None, run.expires_at, run.to_dict()["notes"]) == (True, None, [])
    assert texts(client, thread) == [("user", "hello")]


def test_a_search_shows_its_results_and_cites_them(client, searching):
    thread, run = say_and_run(client, searching, "price")
    assert run.status == "completed"
    search, _ = steps_of(client, run)
    [call] = search["step_details"]["tool_calls"]
    [result] = call["file_search"]["results"]
    assert call["file_search"]["ranking_options"] == {
        "ranker": "default_2024_08_21",
        "score_threshold": 0.0,
    }
    assert set(result) == {"file_id", "file_name", "score"}
    assert 0 < result["score"] <= 1
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    text = message.content[0].text
    [citation] = text.annotations
    assert text.value == "It is 8【4:0†source】."
    assert text.value[citation.start_index : citation.end_index] == citation.text
    assert citation.file_citation.file_id == result["file_id"]


def test_the_content_of_results_comes_when_asked_for(client, runs, searching):
    thread, run = say_and_run(client, searching, "price")
    [listed, _] = steps_of(client, run, include=[CONTENT])
    got = runs.steps.retrieve(listed["id"], run_id=run.id, thread_id=thread.id, include=[CONTENT])
    for step in (listed, got.to_dict()):
        [result] = step["step_details"]["tool_calls"][0]["file_search"]["results"]
        assert result["content"][0]["type"] == "text"
        assert "红玫瑰,8" in result["content"][0]["text"]
    bare = runs.steps.retrieve(listed["id"], run_id=run.id, thread_id=thread.id).to_dict()
    assert "content" not in bare["step_details"]["tool_calls"][0]["file_search"]["results"][0]
    assert refused(runs.steps.list, run.id, thread_id=thread.id, include=["x"])[0] == 400


def test_a_search_and_a_function_in_one_round_are_one_step(client, runs, searching):
    thread, run = say_and_run(client, searching, "mixed")
    assert [call.function.name for call in calls_of(run)] == ["log"]
    [step] = steps_of(client, run)
    kinds = [call["type"] for call in step["step_details"]["tool_calls"]]
    assert (step["status"], kinds) == ("in_progress", ["file_search", "function"])
    run = runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=answer_all(run)
    )
    assert (run.status, texts(client, thread)[-1]) == ("completed", ("assistant", "Mixed."))


def test_files_attached_to_a_message_are_found_at_once(client, runs):
    assistant = make_assistant(client, tools=[{"type": "file_search"}])
    file = upload(client, "note.md", "红玫瑰今天卖八块。")
    thread = client.beta.threads.create()
    run = runs.create_and_poll(
        thread_id=thread.id,
        assistant_id=assistant.id,
        additional_messages=[
            {
                "role": "user",
                "content": "price",
                "attachments": [{"file_id": file.id, "tools": [{"type": "file_search"}]}],
            }
        ],
    )
    search, _ = steps_of(client, run)
    [result] = search["step_details"]["tool_calls"][0]["file_search"]["results"]
    assert result["file_name"] == "note.md"


def test_resources_given_with_a_new_thread_go_before_the_assistants(client, searching):
    file = upload(client, "other.txt", "红玫瑰 nine")
    store = client.vector_stores.create(file_ids=[file.id])
    run = client.beta.threads.create_and_run_poll(
        assistant_id=searching.id,
        thread={"messages": [{"role": "user", "content": "price"}]},
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    search, _ = steps_of(client, run)
    [result] = search["step_details"]["tool_calls"][0]["file_search"]["results"]
    assert result["file_name"] == "other.txt"


def test_a_store_that_was_deleted_finds_nothing(client, searching):
    client.vector_stores.delete(searching.tool_resources.file_search.vector_store_ids[0])
    _, run = say_and_run(client, searching, "price")
    search, _ = steps_of(client, run)
    assert search["step_details"]["tool_calls"][0]["file_search"]["results"] == []
    assert run.status == "completed"


def test_runs_are_listed_newest_first_and_modified(client, runs, assistant):
    thread, first = say_and_run(client, assistant, "hello")
    second = run_to_stop(client, thread, assistant)
    assert [run.id for run in runs.list(thread.id)] == [second.id, first.id]
    assert [run.id for run in runs.list(thread.id, order="asc", limit=1)] == [
        first.id,
        second.id,
    ]
    changed = runs.update(first.id, thread_id=thread.id, metadata={"seen": "yes"})
    assert (changed.metadata, changed.status) == ({"seen": "yes"}, "completed")
    assert runs.retrieve(first.id, thread_id=thread.id).metadata == {"seen": "yes"}


def test_what_is_not_there_is_a_404(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "hello")
    other = make_thread(client, "x")
    absent = "0" * 24
    assert refused(runs.create, thread.id, assistant_id=f"asst_{absent}")[:2] == (
        404,
        f"No assistant found with id 'asst_{absent}'.",
    )
    assert refused(runs.create, f"thread_{absent}", assistant_id=assistant.id)[:2] == (
        404,
        f"No thread found with id 'thread_{absent}'.",
    )
    for ask in (runs.retrieve, runs.cancel):
        assert refused(ask, run.id, thread_id=other.id)[:2] == (
            404,
            f"No run found with id '{run.id}'.",
        )
    assert refused(runs.steps.list, run.id, thread_id=other.id)[0] == 404
    assert refused(runs.steps.retrieve, f"step_{absent}", run_id=run.id, thread_id=thread.id)[
        :2
    ] == (404, f"No run step found with id 'step_{absent}'.")
    assert refused(runs.list, f"thread_{absent}")[0] == 404


def test_ids_of_the_wrong_kind_are_named(client, runs, assistant):
    thread = make_thread(client, "x")
    assert refused(runs.create, "undefined", assistant_id=assistant.id) == (
        400,
        "Invalid 'thread_id': 'undefined'. Expected an ID that begins with 'thread'.",
        "thread_id",
        "invalid_value",
    )
    assert refused(runs.create, thread.id, assistant_id="shop")[1] == (
        "Invalid 'assistant_id': 'shop'. Expected an ID that begins with 'asst'."
    )
    assert refused(runs.retrieve, "r1", thread_id=thread.id)[1] == (
        "Invalid 'run_id': 'r1'. Expected an ID that begins with 'run'."
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Missing required parameter: 'assistant_id'."),
        (
            {"assistant_id": "asst_1", "max_prompt_tokens": 255},
            "Invalid 'max_prompt_tokens': integer below minimum value."
            " Expected a value >= 256, but got 255 instead.",
        ),
        (
            {"assistant_id": "asst_1", "tool_choice": "any"},
            "Invalid value: 'any'. Supported values are: 'none', 'auto', and 'required'.",
        ),
        (
            {"assistant_id": "asst_1", "tool_choice": {"type": "function"}},
            "Missing required parameter: 'tool_choice.function'.",
        ),
        (
            {"assistant_id": "asst_1", "truncation_strategy": {"type": "last_messages"}},
            "Missing required parameter: 'truncation_strategy.last_messages'.",
        ),
        (
            {"assistant_id": "asst_1", "additional_messages": [{"role": "system", "content": "x"}]},
            "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.",
        ),
        ({"assistant_id": "asst_1", "tool_resources": {}}, "Unknown parameter: 'tool_resources'."),
    ],
)
def test_a_wrong_body_is_explained(ask, openai, body, message):
    thread = make_thread(openai, "x")
    answer = ask("POST", f"/threads/{thread.id}/runs", body)
    assert (answer.status, answer.body["error"]["message"]) == (400, message)


def test_a_refused_additional_message_leaves_nothing_behind(client, runs, assistant):
    thread = make_thread(client, "hello")
    file_id = "file-" + "0" * 24
    attached = {"role": "user", "content": "x", "attachments": [{"file_id": file_id}]}
    assert (
        refused(
            runs.create,
            thread.id,
            assistant_id=assistant.id,
            additional_messages=[{"role": "user", "content": "kept?"}, attached],
        )[0]
        == 404
    )
    assert texts(client, thread) == [("user", "hello")]
    assert list(runs.list(thread.id)) == []


def test_a_run_survives_the_deletion_of_its_assistant(client, runs, assistant):
    thread, run = say_and_run(client, assistant, "bill")
    client.beta.assistants.delete(assistant.id)
    run = runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=answer_all(run)
    )
    assert (run.status, texts(client, thread)[-1]) == (
        "completed",
        ("assistant", "The bill is saved."),
    )


def test_the_sdks_polling_is_told_to_be_quick(ask, openai):
    thread = make_thread(openai, "x")
    answer = ask("GET", f"/threads/{thread.id}/runs")
    assert answer.headers["openai-poll-after-ms"] == "100"


def test_cancelling_with_an_empty_json_body(ask, openai):
    assistant = make_assistant(openai, metadata={})
    _, run = say_and_run(openai, assistant, "hello")
    answer = ask("POST", f"/threads/{run.thread_id}/runs/{run.id}/cancel", b"")
    assert answer.body["error"] == {
        "message": "Cannot cancel run with status 'completed'.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


def test_a_function_that_must_be_called_is_one_that_the_run_has(client, runs, assistant):
    thread = make_thread(client, "hello")
    pay, log = ({"type": "function", "function": {"name": name}} for name in ("pay", "log"))
    refusals = []
    for fields in ({}, {"tools": []}):
        with pytest.raises(sdk.BadRequestError) as caught:
            runs.create(thread.id, assistant_id=assistant.id, tool_choice=pay, **fields)
        refusals.append((caught.value.param, caught.value.body["message"]))
    said = "Invalid 'tool_choice': the run has no function 'pay' (its functions: {})."
    assert refusals == [
        ("tool_choice", said.format("save_bill, log")),
        ("tool_choice", said.format("none")),
    ]
    run = runs.create(thread.id, assistant_id=assistant.id, tool_choice=log)
    assert run.tool_choice.function.name == "log"


def test_the_response_format_that_sdks_of_2024_send_for_auto_is_taken_for_it(client, runs):
    assistant = make_assistant(client, response_format="none")
    assert assistant.response_format == "auto"
    thread = make_thread(client, "hello")
    run = runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, response_format="none"
    )
    assert (run.status, run.response_format) == ("completed", "auto")
