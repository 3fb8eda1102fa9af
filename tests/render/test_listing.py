import json

import click

from assistctl.render.listing import (
    Listed,
    Shown,
    listing_json,
    listing_text,
    shown_json,
    shown_text,
)
from assistctl.resources import Address

ROWS = (
    Listed(Address("assistant", "flower-shop"), "asst_abc", "synced"),
    Listed(Address("vector_store", "手册"), None, "missing"),
    Listed(Address("file", "a\x1b[2J.csv"), "file-1", "undeclared"),
)


def test_columns_stay_in_line_with_wide_characters_too() -> None:
    assert (
        click.unstyle(listing_text(ROWS))
        == r"""ADDRESS                STATUS      ID
assistant/flower-shop  synced      asst_abc
vector_store/手册      missing
file/a\x1b[2J.csv      undeclared  file-1"""
    )


def test_an_empty_listing_is_said_in_words() -> None:
    assert listing_text(()) == "Nothing is declared, and nothing exists."
    assert json.loads(listing_json(())) == []


def test_the_listing_as_json_has_the_shape_of_the_contract() -> None:
    assert json.loads(listing_json(ROWS[:2])) == [
        {"address": "assistant/flower-shop", "id": "asst_abc", "status": "synced"},
        {"address": "vector_store/手册", "id": None, "status": "missing"},
    ]


def test_an_object_is_shown_field_by_field_against_the_target() -> None:
    shown = Shown(
        Listed(Address("assistant", "helper"), "asst_1", "drifted"),
        {
            "name": "Helper",
            "temperature": 0.2,
            "model": "gpt-5",
            "instructions": "a\nb\n",
            "tools": [{"type": "code_interpreter"}],
        },
        {
            "name": "Helper",
            "temperature": 0.7,
            "instructions": "a\nc\n",
            "tools": [{"type": "code_interpreter"}],
            "top_p": 1,
        },
        ("its run defaults stay here",),
    )
    assert (
        click.unstyle(shown_text(shown))
        == """\
assistant/helper  drifted  asst_1
  name: "Helper"
  temperature:
    declared: 0.2
    target:   0.7
  model:
    declared: "gpt-5"
    target:   (absent)
  instructions:  (- declared, + target)
    @@ -1,2 +1,2 @@
     a
    -b
    +c
  tools: code_interpreter
  top_p: 1  (not declared)
Note: its run defaults stay here"""
    )


def test_an_object_on_one_side_only_is_shown_as_it_is() -> None:
    listed = Listed(Address("assistant", "helper"), None, "missing")
    assert click.unstyle(shown_text(Shown(listed, {"name": "Helper"}))) == (
        'assistant/helper  missing\n  name: "Helper"'
    )
    assert json.loads(shown_json(Shown(listed, {"name": "Helper"}))) == {
        "address": "assistant/helper",
        "id": None,
        "status": "missing",
        "declared": {"name": "Helper"},
        "observed": None,
    }


def test_what_is_too_long_for_a_line_is_shown_as_a_diff_of_its_json() -> None:
    save = {"type": "function", "function": {"name": "save_bill", "description": "Save." * 20}}
    shown = Shown(
        Listed(Address("assistant", "helper"), "asst_1", "synced"),
        {"tools": [{"type": "file_search"}, save], "expires_after": None},
        {"tools": [{"type": "file_search", "max": 5}, save], "expires_after": None},
    )
    assert (
        click.unstyle(shown_text(shown))
        == """\
assistant/helper  synced  asst_1
  tools:  (- declared, + target)
    @@ -1,6 +1,7 @@
     [
       {
    -    "type": "file_search"
    +    "type": "file_search",
    +    "max": 5
       },
       {
         "type": "function","""
    )
