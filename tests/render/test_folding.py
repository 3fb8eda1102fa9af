"""Many files of a store, as a person reads them: in the plan, and as a comment."""

import click
import pytest

from assistctl.plan.changes import Action, Change, FieldChange, Plan
from assistctl.render.folding import in_bytes, some_files
from assistctl.render.markdown import plan_markdown
from assistctl.render.plan import plan_text
from assistctl.resources import FILE, VECTOR_STORE, Address

STORE = Address(VECTOR_STORE, "handbook")


def files(first: int, last: int) -> list[Address]:
    return [Address(FILE, f"docs/{number:03}.md") for number in range(first, last + 1)]


NEW, CHANGED, KEPT, GONE = files(1, 41), files(42, 44), files(45, 60), files(101, 500)
STORES = {STORE: dict.fromkeys([*NEW, *CHANGED, *KEPT], 28_000)}
CREATED = [
    Change(
        Action.CREATE,
        file,
        f"used by {STORE}",
        (FieldChange("sha256", None, "0" * 64), FieldChange("bytes", None, 28_000)),
    )
    for file in NEW
]
UPDATED = [
    Change(Action.UPDATE, file, "its content changed", (FieldChange("sha256", "a", "b"),))
    for file in CHANGED
]
MEMBERS = FieldChange("files", [*CHANGED, *KEPT, *GONE], [*NEW, *CHANGED, *KEPT])
OWN = Change(
    Action.UPDATE,
    STORE,
    f"refers to {NEW[0]}, …",
    (FieldChange("name", "Book", "Handbook"), MEMBERS),
    "vs_1",
)
DELETED = [Change(Action.DELETE, file, "no longer used", id="file-1") for file in GONE]
PLAN = Plan("prod", (*CREATED, *UPDATED, OWN, *DELETED))


def text(plan: Plan, stores=STORES) -> str:
    return click.unstyle(plan_text(plan, stores=stores))


def test_many_files_of_a_store_are_counted_and_a_few_of_them_named() -> None:
    assert (
        text(PLAN)
        == """\
~ vector_store/handbook: +41 files, 3 changed, 400 removed (1.2 MB)
      + docs/001.md, docs/002.md, docs/003.md and 38 more
      ~ docs/042.md, docs/043.md, docs/044.md
      - docs/101.md, docs/102.md, docs/103.md and 397 more
    name: "Book" → "Handbook"

Plan for prod: 41 to create, 4 to update, 400 to delete."""
    )


def test_a_store_that_is_new_says_so_with_its_files() -> None:
    fields = (FieldChange("name", None, "handbook"), FieldChange("files", None, NEW))
    plan = Plan("prod", (*CREATED, Change(Action.CREATE, STORE, "not at the target yet", fields)))
    assert (
        text(plan)
        == """\
+ vector_store/handbook: +41 files (1.1 MB)  not at the target yet
      + docs/001.md, docs/002.md, docs/003.md and 38 more
    name: "handbook"

Plan for prod: 42 to create, 0 to update, 0 to delete."""
    )


def test_files_whose_content_changed_are_told_though_their_store_stays() -> None:
    changes = [
        Change(Action.UPDATE, file, "its content changed", (FieldChange("sha256", "a", "b"),))
        for file in files(45, 50)
    ]
    assert (
        text(Plan("prod", tuple(changes)))
        == """\
~ vector_store/handbook: 6 changed (168 kB)
      ~ docs/045.md, docs/046.md, docs/047.md and 3 more

Plan for prod: 0 to create, 6 to update, 0 to delete."""
    )


def test_an_edit_of_the_members_at_the_target_stays_visible() -> None:
    field = FieldChange("files", KEPT[:2], KEPT, "remote")
    cause = "changed at the target since the last sync"
    plan = Plan("prod", (Change(Action.UPDATE, STORE, cause, (field,), "vs_1"),))
    assert text(plan).splitlines()[0] == (
        "~ vector_store/handbook: +14 files (392 kB)  changed at the target since the last sync"
    )


