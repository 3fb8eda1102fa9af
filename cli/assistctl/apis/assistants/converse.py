"""A conversation on one thread: messages and runs, streamed, with the run itself as the truth.

A stream may end without its last event (facts of the wire: a cut connection looks like an end), so
whenever it stops early the run is read again until it rests.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.apis.answers import ATTEMPTS, Answer, Notes, polled
from assistctl.apis.assistants import steps
from assistctl.apis.assistants.steps import ACTIVE
from assistctl.apis.managed.lost_creates import KEY, with_key
from assistctl.apis.transport import files
from assistctl.apis.transport.client import Client, path_of
from assistctl.apis.transport.failures import LostAnswer
from assistctl.apis.transport.listening import listened
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import (
    ActionRequired,
    Event,
    Finished,
    MadeFile,
    Notice,
    RunStarted,
    StatusChanged,
    ThreadStarted,
    ToolCall,
    ToolReturned,
)
from assistctl.resources import Assistant, FileSearch, Json


@dataclass
class Conversation:
    """See surface.Conversation; `assistant_id` is that of what holds the assistant."""

    client: Client
    assistant: Assistant
    assistant_id: str | None
    owner: str
    thread: str | None = None
    until: float | None = None
    _run: dict[str, Json] = field(default_factory=dict)
    _answer: Answer = field(default_factory=Answer)
    _calls: steps.Calls = field(default_factory=steps.Calls)
    _cut: bool = False
    _rounds: int = 0
    """How often calls of this run were answered."""

    _notes: Notes = field(default_factory=Notes)
    _just_made: bool = False
    _began: float = 0.0

    @property
    def run(self) -> str | None:
        """The id of the turn's run, once it exists."""
        return self._run.get("id")

    @property
    def deadline(self) -> float | None:
        """When the run expires, if the target says so; on the clock of time.monotonic(), since the
        target's own may be minutes or hours from ours."""
        created, expires = self._run.get("created_at"), self._run.get("expires_at")
        if created is None or expires is None:
            return None
        return self._began + float(expires - created)

    def send(self, text: str, attachments: Sequence[Mapping[str, Json]] = ()) -> Iterator[Event]:
        """Add a message and run the assistant; ends with ActionRequired or Finished.

        Raises RemoteError; an active run of somebody else on the thread is one.
        """
        self._run = {}
        if self.thread is None:
            thread = self.client.create("/threads", {"metadata": {"assistctl": self.owner}})
            self.thread = str(thread["id"])
            self._just_made = True  # which not all of the target may know yet
            yield ThreadStarted(self.thread)
            self._add_message(text, attachments, secrets.token_hex(8))
        else:
            try:
                self._add_message(text, attachments, secrets.token_hex(8))
            except RemoteError as error:
                if error.status == 400:  # as a thread is answered that is busy
                    self._refuse_active_run()
                raise
            yield ThreadStarted(self.thread)
        yield from self.again()

    def again(self) -> Iterator[Event]:
        """Run the assistant on what is on the thread; ends like `send`."""
        self._run, self._answer, self._calls, self._cut = {}, Answer(), steps.Calls(), False
        self._rounds = 0
        said = self.assistant
        once = {name: said.settings[name] for name in said.once}
        pair = {"metadata": {KEY: secrets.token_hex(8)}}
        body = {"assistant_id": self.assistant_id, **once, **said.run, **pair}
        searches = any(isinstance(tool, FileSearch) for tool in self.assistant.tools)
        asked = steps.WITH_PASSAGES if searches else {}
        yield from self._follow(f"{self._path()}/runs", body, asked)

    def submit(self, results: Sequence[ToolReturned]) -> Iterator[Event]:
        """Answer all calls of the round at once and go on; ends like `send`."""
        self._rounds += 1
        outputs = [{"tool_call_id": item.call.id, "output": item.output} for item in results]
        path = f"{self._run_path()}/submit_tool_outputs"
        yield from self._follow(path, {"tool_outputs": outputs})

    def cancel(self) -> str:
        """Ask the target to cancel the turn's run; returns the status it rests in."""
        if not self.run or self._run.get("status") not in ACTIVE:
            return str(self._run.get("status", "cancelled"))
        try:
            self._note_run(self.client.post(f"{self._run_path()}/cancel", {}))
        except RemoteError as error:
            if error.status != 400:  # 400: it has come to rest by itself
                raise
        deadline = time.monotonic() + 10
        while self._run["status"] in ACTIVE and time.monotonic() < deadline:
            self._note_run(self.client.get(self._run_path()))
            if self._run["status"] == "requires_action":
                break
            time.sleep(0.1)
        return str(self._run["status"])

    def finished(self) -> Finished:
        """How the turn stands, as its last event."""
        run = self._run
        status, usage = str(run.get("status")), run.get("usage")
        code = (run.get("last_error") or {}).get("code")
        return self._answer.finished(status, self.thread, self.run, usage, steps.reason(run), code)

    def download(self, file: MadeFile, to: Path) -> None:
        files.download(self.client, {"id": file.id, "bytes": file.size}, to)

    def active_run(self) -> Mapping[str, Json] | None:
        """The run that keeps the thread locked, if there is one."""
        if self.thread is None:
            return None
        runs = self.client.list(f"{self._path()}/runs", limit=1, order="desc")
        newest = next(runs, None)
        return newest if newest and newest.get("status") in ACTIVE else None

    def cancel_active_run(self) -> None:
        """Cancel whatever run keeps the thread locked, and wait until it rests."""
        if (active := self.active_run()) is not None:
            self._run = dict(active)
            self.cancel()
            self._run = {}

    def _refuse_active_run(self) -> None:
        if (active := self.active_run()) is not None:
            raise AssistctlError(
                f"thread {self.thread} is busy: run {active['id']} is {active['status']}; wait "
                "until it ends, or end it with --cancel-active"
            )

    def _add_message(self, text: str, attachments: Sequence[Mapping[str, Json]], key: str) -> None:
        path = f"{self._path()}/messages"
        pictures = [item["part"] for item in attachments if "part" in item]
        content = [{"type": "text", "text": text}, *pictures] if pictures else text
        body: dict[str, Json] = {"role": "user", "content": content, "metadata": {KEY: key}}
        for_tools = [
            {"file_id": item["file_id"], "tools": item["tools"]}
            for item in attachments
            if item["tools"]
        ]
        if for_tools:
            body["attachments"] = for_tools
        self.client.create(path, body, lambda: self._newest(path, key), just_made=self._just_made)

    def _newest(self, path: str, key: str) -> dict[str, Json] | None:
        """What a create whose answer was lost has made after all."""
        return with_key(self.client, path, key, just_made=self._just_made)

    def _follow(
        self, path: str, body: Mapping[str, Json], params: Mapping[str, str] = {}
    ) -> Iterator[Event]:
        """Send a streaming request and yield what happens until the run waits for us or is over.

        A request whose answer is lost is sent again only after the target has shown that it did
        not take it: no run bears our key, or the run still waits for the same outputs.
        """
        answered = _required(self._run)
        for _ in range(ATTEMPTS):
            heard = False
            try:
                for event in listened(
                    self.client, path, body, self._just_made, params=params, until=self.until
                ):
                    heard = heard or _tells_of_run(event)
                    yield from self._read(event)
            except LostAnswer as error:
                lost = error
                yield Notice(f"the stream broke off ({error}); asking the target how far it got")
            else:
                lost = LostAnswer(f"POST {path}: the stream ended before the run did")
            if heard and self._resting():
                break
            if not self.run:
                if (found := self._newest(path, body["metadata"][KEY])) is None:
                    continue
                yield from self._note_run(found)
            yield from self._wait()
            self._cut = True
            if not answered or _required(self._run) != answered or self._is_taken():
                break
        else:
            raise lost
        yield from self._conclude()

    def _is_taken(self) -> bool:
        """Whether the calls of so many rounds have outputs as were answered: some targets give an
        id again, so that a later round may look like the one before."""
        there = self.client.list(f"{self._run_path()}/steps", order="asc")
        return sum(map(steps.is_answered, there)) >= self._rounds

    def _read(self, event: Mapping[str, Json]) -> Iterator[Event]:
        name, data = str(event.get("event")), event.get("data") or {}
        if _tells_of_run(event):
            yield from self._note_run(data)
        elif name == "thread.run.step.delta":
            yield from self._calls.delta(self._answer, data)
        elif name.startswith("thread.run.step."):
            yield from self._calls.read(self._answer, data)
        elif name == "thread.message.delta":
            yield from steps.said(self._answer, data, (data.get("delta") or {}).get("content"))
        elif name in ("thread.message.completed", "thread.message.incomplete"):
            yield from steps.completed(self._answer, data)

    def _note_run(self, run: Mapping[str, Json]) -> list[Event]:
        """Take over the run's newest state; the events that it means."""
        events: list[Event] = []
        if not self.run:
            self._began = time.monotonic()
            events.append(RunStarted(str(run["id"])))
        events += self._notes.of(run)
        if run.get("status") != self._run.get("status"):
            events.append(StatusChanged(str(run.get("status"))))
        self._run = dict(run)
        return events

    def _resting(self) -> bool:
        return self._run.get("status") not in (ACTIVE - {"requires_action"}) and bool(self._run)

    def _wait(self) -> Iterator[Event]:
        """Poll until the run waits for us or is over. Raises RemoteError for one that never is."""
        return polled(
            lambda: iter(self._note_run(self.client.get(self._run_path(), just_made=True))),
            self._resting,
            lambda: (
                f"run {self.run} is {self._run.get('status')} still, {{}}; end it with"
                " --cancel-active"
            ),
            self.until,
        )

    def _conclude(self) -> Iterator[Event]:
        if self._cut:
            yield from self._missed()
        if calls := _required(self._run):
            yield ActionRequired(calls)
            return
        yield from self._answer.pause()
        self._answer.learn(lambda file_id: self.client.get(path_of("/files", file_id)))
        yield self.finished()

    def _missed(self) -> Iterator[Event]:
        """What the stream did not bring, read from the run's steps and the thread's messages."""
        path = f"{self._run_path()}/steps"
        for step in self.client.list(path, order="asc", **steps.WITH_PASSAGES):
            yield from self._calls.read(self._answer, step)
        path = f"{self._path()}/messages"
        for message in list(self.client.list(path, order="asc", run_id=self.run)):
            if message.get("run_id") == self.run and message.get("role") == "assistant":
                yield from steps.completed(self._answer, message)

    def _path(self) -> str:
        return path_of("/threads", self.thread)

    def _run_path(self) -> str:
        return path_of(self._path(), "runs", self.run)


def _tells_of_run(event: Mapping[str, Json]) -> bool:
    """Whether an event carries the run itself (and not a step of it)."""
    name = str(event.get("event"))
    return name.startswith("thread.run.") and not name.startswith("thread.run.step.")


def _required(run: Mapping[str, Json]) -> tuple[ToolCall, ...]:
    """The calls that a run in requires_action waits for."""
    if run.get("status") != "requires_action":
        return ()
    calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    return tuple(
        ToolCall(
            str(call["id"]),
            str(call["function"]["name"]),
            str(call["function"].get("arguments") or ""),
        )
        for call in calls
    )
