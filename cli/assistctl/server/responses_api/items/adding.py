"""Items from a client, written into a thread.

Messages of users and assistants are messages of the thread. Function calls that follow one another
are one round: a step of a run that no assistant has made, completed as soon as each of them has its
output. Until then it stays open, which models are not told of. The outputs go to the step of their
call, whoever made it. All else is kept as it came, as ITEM.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistctl.server.assistants_api.record import runs, steps
from assistctl.server.assistants_api.record.messages import new_message, text_part
from assistctl.server.assistants_api.record.transcript import FILES, SUMMARY
from assistctl.server.responses_api.items import ids
from assistctl.server.responses_api.items.attached import TEXT
from assistctl.server.responses_api.items.compaction import summary_of
from assistctl.server.responses_api.items.views import (
    ENCRYPTED,
    OUTPUTS,
    RESULTS,
    Viewer,
    is_open,
    place_of,
)
from assistctl.server.storage import Collection, Transaction, threads
from assistctl.server.storage.documents import fetch, insert, save
from assistctl.server.wire import FILE, ITEM, MESSAGE, RUN, STEP, ApiError, Document, now

_EVERYTHING = (RESULTS, OUTPUTS, ENCRYPTED)


def add(
    tx: Transaction,
    project: str,
    thread_id: str,
    items: Sequence[Mapping[str, Any]],
    param: str = "items",
    include: Names[str] = (),
) -> list[Document]:
    """Append items that `bodies.ITEMS` has checked, and return them as they are shown; `param` is
    where they stood. Whether the conversation is locked is the caller's to ask."""
    adding = Adding(tx, project, thread_id)
    known = _sent_again(tx, project, thread_id, items)
    added = [
        adding.add(item, f"{param}[{number}]")
        for number, item in enumerate(items)
        if number not in known
    ]
    viewer = Viewer(tx, project, include)
    shown: dict[str, Document] = {}
    for item_id in added:
        document = ids.document_of(tx, project, item_id, thread_id)
        if document and item_id not in shown:
            shown |= {item["id"]: item for item in viewer.items(document)}
    return [shown[item_id] for item_id in added]


def open_calls(tx: Transaction, project: str, thread_id: str) -> list[str]:
    """The call ids of the function calls of a conversation that wait for their outputs."""
    return [
        call["id"]
        for step in threads.steps(tx, project, thread_id)
        if step["type"] == "tool_calls"
        for call in step["step_details"]["tool_calls"]
        if is_open(step, call)
    ]


def _sent_again(
    tx: Transaction, project: str, thread_id: str, items: Sequence[Mapping[str, Any]]
) -> set[int]:
    """Which items stand in the thread already: some clients send, with the outputs of calls that
    wait for them, these calls again, and the message that led to them. A model that was shown that
    message behind the outputs would make its calls once more."""
    answers = {
        item["call_id"]: number
        for number, item in reversed(list(enumerate(items)))
        if item["type"] == "function_call_output"
    }
    waiting = answers.keys() & open_calls(tx, project, thread_id) if answers else ()
    if not waiting:
        return set()
    asked = _newest_question(tx, project, thread_id)
    return {
        number
        for number, item in enumerate(items[: min(answers[each] for each in waiting)])
        if not item.get("id")
        and (
            item.get("call_id") in waiting
            or (item.get("role") == "user" and _content(item) == asked)
        )
    }


def _newest_question(tx: Transaction, project: str, thread_id: str) -> list[Document]:
    """The content of what the user has said last."""
    for document in threads.in_order(tx, project, thread_id, "desc"):
        if document.get("role") == "user":
            content: list[Document] = Viewer(tx, project).message(document)["content"]
            return content
    return []


