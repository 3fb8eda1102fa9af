"""The file_search tool over the assistant's and the thread's stores, by words and by meaning."""

from __future__ import annotations

import pytest

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
def client(start, connect):
    with embeddings_endpoint_running() as endpoint:
        yield connect(start(scripts={"shop/flowers": SCRIPT}, embeddings=endpoint.settings))


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
