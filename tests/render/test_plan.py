import json

import click
import pytest

from assistctl.plan.changes import Action, Change, FieldChange, Plan
from assistctl.render.plan import plan_text
from assistctl.render.plan_json import plan_document
from assistctl.render.values import json_document
from assistctl.resources import Address

PRICES = Address("file", "assistants/flower_prices.csv")
SHOP = Address("assistant", "flower-shop")
HELPER = Address("assistant", "helper")
OLD = Address("vector_store", "old")

CREATES = (
    Change(Action.CREATE, PRICES, "used by assistant/flower-shop"),
    Change(
        Action.CREATE,
        SHOP,
        "not at the target yet",
        (
            FieldChange("name", None, "花店财务助手"),
            FieldChange("instructions", None, "你是花店的财务助手。\n先查价格，再记账。\n"),
            FieldChange(
                "tools",
                None,
                [
                    {"type": "code_interpreter"},
                    {"type": "function", "function": {"name": "save_bill"}},
                ],
            ),
            FieldChange("tool_resources", None, {"code_interpreter": {"file_ids": [PRICES]}}),
        ),
    ),
)


def text(plan: Plan, *operations: list[str]) -> str:
    return click.unstyle(plan_text(plan, operations))


def test_a_plan_without_changes_says_so_in_one_line() -> None:
    assert text(Plan("local")) == "No changes. local is as declared."


def test_what_is_created_is_shown_compactly() -> None:
    assert (
        text(Plan("local", CREATES))
        == """\
+ file/assistants/flower_prices.csv  used by assistant/flower-shop

+ assistant/flower-shop  not at the target yet
    name: "花店财务助手"
    instructions: "你是花店的财务助手。" (2 lines, 21 characters)
    tools: code_interpreter, function save_bill
    tool_resources: {"code_interpreter": {"file_ids": ["file/assistants/flower_prices.csv"]}}

Plan for local: 2 to create, 0 to update, 0 to delete."""
    )


def test_an_update_is_shown_field_by_field_with_the_side_that_moved() -> None:
    fields = (
        FieldChange("temperature", 0.2, 0.5),
        FieldChange("tools[refund]", {"type": "function"}, None),
        FieldChange("model", "gpt-4.1", "gpt-5", "remote"),
        FieldChange("top_p", None, 0.5, "both"),
        FieldChange("instructions", "a\nb\nc\n", "a\nB\nc\n", "remote"),
    )
    change = Change(Action.UPDATE, HELPER, "the declaration changed", fields, "asst_1")
    assert (
        text(Plan("prod", (change,)))
        == """\
~ assistant/helper  the declaration changed
    temperature: 0.2 → 0.5
    tools[refund]: {"type": "function"} → (absent)
    model: "gpt-4.1" → "gpt-5"  (changed at the target since the last sync)
    top_p: (absent) → 0.5  (changed here and at the target since the last sync)
    instructions:  (changed at the target since the last sync)
      @@ -1,3 +1,3 @@
       a
      -b
      +B
       c

Edits made at the target: `assistctl pull` brings them into the YAML, \
`assistctl sync --on-drift overwrite` takes them back, `keep` leaves them.

Plan for prod: 0 to create, 1 to update, 0 to delete."""
    )


def test_the_last_line_counts_what_is_listed() -> None:
    changes = (
        Change(Action.ADOPT, SHOP, "takes over asst_7", (FieldChange("top_p", 1, 0.5),), "asst_7"),
        Change(
            Action.DELETE,
            OLD,
            "no longer declared",
            (FieldChange("name", "Old", None),),
            "vs_1",
        ),
        Change(Action.DELETE, OLD, "a duplicate of ours", id="vs_2"),
    )
    assert (
        text(Plan("local", changes))
        == """\
= assistant/flower-shop  takes over asst_7
    top_p: 1 → 0.5

- vector_store/old  no longer declared  vs_1
    name: "Old"

- vector_store/old  a duplicate of ours  vs_2

Plan for local: 0 to create, 1 to update (1 of them adopted), 2 to delete."""
    )


