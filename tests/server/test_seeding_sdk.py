"""What people have saved with the SDK while there was an API: all of it comes back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import OpenAI
from pydantic import BaseModel

from assistctl.server import EmbeddedServer, Settings, seed
from tests.server.runs_help import texts

SCRIPT = [
    {"when": "bill", "call": {"save_bill": {"sum": 36}}, "say": "The bill is saved."},
    {"say": "Good day."},
]
SAVE_BILL = {"name": "save_bill", "parameters": {"type": "object"}}

Saved = dict[str, list[BaseModel]]


def lived(client: OpenAI) -> Saved:
    """A conversation with a function call and an expired run, as the SDK's objects."""
    file = client.files.create(file=("prices.csv", b"rose,3\ntulip,2\n"), purpose="assistants")
    store = client.vector_stores.create(name="prices", file_ids=[file.id])
    assistant = client.beta.assistants.create(
        model="gpt-4o",
        tools=[{"type": "function", "function": SAVE_BILL}, {"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
        metadata={"assistctl": "shop"},
        response_format={"type": "text"},
    )
    beginning = {"role": "user", "content": "Good morning"}
    thread = client.beta.threads.create(messages=[beginning], metadata={"user": "42"})
    ids = {"thread_id": thread.id, "assistant_id": assistant.id}
    client.beta.threads.runs.create_and_poll(**ids)
    attached = [{"file_id": file.id, "tools": [{"type": "code_interpreter"}]}]
    parts = [{"type": "text", "text": "The bill,"}, {"type": "text", "text": "please"}]
    client.beta.threads.messages.create(thread.id, role="user", content=parts, attachments=attached)
    run = client.beta.threads.runs.create_and_poll(**ids, metadata={"a": "b"})
    [call] = run.required_action.submit_tool_outputs.tool_calls
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": call.id, "output": "ok"}]
    )
    return taking_time(saved(client, thread.id) | {"file": [file]})


def taking_time(saved: Saved) -> Saved:
    """As if there had been seconds between the events, as there are between real ones."""
    begun = saved["thread"][0].created_at
    at, messages, runs = {}, [], []
    for number, message in enumerate(reversed(saved["message"])):
        moment = begun + 10 * number
        at.setdefault(message.run_id, moment - 5)
        messages.insert(0, message.model_copy(update={"created_at": moment}))
    for run in saved["run"]:
        runs.append(run.model_copy(update={"created_at": at[run.id]}))
    steps: list[BaseModel] = []
    for number, step in enumerate(reversed(saved["step"])):
        moment = at[step.run_id] + number % 3
        steps.insert(0, step.model_copy(update={"created_at": moment}))
    return saved | {"message": messages, "run": runs, "step": steps}


def saved(client: OpenAI, thread_id: str) -> Saved:
    """All that the API says of what there is."""
    runs = list(client.beta.threads.runs.list(thread_id))
    stores = list(client.vector_stores.list())
    return {
        "assistant": list(client.beta.assistants.list()),
        "store": [store.model_copy(update={"status": "completed"}) for store in stores],
        "store_file": [
            file for store in stores for file in client.vector_stores.files.list(store.id)
        ],
        "thread": [client.beta.threads.retrieve(thread_id)],
        "message": list(client.beta.threads.messages.list(thread_id)),
        "run": runs,
        "step": [
            step
            for run in runs
            for step in client.beta.threads.runs.steps.list(
                run.id,
                thread_id=thread_id,
                include=["step_details.tool_calls[*].file_search.results[*].content"],
            )
        ],
    }


def as_lines(root: Path, saved: Saved) -> None:
    """Every object by model_dump_json, which writes what it does not know as null."""
    for name, objects in saved.items():
        lines = [item.model_dump_json() for item in objects]
        (root / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def as_lists(root: Path, saved: Saved) -> None:
    """One file of lists, by to_dict, which leaves out what was not sent."""
    lists = {name: [item.to_dict() for item in objects] for name, objects in saved.items()}
    (root / "everything.json").write_text(json.dumps(lists, indent=2))


def as_folders(root: Path, saved: Saved) -> None:
    """A file for each object, indented, in a folder for each thread."""
    for objects in saved.values():
        for item in objects:
            folder = root / "saved" / getattr(item, "thread_id", "")
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{item.id}-{item.object}.json"
            path.write_text(item.to_json(indent=2), encoding="utf-8")


def as_threads(root: Path, saved: Saved) -> None:
    """The thread with its messages and runs in it, the runs with their steps."""
    thread, rest = saved["thread"][0].model_dump(), {**saved}
    of_run: dict[str, list[Any]] = {}
    for step in rest.pop("step"):
        of_run.setdefault(step.run_id, []).append(step.model_dump())
    runs = [run.model_dump() | {"steps": of_run.get(run.id, [])} for run in rest.pop("run")]
    messages = [message.model_dump() for message in rest.pop("message")]
    page = {"object": "list", "data": messages, "has_more": False}
    whole = [thread | {"messages": page, "runs": runs}]
    del rest["thread"]
    others = [item.model_dump() for objects in rest.values() for item in objects]
    (root / "all.json").write_text(json.dumps([whole, others]))


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """What was saved of a server that is gone, which stands for OpenAI's."""
    path = tmp_path_factory.mktemp("past") / "gone.db"
    settings = Settings(path, "scripted", {"shop": SCRIPT}, embeddings="none")
    with EmbeddedServer(settings) as server, talking(server) as client:
        return lived(client)


def talking(server: EmbeddedServer) -> OpenAI:
    http = httpx2.Client(trust_env=False, verify=False, timeout=30)
    return OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0, http_client=http)


def said(saved: Saved) -> dict[str, list[dict[str, Any]]]:
    """Everything that was saved, but this server's notes, and what comes of indexing again."""
    forget = {"last_active_at", "status", "file_counts", "usage_bytes", "created_at"}
    return {
        name: [
            {
                key: value
                for key, value in item.model_dump(exclude_none=True).items()
                if key != "notes" and (name not in ("store", "store_file") or key not in forget)
            }
            for item in objects
        ]
        for name, objects in saved.items()
        if name != "file"
    }


@pytest.mark.parametrize("written", [as_lines, as_lists, as_folders, as_threads])
def test_all_comes_back_as_the_sdk_had_saved_it_and_goes_on(
    written: Callable[[Path, Saved], None], past: Saved, tmp_path: Path
) -> None:
    root = tmp_path / "dump"
    (root / "files").mkdir(parents=True)
    (root / "files" / f"{past['file'][0].id}.csv").write_bytes(b"rose,3\ntulip,2\n")
    written(root, past)
    settings = Settings(tmp_path / "new.db", "scripted", {"shop": SCRIPT}, embeddings="none")
    assert seed(settings, root).notes == ()
    thread_id, assistant_id = past["thread"][0].id, past["assistant"][0].id
    with EmbeddedServer(settings) as server, talking(server) as client:
        assert said(saved(client, thread_id)) == said(past)
        assert client.files.content(past["file"][0].id).content == b"rose,3\ntulip,2\n"
        before = texts(client, past["thread"][0])
        client.beta.threads.messages.create(thread_id, role="user", content="Still there?")
        run = client.beta.threads.runs.create_and_poll(
            thread_id=thread_id, assistant_id=assistant_id
        )
        assert run.status == "completed"
        after = [("user", "Still there?"), ("assistant", "Good day.")]
        assert texts(client, past["thread"][0]) == [*before, *after]
