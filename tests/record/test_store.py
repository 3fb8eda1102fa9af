"""The record of threads in real databases, also such as are in use, broken, newer or not ours."""

import json
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from assistctl.record import store
from assistctl.record.threads import Turn

AT = "2026-11-28T20:00:0{}+00:00"


def said(message, second=0, assistant="clerk", **more):
    return Turn(assistant, AT.format(second), message, **more)


def add(root, thread, turn, target="local"):
    """A turn that began and ended; its number."""
    number = store.begin(root, target, thread, turn)
    store.end(root, number, thread, turn)
    return number


def ids(threads):
    return [thread.id for thread in threads]


def test_a_turn_is_read_as_it_was_written(tmp_path):
    turn = said(
        "Are\nthere  any 玫瑰?",
        attachments=("list.md",),
        items=({"type": "text", "text": "Two \ud83d."}, {"type": "newer", "of": {"any": [1]}}),
        run="run_1",
        status="completed",
        usage={"total_tokens": 3},
        seconds=0.5,
    )
    add(tmp_path, "thread_1", turn)
    (thread,) = store.threads(tmp_path)
    assert (thread.id, thread.target, thread.assistant) == ("thread_1", "local", "clerk")
    assert (thread.title, thread.turns) == ("Are there any 玫瑰?", 1)
    assert (thread.began, thread.used) == (AT.format(0), AT.format(0))
    assert store.turns(tmp_path, thread) == [turn]


def test_the_thread_used_last_is_known_for_each_assistant_and_target(tmp_path):
    assert store.last_thread(tmp_path, "local", "clerk") is None
    assert not (tmp_path / ".assistctl").exists()
    add(tmp_path, "thread_1", said("a"))
    add(tmp_path, "thread_2", said("b"))
    add(tmp_path, "thread_3", said("c", assistant="greeter"))
    add(tmp_path, "thread_4", said("d"), target="there")
    assert store.last_thread(tmp_path, "local", "clerk") == "thread_2"
    add(tmp_path, "thread_1", said("e"))
    assert store.last_thread(tmp_path, "local", "clerk") == "thread_1"
    assert ids(store.threads(tmp_path)) == ["thread_1", "thread_4", "thread_3", "thread_2"]
    assert ids(store.threads(tmp_path, "there")) == ["thread_4"]


def test_a_thread_that_is_called_otherwise_after_a_turn_stays_one(tmp_path):
    number = store.begin(tmp_path, "local", "resp_1", said("a"))
    store.end(tmp_path, number, "resp_2", said("a", status="completed"))
    number = store.begin(tmp_path, "local", "resp_2", said("b"))
    store.end(tmp_path, number, "resp_3", said("b", status="completed"))
    (thread,) = store.threads(tmp_path)
    assert (thread.id, thread.turns) == ("resp_3", 2)


def test_a_turn_of_whose_end_nothing_was_written_is_unfinished(tmp_path):
    store.begin(tmp_path, "local", "thread_1", said("a"))
    (thread,) = store.threads(tmp_path)
    assert [turn.status for turn in store.turns(tmp_path, thread)] == ["unfinished"]


def test_all_words_are_looked_for_in_whatever_case_and_within_words(tmp_path):
    call = {"type": "tool", "name": "price_of", "arguments": '{"flower": "Tulpe"}', "output": "3"}
    add(tmp_path, "thread_1", said("Was kosten\ndie STRASSENROSEN?", items=(call,)))
    add(tmp_path, "thread_1", said("再加两支向日葵吧", 1, attachments=("Liste.md",)))
    add(tmp_path, "thread_2", said("Nothing", 2, error="the till is stuck"))

    def found(*words):
        return [(hit.thread.id, hit.excerpt) for hit in store.search(tmp_path, words)]

    assert found("straßen", "tulpe") == [("thread_1", "Was kosten die STRASSENROSEN?")]
    assert found("向日葵") == [("thread_1", "再加两支向日葵吧")]
    assert found("liste") == [("thread_1", "Liste.md")]
    assert found("PRICE_of") == [("thread_1", "price_of")]
    assert found("stuck") == [("thread_2", "the till is stuck")]
    assert found("tool") == found("rosen", "sonnenblume") == found("%") == []


