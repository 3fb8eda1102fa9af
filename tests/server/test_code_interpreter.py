"""code_interpreter in runs: real sandboxes, seen through the SDK."""

from __future__ import annotations

import json
import threading
import time

import pytest

from assistctl.server.sandbox import Limits, Sandboxes
from tests.server.chat_endpoint import Stream, call, chat_endpoint_running, say
from tests.server.runs_help import (
    LOG,
    answer_all,
    make_assistant,
    make_thread,
    run_to_stop,
    say_and_run,
    steps_of,
    texts,
    upload,
)
from tests.server.test_streaming import outline, post

PNG = (
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63"
    "f8cfc0f01f0005000201a5f645400000000049454e44ae426082"
)
CODE = {
    "add": "x = 20 + 1\nprint('adding')\nx + 1",
    "again": "x + 1",
    "total": "import csv\nrows = list(csv.DictReader(open('/mnt/data/prices.csv')))\n"
    "total = sum(int(row['price']) for row in rows)\n"
    "open('/mnt/data/total of all.csv', 'w').write(f'total\\n{total}\\n')\n"
    "open('/mnt/data/note.txt').read()",
    "look": "open('total of all.csv').read()",
    "picture": f"class Picture:\n    def _repr_png_(self): return bytes.fromhex('{PNG}')\n"
    f"open('dot.png', 'wb').write(bytes.fromhex('{PNG}'))\nPicture()",
    "silently": "open('told.txt', 'w').write('unasked')",
    "list": "import os\nsorted(os.listdir()), 'x' in globals()",
    "endless": "while True: pass",
    "fail": "1 / 0",
}
SAID = {
    "add": "It is 22.",
    "total": "[The total](sandbox:/mnt/data/total%20of%20all.csv) is ready: "
    "sandbox:/mnt/data/total of all.csv, not sandbox:/mnt/data/other.csv.",
    "picture": "Here it is.",
}
SCRIPT = [
    {"when": word, "call": {"code_interpreter": {"code": code}}, "say": SAID.get(word, "Done.")}
    for word, code in CODE.items()
] + [
    {
        "when": "mixed",
        "call": {"code_interpreter": {"code": "6 * 7"}, "log": {"text": "x"}},
        "say": "Mixed.",
    },
    {"when": "hello", "say": "Good day."},
]
TOOLS = [{"type": "code_interpreter"}]
SCRIPTED = "answered by the scripted model, not by a language model"
MISSING = (
    "code_interpreter is not available on this server"
    " (bubblewrap is not installed (Debian: apt-get install bubblewrap))"
)


@pytest.fixture(scope="session")
def confinable():
    sandboxes = Sandboxes()
    reason = sandboxes.available()
    sandboxes.close_all()
    if reason is not None:
        pytest.skip(f"no sandbox on this machine: {reason}")


@pytest.fixture
def client(confinable, start, connect):
    return connect(start(scripts={"shop/flowers": SCRIPT}))


@pytest.fixture
def coder(client):
    return make_assistant(client, tools=TOOLS)


@pytest.fixture
def endpoint():
    with chat_endpoint_running() as endpoint:
        yield endpoint


def say_on(client, thread, assistant, text, **options):
    client.beta.threads.messages.create(thread.id, role="user", content=text)
    return run_to_stop(client, thread, assistant, **options)


def code_of(client, run):
    """The code_interpreter calls of a run: (input, outputs)."""
    return [
        (call["code_interpreter"]["input"], call["code_interpreter"]["outputs"])
        for step in steps_of(client, run)
        for call in step["step_details"].get("tool_calls", ())
        if call["type"] == "code_interpreter"
    ]


def logs_of(client, run):
    return [output.get("logs") for _, outputs in code_of(client, run) for output in outputs]


def last_content(client, thread):
    return client.beta.threads.messages.list(thread.id).data[0].to_dict()["content"]


