"""A thread as a model reads it: documents, oldest first -> Chat Completions messages.

What earlier runs called and got stays in the transcript, code above all, since its variables are
still there. Only what they found in files does not (the next run searches for itself), and so
their citation marks are taken out.
"""

from __future__ import annotations

from typing import Any

from assistctl.server import files
from assistctl.server.assistants_api.record.tool_calls import result_of
from assistctl.server.engine.history import History, HistoryItem
from assistctl.server.engine.tools import answered_text
from assistctl.server.models.protocol import STATE
from assistctl.server.storage import Claim, Collection, Transaction, threads
from assistctl.server.storage.documents import find
from assistctl.server.wire import FILE, Document

FILES = "_files"
"""The key of a message under which stands what models are told of each file that came with it."""
INPUT_OF = "_input_of"
"""The key of a user's message under which it names the run that it was meant for: it may have come
while that run was at work, and follows what was said before it."""
SUMMARY = "_summary"
"""The key of what only conversations hold under which a summary of all before it stands."""
_BEFORE = "What was said and done before, in short:\n\n"
_FORGOTTEN = "(What was found then is not repeated here. Search again if you need it.)"


def read_thread(tx: Transaction, claim: Claim) -> History:
    """What was said and done on the thread of a run."""
    before: list[HistoryItem] = []
    own: list[HistoryItem] = []
    for document in threads.messages_and_calls(tx, claim.project, claim.thread_id):
        current = claim.run_id in (document["run_id"], document.get(INPUT_OF))
        spoken = document["object"] != "thread.run.step"
        if document["object"] == "conversation.item":
            messages = _from_item(document)
        elif spoken:
            messages = _from_message(tx, claim.project, document, current)
        else:
            messages = _from_step(document, current)
        if messages:
            beside = document.get("_beside")
            item = HistoryItem(tuple(messages), document["run_id"], spoken, document["id"], beside)
            (own if current else before).append(item)
    return History(before, own)


def _from_message(
    tx: Transaction, project: str, message: Document, current: bool
) -> list[Document]:
    if message["role"] == "assistant":
        words = (_words(part, current) for part in message["content"])
        said = "\n".join(filter(None, words))
        return [_with_state({"role": "assistant", "content": said}, message)] if said else []
    told = message.get(FILES, ())
    if all(part["type"] == "text" for part in message["content"]):
        words = (part["text"]["value"] for part in message["content"])
        return [{"role": "user", "content": "\n".join([*told, *words])}]
    parts = [_part(tx, project, part) for part in message["content"]]
    texts = [{"type": "text", "text": text} for text in told]
    return [{"role": "user", "content": [*texts, *parts]}]


def _from_item(document: Document) -> list[Document]:
    """Of what only conversations hold, models are told the instructions that came amid them, and
    summaries."""
    item = document["item"]
    if SUMMARY in document:
        return [{"role": "system", "content": _BEFORE + document[SUMMARY]}]
    if item["type"] != "message":
        return []
    return [{"role": "system", "content": "\n".join(part["text"] for part in item["content"])}]


def _words(part: Document, current: bool) -> str:
    if part["type"] == "refusal":
        return str(part["refusal"])
    if part["type"] != "text":
        return ""
    text = part["text"]
    return str(text["value"]) if current else without_marks(text["value"], text["annotations"])


def _part(tx: Transaction, project: str, part: Document) -> Document:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]["value"]}
    if part["type"] == "image_url":
        return {"type": "image_url", "image_url": part["image_url"]}
    return _image(tx, project, part["image_file"])


def _image(tx: Transaction, project: str, image: Document) -> Document:
    """An uploaded image travels inside the request: the endpoint cannot fetch it from here."""
    file = find(tx, Collection(FILE, project), image["file_id"])
    if file is None:
        return {"type": "text", "text": "(an image that has been deleted)"}
    detail = {"detail": image["detail"]} if image.get("detail") else {}
    return {"type": "image_url", "image_url": {"url": files.data_url(tx, file), **detail}}


def _from_step(step: Document, current: bool) -> list[Document]:
    """One round of calls. An earlier run's round counts only if it was answered to the end."""
    if step["type"] != "tool_calls" or step["status"] != "completed":
        return []
    hidden = step["_calls"]
    calls: list[Document] = []
    outputs: list[Document] = []
    made = step["step_details"]["tool_calls"]
    lasting = [current or _lasts(call, hidden[call["id"]]) for call in made]
    if not any(lasting):
        return []
    for call, lasts in zip(made, lasting, strict=True):
        if not lasts and "name" not in hidden[call["id"]]:
            continue
        name, arguments, output = _made(call, hidden[call["id"]])
        output = output if lasts else _FORGOTTEN  # a round goes back whole, see STATE
        call_id = hidden[call["id"]]["id"] or call["id"]
        function = {"name": name, "arguments": arguments}
        calls.append({"id": call_id, "type": "function", "function": function})
        outputs.append({"role": "tool", "tool_call_id": call_id, "content": output})
    asked = {"role": "assistant", "content": None, "tool_calls": calls}
    return [_with_state(asked, step), *outputs]


def _with_state(message: Document, document: Document) -> Document:
    """The message with what its model attached to it, where that was kept."""
    return {**message, STATE: document[STATE]} if STATE in document else message


def _lasts(call: Document, hidden: dict[str, Any]) -> bool:
    """Whether later runs are told of a call; of seeded code nothing is there any more."""
    return call["type"] == "function" or (call["type"] == "code_interpreter" and "name" in hidden)


def _made(call: Document, hidden: dict[str, Any]) -> tuple[str, str, str]:
    """Name, arguments and output of a call, as the model made and gets it."""
    if call["type"] == "function":
        function = call["function"]
        return function["name"], function["arguments"], function["output"] or ""
    return hidden["name"], hidden["arguments"], answered_text(result_of(call, hidden))


def without_marks(value: str, annotations: list[dict[str, Any]]) -> str:
    """The text of an earlier message for the model: what its marks pointed to is gone."""
    for annotation in annotations:
        if annotation["type"] == "file_citation":
            value = value.replace(annotation["text"], "")
    return value
