"""What is put together of the pieces that an API tells, whatever they are cut into."""

import pytest

from assistctl.apis.answers import Answer, why_function_failed, why_it_failed
from assistctl.apis.assistants.steps import completed, said
from assistctl.errors import RemoteError
from assistctl.events import CodeCalled, CodeReturned, Source, TextDelta

TEXT = "Daily【4:0†source】, 【重要】【a【4:1†care.md】"
NOTES = [
    {"type": "file_citation", "text": text, "file_citation": {"file_id": file_id}}
    for text, file_id in (("【4:0†source】", "file-1"), ("【4:1†care.md】", "file-2"))
]


def delta(text, notes=()):
    numbered = [{"index": number, **note} for number, note in enumerate(notes)]
    content = [{"index": 0, "type": "text", "text": {"value": text, "annotations": numbered}}]
    return {"id": "msg_1", "delta": {"content": content}}


def message(text, notes):
    content = [{"type": "text", "text": {"value": text, "annotations": list(notes)}}]
    return {"id": "msg_1", "content": content}


def numbered(events):
    return "".join(f"[{it.source}]" if it.source else it.text for it in events)


@pytest.mark.parametrize("size", range(1, 12))
def test_a_mark_is_one_delta_wherever_the_text_was_cut_and_nothing_else_is(size):
    answer, heard = Answer(), []
    for start in range(0, len(TEXT), size):
        heard += answer.say("msg_1", TEXT[start : start + size])
    heard += answer.pause()
    assert "".join(event.text for event in heard) == answer.text == TEXT
    assert [event.text for event in heard if event.source] == ["【4:0†source】", "【4:1†care.md】"]
    assert numbered(heard) == "Daily[1], 【重要】【a[2]"


def test_text_that_only_begins_like_a_mark_is_held_back_no_longer_than_it_may_be_one():
    answer = Answer()
    assert list(answer.say("msg_1", "a【4:")) == [TextDelta("a")]
    assert list(answer.say("msg_1", "0†so")) == []
    assert list(answer.say("msg_1", "x" * 400)) == [TextDelta("【4:0†so" + "x" * 400)]
    assert list(answer.say("msg_1", "【5")) == []
    assert list(answer.pause()) == [TextDelta("【5")]


def test_what_a_mark_stands_for_may_be_told_with_it_or_when_the_message_is_whole():
    streamed, late = Answer(), Answer()
    list(said(streamed, delta(TEXT, NOTES), delta(TEXT, NOTES)["delta"]["content"]))
    list(said(late, delta(TEXT), delta(TEXT)["delta"]["content"]))
    for answer in (streamed, late):
        assert list(completed(answer, message(TEXT, NOTES))) == []
        assert answer.sources == (Source(1, None, "file-1"), Source(2, None, "file-2"))
        assert [*answer.finished("completed", "t", "r", None, None).annotations] == NOTES


def test_a_file_that_is_cited_twice_is_one_source():
    notes = [NOTES[0], {**NOTES[1], "file_citation": {"file_id": "file-1"}}]
    answer = Answer()
    events = list(completed(answer, message(TEXT, notes)))
    assert numbered(events) == "Daily[1], 【重要】【a[1]"
    assert answer.sources == (Source(1, None, "file-1"),)


def test_a_citation_whose_text_is_no_mark_gets_its_number_behind_the_text():
    note = {
        "type": "file_citation",
        "text": "[^1]",
        "file_citation": {"file_id": "f", "quote": "Q"},
    }
    answer = Answer()
    assert numbered(completed(answer, message("So it is.[^1]", [note]))) == "So it is.[^1][1]"
    assert answer.sources == (Source(1, None, "f", "Q"),)


def test_files_of_which_too_little_was_told_are_read_and_one_that_is_gone_keeps_its_id():
    content = [{"type": "image_file", "image_file": {"file_id": it}} for it in ("file-3", "file-9")]
    answer = Answer()
    list(completed(answer, message(TEXT, NOTES[:1])))
    list(completed(answer, {"id": "msg_2", "content": content}))
    known = {
        "file-1": {"filename": "care.md", "bytes": 9},
        "file-3": {"filename": "p.png", "bytes": 7},
    }

    def read(file_id):
        if file_id not in known:
            raise RemoteError("not there", status=404)
        return known[file_id]

    answer.learn(read)
    assert answer.sources[0] == Source(1, "care.md", "file-1")
    files = answer.finished("completed", "t", "r", None, None).files
    assert [(it.name, it.size) for it in files] == [("p.png", 7), ("file-9", None)]


def test_code_is_told_once_however_often_an_api_tells_of_it():
    answer = Answer()
    events = [
        *answer.code_begins("call_1", "1 + 2"),
        *answer.code_begins("call_1", "1 + 2"),
        *answer.code_ended("call_1", "1 + 2", "3"),
        *answer.code_ended("call_1", "1 + 2", "3"),
        *answer.code_ended("call_2", "4", "4"),
    ]
    assert [type(event) for event in events] == [CodeCalled, CodeReturned] * 2
    assert events[1].seconds is not None
    assert events[3].seconds is None


@pytest.mark.parametrize(
    ("printed", "error"),
    [
        ("", None),
        ("7\n", None),
        ("ValueError: is what the book calls it\n", None),
        ("Traceback (most recent call last):\n  File …\nKeyError: 'a'\n", "KeyError: 'a'"),
        ('  File "cell", line 1\n    1 +\nSyntaxError: invalid\n', "SyntaxError: invalid"),
        ("Traceback (most recent call last):\nValueError: caught\n7 all the same\n", None),
        (
            "Traceback (most recent call last):\n  File …\nImportError: no\n[Use csv.]\n",
            "ImportError: no",
        ),
        ("1\n[The code was stopped: 60 s.]\n", "The code was stopped: 60 s."),
    ],
)
def test_why_code_failed_is_read_from_what_was_printed_last(printed, error):
    assert why_it_failed(printed) == error


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ('{"error": {"type": "exception", "message": "no"}}', "exception: no"),
        ('{"error": {"type": "a", "message": "b", "details": []}}', "a: b"),
        ('{"error": {"type": "a", "message": "b"}, "rows": 2}', None),
        ('{"error": "what a function calls so"}', None),
        ("[" * 100_000, None),
        ("3", None),
        ("", None),
    ],
)
def test_why_a_function_failed_is_read_from_what_the_model_was_told(output, error):
    assert why_function_failed(output) == error
