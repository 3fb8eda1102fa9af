"""The file_search tool over the assistant's and the thread's stores, by words and by meaning."""

from __future__ import annotations

import pytest

from assistctl.server import wire
from tests.server.embeddings_endpoint import embeddings_endpoint_running
from tests.server.runs_help import make_assistant, steps_of, upload

CONTENT = "step_details.tool_calls[*].file_search.results[*].content"
SCRIPT = [
    {
        "when": "refund",
        "call": {"file_search": {"query": "Can I get a refund?"}},
        "say": "Yes【4:0†source】, and see【4:1†source】.",
    }
]


@pytest.fixture
def endpoint():
    with embeddings_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def client(start, connect, endpoint):
    return connect(start(scripts={"shop/flowers": SCRIPT}, embeddings=endpoint.settings))


@pytest.fixture
def thread(client):
    """One with a store of its own, by an attachment."""
    file = upload(client, "mine.md", "# My order\n\nThe rose was broken; I want my money back.")
    attachment = {"file_id": file.id, "tools": [{"type": "file_search"}]}
    message = {"role": "user", "content": "refund?", "attachments": [attachment]}
    return client.beta.threads.create(messages=[message])


def searching(client, **options):
    """An assistant with a store."""
    rules = upload(client, "rules.txt", "退货：二十四小时内可以退。")
    other = upload(client, "hours.txt", "Open from nine to six.")
    store = client.vector_stores.create(file_ids=[rules.id, other.id])
    return make_assistant(
        client,
        tools=[{"type": "file_search", "file_search": options}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )


def found(client, run):
    [search, _] = steps_of(client, run, include=[CONTENT])
    [call] = search["step_details"]["tool_calls"]
    return call["file_search"]


def test_both_stores_answer_as_one_and_each_source_is_cited(client, thread):
    assistant = searching(client)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    results = found(client, run)["results"]
    assert [result["file_name"] for result in results] == ["rules.txt", "mine.md", "hours.txt"]
    assert results[1]["content"] == [
        {"type": "text", "text": "# My order\n\nThe rose was broken; I want my money back."}
    ]
    scores = [result["score"] for result in results]
    assert sorted(scores, reverse=True) == scores
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    text = message.content[0].text
    replaced = text.value
    for note in text.annotations:
        name = client.files.retrieve(note.file_citation.file_id).filename
        assert text.value[note.start_index : note.end_index] == note.text
        replaced = replaced.replace(note.text, f" [{name}]")
    assert replaced == "Yes [rules.txt], and see [mine.md]."


def test_the_tools_options_hold_for_its_searches(client, thread):
    ranking = {
        "ranker": "auto",
        "score_threshold": 0.1,
        "hybrid_search": {"embedding_weight": 0, "text_weight": 1},
    }
    assistant = searching(client, max_num_results=2, ranking_options=ranking)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert found(client, run) == {"ranking_options": ranking, "results": []}
    few = searching(client, max_num_results=1)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=few.id)
    assert [result["file_name"] for result in found(client, run)["results"]] == ["rules.txt"]


@pytest.mark.parametrize(("model", "most"), [("gpt-4o", 20), ("gpt-3.5-turbo-0125", 5)])
def test_a_search_finds_as_many_results_as_the_api_gives_the_model(client, thread, model, most):
    files = [upload(client, f"{number}.txt", f"Refund {number}.").id for number in range(22)]
    store = client.vector_stores.create(file_ids=files)
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    assistant = make_assistant(
        client, model=model, tools=[{"type": "file_search"}], tool_resources=resources
    )
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert len(found(client, run)["results"]) == most


def test_a_store_is_active_as_long_as_runs_may_search_it(client, thread, monkeypatch):
    [store_id] = thread.tool_resources.file_search.vector_store_ids
    client.beta.threads.messages.create(thread.id, role="user", content="Thanks, that is all.")
    clock = wire.now()
    for module in ("retrieval.vector_stores", "wire"):
        monkeypatch.setattr(f"assistctl.server.{module}.now", lambda: clock)
    searches = make_assistant(client, tools=[{"type": "file_search"}])
    does_not = make_assistant(client)
    runs = client.beta.threads.runs
    for assistant in (does_not, searches):
        clock += 86_400
        run = runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        assert [step["type"] for step in steps_of(client, run)] == ["message_creation"]
        active = client.vector_stores.retrieve(store_id).last_active_at
        assert (active == clock) == (assistant is searches)


