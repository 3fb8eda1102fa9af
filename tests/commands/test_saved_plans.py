import json

from tests.commands.middleman import staging

STALE = (
    "error: the plan is stale: the workspace or the target has changed since it was saved; nothing "
    "was changed. Make a new plan and review it\n"
)


def edit_at_target(shop, **fields):
    with shop.target() as target:
        target.post(f"/assistants/{shop.id_of('greeter', target)}", fields)


def greeter(shop):
    with shop.target() as target:
        return target.get(f"/assistants/{shop.id_of('greeter', target)}")


def test_a_saved_plan_is_applied(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    plan = synced("plan", "--out", "plan.json").out
    assert synced("sync", "--plan", "plan.json", "--yes") == (
        0,
        plan,
        "~ updated assistant/greeter (asst_…)  … s\nSynced local: 1 change.\n",
    )
    assert greeter(synced)["instructions"] == "Greet in French."


def test_a_saved_plan_is_refused_after_it_was_applied(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    synced("plan", "--out", "plan.json")
    synced("sync", "--plan", "plan.json", "--yes")
    assert synced("sync", "--plan", "plan.json", "--yes") == (3, "", STALE)


def test_a_saved_plan_is_refused_when_the_workspace_has_changed(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    synced("plan", "--out", "plan.json")
    synced.edit("assistants/greeter.yaml", "French", "Dutch")
    assert synced("sync", "--plan", "plan.json", "--yes") == (3, "", STALE)
    assert greeter(synced)["instructions"] == "Greet in any language."


def test_a_saved_plan_is_refused_when_the_target_has_changed(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    synced("plan", "--out", "plan.json")
    edit_at_target(synced, temperature=0.3)
    assert synced("sync", "--plan", "plan.json", "--yes") == (3, "", STALE)


def test_a_saved_plan_remembers_what_was_asked_for(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    synced.edit("assistants/clerk.yaml", "Be brief", "Be long")
    synced("plan", "greeter", "--out", "plan.json")
    document = json.loads((synced.root / "plan.json").read_text(encoding="utf-8"))
    assert (document["keys"], document["prune"], document["target"]) == (
        ["greeter"],
        False,
        "local",
    )
    assert synced("sync", "--plan", "plan.json", "--yes", "-q").code == 0
    assert synced("plan").out.endswith("Plan for local: 0 to create, 1 to update, 0 to delete.\n")


def test_a_saved_plan_is_for_the_target_it_was_made_for(shop):
    with staging(shop.root, lambda method, path, ask: ask()) as (_, environ):
        assert shop("plan", "--out", "plan.json", "-q", **environ).code == 0
    refusal = (
        "error: the plan was made for the target 'staging', not for 'local'; leave out --target "
        "(or ASSISTCTL_TARGET), or make a plan for that one\n"
    )
    assert shop("sync", "--plan", "plan.json", "--yes", "-t", "local") == (3, "", refusal)
    # Another server, as empty as the first one was.
    with staging(shop.root, lambda method, path, ask: ask()) as (client, environ):
        assert shop("sync", "--plan", "plan.json", "--yes", **environ) == (3, "", STALE)
        assert list(client.list("/assistants")) == []


def test_a_plan_that_cannot_be_saved_is_an_error_that_names_the_file(synced):
    _, out, err = synced("plan", "--out", "/dev/full")
    assert out == "No changes. local is as declared.\n"
    assert err == "error: /dev/full: the plan cannot be saved (No space left on device)\n"


def test_of_a_saved_plan_the_edits_at_the_target_may_be_kept(synced):
    edit_at_target(synced, instructions="Shout.")
    synced.edit("assistants/clerk.yaml", "Be brief", "Be long")
    assert synced("plan", "--out", "plan.json", "-q").code == 0
    code, out, err = synced("sync", "--plan", "plan.json", "--yes", "--on-drift", "keep")
    assert (code, err) == (0, "~ updated assistant/clerk (asst_…)  … s\nSynced local: 1 change.\n")
    assert "Edited at the target, kept so:\n    assistant/greeter (instructions)\n" in out
    assert greeter(synced)["instructions"] == "Shout."


def test_a_file_that_is_no_plan_is_an_error(synced):
    (synced.root / "plan.json").write_text("{}", encoding="utf-8")
    assert synced("sync", "--plan", "plan.json", "--yes") == (
        1,
        "",
        "error: plan.json: no saved plan of this version; write one with plan --out\n",
    )


def test_a_saved_plan_says_already_what_is_asked_for(synced):
    code, _, err = synced("sync", "greeter", "--plan", "assistctl.yaml")
    assert code == 64
    assert err.startswith("error: --plan FILE says already what is asked for; drop KEY, --prune")


def test_only_drift_is_shown_when_asked_for(synced):
    synced.edit("assistants/clerk.yaml", "Be brief", "Be long")
    assert synced("plan", "--drift-only", "--detailed-exitcode") == (
        0,
        "No drift. Nothing was edited at local since the last sync.\n",
        "",
    )
    edit_at_target(synced, instructions="Shout.")
    code, out, _ = synced("plan", "--drift-only", "--detailed-exitcode")
    assert code == 2
    assert out.splitlines()[0] == "~ assistant/greeter  changed at the target since the last sync"
    assert out.endswith("Drift: 1 of ours was edited at local since the last sync.\n")
    heading = "### Drift: 1 of ours was edited at `local` since the last sync.\n"
    assert synced("plan", "--drift-only", "--format", "markdown").out.startswith(heading)


def test_a_person_is_asked_what_shall_become_of_drift(synced):
    edit_at_target(synced, instructions="Shout.")
    with synced.on_terminal("sync") as terminal:
        terminal.wait_for("Overwrite these edits, keep them, pull them into the YAML, or stop")
        terminal.type("stop\n")
        terminal.wait_for("error: nothing was changed")
        assert terminal.end() == 3
    with synced.on_terminal("sync") as terminal:
        terminal.wait_for("Overwrite these edits, keep them, pull them into the YAML, or stop")
        terminal.type("keep\n")
        terminal.wait_for("Edited at the target, kept so:\n    assistant/greeter (instructions)")
        terminal.wait_for("No changes.")
        assert terminal.end() == 0
    with synced.on_terminal("sync") as terminal:
        terminal.wait_for("Overwrite these edits, keep them, pull them into the YAML, or stop")
        terminal.type("overwrite\n")
        terminal.wait_for("Apply 1 change to local?")
        terminal.type("y\n")
        terminal.wait_for("Synced local: 1 change.")
        assert terminal.end() == 0
    assert greeter(synced)["instructions"] == "Greet in any language."


def test_a_taken_name_is_an_error_and_adopt_is_the_way_out(shop):
    with shop.target() as target:
        stranger = target.create("/assistants", {"model": "gpt-4.1", "name": "Clerk"})["id"]
    code, _, err = shop("sync", "--yes")
    assert code == 1
    assert err.startswith(
        "error: assistants/clerk.yaml:1:1: an assistant named 'Clerk' is at the target already and "
        "has no owner (asst_…); take it over with `assistctl adopt clerk asst_…`"
    )
    assert shop("adopt", "clerk", stranger, "--yes").code == 0
    assert shop("sync", "--yes").code == 0
    with shop.target() as target:
        assert shop.id_of("clerk", target) == stranger
    assert shop("plan").out == "No changes. local is as declared.\n"


def test_what_was_edited_where_nothing_is_declared_and_what_has_gone_is_drift(synced):
    with synced.target() as target:
        path = f"/assistants/{synced.id_of('clerk', target)}"
        target.post(path, {"description": "Theirs."})
        target.delete(f"/assistants/{synced.id_of('greeter', target)}")
    code, out, _ = synced("plan", "--drift-only", "--detailed-exitcode")
    assert (code, out) == (
        2,
        """\
+ assistant/greeter  gone from the target since the last sync
    model: "gpt-6-luna"
    instructions: "Greet in any language."

Edited at the target where nothing is declared, left alone:
    assistant/clerk
        description: (absent) → "Theirs."

Drift: 1 of ours was edited at local since the last sync, and 1 has gone.
""",
    )
    _, out, _ = synced("plan", "--drift-only", "--format", "json")
    assert json.loads(out)["left_alone"] == [
        {
            "action": "update",
            "address": "assistant/clerk",
            "cause": "edited at the target since the last sync; not declared, so left alone",
            "fields": [
                {
                    "path": "description",
                    "before": None,
                    "after": "Theirs.",
                    "moved": "remote",
                }
            ],
        }
    ]
    assert "- `assistant/clerk`: description\n" in synced("plan", "--format", "markdown").out
    assert synced("sync", "--yes").code == 0
    code, out, _ = synced("plan", "--detailed-exitcode")
    assert code == 0
    assert "description" in out
