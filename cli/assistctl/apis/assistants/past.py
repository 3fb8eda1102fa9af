"""What a thread remembers: its runs, with their steps and messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from assistctl.apis.answers import Answer, Retold
from assistctl.apis.assistants import steps
from assistctl.apis.transport.client import Client, path_of
from assistctl.events import PastTurn, Step, ToolCall
from assistctl.resources import Json


def turns(client: Client, thread: str) -> list[PastTurn]:
    """See surface.Surface."""
    runs = list(client.list(path_of("/threads", thread, "runs"), order="asc"))
    messages = list(client.list(path_of("/threads", thread, "messages"), order="asc"))
    answers: dict[Json, int] = {}
    for place, message in enumerate(messages):
        answers.setdefault(message.get("run_id"), place)
    found, waiting = [], [(at, it) for at, it in enumerate(messages) if it.get("role") == "user"]
    for run in runs:
        first, taken, asked = answers.get(run["id"]), run.get("created_at") or 0, []
        # Of a run without an answer only the time is known, in seconds.
        while waiting and (
            waiting[0][0] < first
            if first is not None
            else (waiting[0][1].get("created_at") or 0) <= taken
        ):
            asked.append(waiting.pop(0)[1])
        found.append(_turn(client, thread, run, asked, messages))
    return found


def _turn(
    client: Client,
    thread: str,
    run: Mapping[str, Json],
    asked: Sequence[Mapping[str, Json]],
    messages: Iterable[Mapping[str, Json]],
) -> PastTurn:
    retold, answer = Retold("\n\n".join(map(_words, asked)), run.get("created_at")), Answer()
    path = path_of("/threads", thread, "runs", run["id"], "steps")
    for step in client.list(path, order="asc", **steps.WITH_PASSAGES):
        _retell(retold, answer, step)
    for message in messages:
        if message.get("run_id") == run["id"] and message.get("role") == "assistant":
            retold.hear(steps.completed(answer, message))
    retold.hear(answer.pause())
    answer.learn(lambda file_id: client.get(path_of("/files", file_id)))
    error = steps.reason(run) if steps.is_over(run) else None
    status = str(run.get("status"))
    finished = answer.finished(status, thread, str(run["id"]), run.get("usage"), error)
    began = run.get("started_at") or run.get("created_at")
    return retold.past(finished, began, run.get("completed_at"))


def done(step: Mapping[str, Json]) -> list[Step]:
    """What was called in one step of a run, and what came of it."""
    retold = Retold("")
    _retell(retold, Answer(), step)
    return retold.steps


def _retell(retold: Retold, answer: Answer, step: Mapping[str, Json]) -> None:
    for call in (step.get("step_details") or {}).get("tool_calls") or ():
        if function := call.get("function"):
            name, arguments = str(function.get("name")), str(function.get("arguments") or "")
            called = ToolCall(str(call.get("id")), name, arguments)
            retold.called(called, function.get("output"))
        else:
            alone = {"status": "completed", "step_details": {"tool_calls": [call]}}
            retold.hear(steps.Calls().read(answer, alone))


def _words(message: Mapping[str, Json]) -> str:
    parts = message.get("content") or ()
    return "".join(str((part.get("text") or {}).get("value") or "") for part in parts)
