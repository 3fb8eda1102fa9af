"""The flower shop's script of November 2023, as openai-python 1.3 sent it.

flower_shop_2023.jsonl holds the requests that openai-python 1.3.9 sent for it, recorded on their
way to a server: in the order in which they came, with placeholders for ids and without the key; of
equal ones, which polled, there is one. An SDK of that year needs libraries of that year, so it
cannot be run here.
"""

import json
from pathlib import Path
from typing import Any

import httpx2
from openai import OpenAI

from assistctl.server import EmbeddedServer
from tests.server.runs_help import texts

RECORDED = Path(__file__).with_name("flower_shop_2023.jsonl")
ACTIVE = ("queued", "in_progress")


class Replay:
    """Sends what was recorded, with the ids that the answers bring."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.ids: dict[str, str] = {}
        self.answers: list[tuple[str, Any]] = []
        self._root = server.base_url.removesuffix("/v1")
        self._key = {"authorization": f"Bearer {server.api_key}"}

    def play(self) -> None:
        with httpx2.Client(
            base_url=self._root, headers=self._key, trust_env=False, verify=False
        ) as http:
            for line in RECORDED.read_text(encoding="utf-8").splitlines():
                request = json.loads(line)
                answer = self._send(http, request)
                while answer.get("status") in ACTIVE and request["method"] == "GET":
                    answer = self._send(http, request)
                self._learn(answer)
                self.answers.append((f"{request['method']} {request['path']}", answer))

    def _send(self, http: httpx2.Client, request: Any) -> Any:
        answer = http.request(
            request["method"],
            self._filled(request["path"]),
            headers=request["headers"],
            content=self._filled(request["body"]).encode(),
        )
        assert answer.status_code == 200, (request["path"], answer.text)
        return answer.json()

    def _filled(self, text: str) -> str:
        for name, identity in self.ids.items():
            text = text.replace(f"{{{name}}}", identity)
        return text

    def _learn(self, answer: Any) -> None:
        kind = answer["object"].removeprefix("thread.")
        if kind in ("file", "assistant", "thread", "run"):
            self.ids[kind] = answer["id"]
        if answer.get("required_action"):
            [call] = answer["required_action"]["submit_tool_outputs"]["tool_calls"]
            self.ids["call"] = call["id"]


def test_the_script_of_2023_runs_to_its_end(shared: EmbeddedServer, second: OpenAI) -> None:
    replay = Replay(shared)
    replay.play()
    ids, answers = replay.ids, replay.answers
    assert [answer["status"] for path, answer in answers if path.endswith("/runs/{run}")] == [
        "requires_action",
        "completed",
        "completed",
    ]
    [(_, assistant)] = [entry for entry in answers if entry[0] == "POST /v1/assistants"]
    assert assistant == {
        "id": ids["assistant"],
        "object": "assistant",
        "created_at": assistant["created_at"],
        "name": "花店财务助手",
        "description": None,
        "model": "gpt-4-1106-preview",
        "instructions": "You keep the books of a flower shop.",
        "tools": [
            {"type": "code_interpreter"},
            {"type": "retrieval"},
            {
                "type": "function",
                "function": {
                    "name": "save_bill",
                    "description": "Save a bill.",
                    "parameters": {
                        "type": "object",
                        "properties": {
                            "totalCost": {"type": "number"},
                            "totalIncome": {"type": "number"},
                        },
                        "required": ["totalCost"],
                    },
                },
            },
        ],
        "metadata": {"assistctl": "shop/flowers"},
        "file_ids": [ids["file"]],
    }
    (_, messages), (_, steps), (_, files) = answers[-3:]
    cited = {"file_id": ids["file"], "quote": ""}
    assert [
        (message["role"], message["file_ids"], message["content"][0]["text"])
        for message in reversed(messages["data"])
    ] == [
        ("user", [ids["file"]], {"value": "Please save the bill.", "annotations": []}),
        ("assistant", [], {"value": "The bill is saved.", "annotations": []}),
        ("user", [], {"value": "What is the price?", "annotations": []}),
        (
            "assistant",
            [],
            {
                "value": "It is 8【4:0†source】.",
                "annotations": [
                    {
                        "type": "file_citation",
                        "text": "【4:0†source】",
                        "start_index": 7,
                        "end_index": 19,
                        "file_citation": cited,
                    }
                ],
            },
        ),
    ]
    [_, tools] = steps["data"]
    [call] = tools["step_details"]["tool_calls"]
    assert call == {"id": call["id"], "type": "retrieval", "retrieval": {}}
    assert [file["id"] for file in files["data"]] == [ids["file"]]
    thread = second.beta.threads.retrieve(ids["thread"])
    assert texts(second, thread)[-1] == ("assistant", "It is 8【4:0†source】.")