def test_of_what_is_deleted_nothing_is_left_in_the_file(tmp_path):
    add(tmp_path, "thread_1", said("the word is Rumpelstilzchen"))
    file = tmp_path / ".assistctl" / "threads.db"
    assert b"Rumpelstilzchen" in file.read_bytes()
    (thread,) = store.threads(tmp_path)
    store.delete(tmp_path, thread)
    assert store.threads(tmp_path) == []
    assert b"Rumpelstilzchen" not in file.read_bytes()


def test_only_its_owner_may_read_it(tmp_path):
    before = os.umask(0)
    try:
        add(tmp_path, "thread_1", said("a"))
    finally:
        os.umask(before)
    mode = (tmp_path / ".assistctl" / "threads.db").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


MANY = """
import sys
from pathlib import Path
from assistctl.record import store
from assistctl.record.threads import Turn
name = sys.argv[2]
for number in range(20):
    turn = Turn("clerk", f"2026-11-28T20:00:{number:02}+00:00", f"{name} {number}")
    store.end(Path(sys.argv[1]), store.begin(Path(sys.argv[1]), "local", name, turn), name, turn)
"""


def test_several_commands_write_at_once_beginning_with_the_first(tmp_path):
    names = ["thread_a", "thread_b", "thread_c"]
    writers = [
        subprocess.Popen([sys.executable, "-c", MANY, str(tmp_path), name]) for name in names
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert {it.id: it.turns for it in store.threads(tmp_path)} == dict.fromkeys(names, 20)


def old_file(root, target, assistant, *lines):
    file = root / ".assistctl" / "threads" / target / f"{assistant}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\n".join(lines))


def old_line(thread, second):
    noted = {"thread": thread, "at": AT.format(second), "title": f"about {thread}"}
    return json.dumps(noted).encode()


def test_what_an_older_version_has_noted_is_taken_over_once(tmp_path):
    cut = '{"thread": "thread_9", "title": "玫'.encode()[:-1]
    old_file(tmp_path, "local", "clerk", old_line("thread_1", 1), old_line("thread_2", 3), cut)
    old_file(tmp_path, "local", "greeter", old_line("thread_3", 2), b"null", b"{}")
    assert store.last_thread(tmp_path, "local", "clerk") == "thread_2"
    add(tmp_path, "thread_1", said("again", 4))
    found = [(it.id, it.turns, it.title) for it in store.threads(tmp_path)]
    assert found == [
        ("thread_1", 2, "about thread_1"),
        ("thread_2", 1, "about thread_2"),
        ("thread_3", 1, "about thread_3"),
    ]


def broken(file):
    file.write_bytes(b"this is no database, but it is rather long" * 100)


def newer(file):
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 7")


def directory(file):
    file.mkdir()


WHY = {
    broken: "file is not a database",
    newer: "a newer assistctl has written it (version 7)",
    directory: "unable to open database file",
}


@pytest.mark.parametrize("spoil", WHY, ids=lambda spoil: spoil.__name__)
def test_what_cannot_be_used_is_told_and_left_alone(tmp_path, spoil):
    file = tmp_path / ".assistctl" / "threads.db"
    file.parent.mkdir()
    spoil(file)
    before = None if file.is_dir() else file.read_bytes()
    store.end(tmp_path, 1, "thread_1", said("a"))
    for use in (
        lambda: store.begin(tmp_path, "local", "thread_1", said("a")),
        lambda: store.threads(tmp_path),
    ):
        with pytest.raises(store.Unreadable) as caught:
            use()
        assert str(caught.value) == (
            f"the record of threads, {file}, cannot be used: {WHY[spoil]}; "
            "move the file away to begin a new one"
        )
    assert before is None or file.read_bytes() == before


def test_a_locked_one_is_read_and_after_a_while_given_up_by_a_writer(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_PATIENCE", 0.05)
    add(tmp_path, "thread_1", said("a"))
    other = sqlite3.connect(tmp_path / ".assistctl" / "threads.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(store.Unreadable) as caught:
        store.begin(tmp_path, "local", "thread_2", said("b"))
    assert str(caught.value).endswith("cannot be used: another command is writing to it")
    assert ids(store.threads(tmp_path)) == ["thread_1"]
    other.close()


def test_where_nothing_can_be_written_nothing_was_recorded(tmp_path):
    (tmp_path / ".assistctl").write_text("in the way")
    with pytest.raises(store.Unreadable, match=r"cannot be used: .*File exists"):
        store.begin(tmp_path, "local", "thread_1", said("a"))
    assert store.last_thread(tmp_path, "local", "clerk") is None
