"""What the messages and the run steps of a thread tell of what was said and done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistctl.apis.answers import Answer, why_it_failed
from assistctl.events import Event, Hit, MadeFile
from assistctl.resources import Json

WITH_PASSAGES: Mapping[str, Any] = {
    "include[]": "step_details.tool_calls[*].file_search.results[*].content"
}
"""What is asked for, so that hits bear the text that was found."""


ACTIVE = frozenset({"queued", "in_progress", "requires_action", "cancelling"})


@dataclass
class Calls:
    """The calls of a run's steps, put together of their pieces: by the step's id and the place."""

    _begun: dict[tuple[str, int], dict[str, Json]] = field(default_factory=dict)

    def delta(self, answer: Answer, step: Mapping[str, Json]) -> Iterator[Event]:
        """Pieces of calls. Code is whole once its outputs are told of. A target may do that before
        it runs it: with the code, in a piece after the first, come its outputs, of which there are
        none yet. Of others it is known when something was printed, or at the end of the step."""
        details = (step.get("delta") or {}).get("step_details") or {}
        for piece in details.get("tool_calls") or ():
            call = self._begun.setdefault((str(step.get("id")), piece.get("index") or 0), {})
            is_first = "id" not in call
            call["id"] = call.get("id") or piece.get("id")
            if piece.get("type") == "file_search":
                answer.search_begins(str(call["id"]))
            code = piece.get("code_interpreter") or {}
            call["input"] = call.get("input", "") + (code.get("input") or "")
            if code.get("input"):
                answer.code_comes(str(call["id"]))
            outputs = code.get("outputs")
            if outputs is None or not call["input"] or (is_first and not outputs):
                continue
            yield from answer.code_begins(str(call["id"]), call["input"])
            if not code.get("input"):
                answer.code_rests(str(call["id"]))

    def read(self, answer: Answer, step: Mapping[str, Json]) -> Iterator[Event]:
        """A step as it stands; of one that goes on nothing is said yet."""
        details = step.get("step_details") or {}
        if step.get("status") in (None, "in_progress"):
            return
        for call in details.get("tool_calls") or ():
            if code := call.get("code_interpreter"):
                yield from _code(answer, str(call.get("id")), code)
            elif call.get("type") == "file_search":
                results = (call.get("file_search") or {}).get("results") or ()
                yield from answer.search_ended(str(call.get("id")), (), tuple(map(_hit, results)))


def is_answered(step: Mapping[str, Json]) -> bool:
    """Whether it has calls of functions, all of which have their outputs."""
    calls = (step.get("step_details") or {}).get("tool_calls") or ()
    functions = [function for call in calls if (function := call.get("function"))]
    return bool(functions) and all(it.get("output") is not None for it in functions)


def said(
    answer: Answer, message: Mapping[str, Json], content: Sequence[Mapping[str, Json]] | None
) -> Iterator[Event]:
    """Pieces of a message: its words, what they cite, and what it shows."""
    identity = str(message.get("id"))
    for part in content or ():
        text = part.get("text") or {}
        notes = [_as_it_will_be(note) for note in text.get("annotations") or ()]
        new = [note for note in notes if answer.note(identity, note)]
        cited = [note for note in new if note.get("type") == "file_citation"]
        marked = [note for note in cited if str(note.get("text")).startswith("【")]
        for note in marked:
            yield from _cite(answer, note)
        yield from answer.say(identity, text.get("value"))
        for note in cited:
            if note not in marked:
                yield from _cite(answer, note)
        for note in new:
            if file_id := (note.get("file_path") or {}).get("file_id"):
                path = str(note.get("text") or "")
                answer.made(MadeFile(str(file_id), path.rpartition("/")[2] or str(file_id)))
        if file_id := (part.get("image_file") or {}).get("file_id"):
            answer.made(MadeFile(str(file_id), str(file_id)))


def completed(answer: Answer, message: Mapping[str, Json]) -> Iterator[Event]:
    """A message that is whole, as far as it was not told in pieces. What its code has made is
    attached, whether the text leads to it or not."""
    identity, content = str(message.get("id")), message.get("content") or ()
    for attached in message.get("attachments") or ():
        if file_id := attached.get("file_id"):
            answer.made(MadeFile(str(file_id), str(file_id)))
    if not answer.has_begun(identity):
        yield from said(answer, message, content)
        return
    # Annotations first: where they stand is in the text.
    yield from said(answer, message, [_without_words(part) for part in content])
    words = (str((part.get("text") or {}).get("value") or "") for part in content)
    yield from answer.complete(identity, "".join(words))


def is_over(run: Mapping[str, Json]) -> bool:
    return run.get("status") not in ACTIVE


def reason(run: Mapping[str, Json]) -> str | None:
    """Why a run did not complete, in words."""
    status = run.get("status")
    if status == "completed":
        return None
    if error := run.get("last_error"):
        return f"{error.get('code')}: {error.get('message')}"
    if status == "incomplete":
        details = run.get("incomplete_details") or {}
        return f"stopped early: {details.get('reason') or 'no reason given'}"
    if status == "expired":
        return (
            "the run expired before it was finished: the model, or the outputs of tools, took"
            " longer than a run may take (`run_seconds` of a model endpoint, 600 if left out)"
        )
    return f"the run was {status}"


def _code(answer: Answer, call: str, code: Mapping[str, Json]) -> Iterator[Event]:
    outputs = code.get("outputs") or ()
    printed = "".join(str(it.get("logs") or "") for it in outputs)
    shown = [
        str(it["image"]["file_id"]) for it in outputs if (it.get("image") or {}).get("file_id")
    ]
    files = [MadeFile(file_id, file_id) for file_id in shown]
    yield from answer.code_ended(
        call, str(code.get("input") or ""), printed, files, why_it_failed(printed)
    )


def _hit(result: Mapping[str, Json]) -> Hit:
    content = result.get("content")
    text = None if content is None else "\n".join(str(part.get("text") or "") for part in content)
    name, file_id = result.get("file_name"), result.get("file_id")
    return Hit(str(name or file_id), file_id, result.get("score"), text)


def _cite(answer: Answer, note: Mapping[str, Json]) -> Iterator[Event]:
    cited = note.get("file_citation") or {}
    yield from answer.cite(
        mark=str(note.get("text") or ""),
        file_id=cited.get("file_id"),
        quote=cited.get("quote") or None,
    )


def _as_it_will_be(note: Mapping[str, Json]) -> dict[str, Json]:
    """Without its number in the list, which only a piece of a message has."""
    return {key: value for key, value in note.items() if key != "index"}


def _without_words(part: Mapping[str, Json]) -> dict[str, Json]:
    return {**part, "text": {**(part.get("text") or {}), "value": None}}
