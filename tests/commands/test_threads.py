"""assistctl threads: what was said in runs before, found again."""

import json
import re
import shutil
import sqlite3

import pytest

from tests.commands.conftest import Shop, same

MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")


@pytest.fixture(scope="module")
def talked(synced_once, tmp_path_factory):
    """A shop in which there were three turns on two threads, and the ids of these."""
    shop = Shop(shutil.copytree(synced_once, tmp_path_factory.mktemp("talked") / "shop"))

    def say(*arguments):
        ran = shop.raw("run", "--format", "json", *arguments)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)["thread"]

    stuck = say("clerk", "Is it 玫瑰 stuck?")
    assert say("clerk", "--continue", "the sum", "--attach", "handbook/care.md") == stuck
    return shop, stuck, say("greeter", "Hello\nthere")


def told(result):
    """What a command has said, without the time."""
    return (result.code, MOMENT.sub("…", result.out), result.err)


def test_threads_are_listed_the_one_used_last_first(talked):
    shop, stuck, hello = talked
    listed = json.loads(shop.raw("threads", "list", "--format", "json").stdout)
    assert [it.pop("thread") for it in listed] == [hello, stuck]
    assert [(it.pop("began") <= it.pop("used")) for it in listed] == [True, True]
    assert listed == [
        {"target": "local", "assistant": "greeter", "title": "Hello there", "turns": 1},
        {"target": "local", "assistant": "clerk", "title": "Is it 玫瑰 stuck?", "turns": 2},
    ]
    rows = shop.raw("threads", "list").stdout.splitlines()
    assert [re.split(r"  +", row)[1:4] for row in rows] == [
        ["ASSISTANT", "TARGET", "TURNS"],
        ["greeter", "local", "1"],
        ["clerk", "local", "2"],
    ]
    assert told(shop("threads", "list", "-t", "staging")) == (0, "No threads are recorded.\n", "")


def test_a_conversation_is_shown_as_a_person_reads_it(talked):
    shop, stuck, _ = talked
    assert told(shop("threads", "show", stuck[:20])) == (
        0,
        """\
thread_…  clerk at local, 2 turns
Is it 玫瑰 stuck?

You, …
Is it 玫瑰 stuck?
clerk
notice: answered by the scripted model, not by a language model
→ add {"a": 1, "b": 2}
← add 3
→ stuck {}
✗ stuck exception: OSError: the till is stuck
A tool call failed: OSError: the till is stuck (This is the scripted model; it does not try again.)

You, …
the sum
attached: care.md
clerk
notice: answered by the scripted model, not by a language model
→ add {"a": 1, "b": 2}
← add 3
The sum is 3.
""",
        "",
    )


def test_without_a_name_it_is_the_last_one_and_json_has_all_of_it(talked):
    shop, _, hello = talked
    shown = json.loads(shop.raw("threads", "show", "--format", "json").stdout)
    assert shown["thread"] == hello
    (turn,) = shown["turns"]
    assert turn["run"].startswith("run_")
    assert turn["usage"]["total_tokens"] > 0
    assert turn["seconds"] > 0
    told = {name: turn[name] for name in ("assistant", "message", "status", "error", "items")}
    note = "answered by the scripted model, not by a language model"
    assert told == {
        "assistant": "greeter",
        "message": "Hello\nthere",
        "status": "completed",
        "error": None,
        "items": [{"type": "notice", "text": note}, {"type": "text", "text": "Welcome."}],
    }


def test_words_are_found_with_the_thread_that_they_are_on(talked):
    shop, *_ = talked
    where = "thread_…  clerk at local, 2 turns\n"
    assert told(shop("threads", "search", "玫瑰")) == (0, f"{where}  …  Is it 玫瑰 stuck?\n", "")
    assert told(shop("threads", "search", "SUM is 3", "care")) == (0, f"{where}  …  the sum\n", "")
    assert told(shop("threads", "search", "Rumpelstilzchen")) == (0, "Nothing was found.\n", "")
    (hit,) = json.loads(shop.raw("threads", "search", "welcome", "--format", "json").stdout)
    assert (hit["thread"]["assistant"], hit["excerpt"]) == ("greeter", "Welcome.")
    assert shop("threads", "search", " ").code == 64


def test_a_thread_is_exported_as_markdown(talked):
    shop, stuck, _ = talked
    code, out, err = told(shop("threads", "export", stuck.removeprefix("thread_")))
    assert (code, err) == (0, "")
    assert out.startswith("# Is it 玫瑰 stuck?\n\nclerk at local, thread_…\n\n## You, …\n\n")
    assert out.endswith(
        "## You, …\n\nthe sum\n\n- attached: care.md\n\n## clerk\n\n"
        '```json\n{\n  "text": "answered by the scripted model, not by a language model",\n'
        '  "type": "notice"\n}\n```\n\n'
        '`add`\n\n```json\n{"a": 1, "b": 2}\n```\n\n```\n3\n```\n\nThe sum is 3.\n'
    )
    exported = shop.raw("threads", "export", stuck, "--format", "json").stdout
    assert exported == shop.raw("threads", "show", stuck, "--format", "json").stdout


