import json

from tests.commands.conftest import Shop


def elsewhere(shop: Shop) -> None:
    """Give the shop a target that speaks Agents, to which it is never connected."""
    top = shop.root / "assistctl.yaml"
    text = top.read_text(encoding="utf-8")
    assert text.count("targets:\n") == 1
    agents = '  agents: {api: agents, base_url: "http://127.0.0.1:9/v1"}\n'
    top.write_text(text.replace("targets:\n", f"targets:\n{agents}"), encoding="utf-8")


def test_what_each_assistant_declares_is_told_for_the_target(shop: Shop) -> None:
    elsewhere(shop)
    code, out, err = shop("capabilities", "-t", "agents")
    assert (code, err) == (0, "")
    assert (
        out
        == """\
assistant/clerk at agents (Agents API)
FEATURE                 HERE     HOW
name                    native
model                   native
instructions            native   put after instructions of the service's own
tools.code_interpreter  native   as the session's environment `openai_hosted`, with the files under\
 /workspace
tools.file_search       refused  remove it, or write `emulate: [file_search]` at the target: a\
 function that `run` and `chat` answer by searching the vector store
tools.function          native

assistant/greeter at agents (Agents API)
FEATURE       HERE    HOW
model         native
instructions  native  put after instructions of the service's own
"""
    )


def test_one_assistant_is_told_of_as_json(shop: Shop) -> None:
    elsewhere(shop)
    code, out, err = shop("capabilities", "-t", "agents", "greeter", "--format", "json")
    assert (code, err) == (0, "")
    model = {"feature": "model", "support": "native", "how": ""}
    instructions = {
        "feature": "instructions",
        "support": "native",
        "how": "put after instructions of the service's own",
    }
    assert json.loads(out) == {
        "target": "agents",
        "api": "agents",
        "assistants": [
            {
                "address": "assistant/greeter",
                "features": [
                    {**model, "file": "assistctl.yaml", "line": 3, "column": 12},
                    {**instructions, "file": "assistants/greeter.yaml", "line": 1, "column": 1},
                ],
            }
        ],
    }


def test_the_whole_table_needs_no_workspace(shop: Shop) -> None:
    (shop.root / "assistctl.yaml").unlink()
    code, out, err = shop("capabilities", "--all")
    assert (code, err) == (0, "")
    assert out.startswith("| declared | Assistants API (`assistants`) |")
    told = json.loads(shop("capabilities", "--all", "--format", "json").out)
    assert list(told) == ["assistants", "agents", "responses"]
    assert {
        "feature": "temperature",
        "support": "refused",
        "how": "remove it, or make it null under the target's `overrides`",
    } in told["agents"]


def test_the_whole_table_is_of_no_key_or_target(shop: Shop) -> None:
    code, out, err = shop("capabilities", "--all", "clerk")
    assert (code, out) == (64, "")
    assert "--all is about every API; leave out KEY and --target." in err


def test_plan_and_run_refuse_what_the_api_cannot_do(shop: Shop) -> None:
    elsewhere(shop)
    for command in (["plan"], ["run", "greeter", "Hello"], ["validate"]):
        assert shop(*command, "-t", "agents") == (
            1,
            "",
            "assistants/clerk.yaml:8:5: `tools.file_search` cannot be had at 'agents', which speaks"
            " the Agents API; remove it, or write `emulate: [file_search]` at the target: a"
            " function that `run` and `chat` answer by searching the vector store\n"
            "error: 1 problem\n",
        )
