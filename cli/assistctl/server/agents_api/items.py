"""Messages and steps of a session's thread as the items of the session.

Nothing is stored as an item. A message has its own id; `fc_<step>_<place>` is the function call at
a place of a step (`step` without its prefix), `fco_…` is its output, `cmd_…` is code that was run.
What the other APIs know and this one does not is not seen: searches in files, and instructions
amid a conversation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assistctl.server.agents_api.environments import WORKSPACE
from assistctl.server.agents_api.turns import thread_id, turn_id
from assistctl.server.assistants_api.record.transcript import INPUT_OF
from assistctl.server.storage import Collection, Transaction, documents, threads
from assistctl.server.wire import STEP, Document

FAILED = "failed"
"""The key of a function call, beside what the model is told of it, that has what the client said
of why it failed."""
_INPUT = ("function_call_output",)


def of_session(tx: Transaction, project: str, session_id: str) -> list[Document]:
    """All items, oldest first."""
    history = threads.messages_and_steps(tx, project, thread_id(session_id))
    last = _last_words(history)
    found: list[Document] = []
    for document, run_id in zip(history, _runs_of(history), strict=True):
        turn = turn_id(run_id) if run_id else ""
        if document["object"] == "thread.message":
            phase = "final_answer" if document["id"] in last else "commentary"
            found.append(message(document, phase, turn))
        elif document["object"] == "thread.run.step":
            found += of_step(document)
    return found


def is_output(item: Mapping[str, Any]) -> bool:
    """Whether it is the agent's, not what was given to it."""
    return item.get("role") != "user" and item["type"] not in _INPUT


def message(document: Document, phase: str | None, turn: str = "") -> Document:
    """A message. Of an assistant's `phase` says whether it is the answer; while it is written that
    is not known."""
    by_user = document["role"] == "user"
    if by_user or document["status"] == "in_progress":
        phase = None
    return {
        "id": document["id"],
        "type": "message",
        "role": document["role"],
        "status": document["status"],
        "content": list(_parts(document, by_user=by_user)),
        "phase": phase,
        "turn_id": turn or turn_id(document["run_id"] or document.get(INPUT_OF) or ""),
    }


def of_step(step: Document) -> list[Document]:
    """The calls of a step, each before its output."""
    if step["type"] != "tool_calls":
        return []
    found: list[Document] = []
    for place, call in enumerate(step["step_details"]["tool_calls"]):
        if call["type"] == "function":
            found.append(function_call(step, call, place))
            if call["function"]["output"] is not None:
                found.append(function_output(step, call, place))
        elif call["type"] == "code_interpreter":
            found.append(command(step, call, place))
    return found


def open_calls(tx: Transaction, project: str, run_id: str) -> list[Document]:
    """The function calls of a run that its client has still to answer."""
    steps = documents.select(tx, Collection(STEP, project, run_id), {"status": "in_progress"})
    return [
        item
        for step in steps
        for item in of_step(step)
        if item["type"] == "function_call" and item["status"] == "in_progress"
    ]


def function_call(step: Document, call: Document, place: int) -> Document:
    answered = call["function"]["output"] is not None
    status = "completed" if answered else _unanswered(step)
    return {
        "id": _id("fc", step["id"], place),
        "type": "function_call",
        "call_id": call["id"],
        "name": call["function"]["name"],
        "arguments": _value(call["function"]["arguments"]),
        "status": status,
        "turn_id": turn_id(step["run_id"]),
    }


def function_output(step: Document, call: Document, place: int) -> Document:
    error = step["_calls"].get(call["id"], {}).get(FAILED)
    return {
        "id": _id("fco", step["id"], place),
        "type": "function_call_output",
        "call_id": call["id"],
        "output": None if error is not None else call["function"]["output"],
        "error": error,
        "status": "completed" if error is None else "failed",
        "turn_id": turn_id(step["run_id"]),
    }


def command(step: Document, call: Document, place: int) -> Document:
    """Python that was run is a command; how long it took is not known."""
    code = call["code_interpreter"]
    kept = step["_calls"].get(call["id"], {})
    done = "ran" in kept or step["status"] == "completed"
    logs = "".join(out["logs"] for out in code["outputs"] if out["type"] == "logs")
    item = begun_command(step["id"], step["run_id"], place, code["input"])
    if done:
        return ended_command(item, logs, kept.get("error"))
    return {**item, "status": _unanswered(step)}


def begun_command(step_id: str, run_id: str, place: int, code: str) -> Document:
    return {
        "id": _id("cmd", step_id, place),
        "type": "command_execution",
        "command": code,
        "cwd": WORKSPACE,
        "output": None,
        "exit_code": None,
        "duration_ms": None,
        "status": "in_progress",
        "turn_id": turn_id(run_id),
    }


def ended_command(item: Document, output: str, error: str | None) -> Document:
    status = "failed" if error else "completed"
    return {**item, "output": output, "exit_code": int(bool(error)), "status": status}


def place_of(step: Document, call_id: str) -> int:
    return [call["id"] for call in step["step_details"]["tool_calls"]].index(call_id)


def _id(prefix: str, step_id: str, place: int) -> str:
    return f"{prefix}_{step_id.removeprefix(STEP.prefix)}_{place}"


def _unanswered(step: Document) -> str:
    return "in_progress" if step["status"] == "in_progress" else "incomplete"


def _value(arguments: str) -> Any:
    """Arguments are JSON here, not its text; what is no JSON stays text."""
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _parts(document: Document, *, by_user: bool) -> Iterator[Document]:
    for part in document["content"]:
        if part["type"] == "text":
            kind = "input_text" if by_user else "output_text"
            yield {"type": kind, "text": part["text"]["value"]}
        elif part["type"] == "refusal":
            yield {"type": "output_text", "text": part["refusal"]}
        elif part["type"] == "image_url" and by_user:
            yield {"type": "input_image", "image_url": part["image_url"]["url"]}


def _runs_of(history: Sequence[Document]) -> list[str | None]:
    """The run that each belongs to: what was said between runs belongs to the next one, or at the
    end to the last."""
    runs = [document.get("run_id") or document.get(INPUT_OF) for document in history]
    following: str | None = None
    for at in range(len(runs) - 1, -1, -1):
        following = runs[at] = runs[at] or following
    last = next((run for run in reversed(runs) if run), None)
    return [run or last for run in runs]


def _last_words(history: Sequence[Document]) -> set[str]:
    """The messages that are the answers of their turns: nothing of the turn follows them. So are
    those that another API has let an assistant say outside of any."""
    last: dict[str, Document] = {}
    alone = set()
    for document in history:
        if document.get("role") == "user" or document["object"] == "conversation.item":
            continue
        if not document["run_id"]:
            alone.add(document["id"])
        elif document.get("type") != "message_creation":
            last[document["run_id"]] = document
    return alone | {each["id"] for each in last.values()}
