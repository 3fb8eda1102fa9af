import json

from assistctl.plan.changes import Action, Change, FieldChange, Plan
from assistctl.render.snapshots import ListedSnapshot, snapshots_json, snapshots_text
from assistctl.resources import ASSISTANT, FILE, Address

CLERK = Address(ASSISTANT, "clerk")
CHANGE = Change(
    Action.UPDATE,
    CLERK,
    "goes back to how it was",
    (FieldChange("instructions", "a", "b"), FieldChange("tools[0].x", 1, 2)),
    "asst_1",
)
FILES = tuple(Change(Action.CREATE, Address(FILE, f"{n}.md"), "used by it") for n in range(6))
LISTED = [
    ListedSnapshot("e", "/e", False, Plan("local", (*FILES[:2], CHANGE))),
    ListedSnapshot("d", "/d", True, Plan("local", FILES)),
    ListedSnapshot("c", "/c", False, Plan("local")),
    ListedSnapshot("b", "/b", False, "it searched\nwhat is gone"),
    ListedSnapshot("a", "/a", True, None),
]


def test_each_snapshot_is_a_line_that_says_what_it_would_change():
    assert (
        snapshots_text(LISTED)
        == """\
e  + file/0.md, + file/1.md, ~ assistant/clerk (instructions, tools)
d  + file/0.md, + file/1.md, + file/2.md, + file/3.md and 2 more  (cut off)
c  nothing: it is so now
b  cannot be gone back to: it searched what is gone
a  (cut off)"""
    )
    assert snapshots_text([]) == ""


def test_programs_get_the_changes_as_a_plan_has_them():
    first, *_, nowhere, unknown = json.loads(snapshots_json(LISTED))
    assert [it["address"] for it in first["changes"]] == ["file/0.md", "file/1.md", str(CLERK)]
    assert nowhere == {
        "name": "b",
        "path": "/b",
        "unfinished": False,
        "changes": None,
        "reason": "it searched\nwhat is gone",
    }
    assert unknown == {"name": "a", "path": "/a", "unfinished": True, "changes": None}
