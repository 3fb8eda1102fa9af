import json
import re
import signal
import threading

import pytest

from assistctl.commands._conversation import shown_turn
from assistctl.commands._options import Options
from assistctl.events import TextDelta
from tests.server.chat_endpoint import chat_endpoint_running, say

THREAD = "thread thread_…\nrun run_…\n"
SCRIPTED = "note: answered by the scripted model, not by a language model\n"
CALLING = f"{THREAD}{SCRIPTED}queued · in_progress · requires_action\n"
AND_ON = "queued · in_progress\ncompleted  … tokens\n"


def runs_of(shop, thread):
    """The statuses of a thread's runs, oldest first."""
    with shop.target() as target:
        return [run["status"] for run in target.list(f"/threads/{thread}/runs", order="asc")]


def said_on(shop, thread):
    """(role, text) of each message of a thread, oldest first."""
    with shop.target() as target:
        return [
            (message["role"], message["content"][0]["text"]["value"])
            for message in target.list(f"/threads/{thread}/messages", order="asc")
        ]


def test_stdout_is_the_answer_and_stderr_the_story(shared):
    answer = "你好！\n\nWelcome.\n"
    story = f"{THREAD}{SCRIPTED}{AND_ON}"
    assert shared("run", "greeter", "你好") == (0, answer, story)


def test_a_message_may_come_from_stdin_and_quiet_is_only_the_answer(shared):
    assert shared("run", "-q", "greeter", stdin="Hello,\nyou\n") == (0, "Welcome.\n", "")


def test_a_tool_that_fails_is_shown_and_the_run_goes_on(shared):
    code, out, err = shared("run", "clerk", "Is it stuck?")
    assert (code, out) == (
        0,
        "A tool call failed: OSError: the till is stuck "
        "(This is the scripted model; it does not try again.)\n",
    )
    calls, results = err.removeprefix(CALLING).removesuffix(AND_ON).split("← ", 1)
    assert calls == '→ add {"a": 1, "b": 2}\n→ stuck {}\n'
    line = '    tools/till.py:14 in stuck: raise OSError("the till is stuck")'
    assert sorted(f"← {results}".splitlines()) == [
        line,
        "← add ok 3  … s",
        "✗ stuck exception: OSError: the till is stuck  … s",
    ]


def test_all_of_a_tools_traceback_is_shown_with_v_and_none_of_it_with_q(shared):
    _, _, err = shared("run", "-v", "clerk", "Is it stuck?")
    root = shared.root
    assert (
        "    Traceback (most recent call last):\n"
        f'      File "{root}/tools/till.py", line 14, in stuck\n'
        '        raise OSError("the till is stuck")\n'
        "    OSError: the till is stuck\n"
    ) in err
    _, _, err = shared("run", "-q", "clerk", "Is it stuck?")
    assert err == "✗ stuck exception: OSError: the till is stuck  … s\n"


