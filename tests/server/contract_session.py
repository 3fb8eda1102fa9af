"""A client's life in raw HTTP that comes by every operation of the API; each exchange is kept."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.server.chat_endpoint import ChatEndpoint, call, say
from tests.server.contract import Operation
from tests.server.runs_help import LOG, SAVE_BILL, SCRIPT

CONTENT = {"include[]": "step_details.tool_calls[*].file_search.results[*].content"}
CODE = "open('/mnt/data/sums.csv', 'w').write('42')\nprint(6 * 7)"
CODING = {
    "when": "sum",
    "call": {"code_interpreter": {"code": CODE}},
    "say": "See [the sums](sandbox:/mnt/data/sums.csv).",
}
SCRIPTS = {"shop/flowers": [CODING, *SCRIPT], "shop/broken": [{"when": "("}]}
CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}
PRICES = "花名,成本,售价\n红玫瑰,2,5\n郁金香,3,6\n"


@dataclass(frozen=True)
class Exchange:
    """One request and its answer: JSON (or bytes), or `events` as (name, data) if it streamed."""

    operation: Operation
    sent: Any
    status: int
    answer: Any
    events: list[tuple[str, Any]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.operation} -> {self.status}"


class Session:
    """Sends requests with one key and keeps what came back in `exchanges`."""

    def __init__(self, base_url: str, key: str, exchanges: list[Exchange]) -> None:
        self.exchanges = exchanges
        self._http = httpx2.Client(
            base_url=base_url,
            headers={"authorization": f"Bearer {key}", "openai-beta": "assistants=v2"},
            trust_env=False,
            verify=False,
            timeout=30,
        )

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The answer. `path` as the contract spells it; options: the ids in it, `params`, `files`
        (body is the form's fields), `headers`, `content` (a body that is no JSON)."""
        request = self._request(method, path, body, options)
        response = self._http.send(request)
        is_json = response.headers["content-type"] == "application/json"
        answer = response.json() if is_json else response.content
        operation = Operation(method, path)
        self.exchanges.append(Exchange(operation, body, response.status_code, answer))
        return answer

    def stream(self, path: str, body: Any, **options: Any) -> Iterator[tuple[str, Any]]:
        """The events of a streamed POST, one by one; a stream in the session is read to its end."""
        request = self._request("POST", path, {**body, "stream": True}, options)
        response = self._http.send(request, stream=True)
        events = []
        for event in httpx2.EventSource(response):
            data = event.data if event.data == "[DONE]" else json.loads(event.data)
            events.append((event.event, data))
            yield events[-1]
        response.close()
        operation = Operation("POST", path)
        self.exchanges.append(Exchange(operation, body, response.status_code, None, events))

    def _request(
        self, method: str, path: str, body: Any, options: dict[str, Any]
    ) -> httpx2.Request:
        sending = {
            name: options.pop(name)
            for name in ("params", "headers", "files", "content")
            if name in options
        }
        if "files" in sending:
            sending["data"] = body
        elif "content" not in sending and body is not None:
            sending["json"] = body
        return self._http.build_request(method, path.format(**options), **sending)


def play(
    scripted: Session, modelled: Session, endpoint: ChatEndpoint, hasten: Callable[[], Any]
) -> None:
    """The whole session, on two servers of one database: one with scripts, one that asks
    `endpoint`. `hasten` makes runs from then on live for a second only."""
    assistant = _assistants(scripted)
    file = _files(scripted)
    _uploads(scripted)
    store = _stores(scripted, file)
    _models(scripted)
    thread = _threads(scripted, file)
    _runs(scripted, assistant, store, thread)
    _streams(scripted, assistant)
    _endings(modelled, scripted, endpoint, assistant)
    hasten()
    _expiries(modelled, scripted, endpoint, assistant)
    _deletions(scripted, assistant, file, store, thread)


def _assistants(api: Session) -> str:
    made = api.ask(
        "POST",
        "/assistants",
        {
            "model": "gpt-4.1",
            "name": "花店",
            "description": "A shop.",
            "instructions": "Be kind.",
            "tools": [SAVE_BILL, LOG, {"type": "code_interpreter"}, {"type": "file_search"}],
            "tool_resources": {"file_search": {"vector_stores": [{"metadata": {"a": "b"}}]}},
            "metadata": {"assistctl": "shop/flowers"},
            "temperature": 0.5,
            "top_p": 0.9,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": CLOSED, "strict": True},
            },
        },
    )
    bare = api.ask("POST", "/assistants", {"model": "gpt-4.1"})
    api.ask("GET", "/assistants", params={"limit": 1, "order": "asc"})
    api.ask("GET", "/assistants", params={"after": bare["id"]})
    api.ask("GET", "/assistants/{assistant_id}", assistant_id=made["id"])
    api.ask(
        "POST",
        "/assistants/{assistant_id}",
        {"response_format": "auto", "temperature": None, "reasoning_effort": "low"},
        assistant_id=made["id"],
    )
    return str(made["id"])


