import json

TOOLS = """\
  tools:  (- declared, + target)
    @@ -3,7 +3,13 @@
         "type": "code_interpreter"
       },
       {
    -    "type": "file_search"
    +    "type": "file_search",
    +    "file_search": {
    +      "ranking_options": {
    +        "ranker": "auto",
    +        "score_threshold": 0.0
    +      }
    +    }
       },
       {
         "type": "function",
"""


def test_an_assistant_is_shown_as_declared_and_as_it_is_at_the_target(synced):
    synced.edit("assistants/clerk.yaml", "Be brief.", "Be friendly.")
    synced.edit("assistants/clerk.yaml", "name: Clerk\n", "")
    assert synced("show", "clerk") == (
        0,
        f"""\
assistant/clerk  changed  asst_…
  model: "gpt-4.1-mini"
  instructions:  (- declared, + target)
    @@ -1,2 +1,2 @@
     You sell flowers.
    -Be friendly.
    +Be brief.
{TOOLS}\
  tool_resources: {{"code_interpreter": {{"file_ids": ["file/assistants/prices.csv"]}}, \
"file_search": {{"vector_store_id… (130 characters)
  name: "Clerk"  (not declared)
  temperature: 1.0  (not declared)
  top_p: 1.0  (not declared)
  response_format: "auto"  (not declared)
  metadata: {{}}  (not declared)
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
        "declared": {"model": "gpt-4.1-mini", "instructions": "Greet in any language."},
        "observed": None,
    }


def test_an_unknown_key_gets_a_suggestion(shared):
    error = "error: 'clrk' is not declared in this workspace; did you mean 'clerk'?\n"
    assert shared("show", "clrk") == (1, "", error)
