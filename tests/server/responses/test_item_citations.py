"""Texts with citation marks, as texts without them."""

from __future__ import annotations

from typing import Any

import pytest

from assistctl.server.responses_api.items.citations import without_marks

MARK = "【4:0†p】"


def cited(text: str, start: int, kind: str = "file_citation", end: int | None = None) -> Any:
    end = start + len(text) if end is None else end
    return {"type": kind, "text": text, "start_index": start, "end_index": end}


@pytest.mark.parametrize(
    ("value", "annotations", "text", "places"),
    [
        ("Plain.", [], "Plain.", []),
        (f"Red{MARK}.", [cited(MARK, 3)], "Red.", [(3, 3)]),
        (
            f"Red{MARK} and blue{MARK}.",
            [cited(MARK, 3), cited(MARK, 19)],
            "Red and blue.",
            [(3, 3), (12, 12)],
        ),
        (f"Red{MARK}.", [cited(MARK, 3), cited(MARK, 3)], "Red.", [(3, 3), (3, 3)]),
        (f"🌹🌹{MARK}.", [cited(MARK, 4)], "🌹🌹.", [(2, 2)]),
        ("Red.", [cited(MARK, 3)], "Red.", [(4, 4)]),
        (
            f"Red{MARK}: sandbox:/mnt/data/a b",
            [cited("sandbox:/mnt/data/a", 12, "file_path"), cited(MARK, 3)],
            "Red: sandbox:/mnt/data/a b",
            [(3, 3), (5, 24)],
        ),
        (f"Red{MARK}.", [{"type": "file_citation", "text": MARK}], "Red.", [(3, 3)]),
    ],
    ids=["none", "one", "two", "twice", "counted otherwise", "not there", "path", "uncounted"],
)
def test_marks_are_taken_out_and_what_follows_moves_up(
    value: str, annotations: list[Any], text: str, places: list[tuple[int, int]]
) -> None:
    shown, found = without_marks(value, annotations)
    assert shown == text
    assert [(each.start, each.end) for each in found] == places
