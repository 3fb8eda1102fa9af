import io
import json
from collections.abc import Iterable
from contextlib import closing

import click
import pytest

from assistctl.events import (
    ActionRequired,
    Event,
    Finished,
    Notice,
    RunStarted,
    StatusChanged,
    TextDelta,
    ThreadStarted,
    ToolCall,
    ToolCalled,
    ToolReturned,
)
from assistctl.render.run import called, consumer, failure

SAVE = ToolCall("call_1", "save_bill", '{"totalCost": 40, "note": "\\u82b1"}')
BROKEN = ToolCall("call_2", "refund", '{"bill": ')
SAVED = ToolReturned(SAVE, '{"id": 7}', 0.0123)
FAILED = ToolReturned(BROKEN, '{"error": "bad"}', 0.0, "the arguments are not JSON")
USAGE = {"prompt_tokens": 1700, "completion_tokens": 112, "total_tokens": 1812}

TURN: tuple[Event, ...] = (
    ThreadStarted("thread_a"),
    RunStarted("run_b"),
    StatusChanged("queued"),
    StatusChanged("in_progress"),
    Notice("answered by the scripted model"),
    TextDelta("Let me "),
    TextDelta("see."),
    StatusChanged("requires_action"),
    ActionRequired((SAVE, BROKEN)),
    ToolCalled(SAVE),
    ToolCalled(BROKEN),
    ToolReturned(SAVE, '{"id": 7}', 0.0123),
    FAILED,
    StatusChanged("queued"),
    StatusChanged("in_progress"),
    TextDelta("已记"),
    TextDelta("账。"),
    StatusChanged("completed"),
    Finished(
        "completed", "thread_a", "run_b", "Let me see.\n已记账。", USAGE, None, (SAVED, FAILED)
    ),
)

STORY = """\
thread thread_a
run run_b · queued · in_progress
note: answered by the scripted model
requires_action
→ save_bill {"totalCost": 40, "note": "花"}
→ refund {"bill":
← save_bill ok {"id": 7}  0.01 s
✗ refund the arguments are not JSON  0.00 s
queued · in_progress
completed  1,812 tokens (1,700 in, 112 out)
"""


class Screen(io.StringIO):
    """One terminal, behind stdout and stderr alike."""

    def isatty(self) -> bool:
        return True


