"""Threads as an API dumps them, with everything that a timeline can show and much that it must not
obey; given to the server of a workspace before its console is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assistctl.loading import load
from assistctl.server import seed
from assistctl.targets import server_settings

BEGIN = 1_795_000_000
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
REVERSED = "invoice\u202efdp.exe"


def seeded(root: Path, dump: Path, objects: list[dict[str, Any]]) -> None:
    """Add objects to the local database of a workspace."""
    dump.write_text("\n".join(json.dumps(it) for it in objects), encoding="utf-8")
    seed(server_settings(load(root)), dump, project="default")


def thread(identity: str, at: int, **metadata: str) -> dict[str, Any]:
    return {"id": identity, "object": "thread", "created_at": at, "metadata": metadata}


def message(
    identity: str, thread_id: str, at: int, role: str, text: str, **more: Any
) -> dict[str, Any]:
    annotations = more.pop("annotations", [])
    return {
        "id": identity,
        "object": "thread.message",
        "created_at": at,
        "thread_id": thread_id,
        "role": role,
        "content": [{"type": "text", "text": {"value": text, "annotations": annotations}}],
        **more,
    }


def run(identity: str, thread_id: str, at: int, **more: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "object": "thread.run",
        "created_at": at,
        "started_at": at,
        "completed_at": at + 3,
        "thread_id": thread_id,
        "assistant_id": "asst_dumpedclerk",
        "status": "completed",
        "model": "gpt-6-luna",
        "usage": {"prompt_tokens": 1200, "completion_tokens": 34, "total_tokens": 1234},
        **more,
    }


def step(identity: str, of: dict[str, Any], at: int, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": identity,
        "object": "thread.run.step",
        "created_at": at,
        "completed_at": at + 1,
        "thread_id": of["thread_id"],
        "run_id": of["id"],
        "assistant_id": of["assistant_id"],
        "status": "completed",
        "type": details["type"],
        "step_details": details,
    }


def creates(message_id: str) -> dict[str, Any]:
    return {"type": "message_creation", "message_creation": {"message_id": message_id}}


def calls(*tool_calls: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_calls", "tool_calls": list(tool_calls)}


def shop_threads() -> list[dict[str, Any]]:
    """A thread with all kinds of steps, one that failed, and one of somebody who means harm."""
    sale, failed, evil = "thread_sale", "thread_failed", "thread_evil"
    first = run("run_sale1", sale, BEGIN + 1)
    second = run("run_sale2", sale, BEGIN + 20)
    broken = run(
        "run_failed1",
        failed,
        BEGIN + 101,
        status="failed",
        completed_at=None,
        failed_at=BEGIN + 105,
        last_error={"code": "server_error", "message": "the endpoint said nothing for 60 s"},
        usage=None,
    )
    attacked = run("run_evil1", evil, BEGIN + 201)
    return [
        thread(sale, BEGIN, user="42", shop="北"),
        message("msg_sale1", sale, BEGIN, "user", "What did we take today, and how are roses cut?"),
        first,
        step(
            "step_sale1",
            first,
            BEGIN + 1,
            calls(
                {
                    "id": "call_code",
                    "type": "code_interpreter",
                    "code_interpreter": {
                        "input": "import pandas as pd\nprint(pd.read_csv('prices.csv'))",
                        "outputs": [{"type": "logs", "logs": "  flower  price\n0   rose      5\n"}],
                    },
                }
            ),
        ),
        step(
            "step_sale2",
            first,
            BEGIN + 2,
            calls(
                {
                    "id": "call_search",
                    "type": "file_search",
                    "file_search": {
                        "results": [
                            {
                                "file_id": "file-care",
                                "file_name": "care.md",
                                "score": 0.8125,
                                "content": [{"type": "text", "text": "Cut roses at an angle."}],
                            }
                        ]
                    },
                },
                {
                    "id": "call_add",
                    "type": "function",
                    "function": {
                        "name": "add",
                        "arguments": '{"a": 30, "b": 7.5}',
                        "output": "37.5",
                    },
                },
            ),
        ),
        step("step_sale3", first, BEGIN + 3, creates("msg_sale2")),
        message(
            "msg_sale2",
            sale,
            BEGIN + 3,
            "assistant",
            "37.5, and roses are cut at an angle【4:0†care.md】.",
            run_id=first["id"],
            assistant_id=first["assistant_id"],
            annotations=[
                {
                    "type": "file_citation",
                    "text": "【4:0†care.md】",
                    "start_index": 38,
                    "end_index": 51,
                    "file_citation": {"file_id": "file-care"},
                }
            ],
        ),
        message("msg_sale3", sale, BEGIN + 19, "user", "谢谢！"),
        second,
        step("step_sale4", second, BEGIN + 21, creates("msg_sale4")),
        message("msg_sale4", sale, BEGIN + 21, "assistant", "不客气。", run_id=second["id"]),
        thread(failed, BEGIN + 100, user="43"),
        message("msg_failed1", failed, BEGIN + 100, "user", "Are you there?"),
        broken,
        thread(evil, BEGIN + 200, note=HOSTILE[:60]),
        message("msg_evil1", evil, BEGIN + 200, "user", HOSTILE),
        attacked,
        step(
            "step_evil1",
            attacked,
            BEGIN + 201,
            calls(
                {
                    "id": "call_evil1",
                    "type": "code_interpreter",
                    "code_interpreter": {
                        "input": HOSTILE,
                        "outputs": [{"type": "logs", "logs": HOSTILE}],
                    },
                },
                {
                    "id": "call_evil2",
                    "type": "file_search",
                    "file_search": {
                        "results": [
                            {
                                "file_id": "file-evil",
                                "file_name": HOSTILE,
                                "score": 0.5,
                                "content": [{"type": "text", "text": HOSTILE}],
                            }
                        ]
                    },
                },
                {
                    "id": "call_evil3",
                    "type": "function",
                    "function": {"name": "add", "arguments": HOSTILE, "output": HOSTILE},
                },
            ),
        ),
        step("step_evil2", attacked, BEGIN + 203, creates("msg_evil2")),
        message(
            "msg_evil2",
            evil,
            BEGIN + 203,
            "assistant",
            f"{HOSTILE} {REVERSED} \x1b[31m </pre></section></main> javascript:alert(1)",
            run_id=attacked["id"],
        ),
    ]


def long_thread(number: int, identity: str = "thread_long") -> list[dict[str, Any]]:
    """A thread of so many messages, half of them answers of runs."""
    found = [thread(identity, BEGIN + 1000)]
    for turn in range(number // 2):
        at = BEGIN + 1000 + 10 * turn
        of = run(f"run_long{turn:05}", identity, at + 1)
        found += [
            message(f"msg_long{turn:05}a", identity, at, "user", f"question {turn}"),
            of,
            step(f"step_long{turn:05}", of, at + 2, creates(f"msg_long{turn:05}b")),
            message(
                f"msg_long{turn:05}b",
                identity,
                at + 2,
                "assistant",
                f"answer {turn}",
                run_id=of["id"],
            ),
        ]
    return found
