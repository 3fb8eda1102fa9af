import json
import shutil
import time

from assistctl.apis.transport import files

CHANGED = """\
~ file/assistants/prices.csv  gets back the content that it had
    sha256: "91efaff9b8a6" → "850ad18d4908"

~ assistant/clerk  goes back to how it was
    instructions:
      @@ -1,2 +1,2 @@
       You sell flowers.
      -Be long.
      +Be brief.

Plan for local: 0 to create, 2 to update, 0 to delete.
"""


def change(shop):
    """A sync that changes the clerk and its file; returns what a plan shows as undone."""
    shop.edit("assistants/prices.csv", "rose", "tulip")
    shop.edit("assistants/clerk.yaml", "Be brief", "Be long")
    assert shop("sync", "--yes", "-q").code == 0


def snapshots(shop):
    return sorted((shop.root / ".assistctl" / "snapshots" / "local").iterdir())


def clerk(shop):
    """The clerk's instructions and the content of its file, as they are at the target."""
    with shop.target() as target:
        body = target.get(f"/assistants/{shop.id_of('clerk', target)}")
        (file_id,) = body["tool_resources"]["code_interpreter"]["file_ids"]
        path = shop.root / "content"
        files.download(target, target.get(f"/files/{file_id}"), path)
    return body["instructions"], path.read_text()


BEFORE = ("You sell flowers.\nBe brief.\n", "flower,price\nrose,5\n")
AFTER = ("You sell flowers.\nBe long.\n", "flower,price\ntulip,5\n")


def test_the_way_back_is_planned_and_then_taken(synced):
    change(synced)
    assert clerk(synced) == AFTER
    (snapshot,) = snapshots(synced)
    refusal = (
        "error: nobody can be asked here whether to apply 2 changes to local; use --yes to do it\n"
    )
    assert synced("rollback", "clerk") == (3, CHANGED, refusal)
    code, out, err = synced("rollback", "clerk", "--yes")
    *told, last = err.splitlines()
    assert (code, out) == (0, CHANGED)
    assert sorted(told) == [
        "~ updated assistant/clerk (asst_…)  … s",
        "~ updated file/assistants/prices.csv (file-…)  … s",
    ]
    assert last == (
        f"assistant/clerk is as it was before {snapshot.name}. The YAML was not changed: take the "
        "change back there too, or the next sync makes it again."
    )
    assert clerk(synced) == BEFORE


def test_with_the_yaml_taken_back_too_a_plan_is_empty(synced):
    change(synced)
    synced("rollback", "clerk", "--yes")
    synced.edit("assistants/prices.csv", "tulip", "rose")
    synced.edit("assistants/clerk.yaml", "Be long", "Be brief")
    assert synced("plan") == (0, "No changes. local is as declared.\n", "")


def test_a_rollback_can_be_rolled_back(synced):
    change(synced)
    synced("rollback", "clerk", "--yes")
    assert synced("rollback", "clerk", "--yes").code == 0
    assert clerk(synced) == AFTER
    assert synced("plan") == (0, "No changes. local is as declared.\n", "")


def test_an_older_snapshot_is_chosen_by_its_name(synced):
    change(synced)
    synced.edit("assistants/clerk.yaml", "Be long", "Be silent")
    synced("sync", "--yes", "-q")
    names = [path.name for path in snapshots(synced)]
    listed = f"""\
{names[1]}  ~ assistant/clerk (instructions)
{names[0]}  ~ file/assistants/prices.csv, ~ assistant/clerk (instructions)
"""
    assert synced("rollback", "clerk", "--list") == (0, listed, "")
    assert synced("rollback", "clerk", "--yes", "--to", names[0]).code == 0
    assert clerk(synced) == BEFORE


def test_a_rollback_can_be_read_by_programs(synced):
    change(synced)
    (snapshot,) = snapshots(synced)
    listed = synced("rollback", "clerk", "--list", "--format", "json")
    done = synced("rollback", "clerk", "--yes", "--format", "json")
    document = json.loads(done.out)
    assert json.loads(listed.out) == [
        {
            "name": snapshot.name,
            "path": str(snapshot),
            "unfinished": False,
            "changes": document["changes"],
        }
    ]
    assert done.code == 0
    assert document["summary"] == {"create": 0, "update": 2, "delete": 0}
    assert [(it["action"], it["address"], it["status"]) for it in document["results"]] == [
        (it["action"], it["address"], "done") for it in document["changes"]
    ]
    again = json.loads(synced("rollback", "clerk", "--to", snapshot.name, "--format", "json").out)
    assert (again["changes"], again["results"]) == ([], [])
    assert clerk(synced) == BEFORE
    last, first = synced("rollback", "clerk", "--list").out.splitlines()
    assert last.endswith("Z  ~ file/assistants/prices.csv, ~ assistant/clerk (instructions)")
    assert first == f"{snapshot.name}  nothing: it is so now"


