"""Who may see the console: one-time links, sessions, and where requests come from."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Protocol, TypeVar

from assistctl.base_urls import host_of, is_loopback
from assistctl.console.reach import Reach
from assistctl.errors import Refused

LINK_SECONDS = 600.0
"""How long a link can be used."""

IDLE_SECONDS, LONGEST_SECONDS = 8 * 3600.0, 24 * 3600.0
"""When a session ends: unused, and at the latest."""

ATTEMPTS, WINDOW_SECONDS = 10, 60.0
"""How many times a wrong key may be tried from one address, in how many seconds. There is no such
number for all: whoever used it up would keep everybody else out."""

MOST_CLIENTS = 10_000
"""Of how many addresses attempts are kept; the longest silent is forgotten first."""

MOST_SESSIONS, MOST_OF_ONE = 1000, 20
"""How many sessions there are at most, and with one key; the longest unused gives way."""

_CLOSING_SECONDS = 10.0

_log = logging.getLogger("assistctl.console")

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
        self.is_closed = False

    def of(self, kind: type[_Kept]) -> _Kept:
        """That of a kind, made when it is first asked for. Raises Refused for somebody who has left
        meanwhile."""
        with self._lock:
            if self.is_closed:
                raise Refused("this session has ended")
            if kind not in self._things:
                self._things[kind] = kind()
            thing = self._things[kind]
            assert isinstance(thing, kind)
            return thing

    def close(self) -> None:
        """Close everything. That may take long, and nobody waits for the lock meanwhile."""
        with self._lock:
            self.is_closed = True
            things = list(self._things.values())
            self._things.clear()
        for thing in things:
            thing.close()


@dataclass(frozen=True)
class Session:
    """Somebody who has been let in: `csrf` is what their forms bear, `reach` what they talk to,
    `kept` what pages keep for them. `holder` stands for the key that they came in with."""

    csrf: str = field(repr=False)
    reach: Reach = field(repr=False)
    holder: bytes = field(repr=False)
    began: float
    used: float
    kept: Kept = field(default_factory=Kept, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether they are out: what is still being answered can tell."""
        return self.kept.is_closed

    def close(self) -> None:
        """They are out."""
        self.kept.close()
        self.reach.close()


