"""Messages, steps and ITEMs as the items of a conversation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assistctl.server import files
from assistctl.server.engine.builtin import argument
from assistctl.server.models.protocol import STATE
from assistctl.server.responses_api.items import ids
from assistctl.server.responses_api.items.citations import Cited, without_marks
from assistctl.server.storage import Transaction
from assistctl.server.storage.documents import Collection as Stored
from assistctl.server.storage.documents import find
from assistctl.server.wire import FILE, Document

RESULTS = "file_search_call.results"
OUTPUTS = "code_interpreter_call.outputs"
ENCRYPTED = "reasoning.encrypted_content"
WHOLE = "_whole"
"""The key of a step that was cut off: the calls (ids) that were told as completed before."""
_PREFIXES = {"function": "fc", "code_interpreter": "ci", "file_search": "fs"}


@dataclass(frozen=True)
class Viewer:
    """Who looks, from within a transaction; `include` names what is shown only if asked for."""

    tx: Transaction
    project: str
    include: Collection[str] = ()

    def items(self, document: Document) -> list[Document]:
        """The items of a message, a step or an ITEM, in order."""
        if document["object"] == "conversation.item":
            return [self._as_it_came(document["item"])]
        reasoning = list(self._reasoning(document))
        if document["object"] == "thread.message":
            return [*reasoning, self.message(document)]
        if document["type"] != "tool_calls":
            return []
        return [*reasoning, *self._calls(document)]

    def message(self, message: Document) -> Document:
        return {
            "id": message["id"],
            "type": "message",
            "status": message["status"],
            "role": message["role"],
            "content": message.get("_content") or self.content(message),
            **({"phase": message["_phase"]} if "_phase" in message else {}),
        }

    def content(self, message: Document) -> list[Document]:
        """The content of a message, by what the Assistants API knows of it."""
        if message["role"] == "user":
            attached = (self._attachment(each) for each in message["attachments"])
            return [*map(_input_part, message["content"]), *attached]
        shown: list[Document] = []
        pictures: list[Document] = []
        for part in message["content"]:
            if part["type"] == "text":
                shown.append(self.output_text(container_of(message), part["text"]))
            elif part["type"] == "refusal":
                shown.append({"type": "refusal", "refusal": part["refusal"]})
            elif part["type"] == "image_file" and message["run_id"]:
                file_id = part["image_file"]["file_id"]
                cited = self.container_citation(container_of(message), file_id, 0, 0)
                pictures.append(cited)
            else:
                shown.append(_input_part(part))
        return _with_pictures(shown, pictures)

    def output_text(self, container_id: str, text: Document) -> Document:
        """Text with its annotations. Marks (【4:0†source】) are no part of it: citations say where
        theirs stood."""
        value, cited = without_marks(text["value"], text["annotations"])
        shown = (self._annotation(container_id, each) for each in cited)
        annotations = [each for each in shown if each]
        return {"type": "output_text", "text": value, "annotations": annotations, "logprobs": []}

    def _annotation(self, container_id: str, cited: Cited) -> Document | None:
        kind = cited.annotation["type"]
        file_id = (cited.annotation.get(kind) or {}).get("file_id", "")
        if kind == "file_citation":
            return self.citation(file_id, cited.start)
        if kind == "file_path":
            return self.container_citation(container_id, file_id, cited.start, cited.end)
        return None

    def citation(self, file_id: str, index: int) -> Document:
        """Of a file that was found; `index` is where in the text."""
        return file_citation(file_id, self._filename(file_id), index)

    def container_citation(self, container_id: str, file_id: str, start: int, end: int) -> Document:
        """Of a file that code has written, to which the text from `start` to `end` leads."""
        return {
            "type": "container_file_citation",
            "container_id": container_id,
            "file_id": ids.of_container_file(file_id),
            "filename": self._filename(file_id),
            "start_index": start,
            "end_index": end,
        }

    def call(self, step: Document, call: Mapping[str, Any]) -> Document:
        kept = step["_calls"].get(call["id"], {})
        kind = call["type"]
        item = {"id": ids.of_call(_PREFIXES[kind], step["id"], place_of(step, call["id"]))}
        if kind == "function":
            is_whole = _lives(step) or call["id"] in step.get(WHOLE, ())
            return item | {
                "type": "function_call",
                "call_id": call["id"],
                "name": call["function"]["name"],
                "arguments": call["function"]["arguments"],
                "status": "completed" if is_whole else "incomplete",
            }
        status = _status(step, kept)
        if kind == "file_search":
            query = argument(kept.get("arguments", ""), "query")
            return item | {
                "type": "file_search_call",
                "status": "failed" if kept.get("error") else status,
                "queries": [query] if query else [],
                "results": self._results(call["file_search"]),
            }
        return item | {
            "type": "code_interpreter_call",
            "status": status,
            "code": call["code_interpreter"]["input"],
            "container_id": container_of(step),
            "outputs": self._outputs(call["code_interpreter"]),
        }

    def _calls(self, step: Document) -> Iterator[Document]:
        calls = step["step_details"]["tool_calls"]
        yield from (self.call(step, call) for call in calls)
        for call in calls:
            if call["type"] == "function" and call["function"]["output"] is not None:
                kept = step["_calls"].get(call["id"], {})
                yield {
                    "id": ids.of_call("fco", step["id"], place_of(step, call["id"])),
                    "type": "function_call_output",
                    "call_id": call["id"],
                    "output": kept.get("output", call["function"]["output"]),
                    "status": "completed",
                }

    def _reasoning(self, document: Document) -> Iterator[Document]:
        """What a Responses endpoint gave of its model's thoughts with an answer."""
        items = (document.get(STATE) or {}).get("items") or ()
        thoughts = [item for item in items if item.get("type") == "reasoning"]
        for place, item in enumerate(thoughts):
            shown = {"id": ids.of_reasoning(document["id"], place), "type": "reasoning"}
            yield self._as_it_came({**item, **shown, "summary": item.get("summary") or []})

    def _as_it_came(self, item: Document) -> Document:
        hidden = {
            "reasoning": ("encrypted_content", ENCRYPTED, False),
            "file_search_call": ("results", RESULTS, True),
            "code_interpreter_call": ("outputs", OUTPUTS, True),
        }
        if item["type"] not in hidden:
            return item
        field, name, stays = hidden[item["type"]]
        if name in self.include:
            return item
        shown = {key: value for key, value in item.items() if key != field}
        return {**shown, field: None} if stays else shown

    def _results(self, search: Mapping[str, Any]) -> list[Document] | None:
        if RESULTS not in self.include:
            return None
        return [
            {
                "file_id": result["file_id"],
                "filename": result["file_name"],
                "score": result["score"],
                "text": "".join(part["text"] for part in result.get("content") or ()),
                "attributes": {},
            }
            for result in search.get("results") or ()
        ]

    def _outputs(self, code: Mapping[str, Any]) -> list[Document] | None:
        if OUTPUTS not in self.include:
            return None
        outputs = (
            {"type": "logs", "logs": output["logs"]}
            if output["type"] == "logs"
            else self._picture(output["image"]["file_id"])
            for output in code["outputs"]
        )
        return [output for output in outputs if output]

    def _picture(self, file_id: str) -> Document | None:
        """With its bytes, so that no key is needed to show it; None once it was deleted."""
        file = find(self.tx, Stored(FILE, self.project), file_id)
        return {"type": "image", "url": files.data_url(self.tx, file)} if file else None

    def _attachment(self, attachment: Mapping[str, Any]) -> Document:
        file_id = attachment["file_id"]
        return {"type": "input_file", "file_id": file_id, "filename": self._filename(file_id)}

    def _filename(self, file_id: str) -> str:
        """The file's name; its id, once it was deleted."""
        file = find(self.tx, Stored(FILE, self.project), file_id)
        return str(file["filename"]) if file else file_id


