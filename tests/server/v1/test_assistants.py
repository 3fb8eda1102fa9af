"""Assistants and their files in v1, and what a client of v2 sees of them."""

from collections.abc import Callable
from typing import Any

import pytest
from openai import OpenAI

from tests.server.v1.conftest import First

CODE, RETRIEVAL = {"type": "code_interpreter"}, {"type": "retrieval"}
FUNCTION = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
}
Upload = Callable[..., str]


def make(first: First, *tools: Any, **fields: Any) -> Any:
    return first.ask("POST", "/assistants", {"model": "m", "tools": list(tools), **fields})


def resources(second: OpenAI, assistant: Any) -> tuple[list[str] | None, list[str] | None]:
    """What v2 says of the files of code_interpreter and of file_search; None: nothing."""
    found = second.beta.assistants.retrieve(assistant["id"]).tool_resources
    assert found is not None
    code = found.code_interpreter.file_ids if found.code_interpreter else None
    if found.file_search is None:
        return code, None
    stores = found.file_search.vector_store_ids or []
    return code, [file.id for store in stores for file in second.vector_stores.files.list(store)]


def store_of(second: OpenAI, assistant: Any) -> str:
    found = second.beta.assistants.retrieve(assistant["id"]).tool_resources
    assert found is not None and found.file_search is not None
    [store] = found.file_search.vector_store_ids or []
    return store


@pytest.mark.parametrize(
    ("tools", "code", "search"),
    [
        ((CODE,), True, None),
        ((RETRIEVAL,), None, True),
        ((CODE, RETRIEVAL), True, True),
        ((FUNCTION,), True, None),
    ],
)
def test_files_go_to_the_tools_that_the_assistant_has(
    first: First, second: OpenAI, upload: Upload, tools: Any, code: Any, search: Any
) -> None:
    file = upload()
    made = make(first, *tools, file_ids=[file, file])
    assert made["file_ids"] == [file]
    assert made["tools"] == list(tools)
    assert resources(second, made) == (code and [file], search and [file])


def test_an_assistant_without_files_is_as_v2_makes_it(first: First, second: OpenAI) -> None:
    made = make(first, CODE, RETRIEVAL)
    assert made["file_ids"] == []
    assert resources(second, made) == ([], [])
    bare = first.ask("POST", "/assistants", {"model": "m"})
    assert bare == {
        "id": bare["id"],
        "object": "assistant",
        "created_at": bare["created_at"],
        "name": None,
        "description": None,
        "model": "m",
        "instructions": None,
        "tools": [],
        "metadata": {},
        "file_ids": [],
    }


def test_files_follow_when_tools_change(first: First, second: OpenAI, upload: Upload) -> None:
    file = upload()
    made = make(first, CODE, file_ids=[file])
    path = f"/assistants/{made['id']}"
    assert first.ask("POST", path, {"tools": [RETRIEVAL]})["file_ids"] == [file]
    assert resources(second, made) == (None, [file])
    store = store_of(second, made)
    assert first.ask("POST", path, {"tools": []})["file_ids"] == [file]
    assert resources(second, made) == ([file], None)
    expiry = second.vector_stores.retrieve(store).expires_after
    assert expiry is not None and expiry.days == 7


def test_files_are_replaced_and_others_keep_their_place_in_the_store(
    first: First, second: OpenAI, upload: Upload
) -> None:
    kept, gone, new = upload("a.txt"), upload("b.txt"), upload("c.txt")
    made = make(first, RETRIEVAL, file_ids=[kept, gone])
    store, path = store_of(second, made), f"/assistants/{made['id']}"
    before = second.vector_stores.files.poll(kept, vector_store_id=store)
    changed = first.ask("POST", path, {"file_ids": [kept, new]})
    assert changed["file_ids"] == [kept, new]
    assert store_of(second, made) == store
    assert second.vector_stores.files.retrieve(kept, vector_store_id=store) == before
    assert first.ask("POST", path, {"file_ids": None})["file_ids"] == []
    assert second.files.retrieve(gone).id == gone


def test_what_does_not_touch_files_leaves_v2s_resources_alone(
    first: First, second: OpenAI, upload: Upload
) -> None:
    code, searched = upload("a.csv"), upload("b.txt")
    store = second.vector_stores.create(file_ids=[searched])
    search = {"type": "file_search", "file_search": {"max_num_results": 3}}
    made = second.beta.assistants.create(
        model="m",
        tools=[CODE, search],
        temperature=0.5,
        tool_resources={
            "code_interpreter": {"file_ids": [code]},
            "file_search": {"vector_store_ids": [store.id]},
        },
    )
    seen = first.ask("GET", f"/assistants/{made.id}")
    assert (seen["tools"], seen["file_ids"]) == ([CODE, RETRIEVAL], [code, searched])
    assert "temperature" not in seen
    written = {name: seen[name] for name in ("tools", "file_ids", "model")}
    first.ask("POST", f"/assistants/{made.id}", {**written, "name": "new"})
    assert second.beta.assistants.retrieve(made.id) == made.model_copy(update={"name": "new"})