def _files(api: Session) -> str:
    def upload(name: str, content: bytes, **fields: str) -> str:
        data = {"purpose": "assistants", **fields}
        made = api.ask("POST", "/files", data, files={"file": (name, content)})
        return str(made["id"])

    expiry = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    upload("passing.txt", b"x", purpose="vision", **expiry)
    file = upload("prices.csv", PRICES.encode())
    api.ask("GET", "/files", params={"purpose": "assistants", "limit": 1})
    api.ask("GET", "/files/{file_id}", file_id=file)
    assert api.ask("GET", "/files/{file_id}/content", file_id=file) == PRICES.encode()
    return file


def _uploads(api: Session) -> None:
    body = {"filename": "a.txt", "purpose": "assistants", "bytes": 6, "mime_type": "text/plain"}
    upload = api.ask("POST", "/uploads", body)["id"]
    parts = [
        api.ask("POST", "/uploads/{upload_id}/parts", {}, files={"data": piece}, upload_id=upload)
        for piece in (b"abc", b"def")
    ]
    md5 = hashlib.md5(b"abcdef").hexdigest()
    completion = {"part_ids": [part["id"] for part in parts], "md5": md5}
    api.ask("POST", "/uploads/{upload_id}/complete", completion, upload_id=upload)
    other = api.ask("POST", "/uploads", body)["id"]
    api.ask("POST", "/uploads/{upload_id}/cancel", upload_id=other)


def _stores(api: Session, file: str) -> str:
    static = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}
    body = {
        "name": "prices",
        "file_ids": [file],
        "expires_after": {"anchor": "last_active_at", "days": 7},
        "chunking_strategy": {"type": "static", "static": static},
        "metadata": {"a": "b"},
    }
    store = {"vector_store_id": api.ask("POST", "/vector_stores", body)["id"]}
    one = "/vector_stores/{vector_store_id}"
    _until(lambda: api.ask("GET", one, **store)["status"] == "completed")
    api.ask("GET", "/vector_stores", params={"limit": 1})
    api.ask("POST", one, {"name": "more prices"}, **store)
    image = {"purpose": "assistants"}
    binary = api.ask("POST", "/files", image, files={"file": ("a.png", b"\x89PNG\r\n\x1a\n\x00")})
    failing = {"file_id": binary["id"], "attributes": {"kind": "image", "size": 3, "old": True}}
    api.ask("POST", f"{one}/files", failing, **store)
    each = {**store, "file_id": binary["id"]}
    _until(lambda: api.ask("GET", f"{one}/files/{{file_id}}", **each)["status"] == "failed")
    api.ask("GET", f"{one}/files", params={"filter": "failed"}, **store)
    api.ask("POST", f"{one}/files/{{file_id}}", {"attributes": {"kind": "none"}}, **each)
    api.ask("DELETE", f"{one}/files/{{file_id}}", **each)
    api.ask("GET", f"{one}/files/{{file_id}}/content", **store, file_id=file)
    search = {
        "query": ["红玫瑰", "roses"],
        "max_num_results": 5,
        "filters": {"type": "and", "filters": [{"type": "ne", "key": "kind", "value": "none"}]},
        "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
    }
    assert api.ask("POST", f"{one}/search", search, **store)["data"]
    _batches(api, store, file, binary["id"])
    return str(store["vector_store_id"])


def _batches(api: Session, store: dict[str, str], file: str, other: str) -> None:
    batches = "/vector_stores/{vector_store_id}/file_batches"
    made = api.ask("POST", batches, {"files": [{"file_id": file}]}, **store)
    batch = {**store, "batch_id": made["id"]}
    done = "completed"
    _until(lambda: api.ask("GET", f"{batches}/{{batch_id}}", **batch)["status"] == done)
    api.ask("GET", f"{batches}/{{batch_id}}/files", params={"filter": done}, **batch)
    made = api.ask("POST", batches, {"file_ids": [other], "attributes": {"n": 1.5}}, **store)
    cancelled = {**store, "batch_id": made["id"]}
    api.ask("POST", f"{batches}/{{batch_id}}/cancel", **cancelled)


def _models(api: Session) -> None:
    api.ask("GET", "/models")
    api.ask("GET", "/models/{model}", model="gpt-4.1")
    api.ask("DELETE", "/models/{model}", model="ft:gpt-4.1:mine")


