"""A client's whole life with nothing but the openai SDK: files, tools, polling, a second turn."""

from __future__ import annotations

import json

import pytest
from openai import AssistantEventHandler

from tests.server.runs_help import answer_all, calls_of

PRICES = "花名,成本,售价\n红玫瑰,2,5\n郁金香,3,6\n百合,4,9\n向日葵,1.5,4\n"
SCRIPT = [
    {
        "when": "红玫瑰.*3.*郁金香.*2.*百合.*6",
        "call": {"save_bill": {"totalCost": 36, "totalIncome": 81}},
        "say": "账单已保存：成本36元，收入81元。",
    },
    {
        "when": "向日葵.*2",
        "call": {"save_bill": {"totalCost": 3, "totalIncome": 8}},
        "say": "又保存了两支向日葵。",
    },
]
SAVE_BILL = {
    "name": "save_bill",
    "description": "保存账单",
    "parameters": {
        "type": "object",
        "properties": {"totalCost": {"type": "number"}, "totalIncome": {"type": "number"}},
        "required": ["totalCost", "totalIncome"],
    },
}


@pytest.fixture
def client(start, connect):
    return connect(start(scripts={"shop/flowers": SCRIPT}))


@pytest.fixture
def assistant(client, tmp_path):
    prices = tmp_path / "flower_prices.csv"
    prices.write_text(PRICES, encoding="utf-8")
    with prices.open("rb") as handle:
        file = client.files.create(file=handle, purpose="assistants")
    store = client.vector_stores.create(name="prices")
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file.id])
    assert batch.file_counts.completed == 1
    return client.beta.assistants.create(
        name="花店财务助手",
        instructions="你是花店的财务助手。",
        model="gpt-4.1",
        metadata={"assistctl": "shop/flowers"},
        tools=[
            {"type": "code_interpreter"},
            {"type": "file_search"},
            {"type": "function", "function": SAVE_BILL},
        ],
        tool_resources={
            "code_interpreter": {"file_ids": [file.id]},
            "file_search": {"vector_store_ids": [store.id]},
        },
    )


def save_bill(bills, run):
    outputs = []
    for call in calls_of(run):
        bills.append(json.loads(call.function.arguments))
        outputs.append({"tool_call_id": call.id, "output": json.dumps({"saved": True})})
    return outputs


def test_two_turns_with_a_function_by_polling(client, assistant):
    threads = client.beta.threads
    bills = []
    thread = threads.create(
        messages=[{"role": "user", "content": "今天卖出红玫瑰3支、郁金香2支、百合6支，请记账。"}]
    )
    run = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "requires_action"
    run = threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=save_bill(bills, run)
    )
    assert run.status == "completed"
    [newest, *_] = threads.messages.list(thread_id=thread.id)
    assert newest.content[0].text.value == "账单已保存：成本36元，收入81元。"

    threads.messages.create(thread_id=thread.id, role="user", content="又卖了向日葵2支")
    run = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    run = threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=save_bill(bills, run)
    )
    assert run.status == "completed"
    assert [
        (message.role, message.content[0].text.value)
        for message in threads.messages.list(thread_id=thread.id)
    ] == [
        ("assistant", "又保存了两支向日葵。"),
        ("user", "又卖了向日葵2支"),
        ("assistant", "账单已保存：成本36元，收入81元。"),
        ("user", "今天卖出红玫瑰3支、郁金香2支、百合6支，请记账。"),
    ]
    assert bills == [
        {"totalCost": 36, "totalIncome": 81},
        {"totalCost": 3, "totalIncome": 8},
    ]


class Shop(AssistantEventHandler):
    """Saves bills as a streaming client does: a stream within a stream."""

    def __init__(self, client, bills):
        super().__init__()
        self.client, self.bills, self.text, self.done = client, bills, "", []

    def on_text_delta(self, delta, snapshot):
        self.text += delta.value
        assert snapshot.value == self.text

    def on_tool_call_done(self, tool_call):
        self.done.append((tool_call.function.name, json.loads(tool_call.function.arguments)))

    def on_event(self, event):
        if event.event != "thread.run.requires_action":
            return
        inner = Shop(self.client, self.bills)
        with self.client.beta.threads.runs.submit_tool_outputs_stream(
            thread_id=event.data.thread_id,
            run_id=event.data.id,
            tool_outputs=save_bill(self.bills, event.data),
            event_handler=inner,
        ) as stream:
            stream.until_done()
        self.text += inner.text
        assert inner.current_run.status == "completed"


def test_the_streaming_helpers_follow_a_run_through_its_tools(client, assistant):
    bills = []
    handler = Shop(client, bills)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "向日葵2支"}])
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, event_handler=handler
    ) as stream:
        stream.until_done()
    assert handler.text == "又保存了两支向日葵。"
    assert handler.done == [("save_bill", {"totalCost": 3, "totalIncome": 8})]
    assert bills == [{"totalCost": 3, "totalIncome": 8}]


def test_a_thread_made_and_streamed_in_one_request(client, assistant):
    with client.beta.threads.create_and_run_stream(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "你好"}]}
    ) as stream:
        text = "".join(stream.text_deltas)
    [message] = stream.get_final_messages()
    assert message.content[0].text.value == text
    assert text.startswith("This is the scripted model")
    assert stream.get_final_run().status == "completed"
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "向日葵2支"}]}
    )
    assert [call.function.name for call in calls_of(run)] == ["save_bill"]
    assert len(answer_all(run)) == 1
