"""A thread as a page shows it: part by part where its target has parts, whole where it has not, and
of what only this machine remembers, what was written down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from assistctl.apis.assistants import timeline
from assistctl.console.reach import Reach
from assistctl.console.visit import whole_number
from assistctl.errors import RemoteError
from assistctl.events import (
    CodeReturned,
    Hit,
    MadeFile,
    PastMessage,
    PastPage,
    PastRun,
    PastTurn,
    Searched,
    Step,
    ToolCall,
    ToolReturned,
)
from assistctl.record.threads import Item, Turn
from assistctl.record.threads import texts as texts_of

LIMIT = 50
"""Messages, or turns, of one part."""


def at_target(reach: Reach, thread: str, older: Sequence[str] = ()) -> PastPage:
    """The newest part of a thread, or the one before `older`. Threads of an Assistants API are read
    part by part, and so are all of this package's own server, which has that API beside the others.
    Raises RemoteError."""
    if not older or len(older) > 1:
        try:
            return timeline.read(reach.client, thread, older, LIMIT)
        except RemoteError as error:
            if error.status not in (400, 404, 405, 501):
                raise
            missing = error
    try:
        turns = reach.surface.turns(thread)
    except RemoteError as error:
        raise (missing if not older else error) from error
    return _part([entry for turn in turns for entry in entries(turn)], older)


def recorded(turns: Sequence[Turn], older: Sequence[str] = ()) -> PastPage:
    """The same of what was written down."""
    return _part([entry for turn in turns for entry in _recorded(turn)], older)


def _part(every: Sequence[PastMessage | PastRun], older: Sequence[str]) -> PastPage:
    asked = whole_number(older[0]) if older else None
    end = len(every) if asked is None else asked
    begin = max(0, end - 2 * LIMIT)
    return PastPage(tuple(every[begin:end]), (str(begin),) if begin else None)


def entries(turn: PastTurn) -> tuple[PastMessage, PastRun]:
    """What was said, and what came of it."""
    end = turn.finished
    answer = PastMessage("", "assistant", turn.at, turn.shown, sources=end.sources, files=end.files)
    has_said = bool(turn.shown or end.files)
    return PastMessage("", "user", turn.at, turn.message), PastRun(
        end.run,
        end.status,
        turn.at,
        (*end.steps, answer) if has_said else end.steps,
        seconds=end.seconds,
        usage=end.usage,
        error=end.error,
    )


def _recorded(turn: Turn) -> tuple[PastMessage, PastRun]:
    at = datetime.fromisoformat(turn.at).timestamp()
    files = tuple(MadeFile("", name) for name in turn.attachments)
    message = "(not recorded)" if turn.message is None else turn.message
    return PastMessage("", "user", at, message, files=files), PastRun(
        turn.run or "",
        turn.status,
        at,
        tuple(_item(item) for item in turn.items),
        assistant=turn.assistant,
        seconds=turn.seconds,
        usage=turn.usage,
        error=turn.error,
    )


def _item(item: Item) -> PastMessage | Step:
    """What was written down of one thing that happened; what is not known here is told as text."""
    if item["type"] == "text":
        return PastMessage("", "assistant", None, str(item.get("text") or "").strip("\n"))
    return step_of(item) or PastMessage("", str(item["type"]), None, " ".join(texts_of(item)))


def step_of(item: Item) -> Step | None:
    """A call as it was written down, by the record or by `step_json`; None for anything else."""
    output, seconds, error = str(item.get("output") or ""), item.get("seconds"), item.get("error")
    match item.get("type"):
        case "tool" | "function":
            told = item.get("arguments") or ""
            text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
            return ToolReturned(ToolCall("", str(item.get("name")), text), output, seconds, error)
        case "code_returned" | "code_interpreter":
            files = tuple(MadeFile(it["id"], it["name"]) for it in item.get("files") or ())
            return CodeReturned("", str(item.get("code") or ""), output, files, seconds, error)
        case "searched" | "file_search":
            hits = tuple(Hit(**hit) for hit in item.get("hits") or ())
            return Searched("", tuple(item.get("queries") or ()), hits, seconds, error)
    return None