def test_without_a_key_every_snapshot_is_listed_with_what_it_has(synced):
    change(synced)
    (snapshot,) = snapshots(synced)
    assert synced("rollback", "--list") == (0, f"{snapshot.name}  assistant/clerk\n", "")
    (told,) = json.loads(synced("rollback", "--list", "--format", "json").out)
    assert told == {
        "name": snapshot.name,
        "path": str(snapshot),
        "unfinished": False,
        "objects": ["assistant/clerk"],
    }
    assert synced("rollback").code == 64


def test_where_there_is_no_snapshot_the_list_is_empty(synced):
    assert synced("rollback", "--list") == (0, "", "")
    assert synced("rollback", "clerk", "--list") == (0, "", "")
    assert synced("rollback", "clerk", "--list", "--format", "json").out == "[]\n"


def test_a_snapshot_of_another_checkout_is_chosen_by_its_path(synced, tmp_path):
    change(synced)
    shutil.move(snapshots(synced)[0], tmp_path / "artifact")
    assert synced("rollback", "clerk", "--yes", "--to", str(tmp_path / "artifact")).code == 0
    assert clerk(synced) == BEFORE


def test_content_that_is_kept_nowhere_stays_as_it_is_and_is_said(synced):
    change(synced)
    (snapshot,) = snapshots(synced)
    shutil.rmtree(snapshot / "files")
    code, out, _ = synced("rollback", "clerk", "--yes")
    assert code == 0
    assert "Note: what file/assistants/prices.csv held then is kept nowhere" in out
    assert clerk(synced) == (BEFORE[0], AFTER[1])


def test_what_prune_deleted_comes_back_under_another_id(synced):
    (synced.root / "assistants" / "greeter.yaml").unlink()
    (synced.root / "assistants" / "greeter.script.yaml").unlink()
    synced("sync", "--yes", "--prune", "-q")
    plan = """\
+ assistant/greeter  is gone, and comes back under a new id
    model: "gpt-6-luna"
    instructions: "Greet in any language."

Plan for local: 1 to create, 0 to update, 0 to delete.
"""
    code, out, err = synced("rollback", "greeter", "--yes")
    assert (code, out) == (0, plan)
    assert "under a new id (asst_…), which threads and clients do not know. The YAML" in err
    with synced.target() as target:
        path = f"/assistants/{synced.id_of('greeter', target)}"
        assert target.get(path)["instructions"] == "Greet in any language."


def test_an_implicit_store_goes_back_with_its_assistant(synced):
    synced.edit("assistants/clerk.yaml", "vector_store: handbook", "files: [prices.csv]")
    synced("sync", "--yes", "-q")
    change(synced)
    assert "~ vector_store" not in synced("rollback", "clerk").out
    assert synced("rollback", "clerk", "--yes").code == 0
    with synced.target() as target:
        store = synced.id_of("clerk.file_search", target, "/vector_stores")
        (member,) = target.list(f"/vector_stores/{store}/files")
        path = synced.root / "content"
        files.download(target, target.get(f"/files/{member['id']}"), path)
    assert path.read_text() == BEFORE[1]


def test_an_edit_made_since_at_the_target_is_not_overwritten_unasked(synced):
    change(synced)
    with synced.target() as target:
        path = f"/assistants/{synced.id_of('clerk', target)}"
        target.post(path, {"instructions": "Shout."})
    code, _, err = synced("rollback", "clerk", "--yes")
    assert (code, "assistant/clerk (instructions)" in err) == (3, True)
    assert synced("rollback", "clerk", "--yes", "--on-drift", "overwrite").code == 0
    assert clerk(synced) == BEFORE


def test_edits_that_are_kept_are_named(synced):
    change(synced)
    with synced.target() as target:
        path = f"/assistants/{synced.id_of('clerk', target)}"
        target.post(path, {"instructions": "Shout."})
    code, out, err = synced("rollback", "clerk", "--yes", "--on-drift", "keep")
    assert (code, "Edited at the target, kept so:\n    assistant/clerk (instructions)" in out) == (
        0,
        True,
    )
    assert ", but for the edits that are kept. The YAML was not changed" in err
    assert clerk(synced) == ("Shout.", BEFORE[1])


def test_where_there_is_no_snapshot_that_is_said(synced):
    assert synced("rollback", "clerk", "--yes") == (
        1,
        "",
        "error: there is no snapshot of assistant/clerk at local; one is kept whenever sync "
        "changes or deletes it (in CI, as an artifact: name it with --to)\n",
    )


