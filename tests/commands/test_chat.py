import json
import re

from tests.apis.fault_proxy import Answer, served
from tests.commands.conftest import same

MODELS = ("gpt-6-luna", "gpt-6.1")
ENDPOINT = {
    "GET /v1/models": Answer(
        body=json.dumps({"object": "list", "data": [{"id": name} for name in MODELS]}).encode()
    ),
    **{f"GET /v1/models/{it}": Answer(body=json.dumps({"id": it}).encode()) for it in MODELS},
}


def test_lines_from_a_pipe_are_turns_on_one_thread(shared):
    code, out, err = shared("chat", "greeter", stdin="Hello\n\n/thread\n你好\n")
    assert (code, out) == (0, "Welcome.\n你好！\n\nWelcome.\n")
    assert err == (
        "thread thread_…\n"
        "run run_…\n"
        "note: answered by the scripted model, not by a language model\n"
        "queued · in_progress\n"
        "completed  … tokens\n"
        "thread_…\n"
        "thread thread_…\n"
        "run run_… · queued · in_progress\n"
        "completed  … tokens\n"
    )


def test_a_line_from_a_pipe_can_leave_too(shared):
    code, out, _ = shared("chat", "-q", "greeter", stdin="Hello\n/exit\n你好\n")
    assert (code, out) == (0, "Welcome.\n")


def test_a_line_that_is_no_text_is_told_and_the_others_go_on(shared):
    lines = "caf\udce9?\nHello\n"
    for errors in ("strict", "surrogateescape"):
        code, out, err = shared("chat", "-q", "greeter", stdin=lines, PYTHONIOENCODING=f":{errors}")
        assert (code, out, err) == (1, "Welcome.\n", "error: the message is not UTF-8\n")


def test_a_turn_that_fails_is_told_and_the_others_go_on(synced):
    synced.edit("assistctl.yaml", "local: {model: scripted}", "local: {}")
    (synced.root / "assistants" / "greeter.script.yaml").unlink()
    error = (
        "error: the run ended as failed: server_error: No model is set up to answer. Declare "
        "targets.local.model (an endpoint, or `scripted`), set OPENAI_API_KEY, or "
        "write a script for the assistant (<key>.script.yaml).\n"
    )
    assert synced("chat", "-q", "greeter", stdin="Hello\nAre you there?") == (1, "", error * 2)


def test_ctrl_c_stops_an_answer_and_ctrl_d_leaves(synced):
    with synced.on_terminal("chat", "clerk", TERM="dumb") as terminal:
        terminal.wait_for(
            "assistant/clerk at local. /help tells what there is, /exit or Ctrl-D leaves.\n"
        )
        terminal.wait_for("> ")
        terminal.type("wait\r")
        terminal.wait_for("→ wait {}")
        terminal.interrupt("cancelling the run …\n")
        terminal.wait_for("> ")
        terminal.type("Hi\r")
        terminal.wait_for("Hello!\n")
        terminal.wait_for("> ")
        terminal.interrupt("(Ctrl-D leaves)\n")
        terminal.wait_for("> ")
        terminal.type("\x04")
        assert terminal.end() == 0


def test_sigterm_ends_the_conversation_where_ctrl_c_would_not(synced):
    with synced.on_terminal("chat", "clerk", TERM="dumb") as terminal:
        terminal.wait_for("> ")
        terminal.type("wait\r")
        terminal.wait_for("→ wait {}")
        terminal.process.terminate()
        terminal.wait_for("cancelling the run …\n")
        terminal.wait_for("interrupted\n")
        assert terminal.end() == 130


def test_what_was_hardly_meant_for_the_assistant_is_not_sent(shared):
    lines = "quit\n/xyz bar\n/stops\n/new now\n//help\n/retry\n"
    code, out, err = shared("chat", "-q", "greeter", stdin=lines)
    assert (code, out) == (1, "Welcome.\nWelcome.\n")
    rest = "/help tells what there is, //text sends what begins with a slash\n"
    assert err == (
        "error: 'quit' was not sent; /exit or Ctrl-D leaves, /help tells the rest\n"
        f"error: there is no /xyz here, and nothing was sent; {rest}"
        f"error: there is no /stops here, and nothing was sent; did you mean /steps? {rest}"
        "error: /new takes nothing after it\n"
    )


def test_a_conversation_is_saved_with_its_files_and_sent_again_and_begun_anew(shared):
    there = "/save said.md"
    lines = ("/attach assistants/prices.csv", "Hello", "/retry", there, there, "/new", "/save x")
    code, out, err = shared("chat", "-q", "clerk", stdin="\n".join(lines))
    assert (code, out) == (1, "Hello!\nHello!\n")
    said = shared.root / "said.md"
    assert err == (
        "with your next message: prices.csv\n"
        f"saved in {said}\n"
        f"error: {said} is there already; name another FILE\n"
        "a new thread begins with your next message\n"
        "error: nothing was said yet\n"
    )
    told = same(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "…", said.read_text()))
    note = "answered by the scripted model, not by a language model"
    turn = "## You, …\n\nHello\n\n- attached: prices.csv\n\n## clerk\n\n"
    assert told == (
        f"# Hello\n\nclerk at local, thread_…\n\n{turn}"
        f'```json\n{{\n  "text": "{note}",\n  "type": "notice"\n}}\n```\n\nHello!\n\n'
        f"{turn}Hello!\n"
    )