def test_a_store_that_v2_has_made_is_replaced_not_changed(
    first: First, second: OpenAI, upload: Upload
) -> None:
    old, new = upload("a.txt"), upload("b.txt")
    store = second.vector_stores.create(file_ids=[old])
    made = second.beta.assistants.create(
        model="m",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    first.ask("POST", f"/assistants/{made.id}/files", {"file_id": new})
    assert resources(second, {"id": made.id}) == (None, [new, old])
    assert [file.id for file in second.vector_stores.files.list(store.id)] == [old]
    assert second.vector_stores.retrieve(store.id).expires_after is None


def test_files_are_attached_listed_and_taken_away(
    first: First, second: OpenAI, upload: Upload
) -> None:
    made = make(first, CODE, RETRIEVAL)
    path = f"/assistants/{made['id']}/files"
    ids = [upload(f"{name}.txt") for name in "abc"]
    attached = [first.ask("POST", path, {"file_id": file}) for file in ids]
    assert attached[0] == {
        "id": ids[0],
        "object": "assistant.file",
        "created_at": made["created_at"],
        "assistant_id": made["id"],
    }
    assert first.ask("POST", path, {"file_id": ids[0]}) == attached[0]
    assert first.ask("GET", path)["data"] == attached[::-1]
    page = first.ask("GET", path, params={"limit": 1, "order": "asc", "after": ids[0]})
    assert page == {
        "object": "list",
        "data": [attached[1]],
        "first_id": ids[1],
        "last_id": ids[1],
        "has_more": True,
    }
    back = first.ask("GET", path, params={"limit": 1, "before": ids[0]})
    assert ([file["id"] for file in back["data"]], back["has_more"]) == ([ids[1]], True)
    assert first.ask("GET", f"{path}/{ids[1]}") == attached[1]
    assert first.ask("DELETE", f"{path}/{ids[1]}") == {
        "id": ids[1],
        "object": "assistant.file.deleted",
        "deleted": True,
    }
    assert resources(second, made)[0] == [ids[0], ids[2]]
    missing = (404, f"No file found with id '{ids[1]}'.", None)
    assert first.refused("GET", f"{path}/{ids[1]}") == missing
    assert first.refused("DELETE", f"{path}/{ids[1]}") == missing
    assert second.files.retrieve(ids[1]).id == ids[1]
    assert first.http.get(path, params={"after": "file-x"}).json()["error"]["message"] == (
        "Invalid 'after': no file with id 'file-x' is in this list."
    )


def test_a_file_that_was_deleted_does_not_stand_in_the_way(
    first: First, second: OpenAI, upload: Upload
) -> None:
    gone, kept = upload(), upload()
    made = make(first, CODE, RETRIEVAL, file_ids=[gone, kept])
    second.files.delete(gone)
    first.ask("POST", f"/assistants/{made['id']}", {"tools": [CODE]})
    assert resources(second, made)[0] == [kept]
    first.ask("POST", f"/assistants/{made['id']}/files", {"file_id": upload()})


def test_an_assistant_that_goes_lets_its_store_go(
    first: First, second: OpenAI, upload: Upload
) -> None:
    made = make(first, RETRIEVAL, file_ids=[upload()])
    store = store_of(second, made)
    assert first.ask("DELETE", f"/assistants/{made['id']}")["object"] == "assistant.deleted"
    expiry = second.vector_stores.retrieve(store).expires_after
    assert expiry is not None and expiry.days == 7


def test_files_that_are_not_there_and_too_many_are_refused(first: First, upload: Upload) -> None:
    missing = (404, "No file found with id 'file-missing'.", None)
    body = {"model": "m", "file_ids": ["file-missing"]}
    assert first.refused("POST", "/assistants", body) == missing
    made = make(first, CODE)
    path = f"/assistants/{made['id']}"
    assert first.refused("POST", path, {"file_ids": ["file-missing"]}) == missing
    assert first.refused("POST", f"{path}/files", {"file_id": "file-missing"}) == missing
    many = [upload(f"{number}.txt") for number in range(20)]
    assert first.refused("POST", path, {"file_ids": [*many, "file-x"]})[1] == (
        "Invalid 'file_ids': array too long. Expected an array with maximum length 20,"
        " but got an array with length 21 instead."
    )
    first.ask("POST", path, {"file_ids": many})
    assert first.refused("POST", f"{path}/files", {"file_id": upload()}) == (
        400,
        "Invalid 'file_id': an assistant can have at most 20 files, and this one has 20.",
        "file_id",
    )


def test_what_only_v2_has_is_refused_in_v1(first: First) -> None:
    body = {"model": "m", "tools": [{"type": "file_search"}]}
    assert first.refused("POST", "/assistants", body) == (
        400,
        "Invalid value: 'file_search'."
        " Supported values are: 'code_interpreter', 'retrieval', and 'function'.",
        "tools[0].type",
    )
    assert first.refused("POST", "/assistants", {"model": "m", "tool_resources": {}}) == (
        400,
        "Unknown parameter: 'tool_resources'.",
        "tool_resources",
    )


def test_a_strict_function_stays_strict_when_v1_writes_back_what_it_has_read(
    first: First, second: OpenAI
) -> None:
    parameters = {"type": "object", "properties": {}, "additionalProperties": False, "required": []}
    strict = {"name": "f", "parameters": parameters, "strict": True}
    made = second.beta.assistants.create(
        model="m", tools=[{"type": "function", "function": strict}]
    )
    tools = first.ask("GET", f"/assistants/{made.id}")["tools"]
    first.ask("POST", f"/assistants/{made.id}", {"tools": tools})
    assert second.beta.assistants.retrieve(made.id) == made


def test_lists_and_repeated_requests_are_in_the_shape_of_v1(
    first: First, second: OpenAI, upload: Upload
) -> None:
    key = {"idempotency-key": "once"}
    body = {"model": "m", "tools": [RETRIEVAL], "file_ids": [upload()]}
    made = first.ask("POST", "/assistants", body, headers=key)
    again = first.http.post("/assistants", json=body, headers=key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (made, "true")
    assert first.ask("GET", "/assistants", params={"limit": 1})["data"] == [made]
