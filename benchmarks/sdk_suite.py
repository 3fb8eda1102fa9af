"""openai-python's own tests of the Assistants API, vector stores, files, uploads and models,
unmodified, against the embedded server.

    python benchmarks/sdk_suite.py TESTS PYTHON [PYTEST OPTIONS]

TESTS is `tests` of a checkout of openai-python, of any version, PYTHON an interpreter with the SDK
of that version and what its tests need. 1.12 speaks the first version of the API:

    git -C openai-python archive v1.12.0 tests | tar x -C /tmp/suite
    python -m venv /tmp/sdk
    /tmp/sdk/bin/pip install openai==1.12.0 'httpx<0.28' 'pytest<8' 'pytest-asyncio<0.22'
    python benchmarks/sdk_suite.py /tmp/suite/tests /tmp/sdk/bin/python

How those of a version whose tests come with its sdist are had, sdk_responses.py says.

Those tests were written for a mock that knows no objects: the ids in them are "string", or such as
"thread_id", tool outputs are {}. So a proxy stands between, which makes what a request names and
puts the ids there, and takes one of `vector_stores` and `vector_store_ids` where both are sent.
Nothing else passes it changed, and no answer does.

Of 3.57.0 1,147 of 1,187 pass, of 2.54.0 1,153 of 1,193, of 1.99.9 1,141 of 1,181, of 1.40.8 860 of
888, of 1.12.0 604 of 628, of 1.3.9 328 of 352. The others are lists that are asked for `limit=0`,
which the API, then as now, does not take.
"""

import hashlib
import sys
import time
from functools import cached_property
from typing import Any

import httpx2
from sdk_responses import run

_LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
SCRIPTS = {"suite": [{"when": ".*", "call": {"look": {}}, "say": "Seen."}]}
_PARTS = (
    "beta/test_assistants.py beta/assistants beta/test_threads.py beta/threads"
    " beta/test_vector_stores.py beta/vector_stores test_vector_stores.py vector_stores"
    " test_files.py test_uploads.py uploads test_models.py"
)
_KINDS = {
    "assistants": "assistant",
    "threads": "thread",
    "messages": "message",
    "runs": "run",
    "steps": "step",
    "files": "file",
    "vector_stores": "store",
    "file_batches": "batch",
    "uploads": "upload",
}
_ACTIONS = ("runs", "cancel", "search", "submit_tool_outputs")
_TEXT = b"roses"


class Objects:
    """Makes what a request names, and puts the ids of that where it has only words."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http

    def real_path(self, path: str) -> str:
        parts = path.strip("/").split("/")
        if parts[0] == "models" and len(parts) > 1 and not parts[1].startswith("ft:"):
            self._post("/assistants", json={"model": parts[1]})
        for at, part in enumerate(parts):
            if at and parts[at - 1] in _KINDS and part not in _ACTIONS:
                parts[at] = getattr(self, _KINDS[parts[at - 1]])
        return "/" + "/".join(parts)

    def real_query(self, path: str, query: dict[str, str]) -> dict[str, str]:
        kind = _KINDS.get(path.strip("/").split("/")[-1])
        cursors = {"after", "before"} & query.keys()
        if not kind or not cursors:
            return query
        return {**query, **dict.fromkeys(cursors, getattr(self, kind))}

    def real_body(self, path: str, body: Any) -> Any:
        if path.endswith("/file_batches"):
            body = {"file_ids": ["string"], **body}
            if "files" in body:
                del body["file_ids"]
        return self._real(body)

    def _real(self, value: Any, name: str = "") -> Any:
        if name == "tool_outputs":
            return [{"tool_call_id": self.call, "output": "ok"}]
        if name == "part_ids":
            return [self.part]
        if isinstance(value, dict):
            if "vector_stores" in value:
                value = {k: v for k, v in value.items() if k != "vector_store_ids"}
            return {key: self._real(entry, key) for key, entry in value.items()}
        if isinstance(value, list):
            return [self._real(entry, name.removesuffix("s")) for entry in value]
        match name:
            case "assistant_id":
                return self.assistant
            case "file_id":
                return self._new_file()
            case "vector_store_id":
                return self.store
            case "md5":
                return hashlib.md5(_TEXT, usedforsecurity=False).hexdigest()
        return value

    @cached_property
    def file(self) -> str:
        return self._new_file()

    @cached_property
    def store(self) -> str:
        return self._made("/vector_stores", {"file_ids": [self.file]})

    @cached_property
    def batch(self) -> str:
        return self._made(f"/vector_stores/{self.store}/file_batches", {"file_ids": [self.file]})

    @cached_property
    def assistant(self) -> str:
        body = {
            "model": "m",
            "tools": [{"type": "file_search"}, _LOOK],
            "tool_resources": {"file_search": {"vector_store_ids": [self.store]}},
            "metadata": {"assistctl": "suite"},
        }
        return self._made("/assistants", body)

    @cached_property
    def thread(self) -> str:
        return self._made("/threads", {})

    @cached_property
    def message(self) -> str:
        attached = {"file_id": self.file, "tools": [{"type": "file_search"}]}
        said = {"role": "user", "content": "Look.", "attachments": [attached]}
        return self._made(f"/threads/{self.thread}/messages", said)

    @cached_property
    def run(self) -> str:
        """It waits for the output of a call."""
        runs = f"/threads/{self.thread}/runs"
        said = [{"role": "user", "content": "Look."}]
        run_id = self._made(runs, {"assistant_id": self.assistant, "additional_messages": said})
        while self._get(f"{runs}/{run_id}")["status"] in ("queued", "in_progress"):
            time.sleep(0.02)
        return run_id

    @cached_property
    def step(self) -> str:
        [step] = self._get(f"/threads/{self.thread}/runs/{self.run}/steps")["data"]
        return str(step["id"])

    @cached_property
    def call(self) -> str:
        action = self._get(f"/threads/{self.thread}/runs/{self.run}")["required_action"]
        return str(action["submit_tool_outputs"]["tool_calls"][0]["id"])

    @cached_property
    def upload(self) -> str:
        body = {"filename": "a.txt", "bytes": len(_TEXT), "mime_type": "text/plain"}
        return self._made("/uploads", {**body, "purpose": "assistants"})

    @cached_property
    def part(self) -> str:
        sent = self._post(f"/uploads/{self.upload}/parts", files={"data": _TEXT})
        return str(sent["id"])

    def _new_file(self) -> str:
        sent = self._post(
            "/files", files={"file": ("a.txt", _TEXT)}, data={"purpose": "assistants"}
        )
        return str(sent["id"])

    def _made(self, path: str, body: Any) -> str:
        return str(self._post(path, json=body)["id"])

    def _get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def _post(self, path: str, **body: Any) -> Any:
        return self.http.post(path, **body).raise_for_status().json()


if __name__ == "__main__":
    sys.exit(run(_PARTS, SCRIPTS, Objects))
