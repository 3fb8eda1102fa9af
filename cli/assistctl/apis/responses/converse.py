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

from assistctl.apis.managed.observe import ABSENT_ENDPOINT
from assistctl.apis.managed.ownership import used_files, used_stores
from assistctl.apis.responses import requests
from assistctl.apis.transport.client import Client, in_path
from assistctl.apis.transport.failures import LostAnswer
from assistctl.apis.transport.listening import listened
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import (
    ActionRequired,
    Event,
    Finished,
    Notice,
    RunStarted,
    StatusChanged,
    TextDelta,
    ThreadStarted,
    ToolCall,
    ToolReturned,
)
from assistctl.resources import Assistant, Json

ACTIVE = frozenset({"queued", "in_progress"})
WAIT_SECONDS = 1800.0
"""How long a response is asked after whose stream broke off."""

CANCEL_SECONDS = 10.0
ATTEMPTS = 3
PARAGRAPH = "\n\n"
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
    _chained: bool = False
    _just_made: bool = False
    _uses: tuple[list[str], list[str]] | None = None
    _open: Sequence[ToolCall] | None = None
    """The calls that have no answer yet; None: nobody has looked."""

    _response: dict[str, Json] = field(default_factory=dict)
    _cancelled: bool = False
    _begun: bool = False
    _text: str = ""
    _said: dict[str, str] = field(default_factory=dict)
    _cited: set[str] = field(default_factory=set)
    _spent: dict[str, int] = field(default_factory=dict)

    @property
    def deadline(self) -> None:
        """A response waits for nobody: its calls are answered by the next one."""

    def send(self, text: str, attachments: Sequence[Mapping[str, Json]] = ()) -> Iterator[Event]:
        """Say something and have it answered; ends with ActionRequired or Finished. Raises
        RemoteError; a response of somebody else at work on the conversation is one."""
        self._begun, self._cancelled, self._text = False, False, ""
        self._said, self._spent, self._response = {}, {}, {}
        yield from self._open_thread()
        items = [
            *(requests.answer(call, NOT_CALLED, NOT_CALLED) for call in self._unanswered()),
            requests.message(text, attachments),
        ]
        files, stores = self._used()
        files += [str(item["file_id"]) for item in attachments if requests.for_code(item)]
        self._uses = files, stores
        yield from self._respond(items)

    def submit(self, results: Sequence[ToolReturned]) -> Iterator[Event]:
        """Answer all calls of the round at once and go on; ends like `send`."""
        yield from self._respond([requests.answer(it.call, it.output, it.error) for it in results])

    def cancel(self) -> str:
        """Have the response stopped, where the target can; returns the status it rests in. Calls
        that wait for us are left open, which the next message mends."""
        if self._calls():
            self._cancelled = True
        elif self._response.get("status") in ACTIVE:
            self._stop()
            deadline = time.monotonic() + CANCEL_SECONDS
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
        return Finished(
            status=self._status(),
            thread=str(self.thread),
            run=str(self._response.get("id")),
            text=self._text,
            usage=dict(self._spent) or None,
            error=self._reason(),
        )

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

    def _respond(self, items: Sequence[Mapping[str, Json]]) -> Iterator[Event]:
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
            "input": list(items),
        }
        self._open = None  # until an answer says which calls are left
        before = self._response.get("id")
        for _ in range(ATTEMPTS):
            lost = LostAnswer("POST /responses: the stream ended before the response began")
            try:
                for event in listened(self.client, "/responses", body, self._just_made):
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
            case "response.output_text.delta" | "response.refusal.delta":
                yield from self._add_text(str(event.get("item_id")), event.get("delta"))
            case "response.output_text.annotation.added":
                yield from self._cite(event.get("annotation") or {})
            case "response.output_item.done":
                yield from self._read_item(event.get("item") or {})
            case "error":
                raise LostAnswer(f"POST /responses: {event.get('message')}")
            case _ if isinstance(event.get("response"), Mapping):
                yield from self._note(event["response"])

    def _note(self, response: Mapping[str, Json]) -> Iterator[Event]:
        """Take over the response's newest state; the events that it means."""
        events: list[Event] = []
        if self.thread is None:
            self.thread = str(response["id"])
            events.append(ThreadStarted(self.thread))
        if not self._begun:
            self._begun = True
            events.append(RunStarted(str(response["id"])))
        self._just_made = False
        before = self._response.get("id"), self._status()
        self._response = dict(response)
        if before != (response["id"], self._status()):
            events.append(StatusChanged(self._status()))
        return iter(events)

    def _read_item(self, item: Mapping[str, Json]) -> Iterator[Event]:
        """A message, as far as it has not come in pieces."""
        if item.get("type") != "message":
            return
        parts, identity = item.get("content") or (), str(item.get("id"))
        whole = "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
        if whole.startswith(said := self._said.get(identity, "")):
            yield from self._add_text(identity, whole[len(said) :])
        for part in parts:
            for annotation in part.get("annotations") or ():
                yield from self._cite(annotation)

    def _add_text(self, item: str, text: str | None) -> Iterator[Event]:
        if not text:
            return
        begins = item not in self._said
        self._said[item] = self._said.get(item, "") + text
        if begins and self._text:
            text = PARAGRAPH + text
        self._text += text
        yield TextDelta(text)

    def _cite(self, annotation: Mapping[str, Json]) -> Iterator[Event]:
        """Each file once in a conversation: one that was found, or one that code has made."""
        match annotation.get("type"):
            case "file_citation":
                told = f"cites {annotation.get('filename') or annotation.get('file_id')}"
            case "container_file_citation":
                container, file_id = annotation.get("container_id"), annotation.get("file_id")
                told = f"made {annotation.get('filename')} ({file_id} in container {container})"
            case "url_citation":
                told = f"cites {annotation.get('url')}"
            case _:
                return
        if told not in self._cited:
            self._cited.add(told)
            yield Notice(told)

    def _wait(self) -> Iterator[Event]:
        """Poll until the response is over. Raises RemoteError for one that never is."""
        pause, deadline = 0.1, time.monotonic() + WAIT_SECONDS
        while True:
            yield from self._note(self.client.get(self._path(), just_made=True))
            if self._response.get("status") not in ACTIVE:
                return
            if time.monotonic() > deadline:
                raise RemoteError(
                    f"response {self._response['id']} is {self._response['status']} still, "
                    f"{WAIT_SECONDS:,.0f} s after its stream broke off"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)

    def _conclude(self) -> Iterator[Event]:
        for item in self._response.get("output") or ():
            yield from self._read_item(item)
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
            yield self.finished()

    def _count(self, usage: Mapping[str, Json]) -> None:
        """Add the tokens of one response to those of the turn, called as runs call them."""
        for name, theirs in (
            ("prompt_tokens", "input_tokens"),
            ("completion_tokens", "output_tokens"),
            ("total_tokens", "total_tokens"),
        ):
            if isinstance(usage.get(theirs), int):
                self._spent[name] = self._spent.get(name, 0) + usage[theirs]

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

    def _stop(self) -> None:
        """Not every response can be cancelled: some targets do so in the background only."""
        try:
            answer = self.client.post(f"{self._path()}/cancel", {})
        except RemoteError as error:
            if error.status not in (400, 409, *ABSENT_ENDPOINT):
                raise
        else:
            self._note(answer)

    def _path(self) -> str:
        return f"/responses/{in_path(self._response['id'])}"


def open_conversation(
    client: Client, assistant: Assistant, remote_id: str | None, owner: str, thread: str | None
) -> Conversation:
    """See managed_surface.Api."""
    for token in requests.tokens(assistant):
        client.redaction.learn(token)
    return Conversation(client, assistant, remote_id, owner, thread)
