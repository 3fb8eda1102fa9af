import json

FIRST = """\
+ file/assistants/prices.csv  used by assistant/clerk
    sha256: "850ad18d4908457f80a50cb83936f55da386a954b177224a7e8410ecaf374a2c"
    bytes: 20

+ file/handbook/care.md  used by vector_store/handbook
    sha256: "49f0567e0c7d7a521b0dd35ffed359880af582300314c7a892c5a4073ac22eb2"
    bytes: 25

+ vector_store/handbook  not at the target yet
    name: "handbook"
    files:
      + handbook/care.md

+ assistant/clerk  not at the target yet
    model: "gpt-6-luna"
    name: "Clerk"
    instructions: "You sell flowers." (2 lines, 28 characters)
    tools: code_interpreter, file_search, function add, function stuck, function wait, \
function refund
    tool_resources: {"code_interpreter": {"file_ids": ["file/assistants/prices.csv"]}, \
"file_search": {"vector_store_id… (130 characters)

+ assistant/greeter  not at the target yet
    model: "gpt-6-luna"
    instructions: "Greet in any language."

Plan for local: 5 to create, 0 to update, 0 to delete.
"""


def test_a_first_plan_shows_all_that_is_declared(shop):
    assert shop("plan", "--detailed-exitcode") == (2, FIRST, "")


def test_after_a_sync_there_is_nothing_to_do(shared):
    nothing = "No changes. local is as declared.\n"
    assert shared("plan", "--detailed-exitcode") == (0, nothing, "")


def test_what_changed_is_shown_field_by_field_and_verbosely_by_its_requests(synced):
    synced.edit("assistants/clerk.yaml", "Be brief.", "Be friendly.")
    synced.edit("assistants/clerk.yaml", "name: Clerk", "name: 店员\ntemperature: 0.5")
    synced.edit("assistants/prices.csv", "rose,5", "rose,6")
    changes = """\
~ file/assistants/prices.csv  its content changed
    sha256: "850ad18d4908" → "054439f75207"
    · upload assistants/prices.csv (20 bytes)
    · delete file/assistants/prices.csv (file-…)

~ assistant/clerk  the declaration changed
    name: "Clerk" → "店员"
    instructions:
      @@ -1,2 +1,2 @@
       You sell flowers.
      -Be brief.
      +Be friendly.
    temperature: 1.0 → 0.5
    · update assistant/clerk (name, instructions, temperature, tool_resources)

Plan for local: 0 to create, 2 to update, 0 to delete.
"""
    assert synced("plan", "-v") == (0, changes, "")


def test_json_has_the_shape_of_the_contract(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    result = synced("plan", "--format", "json", "--detailed-exitcode")
    assert (result.code, result.err) == (2, "")
    assert json.loads(result.out) == {
        "target": "local",
        "changes": [
            {
                "action": "update",
                "address": "assistant/greeter",
                "cause": "the declaration changed",
                "fields": [
                    {
                        "path": "instructions",
                        "before": "Greet in any language.",
                        "after": "Greet in French.",
                        "moved": "declared",
                    }
                ],
            }
        ],
        "undeclared": [],
        "summary": {"create": 0, "update": 1, "delete": 0},
    }


def test_markdown_is_for_a_comment_on_a_pull_request(synced):
    synced.edit("assistants/greeter.yaml", "any language", "French")
    comment = """\
### Plan for `local`: 0 to create, 1 to update, 0 to delete

| change | address | cause |
|---|---|---|
| `~` update | `assistant/greeter` | the declaration changed |

<details><summary>~ <code>assistant/greeter</code></summary>

```diff
- instructions: "Greet in any language."
+ instructions: "Greet in French."
```

</details>
"""
    assert synced("--format", "markdown", "plan") == (0, comment, "")


def test_keys_limit_the_plan_to_them_and_what_they_refer_to(shop):
    result = shop("plan", "vector_store/handbook")
    assert result == (
        0,
        """\
+ file/handbook/care.md  used by vector_store/handbook
    sha256: "49f0567e0c7d7a521b0dd35ffed359880af582300314c7a892c5a4073ac22eb2"
    bytes: 25

+ vector_store/handbook  not at the target yet
    name: "handbook"
    files:
      + handbook/care.md

Plan for local: 2 to create, 0 to update, 0 to delete.
""",
        "",
    )


def test_what_is_declared_no_longer_is_reported_and_is_no_change(synced):
    (synced.root / "assistants" / "greeter.yaml").unlink()
    (synced.root / "assistants" / "greeter.script.yaml").unlink()
    reported = """\
No longer declared, left alone:
    assistant/greeter
    `assistctl sync --prune` deletes what is no longer declared.

No changes. local is as declared.
"""
    assert synced("plan", "--detailed-exitcode") == (0, reported, "")


def test_prune_and_keys_contradict_each_other(shared):
    result = shared("plan", "clerk", "--prune")
    assert result == (
        64,
        "",
        "error: --prune looks at the whole workspace; leave out the KEYs.\n"
        "Usage: assistctl plan [OPTIONS] [KEY]...\n"
        "Try 'assistctl plan --help' for help.\n",
    )


def test_a_workspace_that_is_wrong_is_not_compared(shop):
    shop.edit("assistants/clerk.yaml", "name:", "nmae:")
    shop.edit("assistants/clerk.yaml", "till:add", "till:ad")
    problems = """\
assistants/clerk.yaml:1:1: unknown key `nmae`; did you mean `name`?
assistants/clerk.yaml:11:13: tools/till.py has no function 'ad'; did you mean till:add?
error: 2 problems
"""
    assert shop("plan") == (1, "", problems)
    assert not (shop.root / ".assistctl").exists()


def test_a_local_database_that_is_none_is_a_clear_error(shop):
    (shop.root / ".assistctl").mkdir()
    (shop.root / ".assistctl" / "local.db").write_text("notes\n" * 1000)
    database = shop.root / ".assistctl" / "local.db"
    error = f"error: cannot use the database {database}: file is not a database\n"
    assert shop("plan") == (1, "", error)


def test_a_file_is_planned_with_what_uses_it(shop):
    code, _, err = shop("plan", "file/handbook/care.md")
    first = "error: file/handbook/care.md goes with what uses it; name that instead."
    assert (code, err.splitlines()[0]) == (64, first)


def test_what_a_model_will_not_take_is_told_beside_the_plan(shop):
    endpoint = "{base_url: 'https://api.openai.com/v1'}"
    shop.edit("assistctl.yaml", "local: {model: scripted}", f"local: {{model: {endpoint}}}")
    shop.edit("assistctl.yaml", "gpt-6-luna", "gpt-4o")
    code, out, err = shop("plan", "greeter", "--format", "json")
    assert (code, json.loads(out)["summary"]["create"]) == (0, 1)
    assert err == (
        "assistctl.yaml:3:19: warning: OpenAI has `gpt-4o` until 2027-01-14 and no longer; "
        "choose another, such as gpt-6-luna\n"
    )