def test_tools_work_in_the_workspaces_root_wherever_the_command_is_started(shop, tmp_path):
    shop.edit("tools/till.py", "return a + b", "return str(Path.cwd())")
    note = tmp_path / "elsewhere" / "note.md"
    note.parent.mkdir()
    note.write_text("milk")
    elsewhere = type(shop)(note.parent)
    arguments = ("run", "-C", str(shop.root), "clerk", "sum", "--attach", "note.md")
    result = elsewhere(*arguments, "--format", "json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["tool_calls"][0]["output"] == str(shop.root)


def test_the_result_as_json(shared):
    code, out, err = shared("run", "clerk", "sum", "--format", "json")
    assert (code, err.startswith(CALLING)) == (0, True)
    added = {
        "name": "add",
        "arguments": {"a": 1, "b": 2},
        "output": "3",
        "seconds": 0,
        "error": None,
    }
    assert json.loads(out) == {
        "status": "completed",
        "thread": "thread_…",
        "run": "run_…",
        "text": "The sum is 3.",
        "tool_calls": [added],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "seconds": 0,
        "annotations": [],
        "sources": [],
        "files": [],
        "steps": [{"type": "function", "id": "call_…", **added}],
        "notes": ["answered by the scripted model, not by a language model"],
    }


def test_the_events_as_json_lines(shared):
    code, out, err = shared("run", "clerk", "sum", "--format", "jsonl")
    events = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [event["type"] for event in events if event["type"] != "text_delta"] == [
        "thread_started",
        "run_started",
        "notice",
        "status_changed",
        "status_changed",
        "status_changed",
        "tool_called",
        "tool_returned",
        "status_changed",
        "status_changed",
        "status_changed",
        "finished",
    ]
    text = "".join(event["text"] for event in events if event["type"] == "text_delta")
    assert text == events[-1]["text"] == "The sum is 3."


def test_a_conversation_goes_on_with_continue_or_by_the_name_of_its_thread(synced):
    first = synced.raw("run", "greeter", "你好", "--format", "json")
    thread = json.loads(first.stdout)["thread"]
    assert synced("run", "greeter", "-q", "--continue", "And now?") == (0, "Welcome.\n", "")
    assert synced("run", "greeter", "-q", "--thread", thread, "Bye") == (0, "Welcome.\n", "")
    assert said_on(synced, thread) == [
        ("user", "你好"),
        ("assistant", "你好！\n\nWelcome."),
        ("user", "And now?"),
        ("assistant", "Welcome."),
        ("user", "Bye"),
        ("assistant", "Welcome."),
    ]


def test_without_a_conversation_there_is_nothing_to_continue(synced):
    error = (
        "error: no conversation with assistant/greeter at local is known here yet; "
        "run it without --continue, or name a --thread\n"
    )
    assert synced("run", "greeter", "-c", "Hello") == (1, "", error)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["-c", "--thread", "thread_1", "Hi"], "--continue and --thread contradict each other."),
        ([" "], "The message is empty."),
        ([], "The message is empty."),
        (["caf\udce9"], "The message is not UTF-8."),
        (
            ["Hi", "--temperature", "nan"],
            "Invalid value for '--temperature': nan is no finite number.",
        ),
        (["Hi", "--timeout", "inf"], "Invalid value for '--timeout': inf is no finite number."),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(shared, arguments, error):
    code, out, err = shared("run", "greeter", *arguments)
    assert (code, out, err.splitlines()[0]) == (64, "", f"error: {error}")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_message_from_standard_input_must_be_text(shared, errors):
    result = shared("run", "greeter", stdin="caf\udce9", PYTHONIOENCODING=f":{errors}")
    assert (result.code, result.out) == (64, "")
    assert result.err.startswith("error: The message is not UTF-8.\n")


def test_what_is_no_text_is_no_message_and_a_byte_order_mark_is_no_part_of_it(shared):
    result = shared("run", "greeter", stdin="PK\x03\0")
    said = "error: The message is no text, since it holds a NUL; use --attach."
    assert (result.code, result.err.splitlines()[0]) == (64, said)
    told = json.loads(
        shared("run", "greeter", "--dry-run", "--format", "json", stdin="\ufeffHi").out
    )
    assert told["message"] == "Hi"


def test_an_unknown_key_gets_a_suggestion(shared):
    error = "error: 'greter' is not declared in this workspace; did you mean 'greeter'?\n"
    assert shared("run", "greter", "Hello") == (1, "", error)


def test_a_file_whose_name_is_no_text_cannot_be_attached(shared):
    (shared.root / "caf\udce9.txt").write_text("x")
    assert shared("run", "-q", "clerk", "Hi", "--attach", "caf\udce9.txt") == (
        1,
        "",
        "error: the name of caf\\udce9.txt is not UTF-8; rename the file\n",
    )


def test_a_hidden_file_is_not_attached_since_it_may_hold_secrets(shared):
    (shared.root / ".env").write_text("KEY=sk-secret")
    assert shared("run", "-q", "clerk", "Hi", "--attach", ".env") == (
        1,
        "",
        "error: .env is hidden and may hold secrets; attach a copy with another name if it holds "
        "none\n",
    )


def test_a_file_can_be_attached_for_the_tools_that_read_files(synced):
    refusal = (
        "error: assistant/greeter has no tool that reads files; "
        "give it code_interpreter or file_search to use --attach\n"
    )
    assert synced("run", "greeter", "Hello", "--attach", "handbook/care.md") == (1, "", refusal)
    result = synced.raw("run", "clerk", "Hi", "--attach", "handbook/care.md", "--format", "json")
    thread = json.loads(result.stdout)["thread"]
    with synced.target() as target:
        message, _ = target.list(f"/threads/{thread}/messages", order="asc")
        (attached,) = message["attachments"]
        file = target.get(f"/files/{attached['file_id']}")
    assert file["filename"] == "care.md"
    assert attached["tools"] == [{"type": "code_interpreter"}, {"type": "file_search"}]


