import json

from assistctl.render.plan import WAYS_OUT

DIFF = """\
--- a/assistants/clerk.yaml
+++ b/assistants/clerk.yaml
@@ -1,7 +1,7 @@
 name: Clerk
 instructions: |
   You sell flowers.
-  Be brief.
+  Be kind.
 tools:
   - type: code_interpreter
     files: [prices.csv]
@@ -16,3 +16,4 @@
   - type: function
     python: till:refund
     approval: ask
+temperature: 0.1
"""
NOTHING = "Nothing to pull: nothing was edited at local since the last sync.\n"


def drifted(shop, key="clerk", **fields):
    """Somebody edits the clerk at the target."""
    fields = fields or {"instructions": "You sell flowers.\nBe kind.\n", "temperature": 0.1}
    with shop.target() as target:
        target.post(f"/assistants/{shop.id_of(key, target)}", fields)


def test_a_pull_shows_the_diff_writes_it_and_then_the_plan_is_empty(synced):
    drifted(synced)
    assert synced("pull", "clerk", "--dry-run") == (0, DIFF, "")
    told = "Pulled local: 2 edits into 1 file.\n"
    assert synced("pull", "clerk", "--yes") == (0, DIFF, told)
    assert synced("plan", "--drift-only").out == (
        "No drift. Nothing was edited at local since the last sync.\n"
    )
    assert synced("sync") == (0, "No changes. local is as declared.\n", "")
    assert synced("pull", "--all") == (0, NOTHING, "")


def test_what_was_pulled_can_be_edited_here_again_without_passing_for_an_edit_of_both(synced):
    drifted(synced)
    assert synced("pull", "--all", "-y").code == 0
    synced.edit("assistants/clerk.yaml", "Be kind.", "Be kinder.")
    assert synced("sync", "-y", "-q").code == 0


def test_where_nobody_can_be_asked_nothing_is_written_without_yes(synced):
    drifted(synced)
    before = (synced.root / "assistants/clerk.yaml").read_bytes()
    refusal = (
        "error: nobody can be asked here whether to write 1 file here, and have local note that; "
        "use --yes to do it\n"
    )
    assert synced("pull", "--all") == (3, DIFF, refusal)
    assert (synced.root / "assistants/clerk.yaml").read_bytes() == before


def test_a_person_is_asked_and_may_say_no(synced):
    drifted(synced)
    with synced.on_terminal("pull", "--all") as terminal:
        terminal.wait_for("Write 1 file here, and have local note that?")
        terminal.type("n\n")
        terminal.wait_for("error: nothing was changed")
        assert terminal.end() == 3


def test_what_both_sides_changed_is_refused_with_both_values_until_one_is_chosen(synced):
    drifted(synced, "greeter", instructions="Shout.")
    synced.edit("assistants/greeter.yaml", "any language", "French")
    refusal = """\
error: changed both here and at the target since the last sync, nothing was written:
  assistant/greeter instructions: here "Greet in French.", at the target "Shout."
Use --theirs to take the target's; `assistctl sync --on-drift overwrite` takes yours.
"""
    assert synced("pull", "greeter", "-y") == (3, "", refusal)
    code, _, err = synced("pull", "greeter", "-y", "--theirs")
    assert (code, err) == (0, "Pulled local: 1 edit into 1 file.\n")
    assert (synced.root / "assistants/greeter.yaml").read_text() == "instructions: Shout.\n"
    assert synced("sync").out == "No changes. local is as declared.\n"