def test_what_the_last_turn_did_is_shown_again_in_full(shared):
    code, out, err = shared("chat", "-q", "clerk", stdin="sum\n/steps\n/tools\n")
    assert (code, out) == (0, "The sum is 3.\n")
    assert err == (
        "thread thread_…\n"
        "run run_…\n"
        "note: answered by the scripted model, not by a language model\n"
        "queued · in_progress · requires_action\n"
        '→ add {"a": 1, "b": 2}\n'
        "← add ok 3  … s\n"
        "queued · in_progress\n"
        "completed  … tokens\n"
        "code_interpreter\nfile_search\nadd  Add two numbers.\nstuck  Fail.\n"
        "wait  Take longer than anybody waits.\nrefund (asks first)  Give money back.\n"
    )


def test_the_last_message_is_changed_in_the_editor_and_sent(shared, tmp_path):
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ncat "$1" >> seen\nprintf \'你好\\n\\nagain\\n\' > "$1"\n')
    editor.chmod(0o755)
    lines = "Hello\n/edit\n/save edited.md\n"
    code, out, _ = shared("chat", "-q", "greeter", stdin=lines, EDITOR=str(editor))
    assert (code, out) == (0, "Welcome.\n你好！\n\nWelcome.\n")
    assert " UTC\n\n你好\n\nagain\n\n## greeter" in (shared.root / "edited.md").read_text()
    assert (shared.root / "seen").read_text() == "Hello\n"


def test_another_model_answers_from_now_on(shared):
    lines = "/model\nHello\n/model other-model\nHello\n/new\n/model\n"
    code, out, err = shared("chat", "-q", "greeter", stdin=lines)
    assert (code, out) == (0, "Welcome.\nWelcome.\n")
    begins = "a new thread begins with your next message\n"
    assert err == f"gpt-6-luna\nother-model\n{begins}other-model\n"
    last = json.loads(shared.raw("threads", "list", "--format", "json").stdout)[0]["thread"]
    with shared.target() as client:
        runs = client.list(f"/threads/{last}/runs", order="asc")
        assert [run["model"] for run in runs] == ["gpt-6-luna", "other-model"]


def test_a_chat_goes_on_with_another_thread_and_saves_what_was_said_there(shared):
    shared("run", "-q", "greeter", "你好")
    first = json.loads(shared.raw("threads", "list", "--format", "json").stdout)[0]["thread"]
    code, out, _ = shared("chat", "-q", "greeter", stdin=f"Hello\n/thread {first}\n/save back.md\n")
    assert (code, out) == (0, "Welcome.\n")
    text = (shared.root / "back.md").read_text()
    assert text.startswith(f"# 你好\n\ngreeter at local, {first}\n\n## You, ")
    assert text.endswith("你好！\n\nWelcome.\n")


def test_a_thread_that_there_is_not_is_refused_before_anything_is_said(shared):
    refused = "GET /threads/thread_none: 404 No thread found with id 'thread_none'."
    assert shared("chat", "greeter", "--thread", "thread_none", stdin="Hello\n") == (
        1,
        "",
        f"error: {refused}\n",
    )
    code, out, err = shared("chat", "-q", "greeter", stdin="/thread thread_none\n/thread\n")
    assert (code, out, err) == (1, "", f"error: {refused}\nno thread yet\n")


def test_a_model_that_the_endpoint_has_not_is_refused_at_once(synced):
    with served(lambda request: ENDPOINT.get(str(request), Answer(404, b"{}"))) as address:
        local = f"local: {{model: {{base_url: http://{address}/v1}}}}"
        synced.edit("assistctl.yaml", "local: {model: scripted}", local)
        lines = "/model gpt-6-lune\n/model gpt-6.1\n"
        code, out, err = synced("chat", "-q", "clerk", stdin=lines)
    refused = "error: 'local' has no model 'gpt-6-lune'; did you mean 'gpt-6-luna'?\n"
    assert (code, out, err) == (1, "", f"{refused}gpt-6.1\n")


def test_whoever_comes_back_is_shown_the_last_turns(shared):
    shared("chat", "-q", "greeter", stdin="one\ntwo\nthree\n你好\n")
    with shared.on_terminal("chat", "greeter", "--continue", TERM="dumb") as terminal:
        terminal.wait_for("leaves.\n")
        terminal.wait_for("> ")
        shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "…", same(terminal.shown))
        assert shown.partition("leaves.\n")[2] == (
            "thread_…  greeter at local, 4 turns\none\n"
            "\nYou, …\ntwo\ngreeter\nWelcome.\n"
            "\nYou, …\nthree\ngreeter\nWelcome.\n"
            "\nYou, …\n你好\ngreeter\n你好！\n\nWelcome.\n> "
        )