def test_code_runs_and_its_step_shows_input_and_output(client, coder):
    thread, run = say_and_run(client, coder, "add")
    assert (run.status, run.to_dict()["notes"]) == ("completed", [SCRIPTED])
    assert texts(client, thread)[1:] == [("assistant", "It is 22.")]
    tool_step, message_step = steps_of(client, run)
    [entry] = tool_step["step_details"]["tool_calls"]
    assert entry == {
        "id": entry["id"],
        "type": "code_interpreter",
        "code_interpreter": {
            "input": CODE["add"],
            "outputs": [{"type": "logs", "logs": "adding\n22\n"}],
        },
    }
    assert (tool_step["type"], tool_step["status"]) == ("tool_calls", "completed")
    assert message_step["type"] == "message_creation"


def test_state_lasts_from_run_to_run_on_a_thread_and_no_further(client, coder):
    thread, _ = say_and_run(client, coder, "add")
    assert logs_of(client, say_on(client, thread, coder, "again")) == ["22\n"]
    other, run = say_and_run(client, coder, "list")
    assert logs_of(client, run) == ["([], False)\n"]
    [logs] = logs_of(client, say_on(client, other, coder, "again"))
    assert logs.splitlines()[-1] == "NameError: name 'x' is not defined"
    assert texts(client, other)[-1][1] == (
        "A tool call failed: NameError: name 'x' is not defined"
        " (This is the scripted model; it does not try again.)"
    )


def test_files_go_in_and_come_out_and_are_linked(client):
    prices = upload(client, "prices.csv", "name,price\nrose,8\ntulip,6\n")
    note = upload(client, "note.txt", "from the thread")
    coder = make_assistant(
        client, tools=TOOLS, tool_resources={"code_interpreter": {"file_ids": [prices.id]}}
    )
    thread = client.beta.threads.create(
        messages=[
            {
                "role": "user",
                "content": "total",
                "attachments": [{"file_id": note.id, "tools": TOOLS}],
            }
        ]
    )
    run = run_to_stop(client, thread, coder)
    assert logs_of(client, run) == ["'from the thread'\n"]
    [made] = client.files.list(purpose="assistants_output").data
    assert (made.filename, made.bytes, made.purpose) == (
        "total of all.csv",
        9,
        "assistants_output",
    )
    assert client.files.content(made.id).read() == b"total\n14\n"
    [part] = last_content(client, thread)
    text = part["text"]
    assert text["value"] == SAID["total"]
    assert [
        (note["type"], note["text"], note["file_path"]["file_id"]) for note in text["annotations"]
    ] == [
        ("file_path", "sandbox:/mnt/data/total%20of%20all.csv", made.id),
        ("file_path", "sandbox:/mnt/data/total of all.csv", made.id),
    ]
    for note in text["annotations"]:
        assert text["value"][note["start_index"] : note["end_index"]] == note["text"]
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert message.to_dict()["attachments"] == [{"file_id": made.id, "tools": TOOLS}]


def test_what_code_made_and_no_text_leads_to_is_attached_to_the_last_message(client, coder):
    thread, run = say_and_run(client, coder, "silently")
    *_, newest = client.files.list(purpose="assistants_output", order="asc").data
    assert client.files.content(newest.id).read() == b"unasked"
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert message.to_dict()["attachments"] == [{"file_id": newest.id, "tools": TOOLS}]
    assert client.beta.threads.retrieve(thread.id).tool_resources.code_interpreter is None
    say_on(client, thread, coder, "hello")
    assert client.beta.threads.messages.list(thread.id).data[0].attachments == []


def test_pictures_are_outputs_and_those_shown_open_the_message(client, coder):
    thread, run = say_and_run(client, coder, "picture")
    [(_, outputs)] = code_of(client, run)
    assert [output["type"] for output in outputs] == ["logs", "image", "image"]
    shown, written = (output["image"]["file_id"] for output in outputs[1:])
    assert last_content(client, thread) == [
        {"type": "image_file", "image_file": {"file_id": shown}},
        {"type": "text", "text": {"value": "Here it is.", "annotations": []}},
    ]
    assert client.files.retrieve(written).filename == "dot.png"
    for file_id in (shown, written):
        assert client.files.content(file_id).read() == bytes.fromhex(PNG)
    run = say_on(client, thread, coder, "hello")
    assert [part["type"] for part in last_content(client, thread)] == ["text"]


