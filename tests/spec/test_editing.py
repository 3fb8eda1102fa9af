"""One value changes, and nothing else in the file."""

import pytest

from assistctl.spec.editing import ABSENT, NotEditable, with_item, with_value, without_value

FILE = "a.yaml"
TEXT = """\
# The shop.
name:   Clerk      # aligned
instructions: |
    You sell flowers.
    Be brief.

# How warm it may be.
temperature: 0.50
tools:
- type: function
  python: till:add     # adds
- {type: code_interpreter, files: [ prices.csv,
      costs.csv ]}
metadata:
    team: 'a'

    # the owner
    owner: b
description: This is a plain scalar
  that goes over two lines.
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("name",), "yes", "Clerk ", '"yes" '),
        (("temperature",), 1, "0.50", "1"),
        (("instructions",), "Sell.\nMore.\n", "You sell flowers.\n    Be brief", "Sell.\n    More"),
        (("instructions",), "Sell.", "|\n    You sell flowers.\n    Be brief.", "Sell."),
        (("metadata", "owner"), "12:30", "owner: b", 'owner: "12:30"'),
        (("metadata", "size"), "1_000", "owner: b\n", 'owner: b\n    size: "1_000"\n'),
        (("metadata", "team"), ABSENT, "    team: 'a'\n", ""),
        (("temperature",), ABSENT, "temperature: 0.50\n", ""),
        (("tools", 0), ABSENT, "- type: function\n  python: till:add     # adds\n", ""),
        (("tools", 0, "type"), ABSENT, "- type: function\n  python", "- python"),
        (("tools", 1, "files", 0), "a, b", "prices.csv,", '"a, b",'),
        (("tools", 1, "files", 0), ABSENT, "[ prices.csv,\n      costs.csv ]", "[costs.csv]"),
        (("tools", 0, "python"), "till:sub", "till:add", "till:sub"),
        (
            ("description",),
            "${A}: # b",
            "This is a plain scalar\n  that goes over two lines.",
            '"$${A}: # b"',
        ),
        (("new",), {"a": [{"b": None}]}, "lines.\n", "lines.\nnew:\n  a:\n    - b: null\n"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
def test_a_value_is_changed_added_or_taken_away_and_the_rest_stays(path, value, old, new, newline):
    text = "\ufeff" + TEXT.replace("\n", newline)
    if value is ABSENT:
        changed = without_value(text, FILE, path)
    else:
        changed = with_value(text, FILE, path, value)
    assert old in TEXT
    assert changed == "\ufeff" + TEXT.replace(old, new).replace("\n", newline)


def test_an_item_is_added_to_a_list_as_it_is_indented():
    item = {"type": "function", "function": {"name": "x", "description": "你好"}}
    added = "- type: function\n  function:\n    name: x\n    description: 你好\n"
    assert with_item(TEXT, FILE, ("tools",), item) == TEXT.replace("metadata", f"{added}metadata")


def test_what_holds_nothing_any_more_says_so():
    assert without_value("a:\n  b: 1\nc: 2\n", FILE, ("a", "b")) == "a: {}\nc: 2\n"


SHARED = 'a: &x {p: 1}\nb: *x\nc: &y 3\nd: "${V}"\n'


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("a", "p"), 2, "a.yaml:1:4: `&x` stands for the same at line 2, which would change with"),
        (("b", "p"), 2, "a.yaml:2:4: `*x` stands for what is written at `&x`; write it out here"),
        (("d",), "q", "a.yaml:4:4: a variable stands here"),
        (("f",), [2, 3], "a.yaml:8:3: the comments in it would be lost"),
    ],
)
def test_what_would_change_others_or_lose_something_is_refused_with_its_place(path, value, reason):
    shared = SHARED if path != ("f",) else "f:\n  - 1\n  # why\n  - 2\n"
    reason = reason.replace(":8:3:", ":2:3:")
    with pytest.raises(NotEditable) as refused:
        with_value(shared, FILE, path, value)
    assert str(refused.value).startswith(reason)


def test_an_alias_is_replaced_and_an_anchor_that_nothing_uses_goes():
    assert with_value(SHARED, FILE, ("b",), 5) == SHARED.replace("*x", "5")
    assert with_value(SHARED, FILE, ("c",), 4) == SHARED.replace("&y 3", "4")
