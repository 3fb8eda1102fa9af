"""Null for every optional field, which many clients send for what they do not mean to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from assistctl.server import EmbeddedServer, Settings
from tests.server.contract import Contract
from tests.server.contract_session import SCRIPTS, Exchange, Session
from tests.server.sdk_types import MODELS, misfits

FUNCTION = {"name": "f", "description": None, "parameters": None, "strict": None}
RANKING = {"ranker": None, "score_threshold": 0.5, "hybrid_search": None}
TOOLS = [
    {"type": "code_interpreter"},
    {"type": "file_search", "file_search": None},
    {"type": "file_search", "file_search": {"max_num_results": None, "ranking_options": None}},
    {"type": "file_search", "file_search": {"max_num_results": None, "ranking_options": RANKING}},
    {"type": "function", "function": FUNCTION},
]
FORMAT = {"name": "x", "description": None, "schema": None, "strict": None}
INLINE = {"file_ids": None, "chunking_strategy": None, "metadata": None}
RESOURCES = [
    None,
    {"code_interpreter": None, "file_search": None},
    {
        "code_interpreter": {"file_ids": None},
        "file_search": {"vector_store_ids": None, "vector_stores": [INLINE]},
    },
]
RUN = (
    "model instructions tools metadata temperature top_p reasoning_effort stream max_prompt_tokens"
    " max_completion_tokens truncation_strategy tool_choice parallel_tool_calls response_format"
)


def nothing(*names: str) -> dict[str, None]:
    return dict.fromkeys(" ".join(names).split())


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Exchange]]:
    """Every body that the API takes, with null for all that is optional."""
    kept: list[Exchange] = []
    database = tmp_path_factory.mktemp("nulls") / "local.db"
    with EmbeddedServer(Settings(database, "scripted", SCRIPTS, embeddings="none")) as server:
        api = Session(server.base_url, server.api_key, kept)
        try:
            play(api)
        finally:
            api.close()
        yield kept


def play(api: Session) -> None:
    form = {"purpose": "assistants"}
    file = api.ask("POST", "/files", form, files={"file": ("a.txt", b"a")})["id"]
    assistant = _assistants(api)
    _threads_and_runs(api, assistant, file)
    _stores(api, file)
    upload = {"filename": "a", "purpose": "assistants", "bytes": 0, "mime_type": "text/plain"}
    made = api.ask("POST", "/uploads", {**upload, "expires_after": None})["id"]
    complete = {"part_ids": [], "md5": None}
    api.ask("POST", "/uploads/{upload_id}/complete", complete, upload_id=made)


def _assistants(api: Session) -> str:
    optional = nothing(
        "name description instructions tools metadata temperature top_p response_format"
        " reasoning_effort tool_resources"
    )
    made = api.ask("POST", "/assistants", {"model": "m", **optional})
    one = "/assistants/{assistant_id}"
    api.ask("POST", one, {"model": None, **optional}, assistant_id=made["id"])
    for resources in RESOURCES:
        body = {
            "tools": TOOLS,
            "tool_resources": resources,
            "response_format": {"type": "json_schema", "json_schema": FORMAT},
        }
        api.ask("POST", one, body, assistant_id=made["id"])
    return str(made["id"])


def _threads_and_runs(api: Session, assistant: str, file: str) -> None:
    content = [
        {"type": "text", "text": "hello"},
        {"type": "image_file", "image_file": {"file_id": file, "detail": None}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": None}},
    ]
    message: dict[str, Any] = {
        "role": "user",
        "content": content,
        "attachments": [{"file_id": file, "tools": None}],
        "metadata": None,
    }
    empty = api.ask("POST", "/threads", nothing("messages tool_resources metadata"))["id"]
    for resources in RESOURCES:
        body = {"messages": [message], "tool_resources": resources, "metadata": None}
        thread = api.ask("POST", "/threads", body)["id"]
    on = {"thread_id": thread}
    api.ask("POST", "/threads/{thread_id}", nothing("tool_resources metadata"), **on)
    bare = {**message, "attachments": None}
    said = api.ask("POST", "/threads/{thread_id}/messages", bare, **on)["id"]
    one = "/threads/{thread_id}/messages/{message_id}"
    api.ask("POST", one, {"metadata": None}, **on, message_id=said)
    body = {"assistant_id": assistant, **nothing(RUN, "thread tool_resources")}
    api.ask("POST", "/threads/runs", body)
    runs = "/threads/{thread_id}/runs"
    body = {
        "assistant_id": assistant,
        **nothing(RUN, "additional_instructions additional_messages"),
    }
    api.ask("POST", runs, body, thread_id=empty)
    auto = {"type": "auto", "last_messages": None}
    body = {**body, "truncation_strategy": auto, "tools": TOOLS}
    run = api.ask("POST", runs, body, **on)["id"]
    api.ask("POST", f"{runs}/{{run_id}}", {"metadata": None}, **on, run_id=run)


def _stores(api: Session, file: str) -> None:
    optional = nothing("name description file_ids expires_after chunking_strategy metadata")
    store = {"vector_store_id": api.ask("POST", "/vector_stores", optional)["id"]}
    one = "/vector_stores/{vector_store_id}"
    api.ask("POST", one, nothing("name expires_after metadata"), **store)
    each = {"file_id": file, **nothing("chunking_strategy attributes")}
    api.ask("POST", f"{one}/files", each, **store)
    api.ask("POST", f"{one}/files/{{file_id}}", {"attributes": None}, **store, file_id=file)
    batch = nothing("file_ids files chunking_strategy attributes")
    api.ask("POST", f"{one}/file_batches", {**batch, "file_ids": [file]}, **store)
    api.ask("POST", f"{one}/file_batches", {**batch, "files": [each]}, **store)
    search = {"query": "a", **nothing("rewrite_query max_num_results filters ranking_options")}
    api.ask("POST", f"{one}/search", search, **store)
    ranking = nothing("ranker score_threshold hybrid_search")
    api.ask("POST", f"{one}/search", {**search, "ranking_options": ranking}, **store)


def test_null_is_taken_for_every_optional_field(exchanges: list[Exchange]) -> None:
    assert [f"{e}: {e.answer}" for e in exchanges if e.status != 200] == []
    assert len({exchange.operation for exchange in exchanges}) == 18


def test_and_what_is_answered_is_as_the_sdk_expects_it(exchanges: list[Exchange]) -> None:
    faults = [
        f"{exchange}: {fault}"
        for exchange in exchanges
        for fault in misfits(MODELS[str(exchange.operation)], exchange.answer)
    ]
    assert faults == []


def test_and_as_the_contract_has_it(exchanges: list[Exchange]) -> None:
    contract = Contract.read()
    faults = [
        f"{exchange}: {fault}"
        for exchange in exchanges
        for fault in contract.faults(contract.answer_schema(exchange.operation), exchange.answer)
    ]
    assert faults == []


def test_no_optional_field_was_forgotten(exchanges: list[Exchange]) -> None:
    contract = Contract.read()
    nulled: dict[str, set[str]] = {}
    for exchange in exchanges:
        names = nulled.setdefault(str(exchange.operation), set())
        names |= {name for name, value in exchange.sent.items() if value is None}
    forgotten = {
        str(operation): missing
        for operation in contract.operations
        if (schema := contract.body_schema(operation))
        and (missing := optional(schema) - nulled.get(str(operation), set()))
    }
    elsewhere = {"POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs": {"stream"}}
    assert forgotten == elsewhere  # see test_runs


def optional(schema: dict[str, Any]) -> set[str]:
    return set(schema["properties"]) - set(schema.get("required", ()))