def test_a_file_that_is_no_snapshot_is_an_error_that_names_it(synced, tmp_path):
    forged = {
        "assistctl_snapshot": 1,
        "namespace": "shop",
        "target": "local",
        "objects": [
            {"address": "assistant/clerk", "fields": {"metadata": 5}, "applied": {}},
        ],
        "files": [],
    }
    start = '{"assistctl_snapshot": '
    for text in ("{", "[]", f"{start}2}}", f"{start}1}}", json.dumps(forged)):
        file = tmp_path / "snapshot.json"
        file.write_text(text)
        code, out, err = synced("rollback", "clerk", "--yes", "--to", str(file))
        assert (code, out, str(file) in err) == (1, "", True)
        assert "bug" not in err


def test_a_forged_snapshot_reads_no_file_outside_the_workspace(synced, tmp_path):
    change(synced)
    (snapshot,) = snapshots(synced)
    (tmp_path / "secret.txt").write_text("secret")
    file = snapshot / "snapshot.json"
    text = file.read_text().replace("file/assistants/prices.csv", "file/../secret.txt")
    file.write_text(text)
    code, out, _ = synced("rollback", "clerk", "--yes")
    assert code == 0
    assert "Note: file/../secret.txt is neither here nor at the target any more" in out
    with synced.target() as target:
        assert "secret.txt" not in [item["filename"] for item in target.list("/files")]


def test_a_forged_snapshot_claims_nothing_that_is_not_ours(synced):
    change(synced)
    (snapshot,) = snapshots(synced)
    with synced.target() as target:
        theirs = files.upload(
            target, synced.root / "handbook" / "care.md", "theirs.md", "assistants"
        )["id"]
    file = snapshot / "snapshot.json"
    document = json.loads(file.read_text())
    for item in document["objects"]:
        item["fields"]["metadata"] = {"assistctl_stale": theirs, "tier": "gold"}
        item["applied"]["metadata"] = {"declared": "00000000", "answered": None}
    file.write_text(json.dumps(document))
    assert synced("rollback", "clerk", "--yes", "-q").code == 0
    with synced.target() as target:
        body = target.get(f"/assistants/{synced.id_of('clerk', target)}")
        assert body["metadata"]["tier"] == "gold"
        assert theirs not in body["metadata"].get("assistctl_stale", "")


def test_snapshots_hold_no_key_and_only_the_newest_are_kept(synced, monkeypatch):
    for number in range(3):
        synced.edit("assistants/greeter.yaml", "any language", f"any language {number}")
        synced("sync", "--yes", "-q")
    documents = [json.loads((path / "snapshot.json").read_text()) for path in snapshots(synced)]
    assert [sorted(document) for document in documents] == 3 * [
        ["assistctl_snapshot", "files", "namespace", "objects", "target", "version", "workspace"]
    ]
    for number in range(30):
        newest = snapshots(synced)[-1]
        shutil.copytree(newest, newest.with_name(f"2020-{number:02}"))
    synced.edit("assistants/greeter.yaml", "any language", "each language")
    synced("sync", "--yes", "-q")
    assert len(snapshots(synced)) == 20


