"""docs/migration.md is executed: its commands and its programs, in their order, on one dump."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ASSISTANT = {
    "id": "asst_abc123",
    "object": "assistant",
    "created_at": 1_698_984_975,
    "name": "花店财务助手",
    "model": "gpt-6-luna",
    "instructions": "You keep the books.",
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "save_bill",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "totalCost": {"type": "number"},
                        "totalIncome": {"type": "number"},
                    },
                },
            },
        }
    ],
}
THREAD = {"id": "thread_abc123", "object": "thread", "created_at": 1_698_984_980, "metadata": {}}
MESSAGE = {
    "id": "msg_abc123",
    "object": "thread.message",
    "created_at": 1_698_984_990,
    "thread_id": "thread_abc123",
    "role": "user",
    "content": "What do I owe?",
}
TOLD_OF_THE_THREAD = """
for message in client.beta.threads.messages.list("thread_abc123", order="asc"):
    print(message.role, message.content[0].text.value)
"""

ANSWER = """
(call,) = run.required_action.submit_tool_outputs.tool_calls
run = client.beta.threads.runs.submit_tool_outputs_and_poll(
    run_id=run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": call.id, "output": "saved"}]
)
print(run.status)
"""


def blocks(language):
    return [text for name, text in BLOCKS if name == language]


@pytest.fixture
def workspace(tmp_path):
    """This repository's workspace, whose scripted model knows the sales, beside a dump."""
    for name in ("assistants", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "assistctl.yaml", tmp_path)
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "assistants.jsonl").write_text(json.dumps(ASSISTANT) + "\n", encoding="utf-8")
    lines = "".join(json.dumps(item) + "\n" for item in (THREAD, MESSAGE))
    (dump / "threads.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "assistctl"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m assistctl "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return tmp_path


def environment(workspace):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "ASSISTCTL_"))}
    path = f"{workspace / 'bin'}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT / "cli")}


def test_the_three_ways_lead_on_from_one_dump(workspace):
    serve, assistants_as_files = blocks("sh")
    old, new = blocks("python")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    about = {"cwd": workspace, "env": environment(workspace), "text": True}
    server = subprocess.Popen(
        ["sh", "-c", f"exec {serve.replace('8000', port).strip()}"], stderr=subprocess.PIPE, **about
    )
    try:
        assert server.stderr is not None
        assert any(line.startswith("Serving") for line in server.stderr)
        # The function is answered here as an application would, between the two halves of a run.
        keeping = old.replace("8000", port)
        program = keeping + ANSWER + new + TOLD_OF_THE_THREAD
        client = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program], capture_output=True, **about
        )
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)
    assert client.stderr == ""
    assert client.stdout.splitlines() == [
        "requires_action",
        "completed",
        'save_bill {"totalCost": 4, "totalIncome": 10}',
        "已追加 2 支向日葵：成本 4 元，收入 10 元。"
        "两笔合计：总成本 41.5 元，总收入 85 元，利润 43.5 元。",
        "user What do I owe?",
        "user 卖出红玫瑰3支、郁金香2支、百合6支",
        "assistant 账单已保存：红玫瑰 3 支、郁金香 2 支、百合 6 支，"
        "总成本 37.5 元，总收入 75 元，利润 37.5 元。",
        "user 再加两支向日葵",
        "assistant 已追加 2 支向日葵：成本 4 元，收入 10 元。"
        "两笔合计：总成本 41.5 元，总收入 85 元，利润 43.5 元。",
    ]
    files = subprocess.run(
        ["sh", "-eu", "-c", assistants_as_files], capture_output=True, check=False, **about
    )
    assert files.returncode == 0, files.stderr
    assert files.stdout.startswith("Files:\n  assistants/花店财务助手.yaml\n")
    assert "Plan for local: 5 to create, 0 to update, 0 to delete." in files.stdout