def test_a_file_that_an_agent_would_only_search_is_refused_before_it_is_uploaded(shop):
    here = "  here: {api: agents, model: scripted, emulate: [file_search]}\n"
    shop.edit("assistctl.yaml", "targets:\n", f"targets:\n{here}")
    reader = "tools: [{type: file_search, vector_store: handbook}]\n"
    (shop.root / "assistants" / "reader.yaml").write_text(reader, encoding="utf-8")
    code, out, err = shop("run", "-q", "-t", "here", "reader", "Hi", "--attach", "handbook/care.md")
    assert (code, out, err) == (
        1,
        "",
        "error: assistant/reader has no tool that reads files that are attached at here; give the"
        " assistant code_interpreter to use --attach\n",
    )
    with shop.target() as target:
        assert [file["filename"] for file in target.list("/files")].count("care.md") == 1


def test_where_nobody_can_approve_a_call_it_is_refused_and_the_run_goes_on(synced):
    answer = (
        "A tool call failed: refund needs approval, and nobody can be asked "
        "(This is the scripted model; it does not try again.)\n"
    )
    call = '→ refund {"amount": 5}\n'
    refused = "✗ refund not_approved: refund needs approval, and nobody can be asked  … s\n"
    story = f"{CALLING}{call}{refused}{AND_ON}"
    assert synced("run", "clerk", "refund") == (0, answer, story)
    assert refused.removesuffix("  … s\n") in synced("steps").out
    assert not (synced.root / "refunded").exists()
    assert synced("run", "clerk", "refund", "-q", "--approve-all") == (0, "Refunded.\n", "")
    assert (synced.root / "refunded").read_text() == "5.0"