def test_the_stream_tells_the_call_then_its_output_then_the_answer(client, coder):
    thread = make_thread(client, "picture")
    path = f"/threads/{thread.id}/runs"
    events = post(client, path, {"assistant_id": coder.id})
    assert (
        outline(events)
        == """\
thread.run.created queued
thread.run.queued queued
thread.run.in_progress in_progress
thread.run.step.created in_progress
thread.run.step.in_progress in_progress
thread.run.step.delta
thread.run.step.completed completed
thread.run.step.created in_progress
thread.run.step.in_progress in_progress
thread.message.created in_progress
thread.message.in_progress in_progress
thread.message.delta
thread.message.completed completed
thread.run.step.completed completed
thread.run.completed completed
done"""
    )
    [call_id] = {
        entry["id"]
        for name, data in events
        if name == "thread.run.step.completed"
        for entry in data["step_details"].get("tool_calls", ())
    }
    told = [
        data["delta"]["step_details"]["tool_calls"]
        for name, data in events
        if name == "thread.run.step.delta"
    ]
    step = steps_of(client, client.beta.threads.runs.list(thread.id).data[0])[0]
    outputs = step["step_details"]["tool_calls"][0]["code_interpreter"]["outputs"]

    def delta(details, **about):
        return [{"index": 0, "type": "code_interpreter", **about, "code_interpreter": details}]

    assert told == [
        delta({"input": "", "outputs": []}, id=call_id),
        delta({"input": CODE["picture"], "outputs": []}),  # whole, and not run yet
        delta({"outputs": [{"index": at, **output} for at, output in enumerate(outputs)]}),
    ]
    deltas = [data["delta"]["content"] for name, data in events if name == "thread.message.delta"]
    assert [(part["index"], part["type"]) for [part] in deltas][:2] == [
        (0, "image_file"),
        (1, "text"),
    ]


def test_the_sdk_puts_the_streamed_call_together(client, coder):
    thread = make_thread(client, "add")
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=coder.id) as stream:
        inputs = [
            entry.code_interpreter.input
            for event in stream
            if event.event == "thread.run.step.delta"
            for entry in event.data.delta.step_details.tool_calls
            if entry.code_interpreter.input
        ]
        [final] = stream.get_final_run_steps()[0].step_details.tool_calls
        run = stream.get_final_run()
    assert inputs == [CODE["add"]]
    assert final.code_interpreter.input == CODE["add"]
    assert [output.logs for output in final.code_interpreter.outputs] == ["adding\n22\n"]
    [stored] = steps_of(client, run)[0]["step_details"]["tool_calls"]
    assert final.id == stored["id"]


def test_streamed_paths_come_whole_with_their_annotations(client):
    prices = upload(client, "prices.csv", "name,price\nrose,8\n")
    note = upload(client, "note.txt", "n")
    files = {"code_interpreter": {"file_ids": [prices.id, note.id]}}
    coder = make_assistant(client, tools=TOOLS, tool_resources=files)
    thread = make_thread(client, "total")
    events = post(client, f"/threads/{thread.id}/runs", {"assistant_id": coder.id})
    texts = [
        data["delta"]["content"][0]["text"]
        for name, data in events
        if name == "thread.message.delta"
    ]
    assert "".join(text["value"] for text in texts) == SAID["total"]
    noted = [text for text in texts if text.get("annotations")]
    assert [[note["text"] for note in text["annotations"]] for text in noted] == [
        [text["value"]] for text in noted
    ]
    assert [text["annotations"][0]["index"] for text in noted] == [0, 1]


def test_code_and_a_clients_function_in_one_round(client):
    coder = make_assistant(client, tools=[*TOOLS, LOG])
    thread, run = say_and_run(client, coder, "mixed")
    assert run.status == "requires_action"
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=answer_all(run)
    )
    assert run.status == "completed"
    assert logs_of(client, run) == ["42\n"]


def test_an_endless_loop_ends_in_an_error_in_the_step(confinable, start, connect):
    limits = Limits(seconds=0.5)
    client = connect(start(scripts={"shop/flowers": SCRIPT}, code_interpreter=limits))
    coder = make_assistant(client, tools=TOOLS)
    thread, run = say_and_run(client, coder, "endless")
    assert run.status == "completed"
    [logs] = logs_of(client, run)
    assert "[The code was stopped: " in logs
    assert texts(client, thread)[-1][1].startswith("A tool call failed: The code was stopped: ")
    assert logs_of(client, say_on(client, thread, coder, "add")) == ["adding\n22\n"]


