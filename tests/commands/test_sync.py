import json

from assistctl.render.plan import WAYS_OUT

NOTHING = "No changes. local is as declared.\n"


def instructions(shop):
    """The greeter's, as they are at the target."""
    with shop.target() as target:
        return target.get(f"/assistants/{shop.id_of('greeter', target)}")["instructions"]


def test_a_first_sync_creates_everything_and_a_second_has_nothing_to_do(shop):
    plan = shop("plan").out
    code, out, err = shop("sync", "--yes")
    assert (code, out) == (0, plan)
    assert sorted(err.splitlines()) == [
        "+ created assistant/clerk (asst_…)  … s",
        "+ created assistant/greeter (asst_…)  … s",
        "+ created file/assistants/prices.csv (file-…)  … s",
        "+ created file/handbook/care.md (file-…)  … s",
        "+ created vector_store/handbook (vs_…)  … s",
        "Synced local: 5 changes.",
    ]
    assert shop("sync") == (0, NOTHING, "")


def test_where_nobody_can_be_asked_nothing_is_done_without_yes(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    plan = """\
~ assistant/greeter  the declaration changed
    instructions: "Greet in any language." → "Greet in French."

Plan for local: 0 to create, 1 to update, 0 to delete.
"""
    refusal = (
        "error: nobody can be asked here whether to apply 1 change to local; use --yes to do it\n"
    )
    assert synced("sync") == (3, plan, refusal)
    assert instructions(synced) == "Greet in any language."


def test_the_result_as_json_which_quiet_leaves_alone(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    code, out, err = synced("sync", "--yes", "-q", "--format", "json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document.pop("results") == [
        {
            "action": "update",
            "address": "assistant/greeter",
            "status": "done",
            "id": "asst_…",
            "seconds": 0,
            "error": None,
        }
    ]
    assert sorted(document) == ["changes", "summary", "target", "undeclared"]
    assert instructions(synced) == "Greet in French."


def drifted(shop):
    """Somebody edits the greeter at the target."""
    with shop.target() as target:
        path = f"/assistants/{shop.id_of('greeter', target)}"
        target.post(path, {"instructions": "Shout.", "temperature": 0.1})


LEFT_ALONE = """\
Edited at the target where nothing is declared, left alone:
    assistant/greeter
        temperature: (absent) → 0.1
"""
DRIFT = f"""\
~ assistant/greeter  changed at the target since the last sync
    instructions: "Shout." → "Greet in any language."  (changed at the target since the last sync)

{LEFT_ALONE}
{WAYS_OUT}

Plan for local: 0 to create, 1 to update, 0 to delete.
"""


def test_edits_at_the_target_are_never_overwritten_unasked(synced):
    drifted(synced)
    refusal = (
        "error: edited at the target since the last sync: assistant/greeter (instructions); "
        "nothing was changed. `assistctl pull` brings these edits into the YAML, "
        "--on-drift overwrite discards them, --on-drift keep leaves them\n"
    )
    kept = f"""\
Edited at the target, kept so:
    assistant/greeter (instructions)

{LEFT_ALONE}
No changes.
"""
    assert synced("sync", "--yes") == (3, DRIFT, refusal)
    assert synced("sync", "--yes", "--on-drift", "keep") == (0, kept, "")
    told = "~ updated assistant/greeter (asst_…)  … s\nSynced local: 1 change.\n"
    assert synced("sync", "--yes", "--on-drift", "overwrite") == (0, DRIFT, told)
    with synced.target() as target:
        greeter = target.get(f"/assistants/{synced.id_of('greeter', target)}")
    assert (greeter["instructions"], greeter["temperature"]) == ("Greet in any language.", 0.1)


def test_a_change_here_that_waits_for_an_edit_there_is_named_where_the_edit_is_kept(synced):
    drifted(synced)
    synced.edit("assistants/greeter.yaml", "Greet in any language.", "Greet in three.")
    kept = f"""\
Edited at the target, kept so:
    assistant/greeter (instructions: changed here, too, which waits)

{LEFT_ALONE}
No changes.
"""
    assert synced("sync", "--yes", "--on-drift", "keep") == (0, kept, "")


def test_what_is_declared_no_longer_is_deleted_by_prune_only(synced):
    (synced.root / "assistants" / "greeter.yaml").unlink()
    (synced.root / "assistants" / "greeter.script.yaml").unlink()
    code, out, err = synced("sync", "--yes")
    assert (code, out.endswith(f"\n\n{NOTHING}"), err) == (0, True, "")
    plan = """\
- assistant/greeter  no longer declared  asst_…

Plan for local: 0 to create, 0 to update, 1 to delete.
"""
    told = "- deleted assistant/greeter (asst_…)  … s\nSynced local: 1 change.\n"
    assert synced("sync", "--yes", "--prune") == (0, plan, told)
    with synced.target() as target:
        assert [item["name"] for item in target.list("/assistants")] == ["Clerk"]


def test_prune_deletes_what_was_edited_at_the_target_only_if_that_is_asked_for(synced):
    drifted(synced)
    (synced.root / "assistants" / "greeter.yaml").unlink()
    (synced.root / "assistants" / "greeter.script.yaml").unlink()
    plan = f"""\
- assistant/greeter  no longer declared  asst_…
    instructions: "Shout."  (changed at the target since the last sync)
    temperature: 0.1  (changed at the target since the last sync)

{WAYS_OUT}

Plan for local: 0 to create, 0 to update, 1 to delete.
"""
    refusal = (
        "error: edited at the target since the last sync: assistant/greeter (instructions, "
        "temperature); nothing was changed. `assistctl pull` brings these edits into the YAML, "
        "--on-drift overwrite discards them, --on-drift keep leaves them\n"
    )
    kept = """\
No longer declared, left alone:
    assistant/greeter
    `assistctl sync --prune` deletes what is no longer declared.

Edited at the target, kept so:
    assistant/greeter (instructions, temperature)

No changes.
"""
    assert synced("sync", "--yes", "--prune") == (3, plan, refusal)
    assert synced("sync", "--yes", "--prune", "--on-drift", "keep") == (0, kept, "")
    told = "- deleted assistant/greeter (asst_…)  … s\nSynced local: 1 change.\n"
    assert synced("sync", "--yes", "--prune", "--on-drift", "overwrite") == (0, plan, told)


def test_after_a_partial_failure_the_next_sync_finishes_the_rest(shop):
    (shop.root / "handbook" / "bad.md").write_bytes(b"\x00\x01\x02")
    code, out, err = shop("sync", "--yes", "--format", "json")
    *done, failed, error = err.splitlines()
    assert code == 1
    assert sorted(done) == [
        "+ created assistant/clerk (asst_…)  … s",
        "+ created assistant/greeter (asst_…)  … s",
        "+ created file/assistants/prices.csv (file-…)  … s",
        "+ created file/handbook/bad.md (file-…)  … s",
        "+ created file/handbook/care.md (file-…)  … s",
    ]
    reason = "The file is not text in UTF-8, UTF-16, GB18030, Big5 or Windows-1252."
    whole = f"not indexed: file/handbook/bad.md: {reason}"
    assert failed == f"✗ vector_store/handbook: {whole}"
    assert error == (
        "error: 1 change of 6 could not be made; "
        "what is done is done, and the next sync finishes the rest"
    )
    assert [r for r in json.loads(out)["results"] if r["status"] == "failed"] == [
        {
            "action": "create",
            "address": "vector_store/handbook",
            "status": "failed",
            "id": "vs_…",
            "seconds": 0,
            "error": whole,
            "files": [
                {"address": "file/handbook/bad.md", "status": "failed", "error": reason},
                {"address": "file/handbook/care.md", "status": "done", "error": None},
            ],
        }
    ]
    plan = f"""\
~ vector_store/handbook  the declaration changed
    files:
      + handbook/bad.md

Note: file/handbook/bad.md could not be indexed in vector_store/handbook, and is tried again: \
{reason}

Plan for local: 0 to create, 1 to update, 0 to delete.
"""
    assert shop("plan").out == plan
    (shop.root / "handbook" / "bad.md").write_text("# Better\n")
    plan = """\
~ file/handbook/bad.md  its content changed
    sha256: "ae4b3280e56e" → "5e41d5bebe5e"

~ vector_store/handbook  the declaration changed
    files:
      + handbook/bad.md

Plan for local: 0 to create, 2 to update, 0 to delete.
"""
    code, out, err = shop("sync", "--yes")
    assert (code, out) == (0, plan)
    assert sorted(err.splitlines()) == [
        "Synced local: 2 changes.",
        "~ updated file/handbook/bad.md (file-…)  … s",
        "~ updated vector_store/handbook (vs_…)  … s",
    ]
    assert shop("sync") == (0, NOTHING, "")


def test_a_person_sees_the_plan_is_asked_and_sees_bars(shop):
    for answer, code, last in (
        ("n\n", 3, "error: nothing was changed\n"),
        ("y\n", 0, "Synced local: 5 changes.\n"),
    ):
        with shop.on_terminal("sync") as terminal:
            terminal.wait_for("Plan for local: 5 to create, 0 to update, 0 to delete.\n")
            terminal.wait_for("Apply 5 changes to local? [y/N]: ")
            terminal.type(answer)
            assert terminal.end() == code
            assert terminal.shown.endswith(last)
    assert "changes ━" in terminal.shown
    assert "+ created vector_store/handbook (vs_" in terminal.shown
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("changes ━")  # the cursor


def test_with_json_a_person_sees_the_plan_as_well_and_may_leave_by_ctrl_c(shop):
    with shop.on_terminal("sync", "greeter", "--format", "json") as terminal:
        terminal.wait_for("Plan for local: 1 to create, 0 to update, 0 to delete.\n")
        terminal.wait_for("Apply 1 change to local? [y/N]: ")
        terminal.interrupt("interrupted\n")
        assert terminal.end() == 130


def test_a_prune_of_most_of_what_is_owned_needs_force(shop):
    for number in range(12):
        (shop.root / "assistants" / f"a{number}.yaml").write_text("{}\n")
    assert shop("sync", "--yes", "-q").code == 0
    for number in range(8):
        (shop.root / "assistants" / f"a{number}.yaml").unlink()
    note = (
        "--prune would delete 8 of the 15 assistants and vector stores that this workspace owns, "
        "which is more than 30%; sync wants --force for that"
    )
    assert f"\nNote: {note}\n" in shop("plan", "--prune").out
    code, _, err = shop("sync", "--yes", "--prune")
    assert (code, err) == (3, f"error: {note}; nothing was changed\n")
    assert shop("sync", "--yes", "--prune", "--force").code == 0
    assert shop("plan", "--prune") == (0, NOTHING, "")


def test_a_protected_assistant_outlives_its_declaration(shop):
    shop.edit("assistants/greeter.yaml", "instructions:", "protect: true\ninstructions:")
    assert shop("sync", "--yes", "-q").code == 0
    (shop.root / "assistants" / "greeter.yaml").unlink()
    (shop.root / "assistants" / "greeter.script.yaml").unlink()
    left = """\
No longer declared, left alone:
    assistant/greeter  protected
    What is protected stays: to delete it, declare it with `protect: false`, sync, then remove it.

No changes. local is as declared.
"""
    assert shop("sync", "--yes", "--prune", "--force") == (0, left, "")
    assert instructions(shop) == "Greet in any language."


def test_a_renamed_assistant_keeps_its_id(synced):
    with synced.target() as target:
        before = synced.id_of("greeter", target)
    for suffix in ("yaml", "script.yaml"):
        path = synced.root / "assistants" / f"greeter.{suffix}"
        path.rename(path.with_name(f"host.{suffix}"))
    synced.edit("assistctl.yaml", "vector_stores:", "moved: {greeter: host}\nvector_stores:")
    plan = """\
~ assistant/host  moved from assistant/greeter

Plan for local: 0 to create, 1 to update, 0 to delete.
"""
    code, out, _ = synced("sync", "--yes")
    assert (code, out) == (0, plan)
    with synced.target() as target:
        assert synced.id_of("host", target) == before
    assert synced("sync") == (0, NOTHING, "")
