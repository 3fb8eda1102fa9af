"""A conversation in one session: turns of the agent, heard by the session's live events.

Nobody can go on where a stream broke off: so whoever is to hear all listens before he speaks, and
where that ends early the session, its turn and its items are read instead.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistctl.apis.agents import environments, items, searching
from assistctl.apis.agents.fields import SEARCH, of_session, said_once
from assistctl.apis.answers import ATTEMPTS, CANCEL_SECONDS, Answer, Notes, polled, tokens
from assistctl.apis.managed.lost_creates import KEY, with_key
from assistctl.apis.managed.ownership import used_files, used_stores
from assistctl.apis.managed.transcripts import as_text
from assistctl.apis.transport import files
from assistctl.apis.transport.client import UNSEEN_SECONDS, Client, in_path
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
    Searched,
    StatusChanged,
    ThreadStarted,
    ToolCall,
    ToolReturned,
)
from assistctl.resources import Assistant, FileSearch, Json

BUSY = ("in_progress", "requires_action")
ENDED = ("completed", "failed", "cancelled")
USAGE_SECONDS = 3.0
"""How long usage is waited for, which is counted after a turn has ended."""

RACE_PAUSES = (0.1, 0.3, 0.6)
"""After which a result is sent again whose call the target does not know yet, though it has told
of it."""

_LOOK_BACK = 100
"""How many of the newest sessions one of ours is looked for among, where a target lists others
too."""

_CONSENT = "mcp_approval_request"
_TURN, _SESSION = "agent.session.turn.", "agent.session."
_Input = Sequence[Mapping[str, Json]]


@dataclass
class Conversation:
    """See surface.Conversation; `thread` is the session's id, `agent` its agent's."""

    client: Client
    assistant: Assistant
    agent: str | None
    owner: str
    thread: str | None = None
    until: float | None = None
    _session: dict[str, Json] = field(default_factory=dict)
    _turn: dict[str, Json] = field(default_factory=dict)
    _answered: Counter[str] = field(default_factory=Counter)
    """How often calls were answered in this turn, by their ids."""

    _calls: dict[str, set[str]] = field(default_factory=dict)
    """The items that are calls of this turn, as far as they are known, by the ids of the calls."""

    _earlier: set[str] = field(default_factory=set)
    """The turns that were there before the last message: what comes of them is late."""

    _given: bool = False
    """Whether the target may have the last input."""

    _key: str = ""
    """What tells the session that was begun here from others."""

    _placed: set[str] = field(default_factory=set)
    """The paths of files that were put into the environment."""

    _stores: list[str] | None = None
    _answer: Answer = field(default_factory=Answer)
    _aside: set[str] = field(default_factory=set)
    _notes: Notes = field(default_factory=Notes)
    _has_run: bool = False
    """Whether code was run in this turn, which may have written files."""

    @property
    def deadline(self) -> None:
        """The API does not say how long a turn waits for its calls."""

    def send(self, text: str, attachments: _Input = ()) -> Iterator[Event]:
        """Say something and have it answered; ends with ActionRequired or Finished. Raises
        RemoteError, and AssistctlError where the session is busy."""
        self._passed(self._turn)
        self._turn, self._given = {}, False
        self._answered, self._calls = Counter(), {}
        self._answer, self._aside, self._has_run = Answer(), set(), False
        pictures = [item["part"] for item in attachments if "part" in item]
        words = {"type": "input_text", "text": text}
        message = {"role": "user", "content": [words, *pictures]}
        if self.thread is None:
            yield from self._begin(message, attachments)
        else:
            yield ThreadStarted(self.thread)
            self._refuse_unready()
            environments.add(self.client, self._session, attachments, self._placed)
            self._passed(self._newest_turn())
            yield from self._follow([{"type": f"{_SESSION}input.message", "input": [message]}])
        yield from self._settle()

    def again(self) -> Iterator[Event]:
        """A session has no turn without a message: it would have the last one twice."""
        raise AssistctlError("a turn of a session cannot be tried again")

    def submit(self, results: Sequence[ToolReturned]) -> Iterator[Event]:
        """Answer all calls of the round at once and go on; ends like `send`."""
        answered = [*results]
        for number, call in enumerate(self._searches()):
            search = f"{call.id} {self._answered[call.id]} {number}"
            self._answer.search_begins(search)
            found = self._search(call)
            yield from self._answer.search_ended(search, found.queries, found.hits, found.error)
            answered.append(ToolReturned(call, searching.output(found), 0.0))
        self._answered.update(it.call.id for it in answered)
        yield from self._follow([self._result(it) for it in answered])
        yield from self._settle()

    def _result(self, answered: ToolReturned) -> dict[str, Json]:
        """The input that answers a call; of an MCP server's it only says whether it may be made."""
        call = answered.call
        if call.server is None:
            result = {"turn_id": self._turn["id"], "call_id": call.id, "success": True}
            return {**result, "type": f"{_SESSION}input.tool_result", "output": answered.output}
        decision = "deny" if answered.error else "approve"
        return {
            "type": f"{_SESSION}input.{_CONSENT}_result",
            "request_id": call.id,
            "response": {"type": "mcp_tool_call", "decision": decision},
        }

    def cancel(self) -> str:
        """Have the turn stopped, even one of which nothing was heard yet; returns the status it
        rests in."""
        if self._given and self.thread is None and (begun := self._begun()):
            self.thread = str(begun["id"])
        if self._given and self.thread and self._turn.get("status") not in ENDED:
            self._stop()
            turn = self._read_turn() if self._turn else self._newest_turn()
            if turn.get("id") not in self._earlier:
                self._turn = turn
        return self._status()

    def cancel_active_run(self) -> None:
        """Cancel whatever turn keeps the session busy, and wait until it is idle."""
        if self.thread is not None:
            self._session = self.client.get(self._path())
            if self._session["status"] in BUSY:
                self._stop()

    def finished(self) -> Finished:
        """How the turn stands, as its last event."""
        error = self._turn.get("error") or {}
        reason = f"{error.get('code')}: {error.get('message')}" if error else None
        status = self._status()
        reason = None if status == "completed" else reason or f"the turn was {status}"
        usage = tokens(self._turn.get("usage")) or None
        code = error.get("code")
        return self._answer.finished(status, self.thread, self._turn.get("id"), usage, reason, code)

    def download(self, file: MadeFile, to: Path) -> None:
        files.download_artifact(self.client, str(self.thread), file.id, file.size, to)

    def _begin(self, message: Mapping[str, Json], attachments: _Input) -> Iterator[Event]:
        """A session and its first turn. One whose answer was lost is looked for, and never made
        anew: it would be at work twice."""
        agent = self.client.get(f"/agents/{in_path(self.agent)}")
        self._key = secrets.token_hex(8)
        body = {
            "agent_id": self.agent,
            "environment": environments.environment(
                self.client, self.assistant, used_files(agent), attachments, self._placed
            ),
            "input": [message],
            "metadata": {"assistctl": self.owner, KEY: self._key},
            **of_session(self.assistant),
            **({"agent": said} if (said := said_once(self.assistant)) else {}),
        }
        self._given = True
        for _ in range(ATTEMPTS):
            lost = LostAnswer(
                "POST /agents/sessions: the stream ended before its session was there"
            )
            try:
                yield from self._hear(
                    listened(self.client, "/agents/sessions", body, False, until=self.until)
                )
            except LostAnswer as error:
                lost = error
            if self.thread or not lost.refused:
                break
        if self.thread is None:
            yield from self._note(self._made(lost))
        if not self._rests():
            yield Notice(f"the stream broke off ({lost}); asking the target how far it got")
            yield from self._wait()

    def _made(self, lost: LostAnswer) -> dict[str, Json]:
        """The session whose answer was lost: it may be listed a while later only. Raises the loss
        where it is not found."""
        if lost.refused:
            raise lost
        begun, deadline = None, time.monotonic() + UNSEEN_SECONDS
        with suppress(RemoteError):
            while (begun := self._begun()) is None and time.monotonic() < deadline:
                time.sleep(0.5)
        if begun is None:
            lost.add(
                "it is not known whether a session was begun: look for one with the metadata"
                f" {KEY}={self._key} before you say it again"
            )
            raise lost
        return begun

    def _begun(self) -> dict[str, Json] | None:
        """The session that was begun here, if the target tells of it."""
        pair: Mapping[str, Any] = {f"metadata[{KEY}]": self._key}
        return with_key(self.client, "/agents/sessions", self._key, among=_LOOK_BACK, **pair)

    def _follow(self, given: _Input) -> Iterator[Event]:
        """Listen, give the input, and yield what happens until the turn waits for us or is over.
        Input bears a key of its own, so that it may be given again."""
        path, key = f"{self._path()}/events", secrets.token_hex(16)

        def give() -> None:
            self._given = True
            self._give(given, key)

        lost = LostAnswer(f"GET {path}: the stream ended before the turn did")
        try:
            yield from self._hear(listened(self.client, path, None, False, give, until=self.until))
        except LostAnswer as error:
            lost = error
        if not self._rests():
            yield Notice(f"the stream broke off ({lost}); asking the target how far it got")
            if self._is_untaken():
                give()
            yield from self._wait()

    def _is_untaken(self) -> bool:
        """Whether nothing at the target shows that it has got the last input."""
        self._session = self.client.get(self._path())
        if self._answered:
            self._look_for_calls()
            return any(map(self._is_answered, self._required()))
        return self._newest_turn().get("id") in (None, *self._earlier)

    def _passed(self, turn: Mapping[str, Json]) -> None:
        if turn:
            self._earlier.add(str(turn["id"]))

    def _give(self, given: _Input, key: str) -> None:
        for pause in (*RACE_PAUSES, None):
            try:
                self.client.submit(f"{self._path()}/events", {"events": list(given)}, key)
                return
            except RemoteError as error:
                if pause is None or "Unknown pending tool call" not in str(error):
                    raise
            time.sleep(pause)

    def _hear(self, events: Iterator[dict[str, Json]]) -> Iterator[Event]:
        for event in events:
            yield from self._read(event)
            if self._rests():
                return
            self._refuse_dead_end()

    def _read(self, event: Mapping[str, Json]) -> Iterator[Event]:
        name = str(event.get("type"))
        if event.get("subagent_id") or str(event.get("turn_id")) in self._earlier:
            return
        match name.removeprefix(_TURN) if name.startswith(_TURN) else "":
            case "created" | "in_progress" | "completed" | "failed" | "cancelled":
                yield from self._note_turn(event["turn"] | _told_usage(event))
            case "item.added" | "item.done":
                yield from self._read_item(event["item"])
            case "output_text.delta" if event.get("item_id") not in self._aside:
                yield from self._answer.say(str(event.get("item_id")), event.get("delta"))
            case _ if name.removeprefix(_SESSION) in ("created", "idle", "failed", *BUSY):
                yield from self._note(event["session"])

    def _note(self, session: Mapping[str, Json]) -> Iterator[Event]:
        """Take over the session's newest state."""
        self._session = dict(session)
        if self.thread is None:
            self.thread = str(session["id"])
            yield ThreadStarted(self.thread)
        if self._turn.get("status") not in (None, *ENDED) and self._waits():
            yield from self._note_turn({**self._turn, "status": "waiting"})
        elif self._turn.get("status") == "waiting" and session.get("status") == "in_progress":
            yield from self._note_turn({**self._turn, "status": "in_progress"})

    def _note_turn(self, turn: Mapping[str, Json]) -> Iterator[Event]:
        if turn.get("subagent_id") or turn["id"] in self._earlier:
            return
        before, begins = self._turn.get("status"), not self._turn
        self._turn = dict(turn)
        if begins:
            yield RunStarted(str(turn["id"]))
        yield from self._notes.of(turn)
        if before != turn["status"]:
            yield StatusChanged(self._status())

    def _read_item(self, item: Mapping[str, Json]) -> Iterator[Event]:
        """What the agent says by the way while it works is not the answer, if it is known to be
        that from the beginning."""
        identity = str(item.get("id"))
        self._has_run = self._has_run or item.get("type") == "command_execution"
        self._note_call(item)
        yield from items.read_command(self._answer, item)
        if (words := items.words(item)) is None:
            return
        if item.get("phase") == "commentary" and not self._answer.has_begun(identity):
            self._aside.add(identity)
        if identity not in self._aside:
            yield from self._answer.complete(identity, words)

    def _note_call(self, item: Mapping[str, Json]) -> None:
        if item.get("type") != "function_call":
            return
        known = self._calls.setdefault(str(item.get("call_id")), set())
        known.add(str(item.get("id")))

    def _look_for_calls(self) -> None:
        """Where ids alone do not tell whether what is required was answered before."""
        if self._turn and any(self._answered[call.id] for call in self._required()):
            for item in self._items():
                self._note_call(item)

    def _items(self) -> Iterator[dict[str, Json]]:
        path = f"{self._path()}/turns/{in_path(self._turn['id'])}/items"
        return self.client.list(path, order="asc")

    def _required(self) -> list[ToolCall]:
        """The calls that the session says it waits for, or wants consent to."""
        return [_call(it) for it in self._actions() if it["type"] in ("function_call", _CONSENT)]

    def _actions(self) -> list[dict[str, Json]]:
        if self._session.get("status") != "requires_action":
            return []
        actions = self._session.get("required_actions") or ()
        return [it for it in actions if it.get("turn_id") not in self._earlier]

    def _refuse_dead_end(self) -> None:
        """Raises RemoteError where nothing that is done here would let the turn go on: the session
        has failed, or waits for what only others can do."""
        if self._session.get("status") == "failed" and self._turn.get("status") not in ENDED:
            reason = self._session.get("error") or "the target does not say why"
            raise RemoteError(
                f"session {self.thread} has failed: {reason}; begin another one, without --continue"
                " and --thread"
            )
        kinds = sorted({str(it["type"]) for it in self._actions()})
        if kinds and not self._required():
            raise RemoteError(
                f"session {self.thread} waits for {', '.join(kinds)}, which assistctl does not do;"
                " do it elsewhere, or end the turn with --cancel-active"
            )

    def _waits(self) -> bool:
        """Whether it waits for calls that were not answered yet. A stream may begin with how the
        session was before."""
        calls = self._required()
        return bool(calls) and not any(map(self._is_answered, calls))

    def _is_answered(self, call: ToolCall) -> bool:
        """Some targets give an id again in a later round: more calls bear it then than answers."""
        return 0 < self._answered[call.id] >= len(self._calls.get(call.id, ()))

    def _rests(self) -> bool:
        """Whether the turn waits for us or is over, and the session with it."""
        if not self._turn:
            return False
        is_over = self._turn["status"] in ENDED and self._session.get("status") not in BUSY
        return is_over or self._waits()

    def _wait(self) -> Iterator[Event]:
        """Poll until the turn rests, and read what was missed. Raises RemoteError for one that
        never does."""
        yield from polled(
            self._ask,
            self._rests,
            lambda: (
                f"session {self.thread} is {self._session.get('status')} still, {{}}; end it with"
                " --cancel-active"
            ),
            self.until,
        )
        for item in self._items():
            yield from self._read_item(item)

    def _ask(self) -> Iterator[Event]:
        self._look_for_calls()  # before the session, which is not to be older than they are
        yield from self._note(self.client.get(self._path(), just_made=bool(self._key)))
        turn = self._read_turn() if self._turn else self._newest_turn()
        if turn:
            yield from self._note_turn(turn)
        if not self._rests():
            self._refuse_dead_end()

    def _settle(self) -> Iterator[Event]:
        if self._waits():
            searches = self._searches()
            calls = tuple(call for call in self._required() if call not in searches)
            yield ActionRequired(calls, searches=len(searches))
        else:
            yield from self._answer.pause()
            if self._has_run:
                items.find_files(self.client, self._answer, self._path(), str(self._turn["id"]))
            yield from self._count()
            yield self.finished()

    def _searches(self) -> list[ToolCall]:
        """Those of the required calls that are answered here."""
        is_here = any(isinstance(tool, FileSearch) for tool in self.assistant.tools)
        return [call for call in self._required() if is_here and call.name == SEARCH]

    def _search(self, call: ToolCall) -> Searched:
        """What stands in for the tool that agents have not."""
        (tool,) = (tool for tool in self.assistant.tools if isinstance(tool, FileSearch))
        if self._stores is None:
            self._stores = used_stores(self.client.get(f"/agents/{in_path(self.agent)}"))
        return searching.search(self.client, tool, self._stores, call)

    def _count(self) -> Iterator[Event]:
        """Usage may come seconds after the end; that it never comes is no reason to wait long."""
        deadline = time.monotonic() + USAGE_SECONDS
        while self._turn["status"] == "completed" and not self._turn.get("usage"):
            if time.monotonic() > deadline:
                return
            time.sleep(0.2)
            yield from self._note_turn(self._read_turn())

    def _stop(self) -> None:
        """A target may refuse to cancel what has just ended."""
        refused = None
        try:
            self._give([{"type": f"{_SESSION}input.cancel"}], secrets.token_hex(16))
        except RemoteError as error:
            if error.status != 400:
                raise
            refused = error
        deadline = time.monotonic() + CANCEL_SECONDS
        self._session = self.client.get(self._path())
        if refused and self._session["status"] in BUSY:
            raise refused
        while self._session["status"] in BUSY and time.monotonic() < deadline:
            time.sleep(0.1)
            self._session = self.client.get(self._path())

    def _refuse_unready(self) -> None:
        self._session = self.client.get(self._path())
        if (status := self._session["status"]) in BUSY:
            raise AssistctlError(
                f"session {self.thread} is busy: it is {status}; wait until its turn ends, or end"
                " it with --cancel-active"
            )
        self._refuse_dead_end()

    def _newest_turn(self) -> dict[str, Json]:
        turns = self.client.list(f"{self._path()}/turns", limit=1, order="desc")
        return next((turn for turn in turns if not turn.get("subagent_id")), {})

    def _read_turn(self) -> dict[str, Json]:
        return self.client.get(f"{self._path()}/turns/{in_path(self._turn['id'])}")

    def _path(self) -> str:
        return f"/agents/sessions/{in_path(self.thread)}"

    def _status(self) -> str:
        status = str(self._turn.get("status", "cancelled"))
        return "requires_action" if status == "waiting" else status


def _call(action: Mapping[str, Json]) -> ToolCall:
    """Of an action that is required; arguments are a JSON value here."""
    if action["type"] == "function_call":
        arguments = as_text(action.get("arguments"))
        return ToolCall(str(action["call_id"]), str(action["name"]), arguments)
    asked = action["request"]
    server = str(asked["server_label"])
    name = f"{server}.{asked['name']}" if asked.get("name") else server
    arguments = as_text(asked.get("arguments") or asked.get("message"))
    return ToolCall(str(action["request_id"]), name, arguments, server)


def _told_usage(event: Mapping[str, Json]) -> dict[str, Json]:
    return {"usage": event["usage"]} if event.get("usage") else {}