def test_what_cannot_be_pulled_is_named_and_the_rest_is_written(synced):
    with synced.target() as target:
        clerk = target.get(f"/assistants/{synced.id_of('clerk', target)}")
        store = synced.id_of("handbook", target, "/vector_stores")
        (theirs,) = clerk["tool_resources"]["code_interpreter"]["file_ids"]
        target.create(f"/vector_stores/{store}/files", {"file_id": theirs})
    drifted(synced, "greeter", instructions="Shout.")
    code, out, err = synced("pull", "--all", "-y")
    assert code == 1
    assert out.splitlines()[-2:] == [
        "-instructions: Greet in any language.",
        "+instructions: Shout.",
    ]
    assert err.splitlines() == [
        "not pulled: vector_store/handbook (files): assistctl.yaml: what is in a store is declared "
        "by the files that it is made of; change it by hand",
        "Pulled local: 1 edit into 1 file.",
        "error: 1 edit at the target could not be pulled; sync with --on-drift overwrite takes "
        "them back, keep leaves them",
    ]
    plan = synced("plan", "--deep").out
    assert "vector_store/handbook" in plan
    assert "greeter" not in plan
    assert WAYS_OUT in plan


def test_the_result_as_json(synced):
    drifted(synced, "greeter", instructions="Shout.")
    code, out, err = synced("pull", "greeter", "-y", "-q", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "target": "local",
        "files": [
            {
                "path": "assistants/greeter.yaml",
                "diff": "--- a/assistants/greeter.yaml\n+++ b/assistants/greeter.yaml\n"
                "@@ -1 +1 @@\n-instructions: Greet in any language.\n+instructions: Shout.",
            }
        ],
        "pulled": [
            {
                "address": "assistant/greeter",
                "fields": [
                    {
                        "path": "instructions",
                        "before": "Greet in any language.",
                        "after": "Shout.",
                    }
                ],
            }
        ],
        "left": [],
        "written": True,
    }


def test_a_sync_pulls_first_if_it_is_told_to_and_makes_the_rest(synced):
    drifted(synced)
    synced.edit("assistants/greeter.yaml", "any language", "French")
    code, out, err = synced("sync", "--yes", "--on-drift", "pull")
    assert code == 0
    assert out.startswith(DIFF)
    assert out.endswith("Plan for local: 0 to create, 1 to update, 0 to delete.\n")
    assert err.splitlines() == [
        "Pulled local: 2 edits into 1 file.",
        "~ updated assistant/greeter (asst_…)  … s",
        "Synced local: 1 change.",
    ]
    assert synced("sync") == (0, "No changes. local is as declared.\n", "")


def test_a_person_who_is_asked_about_drift_may_have_it_pulled(synced):
    drifted(synced)
    with synced.on_terminal("sync") as terminal:
        terminal.wait_for("pull them into the YAML, or stop")
        terminal.type("pull\n")
        terminal.wait_for("+  Be kind.")
        terminal.wait_for("Write 1 file here, and have local note that?")
        terminal.type("y\n")
        terminal.wait_for("No changes. local is as declared.")
        assert terminal.end() == 0


def test_a_saved_plan_is_not_pulled_for_since_it_rests_on_the_yaml_as_it_was(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    assert synced("plan", "--out", "plan.json").code == 0
    code, _, err = synced("sync", "--plan", "plan.json", "--on-drift", "pull")
    assert (code, err.splitlines()[0]) == (
        64,
        "error: A saved plan rests on the YAML as it was; pull first, then plan.",
    )


def test_what_is_no_business_of_a_pull_is_told_as_what_it_is(synced):
    with synced.target() as target:
        target.delete(f"/assistants/{synced.id_of('greeter', target)}")
        target.create("/assistants", {"model": "gpt-6-luna", "name": "Theirs"})
    assert synced("pull", "--all") == (
        0,
        NOTHING,
        "assistant/greeter: gone from the target since the last sync; `assistctl sync` makes it\n"
        "1 assistant there without an owner: `assistctl import` brings them here\n",
    )


def test_keys_or_all_must_be_named_but_not_both(synced):
    for arguments in ((), ("clerk", "--all")):
        code, _, err = synced("pull", *arguments)
        assert (code, err.splitlines()[0]) == (
            64,
            "error: Name the KEYs of assistants or stores, or --all.",
        )
