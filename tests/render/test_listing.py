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


def test_many_files_of_one_status_are_one_line_unless_each_is_wanted() -> None:
    files = tuple(
        Listed(Address("file", f"docs/{number}.md"), None, "missing" if number < 6 else "synced")
        for number in range(8)
    )
    assert (
        click.unstyle(listing_text((*files, *ROWS[:1])))
        == """\
ADDRESS                STATUS   ID
file/… (6 files)       missing
file/docs/6.md         synced
file/docs/7.md         synced
assistant/flower-shop  synced   asst_abc"""
    )
    assert len(listing_text(files, each=True).splitlines()) == 9


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
            "tools": [{"type": "code_interpreter", "container": "as the target says"}],
            "top_p": 1,
        },
        {"temperature", "model", "instructions"},
    )
    assert (
        click.unstyle(shown_text(shown))
        == """\
assistant/helper  drifted  asst_1
  name: "Helper"
  temperature:
    target:   0.7
    declared: 0.2
  model:
    target:   (absent)
    declared: "gpt-5"
  instructions:  (- target, + declared)
    @@ -1,2 +1,2 @@
     a
    -c
    +b
  tools: code_interpreter
  top_p: 1  (not declared)"""
    )


def test_the_files_of_a_store_are_counted_and_what_differs_is_named() -> None:
    files = [Address("file", f"docs/{number}.md") for number in range(9)]
    listed = Listed(Address("vector_store", "docs"), "vs_1", "changed")
    alike = Shown(listed, {"files": files}, {"files": files[::-1]})
    assert click.unstyle(shown_text(alike)).splitlines()[1:] == [
        "  files: 9 files: docs/0.md, docs/1.md, docs/2.md and 6 more"
    ]
    changed = Shown(listed, {"files": files}, {"files": ["file-1", *files[:8]]})
    assert click.unstyle(shown_text(changed)).splitlines()[1:] == [
        "  files:  (- target, + declared)",
        "    - file-1",
        "    + docs/8.md",
    ]


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
        Listed(Address("assistant", "helper"), "asst_1", "drifted"),
        {"tools": [{"type": "file_search"}, save], "expires_after": None},
        {"tools": [{"type": "file_search", "max": 5}, save], "expires_after": None},
        {"tools"},
    )
    assert (
        click.unstyle(shown_text(shown))
        == """\
assistant/helper  drifted  asst_1
  tools:  (- target, + declared)
    @@ -1,7 +1,6 @@
     [
       {
    -    "type": "file_search",
    -    "max": 5
    +    "type": "file_search"
       },
       {
         "type": "function","""
    )