class Sessions:
    """Those who have been let in, by the id in their cookie. Nobody knows an id but the browser:
    here are only digests.

    What is asked here is asked on the event loop, too, and closing a session takes requests, maybe
    to the very server that waits: a thread of its own does that, without the lock."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[bytes, Session] = {}  # the longest unused first
        self._closing: list[threading.Thread] = []
        self._secret = secrets.token_bytes(32)

    def begin(self, reach: Reach, key: str | None = None, *, instead_of: Iterable[str] = ()) -> str:
        """Let somebody in, with a key where it needs one; the id of the session, which takes the
        place of those that their browser had."""
        session_id, now = secrets.token_urlsafe(32), self._clock()
        holder = hmac.digest(self._secret, (key or "").encode("utf-8", "surrogatepass"), "sha256")
        session = Session(secrets.token_urlsafe(32), reach, holder, now, now)
        with self._lock:
            ended = self._take([*map(_digest, instead_of), *self._old(now)])
            own = [known for known, it in self._open.items() if it.holder == holder]
            ended += self._take(own[: max(0, len(own) + 1 - MOST_OF_ONE)])
            ended += self._take(list(self._open)[: max(0, len(self._open) + 1 - MOST_SESSIONS)])
            self._open[_digest(session_id)] = session
        self._close(ended)
        return session_id

    def find(self, session_id: str) -> Session | None:
        """The session of this id, if it has not expired."""
        now, known = self._clock(), _digest(session_id)
        with self._lock:
            ended = self._take(self._old(now))
            session = self._open.pop(known, None)
            if session:
                self._open[known] = session = replace(session, used=now)
        self._close(ended)
        return session

    def end(self, *ids: str) -> None:
        """Nobody comes in with these ids any more."""
        with self._lock:
            ended = self._take(map(_digest, ids))
        self._close(ended)

    def end_all(self) -> None:
        """The same for everybody; what they had is closed then."""
        with self._lock:
            ended = self._take(list(self._open))
        self._close(ended)
        with self._lock:
            closing = list(self._closing)
        for thread in closing:
            thread.join(_CLOSING_SECONDS)

    def _old(self, now: float) -> list[bytes]:
        return [
            known
            for known, it in self._open.items()
            if now - it.used > IDLE_SECONDS or now - it.began > LONGEST_SECONDS
        ]

    def _take(self, known: Iterable[bytes]) -> list[Session]:
        """Those that there are of these, which are in no longer. Within the lock."""
        return [session for each in known if (session := self._open.pop(each, None))]

    def _close(self, ended: list[Session]) -> None:
        """Outside the lock."""
        if not ended:
            return
        thread = threading.Thread(target=_close_each, args=(ended,), name="leaving", daemon=True)
        with self._lock:
            self._closing = [it for it in self._closing if it.is_alive()]
            thread.start()
            self._closing.append(thread)


def _close_each(sessions: Iterable[Session]) -> None:
    for session in sessions:
        try:
            session.close()
        except Exception as error:  # noqa: BLE001 - the others are closed all the same
            _log.error("a session was not closed properly", exc_info=error)


class Attempts:
    """How often somebody has tried a wrong key lately, by their address. An attempt counts from its
    beginning until it turns out to be no wrong one: of many at once no more are looked at."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tried: OrderedDict[str, list[float]] = OrderedDict()  # the longest silent first

    def begin(self, client: str) -> float:
        """Count an attempt of this client; or for how many seconds none is looked at."""
        with self._lock:
            now, somebody = self._clock(), _somebody(client)
            own = _recent(self._tried.pop(somebody, []), now)
            is_heard = len(own) < ATTEMPTS
            self._tried[somebody] = [*own, now] if is_heard else own
            while len(self._tried) > MOST_CLIENTS or not _recent(self._longest_silent, now):
                self._tried.popitem(last=False)
            return 0.0 if is_heard else own[0] + WINDOW_SECONDS - now

    @property
    def _longest_silent(self) -> list[float]:
        return next(iter(self._tried.values()))

    def take_back(self, client: str) -> None:
        """The last attempt of this client was with no wrong key."""
        with self._lock:
            self._tried.get(_somebody(client), [])[-1:] = []


def _recent(attempts: Iterable[float], now: float) -> list[float]:
    return [at for at in attempts if now - at < WINDOW_SECONDS]


def _somebody(client: str) -> str:
    """Who is counted as one: of IPv6 a network, of which anybody has all the addresses."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))
    return str(address)


def is_same_token(given: str, wanted: str) -> bool:
    """Whether a form bears the session's own token."""
    return hmac.compare_digest(_digest(given), _digest(wanted))


def foreign_host(headers: Mapping[str, str]) -> str | None:
    """The host that a request names, if it is none of this machine: a page that has pointed its own
    name here (DNS rebinding) is told nothing."""
    host = headers.get("host", "")
    return None if is_loopback(host_of(f"//{host}")) else host


def foreign_origin(scheme: str, headers: Mapping[str, str]) -> str | None:
    """Where a request that changes something comes from, if that is not a page of this console.
    Every browser says so of a POST. `scheme` is that of the request, as a proxy tells of it."""
    origin, host = headers.get("origin", "(no Origin header)"), headers.get("host")
    if host and origin == f"https://{host}" and scheme == "http":
        return f"{origin}, though by http: a proxy has to tell X-Forwarded-Proto"
    return None if host and origin == f"{scheme}://{host}" else origin


def foreign_fetch(method: str, headers: Mapping[str, str]) -> str | None:
    """Who asks, if that is a page of another origin that does not lead its reader here: it could
    have the reader's browser ask for much, with their session where it is of this machine, too, and
    learn from the time that takes. Browsers say so to https and to this machine."""
    site = headers.get("sec-fetch-site", "none")
    leads = headers.get("sec-fetch-mode") == "navigate" and method in ("GET", "HEAD")
    leads = leads and headers.get("sec-fetch-dest") == "document"
    if leads or site in ("none", "same-origin"):
        return None
    return f"a page of another origin ({site})"


def _digest(text: str) -> bytes:
    """Of one length, since comparing tells of two lengths whether they differ."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
