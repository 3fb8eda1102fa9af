"""Marks in streamed text, however the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistctl.server.engine.citations import DATA, Citer, Sources, without_marks
from assistctl.server.engine.search import resolver


def passage(file_id, name="a.txt"):
    return {"file_id": file_id, "file_name": name}


FOUND = {4: [passage("file-a"), passage("file-b", "b.txt")]}


def cite(*parts, found=FOUND):
    citer = Citer(Sources(resolver(found)))
    pieces = [piece for part in parts for piece in citer.feed(part)] + citer.flush()
    assert "".join(piece.text for piece in pieces) == citer.text == "".join(parts)
    return pieces, [
        (note["text"], note["start_index"], note["end_index"], note["file_citation"]["file_id"])
        for note in citer.annotations
    ]


def test_a_mark_comes_in_one_piece_with_its_annotation():
    pieces, notes = cite("Red 【4", ":0†", "source】, yes")
    assert [piece.text for piece in pieces] == ["Red ", "【4:0†source】", ", yes"]
    assert [len(piece.annotations) for piece in pieces] == [0, 1, 0]
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
    pieces, _ = cite("【" + "长" * 200, "长" * 200, "长", "】")
    assert [len(piece.text) for piece in pieces] == [401, 1, 1]


def test_with_several_searches_the_number_decides():
    found = FOUND | {5: [passage("file-c", "c.txt")]}
    assert [note[3] for note in cite("【5:0†source】【6:0†source】", found=found)[1]] == ["file-c"]


def test_without_a_search_nothing_is_cited():
    assert cite("【4:0†source】", found={})[1] == []


@given(st.text(alphabet="【】4:0†source 花", max_size=60), st.data())
def test_no_cut_of_the_stream_changes_text_or_annotations(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    pieces, notes = cite(*parts)
    assert notes == cite(text)[1]
    for mark, start, end, _ in notes:
        assert text[start:end] == mark
    assert sum(len(piece.annotations) for piece in pieces) == len(notes)


def test_marks_can_be_taken_out_again():
    text = "Red 【4:0†source】 and 【注意】."
    citer = Citer(Sources(resolver(FOUND)))
    citer.feed(text)
    assert without_marks(text, citer.annotations) == "Red  and 【注意】."


PATHS = {DATA + name: f"file-{name}" for name in ("a.csv", "a.csv.gz", "sub/图.png")}


def link(*parts):
    """(piece, file id) of every piece that bears an annotation, and all pieces."""
    citer = Citer(Sources(resolver(FOUND), PATHS))
    pieces = [piece for part in parts for piece in citer.feed(part)] + citer.flush()
    assert "".join(piece.text for piece in pieces) == citer.text == "".join(parts)
    for note in citer.annotations:
        assert citer.text[note["start_index"] : note["end_index"]] == note["text"]
    notes = [note for piece in pieces for note in piece.annotations]
    assert notes == [{"index": at, **note} for at, note in enumerate(citer.annotations)]
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
    citer = Citer(Sources(resolver(FOUND), PATHS))
    assert [piece.text for piece in citer.feed("shops and")] == ["shops and"]
    assert [piece.text for piece in citer.feed("box")] == ["box"]
    assert citer.feed(f"{DATA}a.cs") == []
    assert [piece.text for piece in citer.feed("s")] == [DATA, "a.cs"]
