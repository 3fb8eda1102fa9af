"""Events of a turn, and what is written down of them."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from assistctl.conversation.recording import Recorded, recorded
from assistctl.errors import Place, RemoteError
from assistctl.events import (
    CodeCalled,
    CodeReturned,
    Finished,
    MadeFile,
    Notice,
    RunStarted,
    Source,
    StatusChanged,
    TextDelta,
    ThreadStarted,
    ToolCall,
    ToolCalled,
    ToolReturned,
    Trace,
)
from assistctl.record import store
from assistctl.redaction import Redaction
from assistctl.resources import Assistant, Target, Workspace

PLACE = Place("assistctl.yaml", 1, 1)
CLERK = Assistant("clerk", PLACE, {"model": "gpt-6-luna"})
KEY = "sk-this-is-the-key-123456"
ADD, STUCK = ToolCall("call_1", "add", '{"a": 1}'), ToolCall("call_2", "stuck", "{}")
BEGUN = (ThreadStarted("thread_1"), RunStarted("run_1"), StatusChanged("queued"))
DONE = Finished("completed", "thread_1", "run_1", "One.", {"total_tokens": 3})


@dataclass(frozen=True)
class Looked:
    """An event that nobody here has heard of."""

    query: str


@pytest.fixture
def place(tmp_path):
    target = Target("local", "assistants", "shop", PLACE)
    workspace = Workspace(tmp_path, "shop", target, ("local",), {"clerk": CLERK})
    return Recorded(workspace, CLERK, SimpleNamespace(thread="thread_1"), Redaction(KEY))


def kept(place):
    """The only turn that is recorded, without what the clock has said."""
    (thread,) = store.threads(place.workspace.root)
    (turn,) = store.turns(place.workspace.root, thread)
    assert turn.seconds is not None
    return replace(turn, at="", seconds=None)


def test_pieces_of_text_calls_and_unknown_events_are_kept_in_order(place):
    events = (
        *BEGUN,
        TextDelta("Let "),
        TextDelta("me see."),
        Looked("roses"),
        ToolCalled(ADD),
        ToolCalled(STUCK),
        ToolReturned(STUCK, "error: …", 0.25, "it is stuck", Trace("short", "whole")),
        ToolReturned(ADD, "3", 0.5),
        TextDelta("\n\nOne."),
        DONE,
    )
    assert tuple(recorded(place, "How many?", ["list.md"], iter(events))) == events
    turn = kept(place)
    assert (turn.message, turn.attachments, turn.run) == ("How many?", ("list.md",), "run_1")
    assert (turn.status, turn.error, turn.usage) == ("completed", None, {"total_tokens": 3})
    stuck = {"output": "error: …", "seconds": 0.25, "error": "it is stuck"}
    assert turn.items == (
        {"type": "text", "text": "Let me see."},
        {"type": "looked", "query": "roses"},
        {"type": "tool", "id": "call_2", "name": "stuck", "arguments": "{}", **stuck},
        {
            "type": "tool",
            "id": "call_1",
            "name": "add",
            "arguments": '{"a": 1}',
            "output": "3",
            "seconds": 0.5,
            "error": None,
        },
        {"type": "text", "text": "\n\nOne."},
    )


def test_what_the_target_did_is_kept_with_what_is_cited_by_the_numbers_that_people_read(place):
    source, made = Source(1, "care.md", "file-1"), MadeFile("file-2", "plot.png", 5)
    ran = CodeReturned("call_1", "print(1)", "1\n")
    events = (
        *BEGUN,
        CodeCalled("call_1", "print(1)"),
        ran,
        CodeCalled("call_2", "1 / 0"),
        TextDelta("Water them"),
        TextDelta("【4:0†source】", 1),
        TextDelta("."),
        replace(DONE, sources=(source,), files=(made,), cost=0.5),
    )
    list(recorded(place, "How?", [], iter(events)))
    turn = kept(place)
    assert turn.cost == 0.5
    told = [{name: it for name, it in item.items() if it not in (None, [])} for item in turn.items]
    assert told == [
        {"type": "code_returned", "id": "call_1", "code": "print(1)", "output": "1\n"},
        {"type": "code_called", "id": "call_2", "code": "1 / 0"},
        {"type": "text", "text": "Water them[1]."},
        {"type": "source", "number": 1, "file_name": "care.md", "file_id": "file-1"},
        {"type": "file", "id": "file-2", "name": "plot.png", "size": 5},
    ]


def test_it_is_written_before_the_last_event_is_heard(place):
    for event in recorded(place, "How many?", [], iter((*BEGUN, DONE))):
        if isinstance(event, Finished):
            break
    assert kept(place).items == ({"type": "text", "text": "One."},)


def failing(error):
    yield from (*BEGUN, TextDelta("On"), ToolCalled(ADD))
    raise error


@pytest.mark.parametrize(
    ("error", "status", "why"),
    [
        (
            RemoteError("POST /x: 500 the server is down"),
            "failed",
            "POST /x: 500 the server is down",
        ),
        (KeyboardInterrupt(), "cancelled", None),
    ],
    ids=["error", "Ctrl-C"],
)
def test_a_turn_that_is_cut_off_is_kept_as_far_as_it_got(place, error, status, why):
    with pytest.raises(type(error)):
        list(recorded(place, "How many?", [], failing(error)))
    turn = kept(place)
    assert (turn.status, turn.error) == (status, why)
    cut = {"type": "tool", "id": "call_1", "name": "add", "arguments": '{"a": 1}'}
    assert turn.items == ({"type": "text", "text": "On"}, cut)


def test_one_to_which_nobody_listens_any_more_is_cancelled(place):
    events = recorded(place, "How many?", [], failing(ValueError()))
    next(events)
    events.close()
    assert kept(place).status == "cancelled"


def test_what_is_secret_is_not_written_down(place):
    call = ToolReturned(ToolCall("call_1", "add", f'{{"key": "{KEY}"}}'), f"It is {KEY}.", 0.5)
    events = (*BEGUN, TextDelta(f"Hm, {KEY}"), ToolCalled(call.call), call, Notice(KEY), DONE)
    assert len(list(recorded(place, f"My key is {KEY}", [f"{KEY}.md"], iter(events)))) == 8
    assert "[redacted]" in str(kept(place))
    assert KEY.encode() not in (place.workspace.root / ".assistctl" / "threads.db").read_bytes()


def test_where_nothing_is_to_be_recorded_only_the_thread_is_known(place):
    place = replace(place, workspace=replace(place.workspace, records=False))
    list(recorded(place, "How many?", ["list.md"], iter((*BEGUN, TextDelta("One."), DONE))))
    (thread,) = store.threads(place.workspace.root)
    assert (thread.id, thread.title, thread.turns) == ("thread_1", None, 1)
    (turn,) = store.turns(place.workspace.root, thread)
    assert replace(turn, at="") == store.Turn("clerk", "", None, status="completed")
    assert store.last_thread(place.workspace.root, "local", "clerk") == "thread_1"


def test_a_turn_that_cannot_be_written_down_goes_on_and_says_so_once(place):
    state = place.workspace.root / ".assistctl"
    state.mkdir()
    (state / "threads.db").write_text("garbage, and long enough to be read as a database")
    said = Notice(
        f"this is not recorded: the record of threads, {state / 'threads.db'}, cannot be used: "
        "file is not a database; move the file away to begin a new one"
    )
    events = (*BEGUN, TextDelta("One."), DONE)
    heard = list(recorded(place, "How many?", [], iter(events)))
    assert [event for event in heard if event not in events] == [said]
    assert [event for event in heard if event in events] == list(events)
