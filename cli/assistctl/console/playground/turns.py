"""A turn as it happens, kept for the pages that show it: what has been said and done so far, in
order, and which of it is new. It runs in a thread of its own; a person may allow or refuse calls
meanwhile, and stop it."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from assistctl.console.playground.ready import Ready
from assistctl.conversation import Session
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import (
    CodeCalled,
    CodeReturned,
    Event,
    Finished,
    MadeFile,
    Notice,
    RunStarted,
    Searched,
    StatusChanged,
    TextDelta,
    ToolCall,
    ToolCalled,
    ToolReturned,
)

_log = logging.getLogger("assistctl.console")

UNHEARD_SECONDS = 20.0
"""For how long a turn goes on that no page has listened to yet."""

LEFT_SECONDS = 3.0
"""For how long it goes on when nobody listens any more: a connection may break off."""

Kind: TypeAlias = Literal["text", "code", "search", "call", "notice", "sources", "files"]


@dataclass
class Item:
    """Something that was said or done: its place in the turn, and when, in changes of the turn, it
    came and was changed last. `asked` is whether a person has to allow it, or what they said."""

    number: int
    kind: Kind
    value: Any
    born: int
    changed: int
    asked: Literal["", "waits", "allowed", "refused"] = ""


@dataclass(frozen=True)
class Spoken:
    """What is to be said, and the files that are given with it."""

    message: str
    files: tuple[Path, ...] = ()


@dataclass
class Turn:
    """One turn; `make_ready` opens whom it is held with. If that `is_there`, at the target, the
    thread has a page. `told` has an error of the target in words."""

    spoken: Spoken
    make_ready: Callable[[], Ready]
    told: Callable[[RemoteError], str] = str
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    items: list[Item] = field(default_factory=list)
    status: str = "getting ready"
    error: str | None = None
    how: str = ""
    is_there: bool = False
    finished: Finished | None = None
    thread: str | None = None
    version: int = 0
    over: bool = False
    session: Session | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._listeners: list[Callable[[], object]] = []
        self._watched = False
        self._stopped = threading.Event()
        self._answered: dict[int, threading.Event] = {}
        self._worker = threading.Thread(target=self._work, daemon=True, name="turn")
        self._began = time.monotonic()

    # What a person does

    def start(self, *, watched: bool) -> None:
        """Begin; a turn that is `watched` ends when no page listens to it. One that is not has
        nobody who could allow anything."""
        self._watched = watched
        self._worker.start()
        if watched:
            self._look_later(UNHEARD_SECONDS)

    def wait(self, seconds: float | None = None) -> None:
        """Until it is over, or for so many seconds."""
        if self._worker.is_alive():
            self._worker.join(seconds)

    def stop(self) -> None:
        """End it: what waits for a person's word is refused, the run cancelled."""
        self._stopped.set()
        with self._lock:
            for item in self.items:
                if item.asked == "waits":
                    item.asked = "refused"
                    self._touch(item)
            for answered in self._answered.values():
                answered.set()
        if self.session and not self.over:
            self.session.cancel()
        self._conclude("cancelled")

    def answer(self, number: int, allowed: bool) -> None:
        """Somebody's word on a call. Raises AssistctlError where nothing was asked."""
        with self._lock:
            item = self.items[number] if 0 <= number < len(self.items) else None
            if item is None or item.asked != "waits":
                raise AssistctlError("nothing waits for an answer here any more")
            item.asked = "allowed" if allowed else "refused"
            self._touch(item)
            self._answered[number].set()

    def file(self, number: int) -> MadeFile | None:
        """One of the files that came of it."""
        files = self.files
        return files[number] if 0 <= number < len(files) else None

    @property
    def files(self) -> list[MadeFile]:
        """All files that came of it, in an order that stays."""
        found: list[MadeFile] = []
        with self._lock:
            for item in self.items:
                if isinstance(item.value, CodeReturned):
                    found += item.value.files
                elif item.kind == "files":
                    found += item.value
        return found

    # What pages look at

    @contextmanager
    def listened(self, wake: Callable[[], object]) -> Iterator[None]:
        """Within the block `wake` is called, from any thread, whenever something is new."""
        with self._lock:
            self._listeners.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(wake)
            self._look_later(LEFT_SECONDS)

    def news(self, since: int) -> tuple[int, list[Item], bool]:
        """Where the turn stands, what is new or has changed after `since`, and whether it is
        over."""
        with self._lock:
            return self.version, [it for it in self.items if it.changed > since], self.over

    def _look_later(self, seconds: float) -> None:
        """End the turn in a while if nobody listens then."""
        if self.over:
            return
        timer = threading.Timer(seconds, self._end_if_alone)
        timer.daemon = True
        timer.start()

    def _end_if_alone(self) -> None:
        if not self._listeners and not self.over:
            self.stop()

    # What happens

    def _work(self) -> None:
        events: Generator[Event, None, None] | None = None
        try:
            if self._stopped.is_set():
                return
            ready = self.make_ready()
            session = self.session = ready.session
            self._begin(ready)
            if self._stopped.is_set():
                return
            for path in self.spoken.files:
                session.check_attachment(path)
            attached = [session.attach(path) for path in self.spoken.files]
            events = session.say(self.spoken.message, attached, approve=self._ask)
            for event in events:
                if self._stopped.is_set():
                    break
                self._hear(event)
        except RemoteError as error:
            at_target = self.is_there or not self.session
            self._conclude("failed", self.told(error) if at_target else str(error))
        except AssistctlError as error:
            self._conclude("failed", str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the reader is told
            if self._stopped.is_set():
                return  # what it was held with may be closed by now
            _log.exception("a turn failed")
            self._conclude(
                "failed", "This is a bug in assistctl. The log of its command says more."
            )
        finally:
            with suppress(Exception):
                if events is not None:
                    events.close()
            with suppress(Exception):
                if self._stopped.is_set() and self.session:
                    self.session.cancel()  # a run that had begun since it was stopped
            self._conclude("cancelled")

    def _begin(self, ready: Ready) -> None:
        with self._lock:
            self.how, self.is_there, self.status = ready.how, ready.is_there, "queued"
            self._touch()

    def _ask(self, call: ToolCall) -> bool:
        """Called by the thread of the turn: whether somebody allows a call."""
        answered = threading.Event()
        with self._lock:
            item = self._newest(ToolCalled, lambda it: it.call is call)
            if item is None or item.asked:
                item = self._add("call", ToolCalled(call))
            if not self._watched:
                item.asked = "refused"
                self._touch(item)
                return False
            if self._stopped.is_set():
                return False
            self._answered[item.number] = answered
            item.asked = "waits"
            self._touch(item)
        answered.wait()
        return self._is_allowed(item)

    def _is_allowed(self, item: Item) -> bool:
        with self._lock:
            return item.asked == "allowed" and not self._stopped.is_set()

    def _hear(self, event: Event) -> None:
        with self._lock:
            match event:
                case TextDelta(text, source):
                    piece = text if source is None else f"[{source}]"
                    last = self.items[-1] if self.items else None
                    if last and last.kind == "text":
                        last.value += piece
                        self._touch(last)
                    elif piece:
                        self._add("text", piece)
                case CodeCalled():
                    self._add("code", event)
                case CodeReturned(call_id):
                    code = self._newest(CodeCalled, lambda it: it.id == call_id)
                    self._put("code", event, code)
                case ToolCalled():
                    self._add("call", event)
                case ToolReturned(call):
                    self._put("call", event, self._newest(ToolCalled, lambda it: it.call is call))
                case Searched():
                    self._add("search", event)
                case Notice():
                    self._add("notice", event.text)
                case StatusChanged(status):
                    self.status = status
                    self._touch()
                case RunStarted() if self.session:
                    self.thread = self.session.conversation.thread
                    self._touch()
                case Finished():
                    self._finish(event)

    def _finish(self, end: Finished) -> None:
        self.finished, self.thread = end, end.thread
        if end.text and not any(it.kind == "text" for it in self.items):
            self._add("text", end.text)
        if end.sources:
            self._add("sources", end.sources)
        if end.files:
            self._add("files", end.files)
        self._conclude(end.status, end.error)

    def _conclude(self, status: str, error: str | None = None) -> None:
        """It is over, unless it was already."""
        with self._lock:
            if self.over:
                return
            self.over, self.status, self.error = True, status, error
            self.seconds = time.monotonic() - self._began
            self._touch()

    def _newest(self, kind: type[Event], is_meant: Callable[[Any], bool]) -> Item | None:
        """The newest item of a kind that is meant. What has returned is of another kind. Calls are
        told apart by themselves: a target may give several of them one id, and what is said of one
        is not said of the others."""
        of_kind = (it for it in reversed(self.items) if isinstance(it.value, kind))
        return next((it for it in of_kind if is_meant(it.value)), None)

    def _put(self, kind: Kind, value: Event, item: Item | None) -> None:
        """What came of something takes its place."""
        if item is None:
            self._add(kind, value)
        else:
            item.value = value
            self._touch(item)

    def _add(self, kind: Kind, value: Any) -> Item:
        self.version += 1
        item = Item(len(self.items), kind, value, self.version, self.version)
        self.items.append(item)
        self._touch()
        return item

    def _touch(self, item: Item | None = None) -> None:
        self.version += 1
        if item:
            item.changed = self.version
        for wake in self._listeners:
            with suppress(RuntimeError):  # its loop has ended
                wake()


def over(turns: Sequence[Turn]) -> bool:
    """Whether all of them are over."""
    return all(turn.over for turn in turns)
