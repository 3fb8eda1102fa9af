import json

import pytest

from assistctl.conversation.history import last_thread, remember
from assistctl.errors import Place
from assistctl.resources import Assistant, Target, Workspace

PLACE = Place("assistctl.yaml", 1, 1)
CLERK = Assistant("clerk", PLACE, {"model": "gpt-4.1"})


@pytest.fixture
def workspace(tmp_path):
    target = Target("local", "assistants", "shop", PLACE)
    return Workspace(tmp_path, "shop", target, ("local",), {"clerk": CLERK})


def test_the_thread_used_last_is_remembered_with_how_its_message_began(workspace):
    assert last_thread(workspace, CLERK) is None
    remember(workspace, CLERK, "thread_1", "Hello")
    remember(workspace, CLERK, "thread_2", "Are\nthere  any 玫瑰? " + "x" * 100)
    assert last_thread(workspace, CLERK) == "thread_2"
    file = workspace.root / ".assistctl" / "threads" / "local" / "clerk.jsonl"
    _, line = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert line["title"] == ("Are there any 玫瑰? " + "x" * 100)[:60]


def test_a_line_cut_short_by_a_kill_is_passed_over(workspace):
    remember(workspace, CLERK, "thread_1", "Hello")
    file = workspace.root / ".assistctl" / "threads" / "local" / "clerk.jsonl"
    with file.open("a") as lines:
        lines.write('null\n{"thread": "thr')
    assert last_thread(workspace, CLERK) == "thread_1"


def test_so_is_one_that_was_cut_within_a_character(workspace):
    remember(workspace, CLERK, "thread_1", "Hello")
    file = workspace.root / ".assistctl" / "threads" / "local" / "clerk.jsonl"
    with file.open("ab") as lines:
        lines.write('{"thread": "thread_2", "title": "玫'.encode()[:-1])
    assert last_thread(workspace, CLERK) == "thread_1"


def test_a_workspace_that_cannot_be_written_to_is_no_reason_to_fail(workspace):
    (workspace.root / ".assistctl").write_text("in the way")
    remember(workspace, CLERK, "thread_1", "Hello")
    assert last_thread(workspace, CLERK) is None
