import json

import pytest

from assistctl.apis.transport import files


@pytest.fixture
def littered(synced, tmp_path):
    """In sync, beside two uploads that nothing uses; one is called like a declared file."""
    with synced.target() as target:
        for name in ("prices.csv", "holiday.csv"):
            path = tmp_path / name
            path.write_text("a,b\n")
            files.upload(target, path, name, "assistants")
    return synced


def uploads(shop):
    with shop.target() as target:
        return sorted(item["filename"] for item in target.list("/files"))


OTHERS = (
    "note: nothing uses 1 upload that no declared file is called like; whose they are nobody can "
    "tell: `assistctl gc --all --list` names them\n"
)
EVERYTHING = ["care.md", "holiday.csv", "prices.csv", "prices.csv"]


def test_young_uploads_are_left_alone(littered):
    young = (
        "note: 2 uploads that nothing uses may be too young to be sure of, and stay; "
        "`assistctl gc --all --older-than 0s --list` names them\n"
    )
    assert littered("gc", "--yes") == (0, "No uploads that nothing uses.\n", young)
    assert uploads(littered) == EVERYTHING


def test_strays_that_are_called_like_a_declared_file_are_shown_and_deleted(littered):
    code, out, err = littered("gc", "--older-than", "0s")
    title, row = out.splitlines()
    assert title.split("  ")[0] == "ID"
    assert row.split()[1:3] == ["prices.csv", "4"]
    assert row.endswith("file/assistants/prices.csv")
    assert (code, err) == (
        3,
        f"{OTHERS}error: nobody can be asked here whether to delete 1 file at local; use --yes "
        "to do it\n",
    )
    assert uploads(littered) == EVERYTHING
    code, _, err = littered("gc", "--older-than", "0m", "--yes")
    assert (code, err) == (0, f"{OTHERS}Deleted 1 file.\n")
    assert uploads(littered) == ["care.md", "holiday.csv", "prices.csv"]
    assert littered("plan") == (0, "No changes. local is as declared.\n", "")


def test_others_are_meant_only_if_asked_for(littered):
    code, out, _ = littered("gc", "--all", "--older-than", "0m", "--list", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert [(it["filename"], it["bytes"], it["like"]) for it in found] == [
        ("prices.csv", 4, "file/assistants/prices.csv"),
        ("holiday.csv", 4, None),
    ]
    assert littered("gc", "--all", "--older-than", "0m", "--yes").code == 0
    assert uploads(littered) == ["care.md", "prices.csv"]


def test_what_a_store_of_anybody_holds_is_no_orphan(littered):
    with littered.target() as target:
        files = [item["id"] for item in target.list("/files") if item["filename"] == "holiday.csv"]
        target.post("/vector_stores", {"file_ids": files})
    _, out, _ = littered("gc", "--all", "--older-than", "0m", "--list")
    assert "holiday.csv" not in out


def test_a_person_is_asked(littered):
    with littered.on_terminal("gc", "--older-than", "0m") as terminal:
        terminal.wait_for("Delete 1 file at local? [y/N]: ")
        terminal.type("n\n")
        assert terminal.end() == 3
    assert uploads(littered) == EVERYTHING


@pytest.mark.parametrize("age", ["1", "h", "1w", "-1h", "1 h"])
def test_an_age_that_is_none_is_a_usage_error(synced, age):
    code, _, err = synced("gc", "--older-than", age)
    assert (code, "write a number and s, m, h or d, such as 0s, 90m, 12h or 7d" in err) == (
        64,
        True,
    )
