"""A thread as a model reads it: documents, oldest first -> Chat Completions messages.

What earlier runs called and got stays in the transcript, code above all, since its variables are
still there. Only what they found in files does not (the next run searches for itself), and so
their citation marks are taken out.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assistctl.server.engine.citations import without_marks
from assistctl.server.engine.tools import answered_text
from assistctl.server.models.protocol import STATE
from assistctl.server.models.tokens import estimate_prompt
from assistctl.server.storage import contents, threads
from assistctl.server.storage.database import Transaction
from assistctl.server.storage.documents import Collection, find
from assistctl.server.wire import FILE, Document

_FORGOTTEN = "(What was found then is not repeated here. Search again if you need it.)"


@dataclass(frozen=True)
class Entry:
    """What must stay together: one message, or one round of tool calls with all its outputs.

    `id` is the message's or the step's; words that were said `beside` a round bear its step's id.
    """

    messages: tuple[Document, ...]
    run_id: str | None
    spoken: bool
    id: str = ""
    beside: str | None = None

    @cached_property
    def tokens(self) -> int:
        return estimate_prompt(self.messages)


def read_thread(
    tx: Transaction, project: str, thread_id: str, run_id: str
) -> tuple[list[Entry], list[Entry]]:
    """The entries from before the run, and the run's own."""
    before: list[Entry] = []
    own: list[Entry] = []
    for document in threads.messages_and_steps(tx, project, thread_id):
        current = document["run_id"] == run_id
        if document["object"] == "thread.message":
            messages = _from_message(tx, project, document, current)
        else:
            messages = _from_step(document, current)
        if messages:
            spoken = document["object"] == "thread.message"
            beside = document.get("_beside")
            entry = Entry(tuple(messages), document["run_id"], spoken, document["id"], beside)
            (own if current else before).append(entry)
    return before, own


def flatten(entries: Iterable[Entry]) -> list[Document]:
    """The messages of all entries; words and calls of one completion become one message again."""
    messages: list[Document] = []
    rounds: dict[str, int] = {}
    last: Entry | None = None
    for entry in entries:
        first, *rest = entry.messages
        if entry.beside in rounds:
            calling = messages[rounds[entry.beside]]
            said = (calling["content"] or "") + first["content"]
            messages[rounds[entry.beside]] = {**calling, "content": said}
            continue
        if last and last.spoken and not entry.spoken and last.run_id == entry.run_id:
            first = {**first, "content": messages.pop()["content"]}
        if not entry.spoken:
            rounds[entry.id] = len(messages)
        messages += [first, *rest]
        last = entry
    return messages


def last_messages(entries: Sequence[Entry], count: int) -> list[Entry]:
    """The most recent `count` messages and the tool rounds among them."""
    spoken = [position for position, entry in enumerate(entries) if entry.spoken]
    return list(entries[spoken[-count] :]) if len(spoken) > count else list(entries)


def within(entries: Sequence[Entry], tokens: int) -> list[Entry]:
    """Entries dropped from the middle, then the first, until the rest fits; the last one stays."""
    kept = dict(enumerate(entries))
    total = sum(entry.tokens for entry in entries)
    for position in [*range(1, len(entries) - 1), 0][: max(len(entries) - 1, 0)]:
        if total <= tokens:
            break
        total -= kept.pop(position).tokens
    return list(kept.values())


def _from_message(
    tx: Transaction, project: str, message: Document, current: bool
) -> list[Document]:
    if message["role"] == "assistant":
        words = (_words(part, current) for part in message["content"])
        said = "\n".join(filter(None, words))
        return [_with_state({"role": "assistant", "content": said}, message)] if said else []
    if all(part["type"] == "text" for part in message["content"]):
        text = "\n".join(part["text"]["value"] for part in message["content"])
        return [{"role": "user", "content": text}]
    parts = [_part(tx, project, part) for part in message["content"]]
    return [{"role": "user", "content": parts}]


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
    kind = mimetypes.guess_type(file["filename"])[0] or "image/png"
    data = base64.b64encode(contents.read(tx, image["file_id"])).decode()
    url: Document = {"url": f"data:{kind};base64,{data}"}
    return {"type": "image_url", "image_url": url | _detail(image)}


def _detail(image: Document) -> Document:
    return {"detail": image["detail"]} if image.get("detail") else {}


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
        name, arguments, output = _heard(call, hidden[call["id"]])
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
    """Whether later runs hear of a call; of seeded code nothing is there any more."""
    return call["type"] == "function" or (call["type"] == "code_interpreter" and "name" in hidden)


def _heard(call: Document, hidden: dict[str, Any]) -> tuple[str, str, str]:
    """Name, arguments and output of a call, as the model made and gets it."""
    if call["type"] == "function":
        function = call["function"]
        return function["name"], function["arguments"], function["output"] or ""
    return hidden["name"], hidden["arguments"], answered_text(call, hidden)