@dataclass
class Adding:
    """Items on their way into one thread; `round_` is the step that the next call would join."""

    tx: Transaction
    project: str
    thread_id: str
    round_: Document | None = field(default=None)

    def add(self, item: Mapping[str, Any], where: str) -> str:
        """Write one item, and return its id."""
        if item["type"] == "item_reference":
            item = self._referred(item["id"], where)
        elif item.get("id") and ids.document_of(self.tx, self.project, item["id"], self.thread_id):
            raise _duplicate(item["id"], where)
        if item["type"] == "function_call":
            return self._call(item)
        if item["type"] == "function_call_output":
            return self._output(item, where)
        self.round_ = None
        if item["type"] == "message" and item["role"] in ("user", "assistant"):
            return self._message(item)
        return self._as_it_came(item)

    def _referred(self, item_id: str, where: str) -> Document:
        """The item that a reference means; of this very conversation it would be a second time."""
        document = ids.document_of(self.tx, self.project, item_id)
        items = Viewer(self.tx, self.project, _EVERYTHING).items(document) if document else ()
        item = next((each for each in items if each["id"] == item_id), None)
        if document is None or item is None:
            raise ApiError(f"Item with id '{item_id}' not found.", status=404, param=where)
        if document["thread_id"] == self.thread_id:
            raise _duplicate(item_id, where)
        return {**item, FILES: document[FILES]} if FILES in document else item

    def _message(self, item: Mapping[str, Any]) -> str:
        content = _content(item)
        files = [part["file_id"] for part in content if part.get("file_id")]
        for file_id in files:
            fetch(self.tx, Collection(FILE, self.project), file_id)
        parts = [_threads_part(part) for part in content if part["type"] != "input_file"]
        attachments = [
            {"file_id": part["file_id"], "tools": []}
            for part in content
            if part["type"] == "input_file" and part.get("file_id")
        ]
        message = new_message(self.thread_id, item["role"], parts, attachments)
        if item["role"] == "assistant" and item.get("status") == "incomplete":
            message |= {
                "status": "incomplete",
                "incomplete_details": {"reason": "max_tokens"},
                "completed_at": None,
                "incomplete_at": message["completed_at"],
            }
        if item.get("phase"):
            message["_phase"] = item["phase"]
        files_read = item.get(FILES) or _texts(item["content"])
        if files_read:
            message[FILES] = files_read
        if Viewer(self.tx, self.project).content(message) != content:
            message["_content"] = content  # as it came, where a thread has less to say it with
        insert(self.tx, Collection(MESSAGE, self.project, self.thread_id), message)
        return str(message["id"])

    def _call(self, item: Mapping[str, Any]) -> str:
        made = self.round_["step_details"]["tool_calls"] if self.round_ else []
        if self.round_ is None or any(call["id"] == item["call_id"] for call in made):
            self.round_, made = self._new_round(), []
        function = {"name": item["name"], "arguments": item["arguments"], "output": None}
        call = {"id": item["call_id"], "type": "function", "function": function}
        step = steps.with_calls(self.round_, [*made, call])
        step["_calls"] = {**step["_calls"], item["call_id"]: {"id": item["call_id"]}}
        self.round_ = save(self.tx, Collection(STEP, self.project, step["run_id"]), step)
        return ids.of_call("fc", step["id"], len(made))

    def _new_round(self) -> Document:
        moment = now()
        nobody = {"id": runs.NO_ASSISTANT, "model": "", "tools": [], "metadata": {}}
        run = runs.new_run(nobody, {"id": self.thread_id}, {}, {}) | {
            "status": "completed",
            "started_at": moment,
            "completed_at": moment,
            "expires_at": None,
            "usage": runs.NO_TOKENS,
        }
        insert(self.tx, Collection(RUN, self.project, self.thread_id), run)
        return insert(self.tx, Collection(STEP, self.project, run["id"]), steps.tool_step(run))

    def _output(self, item: Mapping[str, Any], where: str) -> str:
        output = item["output"]
        text = output if isinstance(output, str) else "\n".join(part["text"] for part in output)
        step = self._asking(item["call_id"], text, where)
        step = steps.with_outputs(step, {item["call_id"]: text})
        if text != output:
            kept = {**step["_calls"][item["call_id"]], "output": output}
            step["_calls"] = {**step["_calls"], item["call_id"]: kept}
        if not any(is_open(step, call) for call in _calls(step)):
            step = steps.completed(step)
        save(self.tx, Collection(STEP, self.project, step["run_id"]), step)
        self.round_ = None
        return ids.of_call("fco", step["id"], place_of(step, item["call_id"]))

    def _asking(self, call_id: str, text: str, where: str) -> Document:
        """The newest step with a call of this id, which waits for its output; or has just this one:
        some clients send all outputs of a turn with each of its requests."""
        answered = False
        for document in threads.in_order(self.tx, self.project, self.thread_id, "desc"):
            for call in _calls(document):
                if call["id"] == call_id and call["type"] == "function":
                    if is_open(document, call) or call["function"]["output"] == text:
                        return document
                    answered = answered or call["function"]["output"] is not None
        wrong = (
            f"Function call {call_id} has its output already."
            if answered
            else f"No tool call found for function call output with call_id {call_id}."
        )
        raise ApiError(wrong, param=where)

    def _as_it_came(self, item: Mapping[str, Any]) -> str:
        item_id = (MESSAGE if item["type"] == "message" else ITEM).new_id()
        shown = {key: value for key, value in item.items() if value is not None}
        shown |= {"id": item_id, "type": item["type"], **_completed(item)}
        document: Document = {
            "id": item_id,
            "object": "conversation.item",
            "created_at": now(),
            "thread_id": self.thread_id,
            "run_id": None,
            "item": shown,
        }
        if item["type"] == "compaction":
            document[SUMMARY] = summary_of(item["encrypted_content"])
        insert(self.tx, Collection(ITEM, self.project, self.thread_id), document)
        return item_id