def test_few_files_are_shown_one_by_one_and_so_are_all_where_it_is_wanted() -> None:
    few = Plan("prod", (*CREATED[:1], Change(Action.UPDATE, STORE, "why", (MEMBERS_OF_FEW,))))
    assert (
        text(few)
        == """\
+ file/docs/001.md  used by vector_store/handbook
    sha256: "0000000000000000000000000000000000000000000000000000000000000000"
    bytes: 28000

~ vector_store/handbook  why
    files:
      + docs/001.md
      - docs/101.md

Plan for prod: 1 to create, 1 to update, 0 to delete."""
    )
    everything = text(PLAN, stores=None)
    assert all(f"file/{it.name}" in everything for it in (*NEW, *CHANGED, *GONE))
    assert everything.count("\n      - docs/") == len(GONE)


MEMBERS_OF_FEW = FieldChange("files", GONE[:1], NEW[:1])


def test_a_file_that_something_else_uses_too_is_told_once() -> None:
    assistant = Change(Action.CREATE, Address("assistant", "a"), "not at the target yet")
    plan = Plan("prod", (*CREATED, OWN, assistant))
    assert text(plan).count("docs/001.md") == 1
    assert "+ assistant/a" in text(plan)


def test_a_comment_has_one_row_for_the_store_and_names_the_files_folded() -> None:
    comment = plan_markdown(PLAN, STORES)
    head, details = comment.split("<details>")
    assert (
        head
        == """\
### Plan for `prod`: 41 to create, 4 to update, 400 to delete

| change | address | cause |
|---|---|---|
| `~` update | `vector_store/handbook` | +41 files, 3 changed, 400 removed (1.2 MB) |

"""
    )
    lines = details.splitlines()
    assert lines[3:5] == ["+ docs/001.md", "+ docs/002.md"]
    assert lines[44:48] == ["# content changed:", *(f"  docs/{n:03}.md" for n in (42, 43, 44))]
    assert lines[48:50] == ["- docs/101.md", "- docs/102.md"]
    assert lines[148:152] == ["# and 300 more", '- name: "Book"', '+ name: "Handbook"', "```"]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (28_400, "28 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (8_000_000_000, "8.0 GB"),
        (8_000_000_000_000, "8,000 GB"),
    ],
)
def test_sizes_are_short(size: int, words: str) -> None:
    assert in_bytes(size) == words


def test_one_more_than_a_few_is_named_rather_than_counted() -> None:
    assert some_files(files(1, 4)) == "docs/001.md, docs/002.md, docs/003.md, docs/004.md"
    assert some_files(files(1, 5)) == "docs/001.md, docs/002.md, docs/003.md and 2 more"


def test_many_files_that_are_declared_no_longer_are_told_as_one() -> None:
    plan = Plan("prod", undeclared=(*GONE, STORE))
    assert (
        text(plan)
        == """\
No longer declared, left alone:
    file/… (400 files): docs/101.md, docs/102.md, docs/103.md and 397 more
    vector_store/handbook
    `assistctl sync --prune` deletes what is no longer declared.

No changes. prod is as declared."""
    )
    assert "\n    file/docs/500.md\n" in text(plan, stores=None)
    assert (
        "- `file/… (400 files): docs/101.md, docs/102.md, docs/103.md and 397 more`\n"
        "- `vector_store/handbook`\n"
    ) in plan_markdown(plan)


def test_many_uploads_that_are_deleted_for_one_reason_are_told_as_one() -> None:
    other = Change(Action.DELETE, files(501, 501)[0], f"only {STORE} used it", id="file-2")
    store = Change(Action.DELETE, STORE, "no longer declared", id="vs_1")
    plan = Plan("prod", (*DELETED, other, store))
    assert (
        text(plan, stores={})
        == """\
- file/…: 400 removed  no longer used
      - docs/101.md, docs/102.md, docs/103.md and 397 more

- file/docs/501.md  only vector_store/handbook used it  file-2

- vector_store/handbook  no longer declared  vs_1

Plan for prod: 0 to create, 0 to update, 402 to delete."""
    )
    assert "| `-` delete | `file/…` | 400 removed; no longer used |" in plan_markdown(plan)