ATTEMPTS = {
    "read": (
        "open('/etc/passwd').read()",
        "FileNotFoundError: [Errno 2] No such file or directory: '/etc/passwd'",
    ),
    "link": (
        "import os\nos.symlink('/etc/passwd', 'users.txt')\nopen('users.txt').read()",
        "FileNotFoundError: [Errno 2] No such file or directory: 'users.txt'",
    ),
    "call": (
        "import socket\nsocket.socket().connect(('1.1.1.1', 80))",
        "PermissionError: [Errno 1] There is no network here.",
    ),
    "fork": (
        "import ctypes, os\nwhile os.getpid() and ctypes.CDLL(None).fork() >= 0: pass\nos.fork()",
        "PermissionError: [Errno 1] No other program or process can be started here, ",
    ),
    "flood": (
        "for _ in range(10 * 2**10):\n    print('y' * 2**20)",
        "The code was stopped: it printed more than 4194304 bytes",
    ),
    "loop": ("while True: pass", "The code was stopped: it "),
    "database": (
        "open('DATABASE', 'rb')",
        "FileNotFoundError: [Errno 2] No such file or directory: 'DATABASE'",
    ),
    "vanish": (
        "import os\nos.kill(os.getpid(), 9)",
        "The interpreter is gone: it was ended by SIGKILL",
    ),
}


def test_every_attempt_to_escape_ends_in_an_error_in_its_step_and_the_server_lives(
    confinable, start, connect, database
):
    attempts = {
        name: [words.replace("DATABASE", str(database)) for words in attempt]
        for name, attempt in ATTEMPTS.items()
    }
    turns = [
        {"when": name, "call": {"code_interpreter": {"code": code}}, "say": "Done."}
        for name, (code, _) in attempts.items()
    ]
    limits = Limits(seconds=3.0, flood_bytes=4 * 2**20)
    client = connect(start(scripts={"shop/flowers": [*turns, *SCRIPT]}, code_interpreter=limits))
    coder = make_assistant(client, tools=TOOLS)
    thread = make_thread(client)
    for name, (_, error) in attempts.items():
        run = say_on(client, thread, coder, name)
        assert run.status == "completed"
        [logs] = logs_of(client, run)
        assert error in logs
        assert texts(client, thread)[-1][1].startswith(f"A tool call failed: {error}")
    assert client.files.list().data == []
    assert logs_of(client, say_on(client, thread, coder, "add"))[0].endswith("adding\n22\n")


def test_cancelling_a_run_stops_its_code(client, coder):
    thread = make_thread(client, "endless")
    runs = client.beta.threads.runs
    began = threading.Event()

    def listen():
        with runs.create(thread_id=thread.id, assistant_id=coder.id, stream=True) as events:
            for event in events:
                if event.event == "thread.run.step.delta":
                    entry = event.data.delta.step_details.tool_calls[0]
                    if entry.code_interpreter.input:
                        began.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert began.wait(30)
    run = runs.list(thread.id).data[0]
    runs.cancel(run.id, thread_id=thread.id)
    listener.join(30)
    run = runs.retrieve(run.id, thread_id=thread.id)
    assert run.status == "cancelled" and run.usage.completion_tokens > 0
    [step] = steps_of(client, run)
    assert (step["status"], step["usage"]) == ("cancelled", run.usage.to_dict())
    assert code_of(client, run) == [(CODE["endless"], [])]
    assert logs_of(client, say_on(client, thread, coder, "add")) == ["adding\n22\n"]


def test_after_a_restart_files_are_there_again_and_the_loss_is_told(
    confinable, start, connect, tmp_path
):
    scripts = {"shop/flowers": SCRIPT}
    first = start(scripts=scripts)
    client = connect(first)
    files = [
        upload(client, "prices.csv", "name,price\nrose,8\n").id,
        upload(client, "note.txt", "n").id,
    ]
    coder = make_assistant(
        client, tools=TOOLS, tool_resources={"code_interpreter": {"file_ids": files}}
    )
    thread, _ = say_and_run(client, coder, "total")
    first.__exit__(None, None, None)
    client = connect(start(scripts=scripts))
    [logs] = logs_of(client, say_on(client, thread, coder, "look"))
    anew, value = logs.splitlines()
    assert anew.startswith("[The interpreter was started anew: ")
    assert value == "'total\\n8\\n'"


