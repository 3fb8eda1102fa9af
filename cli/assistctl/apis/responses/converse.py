"""A conversation of responses: what an assistant is goes with each, the history stays there.

It is one of /conversations, or, where a server has none, a chain of responses each of which names
the one before. The calls of a response are answered by the next one; those that were left open, by
a kill or a cancelled turn, are answered with an error first, since nothing goes on before that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from assistctl.apis.answers import ATTEMPTS, CANCEL_SECONDS, Answer, Notes, polled, tokens
from assistctl.apis.managed.observe import ABSENT_ENDPOINT
from assistctl.apis.managed.ownership import used_files, used_stores
from assistctl.apis.responses import items, requests
from assistctl.apis.transport import files as downloads
from assistctl.apis.transport.client import Client, in_path
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
from assistctl.resources import Assistant, Json

ACTIVE = frozenset({"queued", "in_progress"})
CHAIN = "resp_"
"""What a thread begins with that is the newest response of a chain."""

NOT_CALLED = "error: this was not called; the turn was cut off before"
_LOOK_BACK = 100


@dataclass
class Conversation:
    """See surface.Conversation. `stand_in` is the id of what says which files the assistant uses
    (fields.py), empty where the target has no such thing; `thread` is the id of a conversation, or
    of the newest response of a chain."""

    client: Client
    assistant: Assistant
    stand_in: str | None
    owner: str
    thread: str | None = None
    until: float | None = None
    _given: Sequence[Mapping[str, Json]] = ()
    """What was said last."""

    _before: str | None = None
    """The thread as it was then."""

    _chained: bool = False
    _just_made: bool = False
    _uses: tuple[list[str], list[str]] | None = None
    _open: Sequence[ToolCall] | None = None
    """The calls that have no answer yet; None: nobody has looked."""

    _response: dict[str, Json] = field(default_factory=dict)
    _cancelled: bool = False
    _begun: bool = False
    _answer: Answer = field(default_factory=Answer)
    _containers: dict[str, None] = field(default_factory=dict)
    """In which code has run, in this turn."""

    _since: float = 0.0
    """When the turn began, by the clock of the target."""

    _spent: dict[str, int] = field(default_factory=dict)
    _notes: Notes = field(default_factory=Notes)

    @property
    def deadline(self) -> None:
        """A response waits for nobody: its calls are answered by the next one."""

    def send(self, text: str, attachments: Sequence[Mapping[str, Json]] = ()) -> Iterator[Event]:
        """Say something and have it answered; ends with ActionRequired or Finished. Raises
        RemoteError; a response of somebody else at work on the conversation is one."""
        self._begun, self._cancelled, self._answer = False, False, Answer()
        self._spent, self._response, self._containers = {}, {}, {}
        yield from self._open_thread()
        self._before, self._given = (
            self.thread,
            [
                *(requests.answer(call, NOT_CALLED, NOT_CALLED) for call in self._unanswered()),
                requests.message(text, attachments),
            ],
        )
        files, stores = self._used()
        files += [str(item["file_id"]) for item in attachments if requests.for_code(item)]
        self._uses = files, stores
        yield from self._respond(self._given)

    def again(self) -> Iterator[Event]:
        """See surface.Conversation. Of a response that has failed a target may keep what was said
        or not."""
        self._begun, self._answer, self._response = False, Answer(), {}
        if self._is_chain():
            self.thread = self._before
        elif self._take_back():
            self._given = self._given[-1:]
        yield from self._respond(self._given)

    def _take_back(self) -> bool:
        """Delete the message that was said last, if it is in the conversation."""
        path = f"/conversations/{in_path(self.thread)}/items"
        last = next(self.client.list(path, limit=1, order="desc"), {})
        is_there = last.get("type") == "message" and last.get("role") == "user"
        if is_there:
            self.client.delete(f"{path}/{in_path(last['id'])}")
        return is_there

    def submit(self, results: Sequence[ToolReturned]) -> Iterator[Event]:
        """Answer all calls of the round at once and go on; ends like `send`."""
        yield from self._respond([requests.answer(it.call, it.output, it.error) for it in results])

    def cancel(self) -> str:
        """Have the response stopped, where the target can; returns the status it rests in. Calls
        that wait for us are left open, which the next message mends."""
        if self._calls():
            self._cancelled = True
        elif self._response.get("status") in ACTIVE:
            patience = CANCEL_SECONDS if self._stop() else 0.0
            self._note(self.client.get(self._path()))
            deadline = time.monotonic() + patience
            while self._response.get("status") in ACTIVE and time.monotonic() < deadline:
                self._note(self.client.get(self._path()))
                time.sleep(0.1)
        return self._status()

    def cancel_active_run(self) -> None:
        """Of a chain, the response that is at work; a conversation does not tell which that is."""
        if self.thread is None:
            return
        if not self._is_chain():
            raise AssistctlError(
                f"conversation {self.thread} does not tell which response keeps it busy; wait until"
                " that has ended"
            )
        self._response = self.client.get(f"/responses/{in_path(self.thread)}")
        if self._response.get("status") in ACTIVE:
            self._stop()

    def finished(self) -> Finished:
        """How the turn stands, as its last event."""
        run, usage = str(self._response.get("id")), dict(self._spent) or None
        code = (self._response.get("error") or {}).get("code")
        return self._answer.finished(self._status(), self.thread, run, usage, self._reason(), code)

    def download(self, file: MadeFile, to: Path) -> None:
        if file.container is None:
            downloads.download(self.client, {"id": file.id, "bytes": file.size}, to)
        else:
            place = file.container, file.id, file.size
            downloads.download_from_container(self.client, *place, to)

    def _open_thread(self) -> Iterator[Event]:
        if self.thread is None:
            self._open = []
            try:
                made = self.client.create("/conversations", {"metadata": {"assistctl": self.owner}})
            except RemoteError as error:
                if error.status not in ABSENT_ENDPOINT:
                    raise
                self._chained = True
                return  # the first response begins the chain
            self.thread, self._just_made = str(made["id"]), True
        yield ThreadStarted(self.thread)

    def _is_chain(self) -> bool:
        return self._chained or str(self.thread).startswith(CHAIN)

    def _unanswered(self) -> Sequence[ToolCall]:
        """The calls of an earlier turn that nobody has answered."""
        if self._open is None and self._is_chain():
            last = self.client.get(f"/responses/{in_path(self.thread)}")
            # Those of one that was cut want an answer, too.
            self._open = [*requests.calls(last.get("output") or ())]
        elif self._open is None:
            path = f"/conversations/{in_path(self.thread)}/items"
            items = list(islice(self.client.list(path, order="desc"), _LOOK_BACK))
            self._open = requests.unanswered(items[::-1])
        return self._open

    def _used(self) -> tuple[list[str], list[str]]:
        """The files and stores of the assistant, as the last sync has left them."""
        if self._uses is None and self.stand_in is None:
            self._uses = [], []
        elif self._uses is None:
            there = self.client.get(f"/vector_stores/{in_path(self.stand_in)}")
            self._uses = used_files(there), used_stores(there)
        return self._uses

    def _respond(self, given: Sequence[Mapping[str, Json]]) -> Iterator[Event]:
        """Ask for one response, and yield what happens until it waits for us or is over.

        A request that the target has not begun with is sent again. One whose answer is lost before
        anything was heard is not, since nobody can tell whether it was taken; a stream that breaks
        off later is no loss, because the response can be read.
        """
        files, stores = self._used()
        spent = self._spent.get("completion_tokens", 0)
        body = {
            **requests.request(
                self.assistant, self.owner, files, stores, spent=spent, begins=not self._begun
            ),
            **self._continues(),
            "input": list(given),
        }
        self._open = None  # until an answer says which calls are left
        before = self._response.get("id")
        for _ in range(ATTEMPTS):
            lost = LostAnswer("POST /responses: the stream ended before the response began")
            try:
                for event in listened(
                    self.client, "/responses", body, self._just_made, until=self.until
                ):
                    yield from self._read(event)
            except LostAnswer as error:
                lost = error
            if self._response.get("id") != before or not lost.refused:
                break
        if self._response.get("id") == before:
            if lost.status == 409:
                lost.add("nothing was taken; wait until what keeps the conversation busy has ended")
            elif not lost.refused:
                lost.add(f"whether it was taken is not known: see {self.thread or 'the target'}")
            raise lost
        if self._response.get("status") in ACTIVE:
            yield Notice(f"the stream broke off ({lost}); asking the target how far it got")
            yield from self._wait()
        yield from self._conclude()

    def _continues(self) -> dict[str, Json]:
        if self.thread is None:
            return {}
        return {"previous_response_id" if self._is_chain() else "conversation": self.thread}

    def _read(self, event: Mapping[str, Json]) -> Iterator[Event]:
        match event.get("type"):
            case "error":
                raise LostAnswer(f"POST /responses: {event.get('message')}")
            case _ if isinstance(event.get("response"), Mapping):
                yield from self._note(event["response"])
            case _:
                yield from items.read_event(self._answer, event)

    def _note(self, response: Mapping[str, Json]) -> Iterator[Event]:
        """Take over the response's newest state; the events that it means."""
        events: list[Event] = []
        if self.thread is None:
            self.thread = str(response["id"])
            events.append(ThreadStarted(self.thread))
        if not self._begun:
            self._begun, self._since = True, response.get("created_at") or 0.0
            events.append(RunStarted(str(response["id"])))
        events += self._notes.of(response)
        self._just_made = False
        before = self._response.get("id"), self._status()
        self._response = dict(response)
        if before != (response["id"], self._status()):
            events.append(StatusChanged(self._status()))
        return iter(events)

    def _wait(self) -> Iterator[Event]:
        """Poll until the response is over. Raises RemoteError for one that never is."""
        return polled(
            lambda: self._note(self.client.get(self._path(), just_made=True, **items.WITH_ALL)),
            lambda: self._response.get("status") not in ACTIVE,
            lambda: f"response {self._response['id']} is {self._response['status']} still, {{}}",
            self.until,
        )

    def _conclude(self) -> Iterator[Event]:
        for item in self._response.get("output") or ():
            yield from items.read(self._answer, item)
        self._containers |= dict.fromkeys(items.containers(self._response.get("output") or ()))
        self._count(self._response.get("usage") or {})
        if self._is_chain() and self._response.get("status") in ("completed", "incomplete"):
            self.thread = str(self._response["id"])
        calls = self._calls()
        # Of one that did not complete the target is asked, should somebody go on from there.
        completed = self._response.get("status") == "completed"
        self._open = calls if completed else None
        if calls:
            yield ActionRequired(calls)
        else:
            yield from self._answer.pause()
            for container in self._containers:
                items.find_files(self.client, self._answer, container, self._is_new)
            yield self.finished()

    def _is_new(self, file: Mapping[str, Json]) -> bool:
        """Whether a file was made in this turn, by the clock of the target."""
        return (file.get("created_at") or 0) >= self._since

    def _count(self, usage: Mapping[str, Json]) -> None:
        """Add the tokens of one response to those of the turn, called as runs call them."""
        for name, number in tokens(usage).items():
            if isinstance(number, int):
                self._spent[name] = self._spent.get(name, 0) + number

    def _calls(self) -> tuple[ToolCall, ...]:
        """The calls that the last response waits for."""
        if self._response.get("status") != "completed":
            return ()
        return tuple(requests.calls(self._response.get("output") or ()))

    def _status(self) -> str:
        if self._cancelled:
            return "cancelled"
        return "requires_action" if self._calls() else self._response.get("status") or "cancelled"

    def _reason(self) -> str | None:
        """Why the turn did not complete, in words."""
        status = self._status()
        if status == "completed":
            return None
        if error := self._response.get("error"):
            return f"{error.get('code')}: {error.get('message')}"
        if status == "incomplete":
            details = self._response.get("incomplete_details") or {}
            return f"stopped early: {details.get('reason') or 'no reason given'}"
        return f"the response was {status}"

    def _stop(self) -> bool:
        """Not every response can be cancelled: some targets do so in the background only. Whether
        this one is."""
        try:
            answer = self.client.post(f"{self._path()}/cancel", {})
        except RemoteError as error:
            if error.status not in (400, 409, *ABSENT_ENDPOINT):
                raise
            return False
        self._note(answer)
        return True

    def _path(self) -> str:
        return f"/responses/{in_path(self._response['id'])}"


def open_conversation(
    client: Client, assistant: Assistant, remote_id: str | None, owner: str, thread: str | None
) -> Conversation:
    """See managed_surface.Api."""
    for token in requests.tokens(assistant):
        client.redaction.learn(token)
    return Conversation(client, assistant, remote_id, owner, thread)
