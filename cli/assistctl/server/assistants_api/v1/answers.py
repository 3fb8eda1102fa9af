"""What v2 answers, in the shapes that v1 had: whole objects, pages of them, events of streams."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from assistctl.server.assistants_api.v1 import files
from assistctl.server.http.call import Answer
from assistctl.server.storage import Database
from assistctl.server.wire import Document

_GONE = {
    "assistant": ("tool_resources", "temperature", "top_p", "response_format", "reasoning_effort"),
    "thread": ("tool_resources",),
    "thread.message": ("attachments",),
    "thread.run": ("top_p", "reasoning_effort", "parallel_tool_calls"),
    "thread.run.step": ("expires_at",),
}
"""What objects of v1 do not have."""

_ENDS = {"incomplete": "completed"}
_EVENT = b"event: thread."


@dataclass(frozen=True)
class Translator:
    """Translates the answers to one request; `_known` are the files of assistants, by their ids,
    that were looked up for it."""

    database: Database
    project: str
    _known: dict[str, list[str]] = field(default_factory=dict)

    def answer(self, answer: Answer) -> Answer:
        if isinstance(answer, StreamingResponse):
            answer.body_iterator = self._events(answer.body_iterator)
            return answer
        return answer if isinstance(answer, Response) else self.document(answer)

    def document(self, document: Document) -> Document:
        """An object, or a page of objects; what v1 had in the same form stays as it is."""
        kind = document.get("object", "")
        gone = _GONE.get(kind, ())
        kept = {name: value for name, value in document.items() if name not in gone}
        match kind:
            case "list":
                kept["data"] = [self.document(each) for each in document["data"]]
            case "assistant":
                kept["tools"] = _tools(document["tools"])
                kept["file_ids"] = self._files_of(document["id"])
            case "thread.message":
                kept["content"] = _parts(document["content"])
                kept["file_ids"] = files.of_message(document)
            case "thread.message.delta":
                content = _parts(document["delta"]["content"])
                kept["delta"] = {**document["delta"], "content": content}
            case "thread.run":
                # v1 knew no run that is incomplete: its clients would wait for one of its ends.
                kept["status"] = _ENDS.get(document["status"], document["status"])
                kept["tools"] = _tools(document["tools"])
                kept["tool_choice"] = _retrieval(document["tool_choice"])
                kept["file_ids"] = self._files_of(document["assistant_id"])
            case "thread.run.step":
                kept["step_details"] = _details(document["step_details"])
            case "thread.run.step.delta":
                details = _details(document["delta"]["step_details"])
                kept["delta"] = {**document["delta"], "step_details": details}
        return kept

    def _files_of(self, assistant_id: str) -> list[str]:
        if assistant_id not in self._known:
            with self.database.read() as tx:
                self._known[assistant_id] = files.of(tx, self.project, assistant_id)
        return self._known[assistant_id]

    async def _events(self, content: AsyncIterable[Any]) -> AsyncIterator[bytes]:
        """Each chunk is one event, see Event.encoded; comments and the end are none of ours."""
        async for chunk in content:
            if not chunk.startswith(_EVENT):
                yield chunk
                continue
            head, _, data = chunk.decode().partition("\ndata: ")
            document = json.loads(data)
            if document.get("object") == "thread.run":  # whose files may have to be looked up
                shown = await run_in_threadpool(self.document, document)
                head = head.replace(".incomplete", ".completed")
            else:
                shown = self.document(document)
            yield f"{head}\ndata: {json.dumps(shown, ensure_ascii=False)}\n\n".encode()


def _tools(tools: list[Document]) -> list[Document]:
    return [_function(tool) if tool["type"] == "function" else _retrieval(tool) for tool in tools]


def _function(tool: Document) -> Document:
    """v1 had no `strict`; where it holds it stays, since clients write back what they have read."""
    function = tool["function"]
    shown = {name: value for name, value in function.items() if name != "strict" or value}
    return {**tool, "function": shown}


def _retrieval(tool: Any) -> Any:
    """A tool, or the choice of one, by the name that v1 gave it."""
    if isinstance(tool, dict) and tool["type"] == "file_search":
        return {"type": "retrieval"}
    return tool


def _details(details: Document) -> Document:
    if details["type"] != "tool_calls":
        return details
    return {**details, "tool_calls": [_call(call) for call in details["tool_calls"]]}


def _call(call: Document) -> Document:
    if call["type"] != "file_search":
        return call
    rest = {name: value for name, value in call.items() if name != "file_search"}
    return {**rest, "type": "retrieval", "retrieval": {}}


def _parts(content: list[Document]) -> list[Document]:
    return [_part(part) for part in content]


def _part(part: Document) -> Document:
    """A refusal is text; an image by its URL was not known, but there is nothing else to say."""
    if part["type"] == "refusal":
        rest = {name: value for name, value in part.items() if name != "refusal"}
        return {**rest, "type": "text", "text": {"value": part["refusal"], "annotations": []}}
    if part["type"] == "image_file":
        return {**part, "image_file": {"file_id": part["image_file"]["file_id"]}}
    if part["type"] == "text" and part["text"].get("annotations"):
        notes = [_annotation(note) for note in part["text"]["annotations"]]
        return {**part, "text": {**part["text"], "annotations": notes}}
    return part


def _annotation(note: Document) -> Document:
    """The passage that is cited is not known any more, but clients read the field."""
    if note["type"] != "file_citation":
        return note
    return {**note, "file_citation": {**note["file_citation"], "quote": ""}}
