import re
from collections.abc import Callable
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer

Ask = Callable[..., Any]
SECONDS = 1_700_000_000, 10_000_000_000


def test_an_assistant_of_which_little_is_said_has_the_defaults_of_the_api(ask: Ask) -> None:
    made = ask("POST", "/assistants", {"model": "gpt-4.1"}).body
    assert re.fullmatch("asst_[A-Za-z0-9]{24}", made["id"])
    assert SECONDS[0] < made["created_at"] < SECONDS[1]
    assert made == {
        "id": made["id"],
        "object": "assistant",
        "created_at": made["created_at"],
        "name": None,
        "description": None,
        "model": "gpt-4.1",
        "instructions": None,
        "reasoning_effort": None,
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
    }
    assert ask("GET", f"/assistants/{made['id']}").body == made


def test_null_is_as_good_as_nothing(ask: Ask) -> None:
    fields = ["name", "description", "instructions", "reasoning_effort", "tools", "tool_resources"]
    fields += ["metadata", "temperature", "top_p", "response_format"]
    made = ask("POST", "/assistants", {"model": "m"} | dict.fromkeys(fields)).body
    plain = ask("POST", "/assistants", {"model": "m"}).body
    assert {**made, "id": "", "created_at": 0} == {**plain, "id": "", "created_at": 0}


def test_only_what_is_given_changes_and_null_resets(openai: OpenAI) -> None:
    assistants = openai.beta.assistants
    made = assistants.create(
        model="m",
        name="花店",
        instructions="Sell.",
        temperature=0.5,
        tools=[{"type": "code_interpreter"}],
        metadata={"a": "1", "b": "2"},
    )
    changed = assistants.update(made.id, name="店", metadata={"b": "3"})
    assert changed.to_dict() == {**made.to_dict(), "name": "店", "metadata": {"b": "3"}}
    reset = assistants.update(
        made.id, instructions=None, temperature=None, metadata=None, tools=[]
    ).to_dict()
    assert reset == {
        **changed.to_dict(),
        "instructions": None,
        "temperature": 1.0,
        "metadata": {},
        "tools": [],
    }


def test_a_deleted_assistant_is_gone(openai: OpenAI) -> None:
    made = openai.beta.assistants.create(model="m")
    assert openai.beta.assistants.delete(made.id).to_dict() == {
        "id": made.id,
        "object": "assistant.deleted",
        "deleted": True,
    }
    for again in (openai.beta.assistants.retrieve, openai.beta.assistants.delete):
        with pytest.raises(sdk.NotFoundError, match=f"No assistant found with id '{made.id}'"):
            again(made.id)


def test_the_newest_comes_first_and_pages_are_walked_to_the_end(openai: OpenAI) -> None:
    ids = [openai.beta.assistants.create(model="m").id for _ in range(5)]
    assert [found.id for found in openai.beta.assistants.list(limit=2)] == ids[::-1]
    assert [found.id for found in openai.beta.assistants.list(limit=2, order="asc")] == ids


def test_all_can_be_deleted_while_they_are_listed(openai: OpenAI) -> None:
    for _ in range(5):
        openai.beta.assistants.create(model="m")
    for found in openai.beta.assistants.list(limit=2):
        openai.beta.assistants.delete(found.id)
    assert openai.beta.assistants.list().data == []


def test_a_list_may_have_a_hundred(openai: OpenAI) -> None:
    for _ in range(21):
        openai.beta.assistants.create(model="m")
    assert len(openai.beta.assistants.list().data) == 20
    assert len(openai.beta.assistants.list(limit=100).data) == 21


def test_resources_must_exist(openai: OpenAI) -> None:
    resources: list[Any] = [
        {"code_interpreter": {"file_ids": ["file-missing"]}},
        {"file_search": {"vector_store_ids": ["vs_missing"]}},
        {"file_search": {"vector_stores": [{"file_ids": ["file-missing"]}]}},
    ]
    for tool_resources in resources:
        with pytest.raises(sdk.NotFoundError, match=r"found with id '(file-|vs_)missing'"):
            openai.beta.assistants.create(model="m", tool_resources=tool_resources)
    assert openai.vector_stores.list().data == []  # the half-made one was undone


def test_every_tool_shows_its_resources_and_an_inline_store_becomes_one_by_id(
    openai: OpenAI,
) -> None:
    file = openai.files.create(file=("a.txt", b"Roses are red."), purpose="assistants")
    made = openai.beta.assistants.create(
        model="m",
        tools=[{"type": "code_interpreter"}, {"type": "file_search"}],
        tool_resources={
            "file_search": {"vector_stores": [{"file_ids": [file.id], "metadata": {"k": "v"}}]}
        },
    ).to_dict()
    [store] = openai.vector_stores.list().data
    assert made["tool_resources"] == {
        "code_interpreter": {"file_ids": []},
        "file_search": {"vector_store_ids": [store.id]},
    }
    assert (store.metadata, store.expires_after) == ({"k": "v"}, None)
    assert [held.id for held in openai.vector_stores.files.list(store.id)] == [file.id]


