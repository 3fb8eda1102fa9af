"""Listening on a socket: in the foreground (`serve`) or beside the caller (`EmbeddedServer`)."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from types import FrameType, TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from assistctl.base_urls import is_loopback
from assistctl.server import files
from assistctl.server.engine import Engine
from assistctl.server.files import uploads
from assistctl.server.http import idempotency
from assistctl.server.http.app import create_app
from assistctl.server.http.call import Server
from assistctl.server.http.listening import IDLE_SECONDS, Http, allow_many_connections, listen, url
from assistctl.server.retrieval import embedders
from assistctl.server.retrieval.indexing import Indexer
from assistctl.server.retrieval.search import Searcher
from assistctl.server.routing import endpoints_below, load, words
from assistctl.server.settings import Settings
from assistctl.server.storage import Claim, Database, contents, documents

if TYPE_CHECKING:
    from assistctl.server.engine.record import Record

_log = logging.getLogger("assistctl.server")

_LOOPBACK = "127.0.0.1"
_GRACE_SECONDS = 5
_TICK_SECONDS = 1
_POLL_SECONDS = 0.01
_EXPIRY_SECONDS = 60
_START_SECONDS = 30


def serve(
    settings: Settings,
    host: str = _LOOPBACK,
    port: int = 8000,
    on_ready: Callable[[str], None] | None = None,
    composed: Callable[[ASGIApp], ASGIApp] = lambda api: api,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish gracefully and return.

    `port` 0 takes a free one; `on_ready` is called with the base URL once the server listens.
    `composed` makes of the API's application the one that is served, such as with pages beside it.
    Raises ValueError for a host other than loopback without API keys and for a model that is this
    server itself, OSError if the port cannot be had, DatabaseError if the database cannot be used.
    """
    host = host.removeprefix("[").removesuffix("]")
    _refuse_open_door(host, settings)
    _refuse_itself(host, port, settings)
    allow_many_connections()
    load()
    import_module("assistctl.server.engine.course")
    with listen(host, port) as listener:

        def ready() -> None:
            if on_ready:
                on_ready(url(listener))

        with _opened(settings, ready, composed) as server:
            server.run([listener])


class EmbeddedServer:
    """A server in a thread of this process, on a free loopback port that only its key opens.

    A context manager: within it `base_url` (ending in /v1) and `api_key` are what a client needs.
    `settings.api_keys` is not used: the one random key opens the project "default".
    """

    def __init__(self, settings: Settings) -> None:
        self.api_key = "sk-local-" + secrets.token_urlsafe(24)
        self.base_url = ""
        self._settings = replace(settings, api_keys={self.api_key: "default"})

    def __enter__(self) -> EmbeddedServer:
        if self.base_url:
            raise RuntimeError("this embedded server is already running")
        ready = threading.Event()
        self._listener = listen(_LOOPBACK, 0)
        try:
            self._context = _opened(self._settings, ready.set)
            self._uvicorn = self._context.__enter__()
        except BaseException:
            self._listener.close()
            raise
        self._thread = threading.Thread(target=self._run, args=(ready,), name="assistctl-server")
        try:
            self._thread.start()
            if not ready.wait(_START_SECONDS) or not self._uvicorn.started:
                raise RuntimeError("the embedded server did not start; its log says why")
        except BaseException:  # Ctrl-C, too: the process would wait for the thread for ever
            self._uvicorn.stop()
            ready.wait(_START_SECONDS)  # within start() it may have come before the thread
            self.__exit__(None, None, None)
            raise
        self.base_url = url(self._listener)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.base_url = ""
        self._uvicorn.stop()
        self._thread.join()
        self._context.__exit__(None, None, None)
        self._listener.close()

    def _run(self, ready: threading.Event) -> None:
        try:
            self._uvicorn.run([self._listener])
        finally:
            ready.set()  # also when it failed, so that nobody waits for it


