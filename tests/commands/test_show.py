import json

from tests.commands.middleman import staging


def test_an_assistant_is_shown_as_declared_and_as_it_is_at_the_target(synced):
    synced.edit("assistants/greeter.yaml", "Greet in any language.", "|\n  Greet.\n  Be brief.")
    synced.edit("assistants/greeter.yaml", "instructions", "name: 招待\ninstructions")
    with synced.target() as target:
        edit = {"instructions": "Greet!\n", "temperature": 0.5}
        target.post(f"/assistants/{synced.id_of('greeter', target)}", edit)
    assert synced("show", "greeter") == (
        0,
        """\
assistant/greeter  drifted  asst_…
  model: "gpt-6-luna"
  name:
    target:   (absent)
    declared: "招待"
  instructions:  (- target, + declared)
    @@ -1 +1,2 @@
    -Greet!
    +Greet.
    +Be brief.
  temperature:
    target:   0.5
    declared: (absent)
  top_p: 1.0  (not declared)
  response_format: "auto"  (not declared)
  metadata: {}  (not declared)
  tool_resources: {}  (not declared)
""",
        "",
    )


def test_what_is_not_at_the_target_is_shown_as_declared(shop):
    code, out, err = shop("show", "greeter", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "address": "assistant/greeter",
        "id": None,
        "status": "missing",
        "declared": {"model": "gpt-6-luna", "instructions": "Greet in any language."},
        "observed": None,
    }


def test_what_is_ours_is_shown_by_its_id_too(shared):
    listed = {
        item["address"]: item["id"]
        for item in json.loads(shared.raw("list", "--format", "json").stdout)
    }
    for address, object_id in listed.items():
        shown = json.loads(shared.raw("show", object_id, "--format", "json").stdout)
        assert (shown["address"], shown["id"]) == (address, object_id)
    error = "error: 'asst_nobody' is not declared in this workspace"
    assert shared("show", "asst_nobody").err.startswith(error)


def test_the_files_of_stores_are_listed_only_for_what_is_no_assistant(shop):
    asked = []

    def middleman(method, path, ask):
        asked.append(path.removeprefix("/v1").partition("?")[0])
        return ask()

    with staging(shop.root, middleman) as (client, environ):
        assert shop("sync", "--yes", **environ).code == 0
        store_id = shop.id_of("handbook", client, "/vector_stores")
        lists = ["/assistants", "/files", "/vector_stores"]
        for key, found in (
            ("clerk", lists),
            ("vector_store/handbook", [*lists, f"/vector_stores/{store_id}/files"]),
            (store_id, [*lists, f"/vector_stores/{store_id}/files"]),
        ):
            asked.clear()
            assert shop("show", key, **environ).code == 0
            assert sorted(asked) == sorted(found)


def test_a_key_without_its_kind_gets_a_suggestion(shared):
    error = (
        "error: 'handbook' is not declared in this workspace; "
        "did you mean 'vector_store/handbook'?\n"
    )
    assert shared("show", "handbook") == (1, "", error)


def test_what_a_target_fills_in_is_no_difference(shared):
    out = shared("show", "clerk").out
    assert "  tools: " in out
    assert "declared:" not in out and "+ declared" not in out