def _duplicate(item_id: str, where: str) -> ApiError:
    return ApiError(
        f"Duplicate item found with id {item_id}. Remove duplicate items from your input and try"
        " again.",
        param=where,
    )


def _calls(document: Document) -> Iterable[Document]:
    return document["step_details"].get("tool_calls", ()) if "step_details" in document else ()


def _completed(item: Mapping[str, Any]) -> Document:
    """What an item is shown with that may be left out when it is sent."""
    kind = item["type"]
    if kind == "message":
        return {"status": "completed", "content": _content(item)}
    if kind in ("reasoning", "compaction"):
        return {}
    status = {"status": item.get("status") or "completed"}
    if kind == "code_interpreter_call":
        return {**status, "code": item.get("code"), "outputs": item.get("outputs")}
    return {**status, "results": item.get("results")}


def _texts(content: str | Sequence[Mapping[str, Any]]) -> list[str]:
    """What models are told of the files in a message's content."""
    return [] if isinstance(content, str) else [part[TEXT] for part in content if TEXT in part]


def _content(item: Mapping[str, Any]) -> list[Document]:
    """The content as an answer shows it."""
    given = item["content"]
    kind = "output_text" if item["role"] == "assistant" else "input_text"
    parts = [{"type": kind, "text": given}] if isinstance(given, str) else given
    return [_part(part) for part in parts]


def _part(part: Mapping[str, Any]) -> Document:
    kind = part["type"]
    shown = {key: value for key, value in part.items() if value is not None and key != TEXT}
    if kind == "output_text":
        return {"annotations": [], "logprobs": [], **shown}
    if kind == "input_image":
        return {"image_url": None, "file_id": None, "detail": "auto", **shown}
    return shown


def _threads_part(part: Mapping[str, Any]) -> Document:
    kind = part["type"]
    if kind in ("input_text", "output_text"):
        return text_part(part["text"])
    if kind == "refusal":
        return {"type": "refusal", "refusal": part["refusal"]}
    detail = "high" if part["detail"] == "original" else part["detail"]
    if part["file_id"]:
        image = {"file_id": part["file_id"], "detail": detail}
        return {"type": "image_file", "image_file": image}
    return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": detail}}