def test_without_a_sandbox_the_step_and_the_run_say_so(start, connect, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    client = connect(start(scripts={"shop/flowers": SCRIPT}))
    coder = make_assistant(client, tools=TOOLS)
    thread, run = say_and_run(client, coder, "add")
    assert run.status == "completed"
    assert run.to_dict()["notes"] == [SCRIPTED, f"{MISSING}; the run goes on without it"]
    assert code_of(client, run) == [
        (CODE["add"], [{"type": "logs", "logs": f"[{MISSING}; the code was not run.]\n"}])
    ]
    assert texts(client, thread)[-1][1].startswith(f"A tool call failed: {MISSING}")


def test_nothing_is_started_for_a_run_that_does_not_call_it(client, coder):
    _, run = say_and_run(client, coder, "hello")
    assert (run.status, run.to_dict()["notes"]) == ("completed", [SCRIPTED])
    assert "assistctl-sandbox" not in {thread.name for thread in threading.enumerate()}


def tool_messages(request):
    return [message["content"] for message in request["messages"] if message["role"] == "tool"]


def test_the_model_is_offered_the_tool_and_gets_output_and_paths_back(
    confinable, start, connect, endpoint
):
    code = {"code": "open('a b.txt', 'w').write('1')\nprint('ok')"}
    endpoint.answer(
        call(("c1", "code_interpreter", json.dumps(code))),
        say("See sandbox:/mnt/", "data/a b.t", "xt."),
        call(("c2", "code_interpreter", json.dumps({"code": "1 / 0"}))),
        call(("c3", "code_interpreter", '{"cod')),
        say("Again sandbox:/mnt/data/a b.txt"),
    )
    client = connect(start(model={"base_url": endpoint.url}))
    given = upload(client, "prices.csv", "8")
    files = {"code_interpreter": {"file_ids": [given.id]}}
    coder = make_assistant(client, tools=TOOLS, tool_resources=files, metadata={})
    thread, run = say_and_run(client, coder, "go")
    [tool] = endpoint.requests[0]["tools"]
    assert tool["function"]["name"] == "code_interpreter"
    packages = ", ".join(Sandboxes().packages())
    there = (
        f"Installed packages: {packages}" if packages else "Of packages there is only the standard"
    )
    assert f"There is no network, no shell and no pip. {there}" in tool["function"]["description"]
    assert tool["function"]["description"].endswith(" There now: prices.csv.")
    assert tool["function"]["parameters"] == {
        "type": "object",
        "properties": {"code": {"type": "string", "description": "The Python code."}},
        "required": ["code"],
    }
    first = "ok\n[Written: sandbox:/mnt/data/a b.txt]\n"
    assert tool_messages(endpoint.requests[1]) == [first]
    [part] = last_content(client, thread)
    assert [note["text"] for note in part["text"]["annotations"]] == ["sandbox:/mnt/data/a b.txt"]
    run = say_on(client, thread, coder, "more")
    assert run.status == "completed"
    remembered, failed, torn = tool_messages(endpoint.requests[-1])
    assert remembered == first
    assert json.loads(failed)["error"] == "ZeroDivisionError: division by zero"
    assert "Traceback" in json.loads(failed)["output"]
    assert json.loads(torn)["error"] == (
        "code_interpreter takes a JSON object with a string `code`."
    )
    assert code_of(client, run)[1][0] == '{"cod'
    [part] = last_content(client, thread)
    assert [note["file_path"] for note in part["text"]["annotations"]] == [
        {"file_id": client.files.list(purpose="assistants_output").data[0].id}
    ]


def test_a_file_has_its_id_as_a_name_too_where_code_calls_it_so(
    confinable, start, connect, endpoint
):
    client = connect(start(model={"base_url": endpoint.url}))
    prices = upload(client, "prices.csv", "8")
    codes = [
        "import os; os.listdir()",
        f"source = '/mnt/data/{prices.id}'; open(source).read(), sorted(os.listdir())",
        "open(source).read()",
    ]
    endpoint.answer(
        *(
            call((f"c{n}", "code_interpreter", json.dumps({"code": c})))
            for n, c in enumerate(codes)
        ),
        say("Read."),
    )
    files = {"code_interpreter": {"file_ids": [prices.id]}}
    coder = make_assistant(client, tools=TOOLS, tool_resources=files, metadata={})
    _, run = say_and_run(client, coder, "go")
    both = sorted([prices.id, "prices.csv"])
    assert logs_of(client, run) == ["['prices.csv']\n", f"('8', {both})\n", "'8'\n"]
    assert client.files.list(purpose="assistants_output").data == []


def test_a_clients_function_may_have_the_name(confinable, start, connect, endpoint):
    taken = {"type": "function", "function": {"name": "code_interpreter"}}
    endpoint.answer(call(("c1", "run_python_code", '{"code": "1 + 1"}')), say("2"))
    client = connect(start(model={"base_url": endpoint.url}))
    coder = make_assistant(client, tools=[*TOOLS, taken], metadata={})
    _, run = say_and_run(client, coder, "go", tool_choice={"type": "code_interpreter"})
    assert endpoint.requests[0]["tool_choice"]["function"]["name"] == "run_python_code"
    assert logs_of(client, run) == ["2\n"]


def test_code_of_an_answer_that_was_cut_short_is_not_run(confinable, start, connect, endpoint):
    cut = call(("c1", "code_interpreter", '{"code": "1 + 1"}'))
    chunks = [
        json.loads(json.dumps(chunk).replace('"tool_calls"}', '"length"}')) for chunk in cut.chunks
    ]
    endpoint.answer(type(cut)(tuple(chunks)))
    client = connect(start(model={"base_url": endpoint.url}))
    coder = make_assistant(client, tools=TOOLS, metadata={})
    _, run = say_and_run(client, coder, "go")
    assert run.status == "incomplete"
    assert code_of(client, run) == [("1 + 1", [])]


def test_variables_last_for_the_whole_run_however_many_conversations_want_to_run_code(
    confinable, start, connect, endpoint
):
    think = threading.Event()
    first, second, other = (
        call((f"c{number}", "code_interpreter", json.dumps({"code": code})))
        for number, code in enumerate(("x = 20", "x + 1", "'other'"))
    )
    endpoint.answer(first, Stream((think, *second.chunks)), other, say("Done."))
    client = connect(start(model={"base_url": endpoint.url}, code_interpreter=Limits(sessions=1)))
    coder = make_assistant(client, tools=TOOLS, metadata={})
    create = client.beta.threads.runs.create
    runs = []
    for asked in (2, 3):  # the first has called once, and its model thinks; the second wants to
        thread = make_thread(client, "go")
        runs.append(create(thread_id=thread.id, assistant_id=coder.id))
        while len(endpoint.requests) < asked:
            time.sleep(0.01)
    think.set()
    for run in runs:
        client.beta.threads.runs.poll(run_id=run.id, thread_id=run.thread_id)
    assert [logs_of(client, run) for run in runs] == [["21\n"], ["'other'\n"]]


def test_shutting_down_stops_code_and_the_run_fails(confinable, start, connect, monkeypatch):
    monkeypatch.setattr("assistctl.server.engine.GRACE_SECONDS", 0.1)
    scripts = {"shop/flowers": SCRIPT}
    server = start(scripts=scripts)
    client = connect(server)
    thread = make_thread(client, "endless")
    coder = make_assistant(client, tools=TOOLS)
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=coder.id)
    until = time.monotonic() + 30
    while not code_of(client, run) and time.monotonic() < until:
        time.sleep(0.01)
    server.__exit__(None, None, None)
    client = connect(start(scripts=scripts))
    run = client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert (run.status, run.last_error.message) == (
        "failed",
        "The server was shut down before the run ended.",
    )
    assert logs_of(client, say_on(client, thread, coder, "add")) == ["adding\n22\n"]