def test_content_is_shown_only_to_those_who_ask_and_in_streams_too(client, thread):
    assistant = searching(client)
    runs = client.beta.threads.runs
    run = runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    [search, _] = steps_of(client, run)
    [call] = search["step_details"]["tool_calls"]
    assert {tuple(result) for result in call["file_search"]["results"]} == {
        ("file_id", "file_name", "score")
    }
    [asked] = found(client, run)["results"][0]["content"]
    one = runs.steps.retrieve(
        search["id"], run_id=run.id, thread_id=thread.id, include=[CONTENT]
    ).to_dict()
    assert one["step_details"]["tool_calls"][0]["file_search"]["results"][0]["content"] == [asked]
    client.beta.threads.messages.create(thread.id, role="user", content="refund, please")
    for include in ([], [CONTENT]):
        with runs.stream(thread_id=thread.id, assistant_id=assistant.id, include=include) as stream:
            [call, *_] = [
                call
                for event in stream
                if event.event == "thread.run.step.completed"
                for call in event.data.to_dict()["step_details"].get("tool_calls", ())
            ]
        shown = ["content" in result for result in call["file_search"]["results"]]
        assert shown == [bool(include)] * 3


def test_a_thread_whose_store_has_expired_gets_another_with_the_next_attachment(
    client, thread, monkeypatch
):
    [expired] = thread.tool_resources.file_search.vector_store_ids
    later = wire.now() + 8 * 86_400
    for module in ("retrieval.vector_stores", "wire"):
        monkeypatch.setattr(f"assistctl.server.{module}.now", lambda: later)
    assistant = make_assistant(client, tools=[{"type": "file_search"}])
    runs = client.beta.threads.runs
    run = runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert (run.status, found(client, run)["results"]) == ("completed", [])
    assert run.to_dict()["notes"][-1] == (
        f"file_search went on without what has expired or was deleted: {expired}"
    )
    file = upload(client, "new.md", "Refunds take a week.")
    attachment = {"file_id": file.id, "tools": [{"type": "file_search"}]}
    client.beta.threads.messages.create(
        thread.id, role="user", content="refund now?", attachments=[attachment]
    )
    resources = client.beta.threads.retrieve(thread.id).tool_resources
    [fresh] = resources.file_search.vector_store_ids
    assert fresh != expired
    run = runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert [result["file_name"] for result in found(client, run)["results"]] == ["new.md"]
    client.vector_stores.delete(fresh)
    client.beta.threads.messages.create(
        thread.id, role="user", content="refund?", attachments=[attachment]
    )
    [another] = client.beta.threads.retrieve(thread.id).tool_resources.file_search.vector_store_ids
    assert another not in (fresh, expired)


def test_a_run_says_which_files_its_search_cannot_find_anything_in(client):
    broken = [upload(client, f"bill-{number}.pdf", "%PDF-1.4 torn") for number in range(5)]
    attachments = [{"file_id": it.id, "tools": [{"type": "file_search"}]} for it in broken]
    message = {"role": "user", "content": "What do I owe?", "attachments": attachments}
    assistant = make_assistant(client, tools=[{"type": "file_search"}])
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [message]}
    )
    unread = (
        "file_search finds nothing in bill-{}.pdf, which could not be read: The PDF is damaged."
    )
    assert (run.status, run.to_dict()["notes"][1:]) == (
        "completed",
        [
            *(unread.format(number) for number in range(3)),
            "file_search finds nothing in 2 more, which could not be read either",
        ],
    )


def test_a_store_that_is_deleted_while_it_is_searched_is_done_without(
    client, thread, endpoint, monkeypatch
):
    assistant = searching(client)
    [deleted] = assistant.tool_resources.file_search.vector_store_ids
    answered, asked = endpoint.reply, []

    def reply(request):
        if "Can I get a refund?" in request["input"] and not asked:
            asked.append(request)
            client.vector_stores.delete(deleted)
        return answered(request)

    monkeypatch.setattr(endpoint, "reply", reply)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert (run.status, run.last_error) == ("completed", None)
    assert [result["file_name"] for result in found(client, run)["results"]] == ["mine.md"]
    assert run.to_dict()["notes"][-1] == (
        f"file_search went on without what has expired or was deleted: {deleted}"
    )