def file_citation(file_id: str, filename: str, index: int) -> Document:
    return {"type": "file_citation", "file_id": file_id, "filename": filename, "index": index}


def container_of(document: Document) -> str:
    """In which container the code of a message's or step's run has run."""
    return str(document.get("_container") or ids.of_container(document["thread_id"]))


def place_of(step: Document, call_id: str) -> int:
    """Where in its step a call stands or, if others were deleted since, has stood."""
    if "_places" in step:
        return int(step["_places"][call_id])
    return [call["id"] for call in step["step_details"]["tool_calls"]].index(call_id)


def is_open(step: Document, call: Mapping[str, Any]) -> bool:
    """Whether a function call still waits for its output."""
    waits = step["status"] == "in_progress"
    return waits and call["type"] == "function" and call["function"]["output"] is None


def _lives(step: Document) -> bool:
    return step["status"] in ("in_progress", "completed")


def _status(step: Document, kept: Mapping[str, Any]) -> str:
    """Of a call that the server answers."""
    if "name" in kept or step["status"] == "completed":
        return "completed"
    return "in_progress" if step["status"] == "in_progress" else "incomplete"


def _input_part(part: Document) -> Document:
    if part["type"] == "text":
        return {"type": "input_text", "text": part["text"]["value"]}
    image = part[part["type"]]
    return {
        "type": "input_image",
        "image_url": image.get("url"),
        "file_id": image.get("file_id"),
        "detail": image.get("detail") or "auto",
    }


def _with_pictures(shown: list[Document], pictures: list[Document]) -> list[Document]:
    """Pictures that code has shown are cited by the first text, which may have to be made: behind
    the rest, whose places listeners know."""
    if not pictures:
        return shown
    for place, part in enumerate(shown):
        if part["type"] == "output_text":
            cited = {**part, "annotations": [*pictures, *part["annotations"]]}
            return [*shown[:place], cited, *shown[place + 1 :]]
    made: Document = {"type": "output_text", "text": "", "annotations": pictures, "logprobs": []}
    return [*shown, made]