def test_a_person_approves_a_call_or_stops_the_run(synced):
    with synced.on_terminal("run", "clerk", "refund") as terminal:
        terminal.wait_for('Let the assistant call refund({"amount": 5})? [y/N]: ')
        terminal.type("y\n")
        assert terminal.end() == 0
    assert (synced.root / "refunded").exists()
    with synced.on_terminal("run", "clerk", "refund") as terminal:
        terminal.wait_for("? [y/N]: ")
        terminal.interrupt("cancelling the run …\n")
        assert terminal.end() == 130
        thread = terminal.shown.partition("thread ")[2].partition("\n")[0]
    assert runs_of(synced, thread) == ["cancelled"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_is_interrupted_cancels_the_run(synced, number):
    with synced.started("run", "clerk", "wait") as command:
        thread = command.wait_for("thread ").split()[1]
        command.wait_for("→ wait {}")
        command.process.send_signal(number)
        end = "\ncancelling the run …\ncancelled\n\ninterrupted\n"
        assert command.result() == (130, "", f"{CALLING}→ wait {{}}\n{end}")
    assert runs_of(synced, thread) == ["cancelled"]


@pytest.mark.parametrize("api", ["assistants", "responses"])
def test_who_is_interrupted_amid_the_words_cancels_the_run(synced, api):
    never = threading.Event()
    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Words.\n", never, "More."))
        model = f"local: {{api: {api}, model: {{base_url: {endpoint.url!r}}}}}"
        synced.edit("assistctl.yaml", "local: {model: scripted}", model)
        with synced.started("run", "greeter", "Talk!") as command:
            assert command.process.stdout.readline() == "Words.\n"
            command.process.send_signal(signal.SIGINT)
            code, _, story = command.result()
        never.set()
    assert code == 130
    assert story.endswith("\ncancelling the run …\ncancelled\n\ninterrupted\n")


@pytest.mark.parametrize("why", [KeyboardInterrupt, BrokenPipeError])
def test_who_is_interrupted_while_that_is_written_down_cancels_the_run_all_the_same(why):
    class Talk:
        cancelled = False

        def say(self, message, attachments, approve):
            try:
                yield TextDelta("Words.\n")
            finally:
                raise KeyboardInterrupt

        def cancel(self):
            self.cancelled = True

    def hear(event):
        raise why

    talk = Talk()
    with pytest.raises(KeyboardInterrupt):
        shown_turn(talk, "Talk!", Options(), heard=hear)
    assert talk.cancelled


@pytest.mark.parametrize("arguments", [["run", "clerk", "wait"], ["chat", "clerk"]])
def test_who_closes_the_terminal_cancels_the_run(synced, arguments):
    with synced.on_terminal(*arguments, TERM="dumb") as terminal:
        if arguments[0] == "chat":
            terminal.wait_for("> ")
            terminal.type("wait\r")
        terminal.wait_for("→ wait {}")
        thread = re.search(r"thread_\w+", terminal.shown)[0]
        terminal.hang_up()
        assert terminal.process.wait(30) == 130
    assert runs_of(synced, thread) == ["cancelled"]


def test_a_run_that_does_not_complete_exits_1_and_says_why(synced):
    synced.edit("assistctl.yaml", "local: {model: scripted}", "local: {}")
    (synced.root / "assistants" / "greeter.script.yaml").unlink()
    error = (
        "error: the run ended as failed: server_error: No model is set up to answer. Declare "
        "targets.local.model (an endpoint, or `scripted`), set OPENAI_API_KEY, or "
        "write a script for the assistant (<key>.script.yaml).\n"
    )
    assert synced("run", "greeter", "-q", "Hello") == (1, "", error)


def test_a_busy_thread_is_said_and_can_be_freed(synced):
    with synced.started("run", "clerk", "wait") as other:
        thread = other.wait_for("thread ").split()[1]
        other.wait_for("→ wait {}")
        error = (
            "error: thread thread_… is busy: run run_… is requires_action; "
            "wait until it ends, or end it with --cancel-active\n"
        )
        assert synced("run", "clerk", "Hi", "--thread", thread) == (1, "", error)
        freed = synced("run", "clerk", "-q", "Hi", "--thread", thread, "--cancel-active")
        assert freed == (0, "Hello!\n", "")
    assert runs_of(synced, thread) == ["cancelled", "completed"]


def test_a_local_target_is_synced_before_the_run_but_for_edits_made_there(shop):
    story = f"{THREAD}{SCRIPTED}{AND_ON}"
    created = "+ created assistant/greeter (asst_…)  … s\n"
    assert shop("run", "greeter", "Hello") == (0, "Welcome.\n", created + story)
    with shop.target() as target:
        target.post(f"/assistants/{shop.id_of('greeter', target)}", {"instructions": "Shout."})
    shop.edit("assistants/greeter.yaml", "instructions", "name: Host\ninstructions")
    updated = "~ updated assistant/greeter (asst_…)  … s\n"
    note = (
        "note: assistant/greeter was edited at the target since the last sync; it runs as it is "
        "at the target (`assistctl plan greeter` shows the difference)\n"
    )
    assert shop("run", "greeter", "Hello") == (0, "Welcome.\n", updated + note + story)


def test_another_target_is_only_compared(synced):
    with synced.started("serve", "--port", "0", "--db", "served.db") as server:
        url = server.wait_for("Serving ").split()[-1]
        there = {"STAGING_URL": url, "STAGING_KEY": "any", "ASSISTCTL_TARGET": "staging"}
        missing = (
            "error: assistant/greeter is declared, but not at staging yet; "
            "run `assistctl sync greeter --target staging` first\n"
        )
        assert synced("run", "greeter", "Hello", **there) == (1, "", missing)
        assert synced("sync", "greeter", "-q", "--yes", **there) == (0, "", "")
        synced.edit("assistants/greeter.yaml", "any language", "French")
        note = (
            "note: assistant/greeter has changed here since the last sync; it runs as it is at "
            "the target (`assistctl plan greeter --target staging` shows the difference)\n"
        )
        story = f"{THREAD}{SCRIPTED}{AND_ON}"
        assert synced("run", "greeter", "Hello", **there) == (0, "Welcome.\n", note + story)


def test_a_reader_that_leaves_is_no_error_to_speak_of(shared):
    with shared.started("run", "-q", "greeter", "Hello") as command:
        command.process.stdout.close()
        assert command.process.wait(30) == 1
        assert command.process.stderr.read() == ""


def test_a_stream_that_is_closed_leads_nowhere_and_is_not_taken_for_another(shared):
    assert shared.redirected("run -q greeter Hello >&-") == (0, "", "")
    assert shared.redirected("run greeter Hello 2>&-") == (0, "Welcome.\n", "")
    code, out, err = shared.redirected("run greeter <&-")
    assert (code, out, err.splitlines()[0]) == (64, "", "error: The message is empty.")


def test_a_thread_that_cannot_be_one_is_for_the_target_to_refuse(shared):
    for thread, quoted in (
        ("thread_1\r", "thread_1%0D"),
        ("../files?a#b", "..%2Ffiles%3Fa%23b"),
        ("thread_\udce9", "thread_%E9"),
    ):
        code, out, err = shared("run", "-q", "greeter", "--thread", thread, "Hello")
        assert (code, out) == (1, "")
        assert err.startswith(f"error: POST /threads/{quoted}/messages: 404 ")
