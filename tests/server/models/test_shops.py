"""The flower shop, with all its tools on, behind endpoints as they behave today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistctl.server.sandbox import Sandboxes
from tests.server.models import shops
from tests.server.models.endpoint import endpoint_running
from tests.server.models.judging import KEY
from tests.server.runs_help import SAVE_BILL, calls_of, run_to_stop, steps_of, texts

ASSISTANTS = Path(__file__).parents[3] / "assistants"


@pytest.fixture(scope="module")
def confinable():
    sandboxes = Sandboxes()
    reason = sandboxes.available()
    sandboxes.close_all()
    if reason is not None:
        pytest.skip(f"no sandbox on this machine: {reason}")


@pytest.fixture
def endpoint(confinable):
    with endpoint_running(shops.SHOPS) as endpoint:
        yield endpoint


@pytest.fixture
def client(start, connect, endpoint):
    return connect(start(model={"base_url": endpoint.url, "api_key": KEY}))


def open_shop(client, model):
    """The assistant of this repository's workspace, as sync would make it."""
    prices = client.files.create(file=ASSISTANTS / "flower_prices.csv", purpose="assistants")
    store = client.vector_stores.create(file_ids=[prices.id])
    return client.beta.assistants.create(
        model=model,
        name="花店财务助手",
        instructions=(ASSISTANTS / "flower-shop.md").read_text(encoding="utf-8"),
        tools=[{"type": "code_interpreter"}, {"type": "file_search"}, SAVE_BILL],
        tool_resources={
            "code_interpreter": {"file_ids": [prices.id]},
            "file_search": {"vector_store_ids": [store.id]},
        },
        temperature=0.2,
    )


def save_bills(client, run):
    """Answers the bills of a run until it rests; returns the run and the bills."""
    bills = []
    while run.status == "requires_action":
        outputs = []
        for call in calls_of(run):
            bills.append((call.function.name, json.loads(call.function.arguments)))
            outputs.append({"tool_call_id": call.id, "output": '{"id": 1}'})
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs
        )
    return run, bills


def tools_of(client, run):
    return [
        call["type"]
        for step in steps_of(client, run)
        for call in step["step_details"].get("tool_calls", ())
    ]


@pytest.mark.parametrize("name", shops.SHOPS)
def test_the_flower_shop_does_its_bills(client, endpoint, name):
    switch = shops.SHOPS[name]
    assistant = open_shop(client, name)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": shops.SOLD}])
    run, bills = save_bills(client, run_to_stop(client, thread, assistant))
    assert (run.status, run.last_error) == ("completed", None)
    assert bills == [("save_bill", {"totalCost": 37.5, "totalIncome": 75.0})]
    assert tools_of(client, run) == ["code_interpreter", "file_search", "function"]
    [answer] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    [mark] = answer.content[0].text.annotations
    assert answer.content[0].text.value == shops.SAVED.format(mark.text)
    assert client.files.retrieve(mark.file_citation.file_id).filename == "flower_prices.csv"
    notes = run.to_dict().get("notes", [])
    assert ["temperature" in note for note in notes] == ([True] if switch.tells else [])

    client.beta.threads.messages.create(thread.id, role="user", content=shops.MORE)
    more, bills = save_bills(client, run_to_stop(client, thread, assistant))
    assert (more.status, more.last_error) == ("completed", None)
    assert bills == [("save_bill", {"totalCost": 4.0, "totalIncome": 10.0})]
    assert tools_of(client, more) == ["code_interpreter", "function"]
    assert texts(client, thread)[-1] == ("assistant", shops.BOTH)
    assert all(each.reply.status != 418 for each in endpoint.exchanges[name])
