"""The seed's own flow, with nothing but the openai SDK, against `assistctl serve` as a process.

The server runs in a copy of this repository's workspace, so its scripted model plays the turns of
flower-shop.script.yaml for the assistant that the client makes by itself.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from openai import OpenAI

ROOT = Path(__file__).parent.parent
SAVE_BILL = {
    "name": "save_bill",
    "description": "把一笔销售的总成本和总收入存入账本。",
    "parameters": {
        "type": "object",
        "properties": {"totalCost": {"type": "number"}, "totalIncome": {"type": "number"}},
        "required": ["totalCost", "totalIncome"],
    },
}


@pytest.fixture
def client(tmp_path):
    for name in ("assistants", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "assistctl.yaml", tmp_path)
    server = subprocess.Popen(
        [sys.executable, "-m", "assistctl", "serve", "--port", "0", "--db", "seed.db"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "cli")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        ready = next(line for line in server.stderr if line.startswith("Serving"))
        url = ready.split()[-1]
        with OpenAI(base_url=url, api_key="any") as client:
            yield client
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)


@pytest.mark.filterwarnings("ignore:(deprecated|The Assistants API):DeprecationWarning")
def test_the_seeds_own_flow_works_with_nothing_but_the_sdk(client):
    with (ROOT / "assistants" / "flower_prices.csv").open("rb") as prices:
        file = client.files.create(file=prices, purpose="assistants")
    store = client.vector_stores.create(name="价目表", file_ids=[file.id])
    threads, bills = client.beta.threads, []
    assistant = client.beta.assistants.create(
        name="花店财务助手",
        instructions="按价目表计算成本与收入，并保存账单。",
        model="gpt-4.1",
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
    thread = threads.create(
        messages=[{"role": "user", "content": "卖出红玫瑰3支、郁金香2支、百合6支"}]
    )

    def run_to_the_end():
        run = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        assert run.status == "requires_action"
        calls = run.required_action.submit_tool_outputs.tool_calls
        bills.extend(json.loads(call.function.arguments) for call in calls)
        run = threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id,
            thread_id=thread.id,
            tool_outputs=[{"tool_call_id": call.id, "output": "saved"} for call in calls],
        )
        assert run.status == "completed"
        newest, *_ = threads.messages.list(thread.id)
        return newest.content[0].text.value

    assert run_to_the_end().startswith("账单已保存")
    threads.messages.create(thread.id, role="user", content="再加两支向日葵")
    assert run_to_the_end().startswith("已追加 2 支向日葵")
    assert bills == [
        {"totalCost": 37.5, "totalIncome": 75},
        {"totalCost": 4, "totalIncome": 10},
    ]
    assert [message.role for message in threads.messages.list(thread.id)] == [
        "assistant",
        "user",
        "assistant",
        "user",
    ]