def test_an_export_is_exact_in_a_file_and_harmless_on_a_terminal(synced):
    said = "ring \x07 and \x1b[2J and \u202edc\u200b"
    assert synced("run", "-q", "greeter", said).code == 0
    thread = json.loads(synced.raw("threads", "list", "--format", "json").stdout)[0]["thread"]
    assert f"\n\n{said}\n\n## greeter\n" in synced.raw("threads", "export", thread).stdout
    with synced.on_terminal("threads", "export", thread) as terminal:
        terminal.wait_for("\n\nring \\x07 and \\x1b[2J and \\u202edc\u200b\n\n## greeter\n")
        assert terminal.end() == 0


def test_a_name_that_nothing_or_more_than_one_begins_with_is_an_error(talked):
    shop, *_ = talked
    assert shop("threads", "show", "nothing") == (
        1,
        "",
        "error: no thread 'nothing' is recorded here; `assistctl threads list` names them\n",
    )
    assert shop("threads", "show", "thread_") == (
        1,
        "",
        "error: several threads begin with 'thread_': thread_…, thread_…; name more of it\n",
    )


def test_shells_complete_the_ids(talked):
    shop, stuck, hello = talked
    for words in ("threads show", "run clerk --thread"):
        typed = f"assistctl {words} thread_"
        asked = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
        completed = shop.raw(**asked, _ASSISTCTL_COMPLETE="bash_complete").stdout
        assert completed == f"plain,{hello}\nplain,{stuck}\n"


def test_where_nothing_was_said_there_is_nothing_to_show(shop):
    assert shop("threads", "list") == (0, "No threads are recorded.\n", "")
    code, out, err = shop("threads", "show")
    assert (code, out) == (1, "")
    assert err == "error: no thread is recorded here; `assistctl run` begins one\n"


def test_a_thread_gets_another_title_and_is_forgotten_and_stays_at_its_target(synced):
    thread = json.loads(synced.raw("run", "greeter", "Hi", "--format", "json").stdout)["thread"]
    assert synced("threads", "rename", thread, "First\n contact") == (0, "", "Renamed thread_….\n")
    (listed,) = json.loads(synced.raw("threads", "list", "--format", "json").stdout)
    assert listed["title"] == "First contact"
    assert synced("threads", "delete", thread) == (0, "", "Deleted thread_… here.\n")
    assert synced("threads", "list").out == "No threads are recorded.\n"
    assert synced("run", "greeter", "Hi", "--thread", thread).code == 0


@pytest.mark.parametrize("api", ["assistants", "responses", "agents"])
def test_it_is_deleted_at_its_target_too_once_somebody_wants_that(synced, api):
    more = ", emulate: [file_search]" if api == "agents" else ""
    declared = f"targets:\n  there: {{api: {api}, model: scripted{more}}}\n"
    synced.edit("assistctl.yaml", "targets:\n", declared)
    run = ("run", "-t", "there", "greeter", "Hi")
    thread = json.loads(synced.raw(*run, "--format", "json").stdout)["thread"]
    assert synced("threads", "delete", thread, "--at-target").err == (
        f"error: nobody can be asked here whether to delete {same(thread)} at there; "
        "use --yes to do it\n"
    )
    deleted = synced("threads", "delete", thread, "--at-target", "--yes")
    assert deleted == (0, "", f"Deleted {same(thread)} at there and here.\n")
    assert synced("threads", "list").out == "No threads are recorded.\n"
    code, _, err = synced(*run, "--thread", thread)
    assert (code, " 404 " in err) == (1, True), err


def test_what_is_not_to_be_recorded_is_not_and_goes_on_all_the_same(synced):
    synced.edit("assistctl.yaml", "targets:\n", "threads: {record: false}\ntargets:\n")
    ran = synced.raw("run", "greeter", "Rumpelstilzchen", "--format", "json")
    thread = json.loads(ran.stdout)["thread"]
    record = synced.root / ".assistctl" / "threads.db"
    assert b"Rumpelstilzchen" not in record.read_bytes()
    assert b"Welcome" not in record.read_bytes()
    ran = synced.raw("run", "greeter", "--continue", "Again", "--format", "json")
    assert json.loads(ran.stdout)["thread"] == thread
    (listed,) = json.loads(synced.raw("threads", "list", "--format", "json").stdout)
    assert (listed["title"], listed["turns"]) == (None, 2)


def test_a_run_does_not_mind_a_record_that_it_cannot_use(synced):
    record = synced.root / ".assistctl" / "threads.db"
    with sqlite3.connect(record) as database:
        database.execute("PRAGMA user_version = 7")
    assert synced("run", "-q", "greeter", "Hi") == (0, "Welcome.\n", "")
    code, out, err = synced("run", "greeter", "--continue", "Hi")
    assert (code, out) == (1, "")
    assert err == (
        f"error: the record of threads, {record}, cannot be used: a newer assistctl has written it "
        "(version 7); move the file away to begin a new one\n"
    )


def test_a_turn_that_is_stopped_by_ctrl_c_is_kept_as_far_as_it_got(synced):
    with synced.on_terminal("run", "clerk", "please wait") as terminal:
        terminal.wait_for("→ wait")
        terminal.interrupt("interrupted")
        assert terminal.end() == 130
    shown = json.loads(synced.raw("threads", "show", "--format", "json").stdout)
    (turn,) = shown["turns"]
    assert (turn["message"], turn["status"]) == ("please wait", "cancelled")