def test_resources_change_tool_by_tool(openai: OpenAI) -> None:
    assistants = openai.beta.assistants
    file = openai.files.create(file=("a.txt", b"text"), purpose="assistants")
    store = openai.vector_stores.create()
    made = assistants.create(
        model="m",
        tool_resources={
            "code_interpreter": {"file_ids": [file.id]},
            "file_search": {"vector_store_ids": [store.id]},
        },
    )
    changed = assistants.update(made.id, tool_resources={"code_interpreter": {"file_ids": []}})
    assert changed.to_dict()["tool_resources"] == {
        "code_interpreter": {"file_ids": []},
        "file_search": {"vector_store_ids": [store.id]},
    }
    cleared = assistants.update(made.id, extra_body={"tool_resources": None})
    assert cleared.to_dict()["tool_resources"] == {}


def test_a_tools_resources_of_which_nothing_is_said_stay(openai: OpenAI) -> None:
    store = openai.vector_stores.create()
    given: Any = {"file_search": {"vector_store_ids": [store.id]}}
    assistant = openai.beta.assistants.create(model="m", tool_resources=given)
    thread = openai.beta.threads.create(tool_resources=given)
    nothing: Any = {"file_search": {}}
    assert [
        openai.beta.assistants.update(assistant.id, tool_resources=nothing).to_dict(),
        openai.beta.threads.update(thread.id, tool_resources=nothing).to_dict(),
    ] == [assistant.to_dict(), thread.to_dict()]


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({}, "model", "missing_required_parameter"),
    ({"model": ""}, "model", "empty_string"),
    ({"model": "m", "nmae": "x"}, "nmae", "unknown_parameter"),
    ({"model": "m", "file_ids": []}, "file_ids", "unknown_parameter"),
    ({"model": "m", "name": "n" * 257}, "name", "string_above_max_length"),
    ({"model": "m", "description": "d" * 513}, "description", "string_above_max_length"),
    ({"model": "m", "instructions": "i" * 256_001}, "instructions", "string_above_max_length"),
    ({"model": "m", "temperature": 2.1}, "temperature", "decimal_above_max_value"),
    ({"model": "m", "top_p": -1}, "top_p", "decimal_below_min_value"),
    ({"model": "m", "reasoning_effort": "much"}, "reasoning_effort", "invalid_value"),
    (
        {"model": "m", "tool_resources": {"code_interpreter": {"file_ids": ["file-x"] * 21}}},
        "tool_resources.code_interpreter.file_ids",
        "array_above_max_length",
    ),
    (
        {"model": "m", "tool_resources": {"file_search": {"vector_store_ids": ["vs_1", "vs_2"]}}},
        "tool_resources.file_search.vector_store_ids",
        "array_above_max_length",
    ),
    (
        {
            "model": "m",
            "tool_resources": {
                "file_search": {"vector_store_ids": ["vs_1"], "vector_stores": [{}]}
            },
        },
        "tool_resources.file_search",
        "invalid_value",
    ),
]


@pytest.mark.parametrize(("body", "param", "code"), WRONG)
def test_what_is_beyond_the_limits_is_refused(
    ask: Ask, body: dict[str, Any], param: str, code: str
) -> None:
    answer = ask("POST", "/assistants", body)
    assert (answer.status, answer.body["error"]["param"], answer.body["error"]["code"]) == (
        400,
        param,
        code,
    )


def test_models_are_those_in_use_and_any_name_will_do(openai: OpenAI) -> None:
    openai.beta.assistants.create(model="gpt-4.1")
    openai.beta.assistants.create(model="meta/llama-4")
    openai.beta.assistants.create(model="gpt-4.1")
    assert [model.id for model in openai.models.list()] == ["gpt-4.1", "meta/llama-4"]
    assert openai.models.retrieve("meta/llama-4").to_dict() == {
        "id": "meta/llama-4",
        "object": "model",
        "created": 0,
        "owned_by": "assistctl",
    }


def test_models_of_the_endpoints_map_are_listed(
    start: Callable[..., EmbeddedServer], connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    model = {"base_url": "http://127.0.0.1:9/v1", "models": {"gpt-4.1": "llama3", "o3": "qwen"}}
    client = connect(start(model=model))
    assert [model.id for model in client.models.list()] == ["gpt-4.1", "o3"]


def test_two_servers_on_one_database_show_the_same(
    start: Callable[..., EmbeddedServer], connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    one, other = connect(start()), connect(start())
    made = one.beta.assistants.create(model="m")
    assert other.beta.assistants.retrieve(made.id) == made


def test_a_model_that_is_in_use_cannot_be_deleted(
    start: Callable[..., EmbeddedServer], connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    model = {"base_url": "http://127.0.0.1:9/v1", "models": {"o3": "qwen"}}
    client = connect(start(model=model))
    client.beta.assistants.create(model="meta/llama-4")
    for name in ("o3", "meta/llama-4"):
        with pytest.raises(sdk.BadRequestError) as caught:
            client.models.delete(name)
        assert caught.value.code == "model_in_use"
    assert client.models.delete("ft:gpt-4.1:acme").to_dict() == {
        "id": "ft:gpt-4.1:acme",
        "object": "model",
        "deleted": True,
    }