def test_undeclared_objects_and_notes_are_reported_with_what_to_do() -> None:
    plan = Plan("local", undeclared=(OLD, HELPER), notes=("prod has no code_interpreter",))
    assert (
        text(plan)
        == """\
No longer declared, left alone:
    vector_store/old
    assistant/helper
    `assistctl sync --prune` deletes what is no longer declared.

Note: prod has no code_interpreter

No changes. local is as declared."""
    )


@pytest.mark.parametrize(
    ("old", "is_told"), [(HELPER, True), (OLD, False), (Address("assistant", "`rm`"), False)]
)
def test_what_may_only_have_been_renamed_is_told_how_it_keeps_its_id(
    old: Address, is_told: bool
) -> None:
    text = plan_text(Plan("local", (Change(Action.CREATE, SHOP, "new"),), (old,)))
    told = "Only renamed? `moved: {helper: flower-shop}` in assistctl.yaml keeps its id.\n"
    assert (told in text, "Only renamed?" in text) == (is_told, is_told)


def test_operations_stand_under_their_change() -> None:
    operations = [["upload assistants/flower_prices.csv"], ["create", "attach 1 file"]]
    assert text(Plan("local", (CREATES[0], Change(Action.CREATE, HELPER, "new"))), *operations) == (
        """\
+ file/assistants/flower_prices.csv  used by assistant/flower-shop
    · upload assistants/flower_prices.csv

+ assistant/helper  new
    · create
    · attach 1 file

Plan for local: 2 to create, 0 to update, 0 to delete."""
    )


def test_operations_must_match_the_changes() -> None:
    with pytest.raises(ValueError, match="shorter"):
        text(Plan("local", CREATES), ["only one"])


def test_what_a_remote_says_cannot_command_the_terminal() -> None:
    fields = (
        FieldChange("name\x1b[2J", "\x1b]0;x\x07", "b"),
        FieldChange("instructions", "a\n\x1b[2J\u202e\n", "a\n"),
    )
    plan = Plan("local", (Change(Action.UPDATE, HELPER, "\x1b[1A", fields),), notes=("\x9b1A",))
    assert (
        text(plan)
        == r"""~ assistant/helper  \x1b[1A
    name\x1b[2J: "\u001b]0;x\u0007" → "b"
    instructions:
      @@ -1,2 +1 @@
       a
      -\x1b[2J\u202e

Note: \x9b1A

Plan for local: 0 to create, 1 to update, 0 to delete."""
    )


def test_colours_tell_the_kinds_of_change_and_the_sides_of_a_diff() -> None:
    fields = (FieldChange("instructions", "a\nb", "a\nc"),)
    styled = plan_text(Plan("local", (Change(Action.UPDATE, HELPER, "why", fields),)))
    assert styled.split("\n") == [
        click.style("~ assistant/helper", fg="yellow", bold=True) + "  why",
        "    instructions:",
        "    " + click.style("  @@ -1,2 +1,2 @@", fg="cyan"),
        "       a",
        "    " + click.style("  -b", fg="red"),
        "    " + click.style("  +c", fg="green"),
        "",
        click.style("Plan for local: 0 to create, 1 to update, 0 to delete.", bold=True),
    ]


def test_json_has_the_shape_of_the_contract() -> None:
    fields = (FieldChange("top_p", None, 0.5, "both"), FieldChange("files", [PRICES], None))
    plan = Plan("local", (Change(Action.ADOPT, SHOP, "takes over asst_7", fields),), (OLD,))
    assert json.loads(json_document(plan_document(plan))) == {
        "target": "local",
        "changes": [
            {
                "action": "adopt",
                "address": "assistant/flower-shop",
                "cause": "takes over asst_7",
                "fields": [
                    {"path": "top_p", "before": None, "after": 0.5, "moved": "both"},
                    {"path": "files", "before": [str(PRICES)], "after": None, "moved": "declared"},
                ],
            }
        ],
        "undeclared": ["vector_store/old"],
        "summary": {"create": 0, "update": 1, "delete": 0},
    }


def test_json_has_notes_where_there_are_some() -> None:
    plan = Plan("local", notes=("no code_interpreter",))
    assert json.loads(json_document(plan_document(plan))) == {
        "target": "local",
        "changes": [],
        "undeclared": [],
        "summary": {"create": 0, "update": 0, "delete": 0},
        "notes": ["no code_interpreter"],
    }