def test_a_workspace_that_cannot_be_written_to_syncs_all_the_same(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    (synced.root / ".assistctl" / "snapshots").write_text("in the way")
    code, _, err = synced("sync", "--yes")
    assert code == 0
    assert "note: no snapshot for `rollback` can be kept here (" in err


def forget_the_handbook(shop):
    """A sync after which nothing declares the shared store, which a prune deletes."""
    shop.edit("assistants/clerk.yaml", "  - type: file_search\n    vector_store: handbook\n", "")
    shop.edit("assistctl.yaml", 'vector_stores:\n  handbook: {files: ["handbook/*.md"]}\n', "")
    assert shop("sync", "--yes", "--prune", "-q").code == 0


def searched(shop):
    """The files of the stores that the clerk searches, by the stores' names."""
    with shop.target() as target:
        body = target.get(f"/assistants/{shop.id_of('clerk', target)}")
        stores = body["tool_resources"].get("file_search", {}).get("vector_store_ids", [])
        return {
            target.get(f"/vector_stores/{store}")["name"]: sorted(
                target.get(f"/files/{member['id']}")["filename"]
                for member in target.list(f"/vector_stores/{store}/files")
            )
            for store in stores
        }


def test_a_store_that_the_assistant_searched_and_that_is_gone_comes_back_with_it(synced):
    forget_the_handbook(synced)
    assert searched(synced) == {}
    assert synced("rollback", "clerk", "--yes").code == 0
    assert searched(synced) == {"handbook": ["care.md"]}


def test_a_store_that_is_there_stays_as_it_is_when_an_assistant_goes_back(synced):
    (synced.root / "handbook" / "new.md").write_text("New.\n")
    synced.edit("assistants/clerk.yaml", "Be brief", "Be long")
    synced("sync", "--yes", "-q")
    assert synced("rollback", "clerk", "--yes").code == 0
    assert clerk(synced) == BEFORE
    assert searched(synced) == {"handbook": ["care.md", "new.md"]}


def test_a_store_that_is_to_be_had_nowhere_is_an_error_that_names_the_ways(synced):
    change(synced)
    (first,) = snapshots(synced)
    forget_the_handbook(synced)
    assert synced("rollback", "clerk", "--yes", "--to", first.name) == (
        1,
        "",
        f"error: assistant/clerk searched vector_store/handbook before {first.name}, which is not "
        "at the target any more; get it back first, with sync or `assistctl rollback "
        "vector_store/handbook`\n",
    )
    assert synced("rollback", "vector_store/handbook", "--yes").code == 0
    assert synced("rollback", "clerk", "--yes", "--to", first.name).code == 0
    assert clerk(synced) == BEFORE


def test_what_moved_since_goes_back_under_the_name_that_it_has_now(synced):
    change(synced)
    for name in ("clerk.yaml", "clerk.script.yaml"):
        path = synced.root / "assistants" / name
        path.rename(path.with_name(name.replace("clerk", "seller")))
    with (synced.root / "assistctl.yaml").open("a") as file:
        file.write("moved: {clerk: seller}\n")
    with synced.target() as target:
        id_ = synced.id_of("clerk", target)
    assert synced("sync", "--yes", "-q").code == 0
    (first, _) = snapshots(synced)
    for key in ("seller", "clerk"):
        assert synced("rollback", key, "--yes", "--to", first.name).code == 0
    with synced.target() as target:
        assert synced.id_of("seller", target) == id_
        assert target.get(f"/assistants/{id_}")["instructions"] == BEFORE[0]


def test_an_assistant_goes_back_with_its_implicit_store_where_only_the_store_had_changed(synced):
    synced.edit("assistants/clerk.yaml", "vector_store: handbook", "files: [prices.csv, more.md]")
    more = synced.root / "assistants" / "more.md"
    more.write_text("Roses wither.\n")
    synced("sync", "--yes", "-q")
    more.write_text("Roses bloom.\n")
    synced("sync", "--yes", "-q")
    assert synced("rollback", "clerk", "--yes").code == 0
    with synced.target() as target:
        store = synced.id_of("clerk.file_search", target, "/vector_stores")
        texts = set()
        for member in target.list(f"/vector_stores/{store}/files"):
            files.download(target, target.get(f"/files/{member['id']}"), synced.root / "content")
            texts.add((synced.root / "content").read_text())
    assert texts == {"Roses wither.\n", "flower,price\nrose,5\n"}


def test_a_file_that_others_had_put_into_a_store_is_left_out_and_said(synced):
    with synced.target() as target:
        store = synced.id_of("handbook", target, "/vector_stores")
        theirs = files.upload(
            target, synced.root / "handbook" / "care.md", "theirs.md", "assistants"
        )
        path = f"/vector_stores/{store}/files"
        target.post(path, {"file_id": theirs["id"]})
        while {member["status"] for member in target.list(path)} != {"completed"}:
            time.sleep(0.01)
    (synced.root / "handbook" / "care.md").write_text("Water daily.\n")
    assert synced("sync", "--yes", "--on-drift", "overwrite", "-q").code == 0
    code, out, _ = synced("rollback", "vector_store/handbook", "--yes")
    assert code == 0
    assert (
        "Note: file-… in vector_store/handbook was not put there by a sync, and is left out" in out
    )
    assert searched(synced) == {"handbook": ["care.md"]}


def test_a_snapshot_that_is_not_there_is_an_error_that_names_it(synced):
    change(synced)
    assert synced("rollback", "clerk", "--yes", "--to", "yesterday") == (
        1,
        "",
        f"error: {synced.root / 'yesterday'}: there is no snapshot to read (No such file or "
        "directory)\n",
    )


def test_a_damaged_snapshot_is_passed_over_and_named_when_it_is_asked_for(synced):
    change(synced)
    (snapshot,) = snapshots(synced)
    (snapshot / "snapshot.json").write_text("{")
    assert "there is no snapshot of assistant/clerk" in synced("rollback", "clerk").err
    code, _, err = synced("rollback", "clerk", "--to", snapshot.name)
    assert (code, f"{snapshot / 'snapshot.json'}: this is no snapshot (" in err) == (1, True)
