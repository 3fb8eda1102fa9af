"""What may be the name of a file in /mnt/data, and what other names become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistctl.server.sandbox.names import data_names, is_name, shown


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a.csv", True),
        ("价格 (1).csv", True),
        ("a/b/c", True),
        ("..a/...", True),
        ("é" * 127, True),
        ("é" * 128, False),
        ("", False),
        ("/a", False),
        ("a/", False),
        ("a//b", False),
        ("./a", False),
        ("a/../b", False),
        ("a\0b", False),
        ("a\x1b[2J", False),
        ("a\u202eb", False),
        ("a\udcff", False),
    ],
)
def test_names_are_relative_and_can_be_shown(name, is_one):
    assert is_name(name) is is_one


@pytest.mark.parametrize(
    ("filenames", "names"),
    [
        (["a.csv", "b.csv"], ["a.csv", "b.csv"]),
        (["a.csv", "a.csv", "a-2.csv", "a.csv"], ["a.csv", "a-2.csv", "a-2-2.csv", "a-3.csv"]),
        (["../../etc/passwd", "C:\\Users\\x\\b.txt"], ["passwd", "b.txt"]),
        (["", "/", ".", "..", "a\nb"], ["file", "file-2", "file-3", "file-4", "a_b"]),
        ([".env", " 价格 表.xlsx "], [".env", "价格 表.xlsx"]),
        (["x" * 300 + ".csv"], ["x" * 60 + ".csv"]),
    ],
)
def test_names_are_made_safe_and_distinct(filenames, names):
    assert data_names(filenames) == names


@given(st.lists(st.text() | st.sampled_from([".", "..", "a", "a/", "é" * 200, "." * 300])))
def test_whatever_files_are_called_there_is_a_name_for_each(filenames):
    names = data_names(filenames)
    assert len(set(names)) == len(filenames)
    assert all(is_name(name) and "/" not in name for name in names)


def test_words_are_shown_without_what_disturbs():
    assert shown("a\x1b[2J\u202eb\udc80\n") == "a\ufffd[2J\ufffdb\ufffd\ufffd"