def shown(events: Iterable[Event], written: str = "text", verbosity: int = 0) -> tuple[str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    with closing(consumer(written, stdout, stderr, verbosity)) as show:
        for event in events:
            show(event)
    return stdout.getvalue(), stderr.getvalue()


def on_a_terminal(events: Iterable[Event]) -> str:
    screen = Screen()
    show = consumer("text", screen, screen)
    for event in events:
        show(event)
    return click.unstyle(screen.getvalue())


def test_stdout_is_the_answer_and_stderr_the_story() -> None:
    assert shown(TURN) == ("Let me see.\n已记账。\n", STORY)


def test_on_a_terminal_both_read_as_one_text() -> None:
    assert (
        on_a_terminal(TURN)
        == """\
thread thread_a
run run_b · queued · in_progress
note: answered by the scripted model
Let me see.
requires_action
→ save_bill {"totalCost": 40, "note": "花"}
→ refund {"bill":
← save_bill ok {"id": 7}  0.01 s
✗ refund the arguments are not JSON  0.00 s
queued · in_progress
已记账。
completed  1,812 tokens (1,700 in, 112 out)
"""
    )


@pytest.mark.parametrize(
    ("events", "shown_so_far"),
    [
        ([RunStarted("run_b"), StatusChanged("queued")], "run run_b · queued\n"),
        ([StatusChanged("queued"), TextDelta("Well")], "queued\nWell\n"),
        ([TextDelta("Well\n")], "Well\n"),
    ],
)
def test_a_turn_that_breaks_off_leaves_no_line_open(events: list[Event], shown_so_far: str) -> None:
    screen = Screen()
    with pytest.raises(KeyboardInterrupt), closing(consumer("text", screen, screen)) as show:
        for event in events:
            show(event)
        raise KeyboardInterrupt
    assert click.unstyle(screen.getvalue()) == shown_so_far


def test_quiet_leaves_the_answer_and_what_failed() -> None:
    assert shown(TURN, verbosity=-1) == (
        "Let me see.\n已记账。\n",
        "✗ refund the arguments are not JSON  0.00 s\n",
    )


def test_long_arguments_and_outputs_are_cut_unless_asked_for() -> None:
    call = ToolCall("call_3", "note", json.dumps({"text": "x" * 300}))
    events = (ToolCalled(call), ToolReturned(call, "y" * 300, 1.5))
    assert shown(events)[1] == (
        '→ note {"text": "' + "x" * 149 + "…\n← note ok " + "y" * 159 + "…  1.50 s\n"
    )
    assert shown(events, verbosity=1)[1] == (
        '→ note {"text": "' + "x" * 300 + '"}\n← note ok ' + "y" * 300 + "  1.50 s\n"
    )


def test_an_answer_that_was_not_streamed_is_printed_at_the_end() -> None:
    finished = Finished("completed", "thread_a", "run_b", "Hello.")
    assert shown([finished]) == ("Hello.\n", "completed\n")


@pytest.mark.parametrize("text", ["", "one line\n", "no end"])
def test_the_answer_ends_in_one_newline_unless_it_is_empty(text: str) -> None:
    finished = Finished("completed", "thread_a", "run_b", text)
    expected = text if text.endswith("\n") or not text else text + "\n"
    assert shown([TextDelta(text), finished])[0] == expected


def test_a_model_cannot_command_the_terminal_but_a_pipe_gets_its_words_unchanged() -> None:
    call = ToolCall("call_4", "x\x1b[2J", '{"a": "\x1b[2J"}')
    events = (
        TextDelta("\x1b"),
        TextDelta("[31mred\u202e"),
        ToolCalled(call),
        ToolReturned(call, "\x1b[2J", 0.0),
        ToolReturned(call, "", 0.0, "\x1b[2J"),
        Notice("\x9b2J"),
    )
    story = r"""→ x\x1b[2J {"a": "\x1b[2J"}
← x\x1b[2J ok \x1b[2J  0.00 s
✗ x\x1b[2J \x1b[2J  0.00 s
note: \x9b2J
"""
    assert shown(events) == ("\x1b[31mred\u202e\n", story)
    assert on_a_terminal(events) == "\\x1b[31mred\\u202e\n" + story


def test_json_is_one_object_on_stdout_while_the_story_goes_on() -> None:
    stdout, stderr = shown(TURN, "json")
    assert json.loads(stdout) == {
        "status": "completed",
        "thread": "thread_a",
        "run": "run_b",
        "text": "Let me see.\n已记账。",
        "tool_calls": [
            {
                "name": "save_bill",
                "arguments": {"totalCost": 40, "note": "花"},
                "output": '{"id": 7}',
                "seconds": 0.012,
                "error": None,
            },
            {
                "name": "refund",
                "arguments": '{"bill": ',
                "output": '{"error": "bad"}',
                "seconds": 0.0,
                "error": "the arguments are not JSON",
            },
        ],
        "usage": USAGE,
        "seconds": None,
        "annotations": [],
        "sources": [],
        "files": [],
        "steps": [],
        "notes": ["answered by the scripted model"],
    }
    assert stderr == STORY


def test_json_has_the_notes_of_a_run_that_has_some() -> None:
    finished = Finished("completed", "thread_a", "run_b", "Hi", None)
    note = "the model does not take temperature, which was left out"
    stdout, stderr = shown([Notice(note), finished], "json")
    assert json.loads(stdout)["notes"] == [note]
    assert f"note: {note}\n" in stderr


def test_json_says_why_a_turn_did_not_complete() -> None:
    finished = Finished("failed", "thread_a", "run_b", "", None, "rate limit reached")
    assert json.loads(shown([finished], "json")[0]) == {
        "status": "failed",
        "thread": "thread_a",
        "run": "run_b",
        "text": "",
        "tool_calls": [],
        "usage": None,
        "seconds": None,
        "annotations": [],
        "sources": [],
        "files": [],
        "steps": [],
        "error": "rate limit reached",
    }


def test_json_lines_are_the_events_and_stderr_is_silent() -> None:
    stdout, stderr = shown(TURN, "jsonl")
    returned = {"name": "save_bill", "arguments": {"totalCost": 40, "note": "花"}}
    refused = {"name": "refund", "arguments": '{"bill": '}
    ok = {**returned, "output": '{"id": 7}', "seconds": 0.012, "error": None}
    bad = {
        **refused,
        "output": '{"error": "bad"}',
        "seconds": 0.0,
        "error": "the arguments are not JSON",
    }
    assert [json.loads(line) for line in stdout.splitlines()] == [
        {"type": "thread_started", "thread": "thread_a"},
        {"type": "run_started", "run": "run_b"},
        {"type": "status_changed", "status": "queued"},
        {"type": "status_changed", "status": "in_progress"},
        {"type": "notice", "text": "answered by the scripted model"},
        {"type": "text_delta", "text": "Let me "},
        {"type": "text_delta", "text": "see."},
        {"type": "status_changed", "status": "requires_action"},
        {
            "type": "action_required",
            "calls": [{"id": "call_1", **returned}, {"id": "call_2", **refused}],
        },
        {"type": "tool_called", "id": "call_1", **returned},
        {"type": "tool_called", "id": "call_2", **refused},
        {"type": "tool_returned", "id": "call_1", **ok},
        {"type": "tool_returned", "id": "call_2", **bad},
        {"type": "status_changed", "status": "queued"},
        {"type": "status_changed", "status": "in_progress"},
        {"type": "text_delta", "text": "已记"},
        {"type": "text_delta", "text": "账。"},
        {"type": "status_changed", "status": "completed"},
        {
            "type": "finished",
            "status": "completed",
            "thread": "thread_a",
            "run": "run_b",
            "text": "Let me see.\n已记账。",
            "tool_calls": [ok, bad],
            "usage": USAGE,
            "seconds": None,
            "annotations": [],
            "sources": [],
            "files": [],
            "steps": [],
        },
    ]
    assert stderr == ""


def test_tokens_are_added_where_no_total_is_told() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    assert shown([Finished("completed", "t", "r", "", usage)])[1] == (
        "completed  7 tokens (3 in, 4 out)\n"
    )


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        ("failed", "no model is declared", "the run ended as failed: no model is declared"),
        ("failed", None, "the run ended as failed: the target gave no reason"),
        ("cancelled", None, "the run ended as cancelled: it was cancelled"),
        (
            "expired",
            None,
            "the run ended as expired: it was not finished in the time that the target allows",
        ),
        (
            "incomplete",
            None,
            "the run ended as incomplete: a limit was reached before the answer was complete",
        ),
    ],
)
def test_a_turn_that_did_not_complete_is_explained(
    status: str, error: str | None, sentence: str
) -> None:
    assert failure(Finished(status, "t", "r", "", None, error)) == sentence


def test_of_a_call_that_is_asked_about_nothing_is_hidden():
    call = ToolCall("call_1", "pay", '{"to": "bob@exa\u200bmple.com\U000e0041", "sum": 5}')
    shown = r"bob@exa\u200bmple.com\U000e0041"
    assert called(call) == f'pay({{"to": "{shown}", "sum": 5}})'
    assert called(call, 1) == f'pay({{\n  "to": "{shown}",\n  "sum": 5\n}})'
