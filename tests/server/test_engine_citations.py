"""Marks in streamed text, however the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistctl.server.assistants_api.record.transcript import without_marks
from assistctl.server.assistants_api.record.writers import MessageWriter
from assistctl.server.engine.citations import DATA, CitableSources, Citer
from assistctl.server.engine.file_search import resolver
from assistctl.server.retrieval.search import Hit
from assistctl.server.storage.leases import Claim


def passage(file_id, name="a.txt"):
    return Hit(file_id, name, 1.0, {}, "")


FOUND = {4: [passage("file-a"), passage("file-b", "b.txt")]}


def written(citer, parts):
    """The text of a message into which these parts were written, and of each of its deltas."""
    run = {"id": "run_1", "thread_id": "thread_1", "assistant_id": "asst_1"}
    writer = MessageWriter(Claim("default", "thread_1", "run_1"), run, ())
    spans = [span for part in parts for span in citer.feed(part)] + citer.flush()
    deltas = [event.data["delta"]["content"][0] for span in spans for event in writer.write(span)]
    text = writer.content()[0]["text"] if spans else {"value": "", "annotations": []}
    assert "".join(span.text for span in spans) == text["value"] == "".join(parts)
    return text, [delta["text"] for delta in deltas]


def cite(*parts, found=FOUND):
    text, deltas = written(Citer(CitableSources(resolver(found))), parts)
    return deltas, [
        (note["text"], note["start_index"], note["end_index"], note["file_citation"]["file_id"])
        for note in text["annotations"]
    ]


def test_a_mark_comes_in_one_piece_with_its_annotation():
    deltas, notes = cite("Red 【4", ":0†", "source】, yes")
    assert [delta["value"] for delta in deltas] == ["Red ", "【4:0†source】", ", yes"]
    assert [len(delta.get("annotations", ())) for delta in deltas] == [0, 1, 0]
    assert notes == [("【4:0†source】", 4, 16, "file-a")]


@pytest.mark.parametrize(
    ("text", "file_ids"),
    [
        ("【4:1†source】", ["file-b"]),
        ("【9:1†x】", ["file-b"]),
        ("【4:7†b.txt】", ["file-b"]),
        ("【4:7†source】", []),
        ("【注意】【4:0†source】", ["file-a"]),
        ("【【4:0†source】", ["file-a"]),
        ("【4:0†source】【4:1†source】", ["file-a", "file-b"]),
        ("【4:0†source", []),
        ("【" + "9" * 5000 + ":0†source】", []),
        ("no mark at all", []),
        ("【" + "长" * 500 + "】【4:0†source】", ["file-a"]),
    ],
)
def test_marks_resolve_to_what_was_found(text, file_ids):
    assert [note[3] for note in cite(text)[1]] == file_ids


def test_what_only_looks_like_a_mark_is_not_held_back_for_long():
    deltas, _ = cite("【" + "长" * 200, "长" * 200, "长", "】")
    assert [len(delta["value"]) for delta in deltas] == [401, 1, 1]


def test_with_several_searches_the_number_decides():
    found = FOUND | {5: [passage("file-c", "c.txt")]}
    assert [note[3] for note in cite("【5:0†source】【6:0†source】", found=found)[1]] == ["file-c"]


def test_without_a_search_nothing_is_cited():
    assert cite("【4:0†source】", found={})[1] == []


@given(st.text(alphabet="【】4:0†source 花", max_size=60), st.data())
def test_no_cut_of_the_stream_changes_text_or_annotations(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    deltas, notes = cite(*parts)
    assert notes == cite(text)[1]
    for mark, start, end, _ in notes:
        assert text[start:end] == mark
    assert sum(len(delta.get("annotations", ())) for delta in deltas) == len(notes)


def test_marks_can_be_taken_out_again():
    text = "Red 【4:0†source】 and 【注意】."
    message, _ = written(Citer(CitableSources(resolver(FOUND))), [text])
    assert without_marks(text, message["annotations"]) == "Red  and 【注意】."


PATHS = {DATA + name: f"file-{name}" for name in ("a.csv", "a.csv.gz", "sub/图.png")}


def link(*parts):
    """What is linked, and to which file."""
    text, deltas = written(Citer(CitableSources(resolver(FOUND), PATHS)), parts)
    for note in text["annotations"]:
        assert text["value"][note["start_index"] : note["end_index"]] == note["text"]
    notes = [note for delta in deltas for note in delta.get("annotations", ())]
    assert notes == [{"index": at, **note} for at, note in enumerate(text["annotations"])]
    return [(note["text"].removeprefix(DATA), note[note["type"]]["file_id"]) for note in notes]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        (f"[it]({DATA}a.csv).", [("a.csv", "file-a.csv")]),
        (f"{DATA}a.csv", [("a.csv", "file-a.csv")]),
        (f"{DATA}a.csv.", [("a.csv", "file-a.csv")]),
        (f"{DATA}a.csv.gz", [("a.csv.gz", "file-a.csv.gz")]),
        (f"{DATA}a.csvx and {DATA}b.csv", []),
        (f"{DATA}sub/图.png看", [("sub/图.png", "file-sub/图.png")]),
        (f"【{DATA}a.csv】", [("a.csv", "file-a.csv")]),
        (f"{DATA}a.csv【4:0†source】", [("a.csv", "file-a.csv"), ("【4:0†source】", "file-a")]),
        (f"sandbox:{DATA}a.csv sandbox", [("a.csv", "file-a.csv")]),
        ("a shop's sand", []),
    ],
)
def test_paths_of_written_files_are_linked_however_they_are_cut(text, links):
    assert link(text) == links
    assert link(*text) == links
    for at in range(len(text)):
        assert link(text[:at], text[at:]) == links


def test_what_cannot_become_a_path_is_not_held_back():
    citer = Citer(CitableSources(resolver(FOUND), PATHS))
    assert [span.text for span in citer.feed("shops and")] == ["shops and"]
    assert [span.text for span in citer.feed("box")] == ["box"]
    assert citer.feed(f"{DATA}a.cs") == []
    assert [span.text for span in citer.feed("s")] == [DATA, "a.cs"]
