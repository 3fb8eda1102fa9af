"""The wire against the published contract, and against the types of the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai.types import beta
from pydantic import TypeAdapter, ValidationError

from assistctl.server import EmbeddedServer, Settings
from assistctl.server.models import Models
from assistctl.server.routing import endpoints_below, words
from tests.server import contract_session as session
from tests.server.chat_endpoint import chat_endpoint_running
from tests.server.contract import Contract, Operation
from tests.server.contract_facts import PARTS
from tests.server.contract_session import Exchange, Session
from tests.server.sdk_types import MODELS, misfits

BEYOND = Operation("GET", "/threads")
"""The one operation that we have and the contract has not (tests/server/test_threads.py)."""

EVERY = sorted(
    Operation(e.method, e.path.replace(":path", ""))
    for word in words()
    for e in endpoints_below(word)
    if e.path.startswith(PARTS["assistants"].paths)
)
OURS = [operation for operation in EVERY if operation != BEYOND]
DOWNLOAD = Operation("GET", "/files/{file_id}/content")


def _soon(models: Models, model: str) -> float:
    """How long a run may take, for the one that is to expire."""
    return 3


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract.read()


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> list[Exchange]:
    """A session that comes by everything, recorded once for all tests."""
    database = tmp_path_factory.mktemp("contract") / "local.db"
    kept: list[Exchange] = []
    with (
        pytest.MonkeyPatch.context() as patch,
        chat_endpoint_running() as endpoint,
        EmbeddedServer(Settings(database, "scripted", session.SCRIPTS)) as scripted,
        EmbeddedServer(Settings(database, {"base_url": endpoint.url})) as modelled,
    ):
        one = Session(scripted.base_url, scripted.api_key, kept)
        other = Session(modelled.base_url, modelled.api_key, kept)
        try:
            session.play(
                one, other, endpoint, lambda: patch.setattr(Models, "run_seconds", lambda *_: 3)
            )
        finally:
            one.close()
            other.close()
    return kept


@pytest.fixture
def api(server: EmbeddedServer) -> Iterator[Session]:
    session = Session(server.base_url, server.api_key, [])
    yield session
    session.close()


def test_the_session_covers_the_contract(
    contract: Contract, exchanges: list[Exchange], capsys: pytest.CaptureFixture[str]
) -> None:
    covered = {exchange.operation for exchange in exchanges if exchange.status == 200}
    events = {name for exchange in exchanges for name, _ in exchange.events}
    with capsys.disabled():
        print(
            f"\ncontract: {len({operation.path for operation in covered})}"
            f" of {len({operation.path for operation in contract.operations})} paths,"
            f" {len(covered)} of {len(contract.operations)} operations,"
            f" {len(events)} of {len(contract.events)} events covered"
        )
    assert [str(operation) for operation in contract.operations if operation not in covered] == []
    assert set(contract.events) - events == set()
    assert contract.operations == OURS


def test_every_answer_is_as_the_contract_has_it(
    contract: Contract, exchanges: list[Exchange]
) -> None:
    faults = [
        f"{exchange}: {fault}"
        for exchange in exchanges
        if exchange.status == 200 and not exchange.events
        for fault in contract.faults(contract.answer_schema(exchange.operation), exchange.answer)
    ]
    assert faults == []


def test_every_event_is_as_the_contract_has_it(
    contract: Contract, exchanges: list[Exchange]
) -> None:
    faults = [
        f"{exchange.operation}: {name}: {fault}"
        for exchange in exchanges
        for name, data in exchange.events
        for fault in contract.faults(contract.events[name], data)
    ]
    assert faults == []


def test_what_the_session_sends_is_what_the_contract_allows(
    contract: Contract, exchanges: list[Exchange]
) -> None:
    """So what is proven of the answers is proven for requests that clients may send."""
    faults = [
        f"{exchange}: {fault}"
        for exchange in exchanges
        if (schema := contract.body_schema(exchange.operation)) and exchange.sent is not None
        for fault in contract.faults(schema, exchange.sent)
    ]
    assert faults == []


def test_every_refusal_in_the_session_has_the_shape_of_errors(exchanges: list[Exchange]) -> None:
    refused = [exchange for exchange in exchanges if exchange.status != 200]
    assert len(refused) == 6
    assert [str(exchange) for exchange in refused if not is_error(exchange.answer)] == []


def test_every_refusal_in_the_session_is_as_the_contract_has_errors(
    contract: Contract, exchanges: list[Exchange]
) -> None:
    faults = [
        f"{exchange}: {fault}"
        for exchange in exchanges
        if exchange.status != 200
        for fault in contract.faults(contract.named("ErrorResponse"), exchange.answer)
    ]
    assert faults == []


def test_every_answer_is_as_the_sdk_expects_it(
    exchanges: list[Exchange], capsys: pytest.CaptureFixture[str]
) -> None:
    """Held against the types as pydantic reads them, which the SDK itself does not do."""
    answered = [e for e in exchanges if e.status == 200 and not e.events]
    known = [e for e in answered if e.operation != DOWNLOAD]
    covered = {exchange.operation for exchange in answered}
    with capsys.disabled():
        print(f"\nsdk: {len(known)} answers, {len(covered)} of {len(OURS)} operations covered")
    assert {str(exchange.operation) for exchange in known} == set(MODELS)
    assert len(MODELS) == len(OURS) - 1
    faults = [
        f"{exchange}: {fault}"
        for exchange in known
        for fault in misfits(MODELS[str(exchange.operation)], exchange.answer)
    ]
    assert faults == []
    [*downloads] = [exchange.answer for exchange in answered if exchange.operation == DOWNLOAD]
    assert [type(download) for download in downloads] == [bytes]


NOT_IN_THE_SDK = ("done", "error")
"""The SDK ends at `done`, and raises what is within the `error` of an error, before any type."""


def test_every_event_is_as_the_sdk_expects_it(exchanges: list[Exchange]) -> None:
    event: TypeAdapter[Any] = TypeAdapter(beta.AssistantStreamEvent)
    faults = []
    for exchange in exchanges:
        for name, data in exchange.events:
            if name not in NOT_IN_THE_SDK:
                try:
                    event.validate_python({"event": name, "data": data})
                except ValidationError as error:
                    faults.append(f"{exchange.operation}: {name}: {error}")
        if exchange.events:
            assert exchange.events[-1] == ("done", "[DONE]")
    assert faults == []


IDS = {
    "assistant_id": ("asst", "asst_missing"),
    "batch_id": ("vsfb", "vsfb_missing"),
    "file_id": ("file", "file-missing"),
    "message_id": ("msg", "msg_missing"),
    "run_id": ("run", "run_missing"),
    "step_id": ("step", "step_missing"),
    "thread_id": ("thread", "thread_missing"),
    "upload_id": ("upload", "upload_missing"),
    "vector_store_id": ("vs", "vs_missing"),
}
"""Each id in a path: what it begins with, and one of the kind that nothing has."""
FORMS = {
    Operation("POST", "/files"): {"files": {"file": b"x"}},
    Operation("POST", "/uploads/{upload_id}/parts"): {"files": {"data": b"x"}},
}
MISSING = {name: missing for name, (_, missing) in IDS.items()} | {"model": "gpt-4.1"}


def test_every_operation_asks_for_a_key(api: Session) -> None:
    for operation in EVERY:
        answer = refusal(api, operation, 401, headers={"authorization": "Bearer wrong"})
        assert answer["code"] == "invalid_api_key", operation


def test_every_operation_says_which_id_cannot_be_one(
    api: Session, exchanges: list[Exchange]
) -> None:
    asked = 0
    for operation, body in sendable(exchanges):
        if operation.path.startswith(("/assistants/", "/files/")):  # there it is not there, only
            refusal(api, operation, 404, body, assistant_id="undefined", file_id="undefined")
            asked += 1
            continue
        for name, (stem, _) in IDS.items():
            if f"{{{name}}}" in operation.path:
                answer = refusal(api, operation, 400, body, **{name: "undefined"})
                assert answer == {
                    "message": f"Invalid '{name}': 'undefined'. Expected an ID that begins with"
                    f" '{stem}'.",
                    "type": "invalid_request_error",
                    "param": name,
                    "code": "invalid_value",
                }, operation
                asked += 1
    assert asked > 50


def test_every_operation_says_what_is_not_there(api: Session, exchanges: list[Exchange]) -> None:
    asked = 0
    for operation, body in sendable(exchanges):
        if "{" in operation.path and "{model}" not in operation.path:
            answer = refusal(api, operation, 404, body)
            assert answer["message"].startswith("No "), operation
            assert "_missing'" in answer["message"] or "file-missing" in answer["message"]
            asked += 1
    assert asked > 35


def test_every_list_checks_its_parameters(api: Session) -> None:
    thread = api.ask("POST", "/threads", {})["id"]
    store = api.ask("POST", "/vector_stores", {})["id"]
    assistant = api.ask("POST", "/assistants", {"model": "m"})["id"]
    run = api.ask(
        "POST", "/threads/{thread_id}/runs", {"assistant_id": assistant}, thread_id=thread
    )
    form = {"purpose": "assistants"}
    file = api.ask("POST", "/files", form, files={"file": ("a.txt", b"a")})["id"]
    batches = "/vector_stores/{vector_store_id}/file_batches"
    batch = api.ask("POST", batches, {"file_ids": [file]}, vector_store_id=store)["id"]
    ids = {
        "thread_id": thread,
        "run_id": run["id"],
        "vector_store_id": store,
        "batch_id": batch,
    }
    lists = {
        "/assistants": 100,
        "/files": 10_000,
        "/threads/{thread_id}/messages": 100,
        "/threads/{thread_id}/runs": 100,
        "/threads/{thread_id}/runs/{run_id}/steps": 100,
        "/vector_stores": 100,
        "/vector_stores/{vector_store_id}/files": 100,
        f"{batches}/{{batch_id}}/files": 100,
    }
    for path, most in lists.items():
        for params, param in (
            ({"limit": 0}, "limit"),
            ({"limit": most + 1}, "limit"),
            ({"limit": "many"}, "limit"),
            ({"order": "up"}, "order"),
            ({"after": "nobody"}, "after"),
            ({"before": "nobody"}, "before"),
        ):
            answer = refusal(api, Operation("GET", path), 400, params=params, **ids)
            assert answer["param"] == param, path


def test_every_body_is_checked_as_the_contract_describes_it(
    contract: Contract, api: Session, exchanges: list[Exchange]
) -> None:
    """What is no JSON, no object, has an unknown field, lacks a required one, or has one of
    another type."""
    asked = 0
    for operation, body in sendable(exchanges):
        schema = contract.body_schema(operation)
        if schema is None:
            continue
        refusal(api, operation, 400, content=b"{")
        assert refusal(api, operation, 400, [{}])["param"] == "body"
        wrong = refusal(api, operation, 400, {**body, "no_such_field": 1})
        assert (wrong["param"], wrong["code"]) == ("no_such_field", "unknown_parameter")
        for name in schema.get("required", ()):
            if name in body:
                without = {key: value for key, value in body.items() if key != name}
                answer = refusal(api, operation, 400, without)
                assert answer["code"] == "missing_required_parameter", (operation, name)
                assert answer["param"] == name
        for name in schema["properties"]:
            answer = refusal(api, operation, 400, {**body, name: [[7]]})
            assert answer["code"] == "invalid_type", (operation, name)
            assert answer["param"].partition("[")[0] == name
            asked += 1
    assert asked > 90


def sendable(exchanges: list[Exchange]) -> Iterator[tuple[Operation, Any]]:
    """Every operation, with the first body that it took in the session."""
    taken = {e.operation: e.sent for e in reversed(exchanges) if e.status == 200}
    for operation in OURS:
        yield operation, taken[operation]


def refusal(
    api: Session, operation: Operation, status: int, body: Any = None, **options: Any
) -> dict[str, Any]:
    """What the error says that such a request is answered with."""
    given = {**MISSING, **FORMS.get(operation, {}), **options}
    answer = api.ask(operation.method, operation.path, body, **given)
    exchange = api.exchanges[-1]
    assert (exchange.status, is_error(answer)) == (status, True), (exchange, body, answer)
    return dict(answer["error"])


def is_error(answer: Any) -> bool:
    """Whether it is the API's shape: four keys, of which two may be null."""
    return (
        isinstance(answer, dict)
        and list(answer) == ["error"]
        and list(answer["error"]) == ["message", "type", "param", "code"]
        and all(isinstance(answer["error"][key], str) for key in ("message", "type"))
        and all(isinstance(answer["error"][key], str | None) for key in ("param", "code"))
    )
