"""Commands at a target that speaks Responses: the embedded server."""

import json

import pytest

from assistctl.apis.responses.converse import NOT_CALLED
from tests.commands.conftest import Shop

NOTE = (
    "Note: nothing at the target holds an assistant; an empty vector store, where there are any,"
    " says which uploads each uses, and `run` and `chat` send all else with each response.\n"
)


@pytest.fixture
def there(shop: Shop):
    """The shop, at a target of its own that speaks Responses."""
    shop.edit(
        "assistctl.yaml", "targets:\n", "targets:\n  there: {api: responses, model: scripted}\n"
    )

    def there(command, *arguments, **more):
        return shop(command, "-t", "there", *arguments, **more)

    return there


def test_a_plan_says_what_is_there_and_the_second_one_is_empty(there):
    code, out, err = there("plan")
    assert (code, err) == (0, "")
    assert "+ assistant/clerk  not at the target yet\n" in out
    assert out.endswith(f"{NOTE}\nPlan for there: 5 to create, 0 to update, 0 to delete.\n")
    assert there("sync", "--yes").code == 0
    assert there("plan") == (0, f"{NOTE}\nNo changes. there is as declared.\n", "")
    code, out, err = there("list", "--format", "json")
    assert {row["status"] for row in json.loads(out)} == {"synced"}


def test_a_run_calls_functions_and_the_next_one_goes_on_with_the_conversation(there):
    code, out, err = there("run", "clerk", "the sum, please", "--format", "json")
    assert code == 0, err
    first = json.loads(out)
    assert (first["status"], first["text"]) == ("completed", "The sum is 3.")
    assert [(call["name"], call["error"]) for call in first["tool_calls"]] == [("add", None)]
    assert first["usage"].keys() == {"prompt_tokens", "completion_tokens", "total_tokens"}
    code, out, err = there("run", "clerk", "--continue", "hello", "--format", "json")
    assert json.loads(out)["thread"] == first["thread"]
    code, out, err = there("run", "clerk", "--thread", first["thread"], "hello")
    assert (code, out) == (0, "Hello!\n")


def test_a_function_that_wants_approval_is_not_called_without(there):
    _, out, _ = there("run", "clerk", "refund it", "--format", "json")
    (call,) = json.loads(out)["tool_calls"]
    assert (call["name"], call["error"]) == (
        "refund",
        "not_approved: refund needs approval, and nobody can be asked",
    )
    _, out, _ = there("run", "clerk", "refund it", "--approve-all", "--format", "json")
    (call,) = json.loads(out)["tool_calls"]
    assert (call["name"], call["error"]) == ("refund", None)


def test_what_a_killed_turn_left_open_is_mended_by_the_next(there, shop):
    with shop.started("run", "-t", "there", "clerk", "wait") as run:
        run.wait_for("→ wait")
        run.process.kill()
    code, out, err = there("run", "clerk", "--continue", "hello")
    assert (code, out) == (0, "Hello!\n"), err
    assert NOT_CALLED not in err