class _Uvicorn(uvicorn.Server):
    """uvicorn that says when it is ready, ends at once when it is told to, and returns after a
    signal, not dies of it: it does not note signals down, as uvicorn does to raise them again.

    uvicorn has no API for that; tests/server/test_uvicorn.py says when what this rests on changes.
    """

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], object], engine: Engine
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()
        self.engine = engine

    def stop(self) -> None:
        """Ask it to end; from any thread, and from within a signal handler."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: it has ended
                self._loop.call_soon_threadsafe(self._told.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def main_loop(self) -> None:
        """uvicorn's own looks ten times a second whether it is to end, for which whoever ends it,
        such as every command with an embedded server, would wait."""
        while not await self.on_tick(0):  # also sets the Date of the answers to come
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _TICK_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal is a request, the second one, whichever it is, means now."""
        self.force_exit = self.should_exit
        self.stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own, but that one waits in steps of 100 ms, even for nobody."""
        _log.info("stopping; runs at work: %d", self.engine.at_work)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        # Streams end when their runs do: were the engine stopped after the last connection, as
        # the lifespan does, they would be cut off without their last events.
        await asyncio.gather(
            self.engine.stop(in_a_hurry=lambda: self.force_exit), self._last_answers()
        )
        await self.lifespan.shutdown()

    async def _last_answers(self) -> None:
        """Until all are sent and all clients have gone, but not for ever."""
        busy, deadline = self.server_state, time.monotonic() + _GRACE_SECONDS
        while (busy.connections or busy.tasks) and not self.force_exit:
            if time.monotonic() > deadline:
                _log.error("requests given up, since they took too long: %d", len(busy.tasks))
                for task in busy.tasks:
                    task.cancel()
                return
            await asyncio.sleep(_POLL_SECONDS)


def _left_behind(claim: Claim) -> Record:
    """The record of a run that some process has left behind, by whichever API it was asked for."""
    from assistctl.server.responses_api.record import ResponseRecord

    return ResponseRecord(claim)


@contextmanager
def _opened(
    settings: Settings,
    on_ready: Callable[[], object],
    composed: Callable[[ASGIApp], ASGIApp] = lambda api: api,
) -> Iterator[_Uvicorn]:
    """A server, ready to run, on its opened database, which is closed at the end."""
    database = Database(settings.database)
    try:
        searcher = Searcher(database, embedders.chosen(settings.embeddings))
        engine = Engine(database, settings, searcher, _left_behind)
        server = Server(settings, database, engine, searcher)
        app = create_app(server, words(), endpoints_below, _lifespan(server))
        yield _Uvicorn(_config(composed(app)), on_ready, server.engine)
    finally:
        database.close()


def _lifespan(server: Server) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """What works beside the requests, from before the first one until after the last."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        indexer = Indexer(server.database, server.searcher.embedder)
        indexer.start()
        expiry = asyncio.create_task(_forget_what_is_over(server.database))
        try:
            await server.engine.start()
            try:
                yield
            finally:
                await server.engine.stop()
        finally:
            expiry.cancel()
            await asyncio.wait([expiry])
            await run_in_threadpool(indexer.stop)

    return lifespan


async def _forget_what_is_over(database: Database) -> None:
    tasks = (
        files.delete_expired,
        uploads.expire,
        uploads.forget_old,
        contents.sweep,
        documents.forget_removed,
        idempotency.forget_old,
    )
    while True:
        for task in tasks:
            try:
                await run_in_threadpool(task, database)
            except Exception as error:  # noqa: BLE001 - the database may be better in a while
                _log.error("cannot remove what has expired", exc_info=error)
        await asyncio.sleep(_EXPIRY_SECONDS)


_PROXIES = "127.0.0.1,::1"
"""Who is believed, unless FORWARDED_ALLOW_IPS names others, whose request it is and whether it came
by TLS (X-Forwarded-For, X-Forwarded-Proto): a proxy on this machine. Of several addresses the last
counts that is no proxy's: what a client says of itself does not, if the proxy adds what it sees."""


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        http=Http,
        ws="none",
        loop="asyncio",
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        proxy_headers=True,
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", _PROXIES),
    )


def _refuse_open_door(host: str, settings: Settings) -> None:
    if not host:
        raise ValueError("an empty host would be every address; name one, such as 127.0.0.1")
    if not settings.api_keys and not is_loopback(host):
        raise ValueError(
            f"without an API key the server listens on loopback only, not on {host};"
            " give it at least one key, or use --host 127.0.0.1"
        )


def _refuse_itself(host: str, port: int, settings: Settings) -> None:
    """Who moves clients here sets OPENAI_BASE_URL for them, and easily for the server as well."""
    model = settings.model
    base_url = str(model.get("base_url")) if isinstance(model, Mapping) else ""
    there = urlsplit(base_url)
    near = there.hostname == host or is_loopback(there.hostname or "")
    if near and there.port == port:
        raise ValueError(
            f"{base_url} is to answer the runs, but that is this server itself; name another model"
            " endpoint (and where OPENAI_BASE_URL is set for clients, unset it for the server)"
        )
