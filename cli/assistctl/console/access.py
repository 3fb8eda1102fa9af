"""Who may see the console: one-time links, sessions, and where requests come from."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from assistctl.console.reach import Reach
from assistctl.server import is_loopback

LINK_SECONDS = 600.0
"""How long a link can be used."""

IDLE_SECONDS, LONGEST_SECONDS = 8 * 3600.0, 24 * 3600.0
"""When a session ends: unused, and at the latest."""

ATTEMPTS, ATTEMPTS_OF_ALL, WINDOW_SECONDS = 10, 100, 60.0
"""How many times a wrong key may be tried from one address, and from all, in how many seconds."""

_MOST_SESSIONS = 1000

Clock = Callable[[], float]


class Closes(Protocol):
    """What can be kept for somebody."""

    def close(self) -> None: ...


_Kept = TypeVar("_Kept", bound=Closes)


class Links:
    """Links that open the console, each once and not for long; only the newest one does."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._token, self._until = b"", 0.0

    def new(self) -> str:
        """The token of a new link; those before it open nothing any more."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._token, self._until = _digest(token), self._clock() + LINK_SECONDS
        return token

    def take(self, token: str) -> bool:
        """Whether a token opens the console; it does so once."""
        with self._lock:
            good = hmac.compare_digest(_digest(token), self._token) and self._clock() < self._until
            if good:
                self._token = b""
            return good


class Kept:
    """What pages keep for somebody as long as they are in, one of each kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._things: dict[type[Closes], Closes] = {}

    def of(self, kind: type[_Kept]) -> _Kept:
        """That of a kind, made when it is first asked for."""
        with self._lock:
            if kind not in self._things:
                self._things[kind] = kind()
            thing = self._things[kind]
            assert isinstance(thing, kind)
            return thing

    def close(self) -> None:
        """Close everything."""
        with self._lock:
            for thing in self._things.values():
                thing.close()
            self._things.clear()


@dataclass(frozen=True)
class Session:
    """Somebody who has been let in: `csrf` is what their forms bear, `reach` what they talk to,
    `kept` what pages keep for them."""

    csrf: str = field(repr=False)
    reach: Reach = field(repr=False)
    began: float
    used: float
    kept: Kept = field(default_factory=Kept, repr=False)

    def close(self) -> None:
        """They are out."""
        self.kept.close()
        self.reach.close()


class Sessions:
    """Those who have been let in, by the id in their cookie. Nobody knows an id but the browser:
    here are only digests."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[bytes, Session] = {}

    def begin(self, reach: Reach) -> str:
        """Let somebody in; the id of the session."""
        session_id, now = secrets.token_urlsafe(32), self._clock()
        session = Session(secrets.token_urlsafe(32), reach, now, now)
        with self._lock:
            self._forget_old(now)
            while len(self._open) >= _MOST_SESSIONS:
                self._drop(next(iter(self._open)))
            self._open[_digest(session_id)] = session
        return session_id

    def find(self, session_id: str) -> Session | None:
        """The session of this id, if it has not expired."""
        now, key = self._clock(), _digest(session_id)
        with self._lock:
            self._forget_old(now)
            if session := self._open.get(key):
                self._open[key] = session = replace(session, used=now)
            return session

    def end(self, session_id: str) -> None:
        """Nobody comes in with this id any more."""
        with self._lock:
            self._drop(_digest(session_id))

    def end_all(self) -> None:
        """The same for everybody."""
        with self._lock:
            for key in list(self._open):
                self._drop(key)

    def _forget_old(self, now: float) -> None:
        for key, session in list(self._open.items()):
            if now - session.used > IDLE_SECONDS or now - session.began > LONGEST_SECONDS:
                self._drop(key)

    def _drop(self, key: bytes) -> None:
        session = self._open.pop(key, None)
        if session:
            session.close()


class Attempts:
    """How often somebody has tried a wrong key lately, by their address."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: deque[tuple[float, str]] = deque()

    def wait(self, client: str) -> float:
        """For how many seconds no further attempt of this client is looked at."""
        with self._lock:
            now = self._clock()
            while self._failed and now - self._failed[0][0] >= WINDOW_SECONDS:
                self._failed.popleft()
            own = [at for at, who in self._failed if who == client]
            if len(own) >= ATTEMPTS:
                return own[-ATTEMPTS] + WINDOW_SECONDS - now
            if len(self._failed) >= ATTEMPTS_OF_ALL:
                return self._failed[0][0] + WINDOW_SECONDS - now
            return 0.0

    def failed(self, client: str) -> None:
        """Another wrong key."""
        with self._lock:
            self._failed.append((self._clock(), client))


def is_same_token(given: str, wanted: str) -> bool:
    """Whether a form bears the session's own token."""
    return hmac.compare_digest(_digest(given), _digest(wanted))


def foreign_host(headers: Mapping[str, str]) -> str | None:
    """The host that a request names, if it is none of this machine: a page that has pointed its own
    name here (DNS rebinding) is told nothing."""
    host = headers.get("host", "")
    return None if is_loopback(_hostname(f"//{host}")) else host


def foreign_origin(headers: Mapping[str, str]) -> str | None:
    """Where a request that changes something comes from, if that is not a page of this console.
    Every browser says so of a POST."""
    origin = headers.get("origin", "(no Origin header)")
    try:
        own = urlsplit(origin).netloc
    except ValueError:
        own = ""
    return None if own and own == headers.get("host") else origin


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _digest(text: str) -> bytes:
    """Of one length, since comparing tells of two lengths whether they differ."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