def _threads(api: Session, file: str) -> str:
    tools = [{"type": "file_search"}, {"type": "code_interpreter"}]
    content = [
        {"type": "text", "text": "price"},
        {"type": "image_file", "image_file": {"file_id": file}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
    ]
    message = {
        "role": "user",
        "content": content,
        "attachments": [{"file_id": file, "tools": tools}],
        "metadata": {"a": "b"},
    }
    thread = {"thread_id": api.ask("POST", "/threads", {"messages": [message]})["id"]}
    one = "/threads/{thread_id}"
    api.ask("GET", one, **thread)
    api.ask("POST", one, {"metadata": {"a": "b"}}, **thread)
    message = {"role": "assistant", "content": "Good day."}
    made = api.ask("POST", f"{one}/messages", message, **thread)
    each = {**thread, "message_id": made["id"]}
    api.ask("GET", f"{one}/messages", params={"order": "asc", "limit": 1}, **thread)
    api.ask("GET", f"{one}/messages/{{message_id}}", **each)
    api.ask("POST", f"{one}/messages/{{message_id}}", {"metadata": {"a": "b"}}, **each)
    api.ask("DELETE", f"{one}/messages/{{message_id}}", **each)
    return str(thread["thread_id"])


def _runs(api: Session, assistant: str, store: str, thread: str) -> None:
    runs, on = "/threads/{thread_id}/runs", {"thread_id": thread}
    resources = {"file_search": {"vector_store_ids": [store]}}
    api.ask("POST", "/threads/{thread_id}", {"tool_resources": resources}, **on)
    body = {
        "assistant_id": assistant,
        "model": "gpt-4o",
        "instructions": "Be short.",
        "additional_instructions": "Be polite.",
        "additional_messages": [{"role": "user", "content": "the price, please"}],
        "tools": [{"type": "file_search"}],
        "tool_choice": {"type": "file_search"},
        "truncation_strategy": {"type": "last_messages", "last_messages": 3},
        "max_prompt_tokens": 100_000,
        "max_completion_tokens": 10_000,
        "parallel_tool_calls": False,
        "response_format": {"type": "text"},
        "metadata": {"a": "b"},
    }
    run = api.ask("POST", runs, body, params=CONTENT, **on)
    found = _rest(api, run)
    assert found["status"] == "completed", found
    each = {**on, "run_id": run["id"]}
    steps = api.ask("GET", f"{runs}/{{run_id}}/steps", params=CONTENT, **each)["data"]
    assert steps[-1]["step_details"]["tool_calls"][0]["file_search"]["results"][0]["content"]
    step = {**each, "step_id": steps[-1]["id"]}
    api.ask("GET", f"{runs}/{{run_id}}/steps/{{step_id}}", **step)
    api.ask("GET", runs, params={"limit": 1}, **on)
    api.ask("POST", f"{runs}/{{run_id}}", {"metadata": {"b": "c"}}, **each)
    said = api.ask("GET", "/threads/{thread_id}/messages", params={"run_id": run["id"]}, **on)
    assert said["data"][0]["content"][0]["text"]["annotations"], said
    _function_calls(api, assistant)


def _function_calls(api: Session, assistant: str) -> None:
    body = {"assistant_id": assistant, "thread": _thread("both"), "tool_choice": "required"}
    run = _rest(api, api.ask("POST", "/threads/runs", body))
    outputs = _outputs(run)
    submit = "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"
    api.ask("POST", submit, {"tool_outputs": outputs[:1]}, **_ids(run))
    api.ask("POST", submit, {"tool_outputs": outputs}, **_ids(run))
    assert _rest(api, run)["status"] == "completed"
    api.ask("POST", submit, {"tool_outputs": outputs}, **_ids(run))
    api.ask("POST", "/threads/{thread_id}/runs/{run_id}/cancel", **_ids(run))
    run = _rest(api, api.ask("POST", "/threads/runs", body))
    message = {"role": "user", "content": "hi"}
    api.ask("POST", "/threads/{thread_id}/messages", message, thread_id=run["thread_id"])
    again = {"assistant_id": assistant}
    api.ask("POST", "/threads/{thread_id}/runs", again, thread_id=run["thread_id"])
    api.ask("POST", "/threads/{thread_id}/runs/{run_id}/cancel", **_ids(run))


def _streams(api: Session, assistant: str) -> None:
    for text in ("price", "hello"):
        body = {"assistant_id": assistant, "thread": _thread(text)}
        assert dict(api.stream("/threads/runs", body))["done"] == "[DONE]"
    thread = api.ask("POST", "/threads", _thread("bill"))["id"]
    body = {"assistant_id": assistant}
    events = dict(api.stream("/threads/{thread_id}/runs", body, params=CONTENT, thread_id=thread))
    run = events["thread.run.requires_action"]
    submit = "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"
    events = dict(api.stream(submit, {"tool_outputs": _outputs(run)}, **_ids(run)))
    assert events["thread.run.completed"]["usage"]
    broken = {"model": "m", "metadata": {"assistctl": "shop/broken"}}
    failing = {"assistant_id": api.ask("POST", "/assistants", broken)["id"]}
    events = dict(api.stream("/threads/{thread_id}/runs", failing, thread_id=thread))
    assert events["thread.run.failed"]["last_error"]["code"] == "server_error"
    _lost_streams(api, assistant)


def _lost_streams(api: Session, assistant: str) -> None:
    """A stream asked for again with its Idempotency-Key, and again when the run is gone."""
    key = {"idempotency-key": "once"}
    body = {"assistant_id": assistant, "thread": _thread("sum")}
    first, again = (dict(api.stream("/threads/runs", body, headers=key)) for _ in range(2))
    run = first["thread.run.completed"]
    assert again["thread.run.completed"] == run
    api.ask("GET", "/threads/{thread_id}/runs/{run_id}/steps", **_ids(run))
    api.ask("GET", "/threads/{thread_id}/messages", thread_id=run["thread_id"])
    api.ask("DELETE", "/threads/{thread_id}", thread_id=run["thread_id"])
    assert "error" in dict(api.stream("/threads/runs", body, headers=key))


def _endings(api: Session, elsewhere: Session, endpoint: ChatEndpoint, assistant: str) -> None:
    """Every way in which an answer is cut off in the middle, as a stream shows it."""
    never = threading.Event()
    body = {"assistant_id": assistant, "thread": _thread("hello")}
    endpoint.answer(say("As I was", finish="length"))
    assert "thread.run.incomplete" in dict(api.stream("/threads/runs", body))
    endpoint.answer(call(("c", "log", '{"text": "x"}')), say("x", finish="length"))
    calling = dict(api.stream("/threads/runs", body))["thread.run.requires_action"]
    api.ask("GET", "/threads/{thread_id}/runs/{run_id}/steps", **_ids(calling))
    endpoint.answer(say("As I was", {"error": {"message": "broken"}}))
    assert "thread.run.step.failed" in dict(api.stream("/threads/runs", body))
    endpoint.answer(say("As I was", never))
    events = {}
    for name, data in api.stream("/threads/runs", body):
        events[name] = data
        if name == "thread.message.delta":
            cancelled = _ids(events["thread.run.created"])
            api.ask("POST", "/threads/{thread_id}/runs/{run_id}/cancel", **cancelled)
    assert "thread.run.cancelling" in events
    assert "thread.run.step.cancelled" in events
    never.set()


def _expiries(api: Session, elsewhere: Session, endpoint: ChatEndpoint, assistant: str) -> None:
    never = threading.Event()
    body = {"assistant_id": assistant, "thread": _thread("both")}
    waiting = _rest(elsewhere, elsewhere.ask("POST", "/threads/runs", body))
    endpoint.answer(say("As I was", never))
    events = dict(api.stream("/threads/runs", body))
    assert "thread.run.expired" in events
    assert "thread.run.step.expired" in events
    never.set()
    submit = "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"
    refused = elsewhere.ask("POST", submit, {"tool_outputs": _outputs(waiting)}, **_ids(waiting))
    assert refused["error"]["message"] == 'Runs in status "expired" do not accept tool outputs.'
    elsewhere.ask("GET", "/threads/{thread_id}/runs/{run_id}", **_ids(waiting))
    elsewhere.ask("GET", "/threads/{thread_id}/runs/{run_id}/steps", **_ids(waiting))


def _deletions(api: Session, assistant: str, file: str, store: str, thread: str) -> None:
    api.ask("DELETE", "/threads/{thread_id}", thread_id=thread)
    api.ask("DELETE", "/vector_stores/{vector_store_id}", vector_store_id=store)
    api.ask("DELETE", "/files/{file_id}", file_id=file)
    api.ask("DELETE", "/assistants/{assistant_id}", assistant_id=assistant)


def _rest(api: Session, run: dict[str, Any]) -> dict[str, Any]:
    """The run once it is no longer at work."""
    latest: dict[str, Any] = {}

    def rests() -> bool:
        latest.update(api.ask("GET", "/threads/{thread_id}/runs/{run_id}", **_ids(run)))
        return latest["status"] not in ("queued", "in_progress", "cancelling")

    _until(rests)
    return latest


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)


def _ids(run: dict[str, Any]) -> dict[str, str]:
    return {"thread_id": run["thread_id"], "run_id": run["id"]}


def _outputs(run: dict[str, Any]) -> list[dict[str, str]]:
    calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    return [{"tool_call_id": call["id"], "output": "ok"} for call in calls]


def _thread(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}
