"""Filling a database with what was dumped from the old API."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer, SeedError, Settings, seed
from assistctl.server.storage import documents
from assistctl.server.storage.database import Database
from tests.server.runs_help import texts

Connect = Callable[[EmbeddedServer], OpenAI]
Start = Callable[..., EmbeddedServer]

ASSISTANT = {
    "id": "asst_abc123",
    "object": "assistant",
    "created_at": 1_698_984_975,
    "name": "花店财务助手",
    "description": None,
    "model": "gpt-4o",
    "instructions": "You keep the books.",
    "tools": [
        {"type": "code_interpreter"},
        {"type": "file_search"},
        {"type": "function", "function": {"name": "save_bill", "parameters": {"type": "object"}}},
    ],
    "tool_resources": {
        "code_interpreter": {"file_ids": ["file-gone"]},
        "file_search": {"vector_store_ids": ["vs_abc123"]},
    },
    "metadata": {"shop": "north"},
    "top_p": 1.0,
    "temperature": 0.2,
    "response_format": "auto",
}
THREAD = {
    "id": "thread_abc123",
    "object": "thread",
    "created_at": 1_698_984_980,
    "metadata": {"user": "42"},
    "tool_resources": {},
}
STORE = {
    "id": "vs_abc123",
    "object": "vector_store",
    "created_at": 1_698_984_970,
    "usage_bytes": 10,
    "last_active_at": 1_698_984_970,
    "name": "prices",
    "status": "completed",
    "file_counts": {"in_progress": 0, "completed": 1, "cancelled": 0, "failed": 0, "total": 1},
    "metadata": {},
    "expires_at": None,
}


def message(number: int, role: str, said: str, at: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"msg_{number}",
        "object": "thread.message",
        "created_at": at,
        "thread_id": "thread_abc123",
        "role": role,
        "content": [{"type": "text", "text": {"value": said, "annotations": []}}],
        "assistant_id": "asst_abc123" if role == "assistant" else None,
        "run_id": "run_1" if role == "assistant" else None,
        "attachments": [],
        "metadata": {},
        **fields,
    }


NEWEST_FIRST = [
    message(4, "assistant", "You are welcome.", 1_700_000_020),
    message(3, "user", "Thanks.", 1_700_000_010),
    message(2, "assistant", "36 in all.", 1_700_000_000),
    message(1, "user", "What do I owe?", 1_700_000_000),
]
RUN = {
    "id": "run_1",
    "object": "thread.run",
    "created_at": 1_700_000_000,
    "assistant_id": "asst_abc123",
    "thread_id": "thread_abc123",
    "status": "completed",
    "started_at": 1_700_000_000,
    "expires_at": None,
    "completed_at": 1_700_000_001,
    "last_error": None,
    "model": "gpt-4o",
    "instructions": "You keep the books.",
    "tools": [],
    "metadata": {"a": "b"},
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    "temperature": 0.2,
    "top_p": 1.0,
    "max_prompt_tokens": 1000,
    "truncation_strategy": {"type": "auto", "last_messages": None},
    "response_format": "auto",
    "tool_choice": "auto",
}
STEP = {
    "id": "step_1",
    "object": "thread.run.step",
    "created_at": 1_700_000_000,
    "run_id": "run_1",
    "assistant_id": "asst_abc123",
    "thread_id": "thread_abc123",
    "type": "tool_calls",
    "status": "completed",
    "completed_at": 1_700_000_000,
    "step_details": {
        "type": "tool_calls",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "save_bill", "arguments": '{"sum": 36}', "output": "saved"},
            }
        ],
    },
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


@pytest.fixture
def dump(tmp_path: Path) -> Callable[..., Path]:
    """Writes a dump: `dump({"threads.jsonl": […], "a.json": …})`, returns its directory."""

    def write(files: dict[str, Any]) -> Path:
        root = tmp_path / "dump"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                path.write_text(content, encoding="utf-8")
            elif name.endswith(".jsonl"):
                path.write_text("".join(json.dumps(item) + "\n" for item in content))
            else:
                path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return root

    return write


def contents(database: Path) -> list[tuple[Any, ...]]:
    db = Database(database)
    try:
        with db.read() as tx:
            return tx.execute("SELECT kind, project, parent, id, body, seq FROM documents")
    finally:
        db.close()


def test_objects_keep_their_ids_and_times(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    root = dump(
        {
            "assistants.json": {"object": "list", "data": [ASSISTANT], "has_more": False},
            "threads.jsonl": [THREAD],
            "messages/thread_abc123.json": NEWEST_FIRST,
            "rest.json": {"vector_stores": [STORE], "runs": [RUN], "steps": [STEP]},
        }
    )
    seeded = seed(Settings(database), root)
    assert seeded.made == {
        "vector_store": 1,
        "assistant": 1,
        "thread": 1,
        "run": 1,
        "step": 1,
        "message": 4,
    }
    assert seeded.left_alone == {}
    assert seeded.notes == ("asst_abc123 refers to file-gone, which is not here",)
    client = connect(start())
    found = client.beta.assistants.retrieve("asst_abc123").to_dict()
    assert found == {
        **ASSISTANT,
        "reasoning_effort": None,
        "tools": [
            {"type": "code_interpreter"},
            {
                "type": "file_search",
                "file_search": {
                    "ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0}
                },
            },
            {
                "type": "function",
                "function": {
                    "name": "save_bill",
                    "parameters": {"type": "object"},
                    "strict": False,
                },
            },
        ],
    }
    assert client.beta.threads.retrieve("thread_abc123").to_dict() == THREAD
    listed = [item.to_dict() for item in client.beta.threads.messages.list("thread_abc123")]
    assert [
        {key: item[key] for key in given} for item, given in zip(listed, NEWEST_FIRST, strict=True)
    ] == NEWEST_FIRST
    assert {item["completed_at"] == item["created_at"] for item in listed} == {True}
    run = client.beta.threads.runs.retrieve("run_1", thread_id="thread_abc123").to_dict()
    assert {key: run[key] for key in RUN} == RUN
    [step] = client.beta.threads.runs.steps.list("run_1", thread_id="thread_abc123")
    assert {key: step.to_dict()[key] for key in STEP} == STEP
    store = client.vector_stores.retrieve("vs_abc123")
    assert (store.name, store.created_at, store.status) == ("prices", 1_698_984_970, "completed")


def test_a_conversation_goes_on_where_it_stopped(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    seed(
        Settings(database),
        dump({"all.json": [ASSISTANT, THREAD, *NEWEST_FIRST, RUN, STEP, STORE]}),
    )
    client = connect(start())
    thread = client.beta.threads.retrieve("thread_abc123")
    client.beta.threads.messages.create(thread.id, role="user", content="And tomorrow?")
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id="asst_abc123")
    assert run.status == "completed"
    assert texts(client, thread)[:-1] == [
        ("user", "What do I owe?"),
        ("assistant", "36 in all."),
        ("user", "Thanks."),
        ("assistant", "You are welcome."),
        ("user", "And tomorrow?"),
    ]


def test_the_model_hears_what_was_said_and_called_before(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    from tests.server.chat_endpoint import chat_endpoint_running, say

    seed(
        Settings(database),
        dump({"all.json": [ASSISTANT | {"tools": []}, THREAD, *NEWEST_FIRST, RUN, STEP]}),
    )
    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Yes."))
        client = connect(start(model={"base_url": endpoint.url}))
        client.beta.threads.messages.create("thread_abc123", role="user", content="Sure?")
        client.beta.threads.runs.create_and_poll(
            thread_id="thread_abc123", assistant_id="asst_abc123"
        )
    [request] = endpoint.requests
    assert [(said["role"], said["content"]) for said in request["messages"]] == [
        ("system", "You keep the books."),
        ("user", "What do I owe?"),
        ("assistant", None),
        ("tool", "saved"),
        ("assistant", "36 in all."),
        ("user", "Thanks."),
        ("assistant", "You are welcome."),
        ("user", "Sure?"),
    ]


def test_seeding_again_changes_nothing(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    root = dump({"all.json": [ASSISTANT, THREAD, *NEWEST_FIRST, RUN, STEP, STORE]})
    first = seed(Settings(database), root)
    before = contents(database)
    again = seed(Settings(database), root)
    assert (again.made, again.left_alone) == ({}, first.made)
    assert contents(database) == before


def test_what_was_changed_or_deleted_since_stays_so(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    other = {**THREAD, "id": "thread_other"}
    root = dump({"all.json": [ASSISTANT, THREAD, other, *NEWEST_FIRST, RUN, STEP]})
    seed(Settings(database), root)
    client = connect(start())
    client.beta.assistants.update("asst_abc123", name="New name")
    client.beta.threads.delete("thread_abc123")
    again = seed(Settings(database), root)
    assert again.made == {}
    assert client.beta.assistants.retrieve("asst_abc123").name == "New name"
    assert [row[3] for row in contents(database)] == ["asst_abc123", "thread_other"]


def test_what_was_deleted_long_ago_does_not_come_back_either(
    dump: Callable[..., Path],
    database: Path,
    db: Database,
    start: Start,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = dump({"all.json": [ASSISTANT, THREAD, *NEWEST_FIRST, RUN, STEP]})
    seed(Settings(database), root)
    client = connect(start())
    client.beta.assistants.delete("asst_abc123")
    client.beta.threads.messages.delete("msg_4", thread_id="thread_abc123")
    moment = documents.now()
    for later, traces in ((0, 2), (documents.TRACE_SECONDS + 60, 0)):
        monkeypatch.setattr(documents, "now", lambda later=later: moment + later)
        documents.forget_removed(db)
        with db.read() as tx:
            assert tx.execute("SELECT count(*) FROM tombstones") == [(traces,)]
    assert seed(Settings(database), root).made == {}


def test_a_thread_is_known_by_its_messages(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    """There was no way to list threads: many will have kept only their ids."""
    seeded = seed(Settings(database), dump({"messages.jsonl": NEWEST_FIRST}))
    assert seeded.made == {"thread": 1, "message": 4}
    thread = connect(start()).beta.threads.retrieve("thread_abc123")
    assert (thread.created_at, thread.metadata) == (1_700_000_000, {})


def test_threads_may_hold_their_messages_and_runs_their_steps(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    bare = [{"id": "msg_1", "created_at": 1, "role": "user", "content": "Hello"}]
    plain_step = {key: value for key, value in STEP.items() if key != "run_id"}
    thread = {
        "id": "thread_x",
        "created_at": 1,
        "messages": {"object": "list", "data": bare},
        "runs": [
            {**RUN, "thread_id": "thread_x", "steps": [plain_step | {"thread_id": "thread_x"}]}
        ],
    }
    seeded = seed(Settings(database), dump({"all.json": [thread]}))
    assert seeded.made == {"thread": 1, "run": 1, "message": 1, "step": 1}
    client = connect(start())
    assert texts(client, client.beta.threads.retrieve("thread_x")) == [("user", "Hello")]


def test_files_whose_content_is_there_are_searched_again(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    file = {
        "id": "file-abc",
        "object": "file",
        "bytes": 999,
        "created_at": 1_698_984_960,
        "filename": "prices.csv",
        "purpose": "assistants",
    }
    attached = {
        "id": "file-abc",
        "object": "vector_store.file",
        "created_at": 1_698_984_961,
        "vector_store_id": "vs_abc123",
        "attributes": {"year": 2023},
    }
    lost = {**file, "id": "file-lost"}
    root = dump(
        {
            "files.json": [file, lost],
            "stores.json": [STORE, attached, {**attached, "id": "file-lost"}],
            "files/file-abc.csv": "name,price\nroses,5\n",
        }
    )
    seeded = seed(Settings(database), root)
    assert seeded.made == {"file": 1, "vector_store": 1, "vector_store.file": 1}
    assert seeded.notes == (
        "file-lost is left out: its content is not in the dump",
        "file-lost is not put into vs_abc123: one of them is not here",
    )
    client = connect(start())
    kept = client.files.retrieve("file-abc")
    assert (kept.bytes, kept.created_at) == (19, 1_698_984_960)
    assert client.files.content("file-abc").content == b"name,price\nroses,5\n"
    client.vector_stores.files.poll("file-abc", vector_store_id="vs_abc123")
    [found] = client.vector_stores.search("vs_abc123", query="roses").data
    assert (found.filename, found.attributes) == ("prices.csv", {"year": 2023})
    assert seed(Settings(database), root).made == {}


def test_files_of_azure_keep_their_ids_and_contents(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    file = {"id": "assistant-abc", "created_at": 1, "filename": "a.json", "purpose": "assistants"}
    root = dump({"files.json": [file], "files/assistant-abc.json": "{not an entry"})
    assert seed(Settings(database), root).made == {"file": 1}
    assert connect(start()).files.content("assistant-abc").content == b"{not an entry"


def test_every_kind_of_step_is_kept(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    code = {"input": "6 * 7", "outputs": [{"type": "logs", "logs": "42"}]}
    calls = [
        {"id": "call_2", "type": "code_interpreter", "code_interpreter": code},
        {"id": "call_3", "type": "file_search", "file_search": {"results": []}},
    ]
    creation = {"type": "message_creation", "message_creation": {"message_id": "msg_2"}}
    steps = [
        {**STEP, "id": "step_2", "step_details": {"type": "tool_calls", "tool_calls": calls}},
        {**STEP, "id": "step_3", "type": "message_creation", "step_details": creation},
    ]
    root = dump({"all.json": [ASSISTANT, THREAD, *NEWEST_FIRST, RUN, STEP, *steps]})
    seed(Settings(database), root)
    client = connect(start())
    listed = client.beta.threads.runs.steps.list(
        "run_1",
        thread_id="thread_abc123",
        order="asc",
        include=["step_details.tool_calls[*].file_search.results[*].content"],
    )
    assert [(step.id, step.type, step.step_details.to_dict()) for step in listed] == [
        ("step_1", "tool_calls", STEP["step_details"]),
        ("step_2", "tool_calls", steps[0]["step_details"]),
        ("step_3", "message_creation", creation),
    ]
    client.beta.threads.messages.create("thread_abc123", role="user", content="Still there?")
    run = client.beta.threads.runs.create_and_poll(
        thread_id="thread_abc123", assistant_id="asst_abc123"
    )
    assert run.status == "completed"


def test_what_was_active_when_the_old_api_ended_has_expired(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    active = {**RUN, "status": "requires_action", "completed_at": None, "usage": None}
    unfinished = message(9, "assistant", "As I", 1_700_000_000, status="in_progress")
    seed(
        Settings(database),
        dump({"all.json": [THREAD, active, unfinished, STEP | {"status": "in_progress"}]}),
    )
    client = connect(start())
    run = client.beta.threads.runs.retrieve("run_1", thread_id="thread_abc123")
    assert (run.status, run.required_action) == ("expired", None)
    [step] = client.beta.threads.runs.steps.list("run_1", thread_id="thread_abc123")
    assert step.status == "expired"
    [cut] = client.beta.threads.messages.list("thread_abc123")
    assert cut.status == "incomplete"
    client.beta.threads.messages.create("thread_abc123", role="user", content="Free again?")


WRONG = {
    "assistants.json": [
        ASSISTANT | {"tools": [{"type": "retrieval"}]},
        {**ASSISTANT, "id": "asst_2", "model": None},
    ],
    "messages.jsonl": [
        message(1, "user", "fine", 1),
        message(2, "system", "hm", 1_700_000_000_000),
        message(3, "user", "no thread", 1) | {"thread_id": "42"},
        {"object": "assistant"},
        {"id": "who-am-i"},
        message(1, "user", "other words", 1),
    ],
}
PROBLEMS = """\
  assistants.json[0] (asst_abc123): Invalid value: 'retrieval'. Supported values are:\
 'code_interpreter', 'file_search', and 'function'.
  assistants.json[1] (asst_2): Invalid type for 'model': expected a string, but got null instead.
  messages.jsonl line 2 (msg_2): Invalid 'created_at': integer above maximum value.\
 Expected a value <= 100000000000, but got 1700000000000 instead.
  messages.jsonl line 3 (msg_3): Invalid 'thread_id': '42'.\
 Expected an ID that begins with 'thread'.
  messages.jsonl line 4: this object has no `id`
  messages.jsonl line 5 (who-am-i): it has no `object`, and its id does not tell what it is
  messages.jsonl line 6 (msg_1): messages.jsonl line 1 has the same id and other content"""


def test_every_wrong_entry_is_named_and_nothing_is_written(
    dump: Callable[..., Path], no_database: Path
) -> None:
    root = dump(WRONG)
    with pytest.raises(SeedError) as caught:
        seed(Settings(no_database), root)
    assert str(caught.value) == f"cannot seed from {root}; nothing was written:\n{PROBLEMS}"
    assert not no_database.exists()


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", "{", "a.json: it is not JSON: Expecting property name enclosed in double"),
        ("a.jsonl", "{}\n[", "a.jsonl line 2: it is not JSON: Expecting value at line 1 column 2"),
        ("a.json", "[1]", "a.json[0]: expected an object or a list of objects"),
        ("a.json", '{"name": "x"}', "a.json: this object has no `id`"),
        ("a.json", "[" * 100_000, "a.json: it is nested too deeply"),
        ("a.json", "[]", "there is no .json or .jsonl file in it, or nothing in those"),
        ("a.txt", "[]", "there is no .json or .jsonl file in it, or nothing in those"),
        ("a.json", '{"id": "x", "object": []}', "objects of the kind [] cannot be seeded"),
        ("a.json", '{"id": 7}', "a.json: it has no `object`, and its id does not tell what it is"),
    ],
)
def test_what_cannot_be_read_is_told(
    dump: Callable[..., Path], database: Path, name: str, content: str, problem: str
) -> None:
    with pytest.raises(SeedError) as caught:
        seed(Settings(database), dump({name: content}))
    assert problem in str(caught.value)


PAGE = {"object": "list", "data": [ASSISTANT, THREAD], "has_more": False}
COMPACT, PRETTY = json.dumps(PAGE), json.dumps(PAGE, indent=2)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("one.json", COMPACT.encode()),
        ("zipped.json.gz", gzip.compress(PRETTY.encode())),
        (
            "lines.jsonl.gz",
            gzip.compress(f"{json.dumps(ASSISTANT)}\n{json.dumps(THREAD)}".encode()),
        ),
        ("windows.ndjson", f"{json.dumps(ASSISTANT)}\r\n\r\n{json.dumps(THREAD)}\r\n".encode()),
        ("appended.json", f"{json.dumps(ASSISTANT, indent=2)}{json.dumps(THREAD)}\n".encode()),
        ("lines.json", f"{json.dumps(ASSISTANT)}\n{json.dumps(THREAD)}\n\n".encode()),
        ("notepad.json", COMPACT.encode("utf-8-sig")),
        ("powershell.json", PRETTY.encode("utf-16")),
        ("powershell.jsonl", f"{json.dumps(ASSISTANT)}\n{json.dumps(THREAD)}".encode("utf-16")),
        (
            "within.json",
            json.dumps({"asst_abc123": ASSISTANT, "threads": {"data": [THREAD]}}).encode(),
        ),
        ("thread.json", json.dumps({"thread": THREAD, "assistant": ASSISTANT}).encode()),
    ],
)
def test_dumps_are_read_however_they_were_written(
    dump: Callable[..., Path], database: Path, name: str, content: bytes
) -> None:
    root = dump({"files/file-x.json": "no entry but what a file held", ".hidden.json": "{"})
    (root / name).write_bytes(content)
    assert seed(Settings(database), root).made == {"assistant": 1, "thread": 1}


def test_lines_end_where_json_lines_do_whatever_a_text_contains(
    dump: Callable[..., Path], database: Path
) -> None:
    said = "one\u2028two\u0085three\x1cfour"
    lines = [THREAD, message(1, "user", said, 1)]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    seed(Settings(database), dump({"a.jsonl": text}))
    [stored] = [json.loads(row[4]) for row in contents(database) if row[0] == "message"]
    assert stored["content"][0]["text"]["value"] == said


def test_what_a_server_like_this_has_nothing_to_do_with_is_left_out(
    dump: Callable[..., Path], database: Path
) -> None:
    others = [{"object": "model", "id": "gpt-4o"}, {"object": "batch", "id": "batch_1"}]
    page = {"object": "vector_store.file_content.page", "data": [{"type": "text", "text": "x"}]}
    seeded = seed(Settings(database), dump({"a.json": [ASSISTANT, *others, *others[:1], page]}))
    assert seeded.made == {"assistant": 1}
    assert seeded.notes[:3] == (
        "2 of the kind 'model' are left out",
        "1 of the kind 'batch' is left out",
        "1 of the kind 'vector_store.file_content.page' is left out",
    )


def test_a_long_thread_with_many_runs_is_put_in_order(
    dump: Callable[..., Path], database: Path
) -> None:
    entries: list[dict[str, Any]] = []
    for turn in range(500):
        run = {"run_id": f"run_{turn}"}
        calls = {**STEP, **run, "id": f"step_{turn}", "created_at": 3 * turn + 1}
        entries += [
            message(2 * turn, "user", "?", 3 * turn),
            message(2 * turn + 1, "assistant", "!", 3 * turn + 2, **run),
            {**RUN, "id": f"run_{turn}", "created_at": 3 * turn},
            calls,
        ]
    seed(Settings(database), dump({"a.jsonl": entries}))
    told = [row for row in contents(database) if row[0] in ("message", "step")]
    order = [row[3] for row in sorted(told, key=lambda row: row[5])]
    assert order == [
        name
        for turn in range(500)
        for name in (f"msg_{2 * turn}", f"step_{turn}", f"msg_{2 * turn + 1}")
    ]


def test_bytes_that_are_no_text_are_told(dump: Callable[..., Path], database: Path) -> None:
    root = dump({"a.json": "[]"})
    (root / "a.json").write_bytes(b'"\xff"')
    with pytest.raises(SeedError, match=r"a.json: 'utf-8' codec can't decode"):
        seed(Settings(database), root)


def test_many_problems_are_counted(dump: Callable[..., Path], database: Path) -> None:
    root = dump({"a.jsonl": [{"id": f"msg_{number}"} for number in range(30)]})
    with pytest.raises(SeedError) as caught:
        seed(Settings(database), root)
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[-1] == "  and 10 more"


def test_a_file_in_the_middle_that_fails_undoes_the_rest(
    dump: Callable[..., Path], database: Path
) -> None:
    root = dump({"a.json": [STORE]})
    seed(Settings(database), root, project="other")
    more = dump({"b.json": [ASSISTANT, THREAD]})
    with pytest.raises(SeedError) as caught:
        seed(Settings(database), more)
    assert str(caught.value).endswith("vs_abc123: another project has a vector store of this id")
    assert [row[:4] for row in contents(database)] == [("vector_store", "other", "", "vs_abc123")]


def test_a_dump_goes_into_the_project_that_is_named(
    dump: Callable[..., Path], database: Path, start: Start, connect: Connect
) -> None:
    root = dump({"a.json": [ASSISTANT]})
    seed(Settings(database), root, project="north")
    seed(Settings(database), root, project="south")
    assert [row[1] for row in contents(database)] == ["north", "south"]
    assert connect(start()).beta.assistants.list().data == []
