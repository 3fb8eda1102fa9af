"""The engine: runs the runs of this process, each as a task, and looks after everybody's.

Handlers create and change runs in their own transactions and tell the engine through `launch` and
`interrupt`, which take effect once the transaction is durable. What a run looks like to clients the
engine does not know: it tells the run's record (record.py).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.concurrency import run_in_threadpool

from assistctl.server.engine.audience import Audience
from assistctl.server.engine.interpreters import Interpreters
from assistctl.server.models import Models
from assistctl.server.settings import Settings
from assistctl.server.storage import Claim, Database, Transaction, leases
from assistctl.server.storage.learnt import Learnt

if TYPE_CHECKING:
    from assistctl.server.engine.record import Record, Run
    from assistctl.server.engine.streaming import Listener
    from assistctl.server.engine.tools import ToolFactory
    from assistctl.server.retrieval.search import Searcher

# What runs need is imported when there is one: most commands that start a server run nothing.

_log = logging.getLogger("assistctl.server")

GRACE_SECONDS = 3.0
_HURRY_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class _Task:
    """A run at work; cancelling its scope stops the work, and the task then ends the run."""

    task: asyncio.Task[None]
    scope: anyio.CancelScope
    channel: Listener


class Engine:
    """The runs at work in this process. `records` makes the record of a run that some process has
    left behind. `audience` are those who listen beyond one run; it is let go when the engine stops.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        searcher: Searcher,
        records: Callable[[Claim], Record],
    ) -> None:
        self.models = Models(settings.model, settings.scripts, Learnt(database), settings.tape)
        self.owner = secrets.token_hex(16)
        self.audience = Audience()
        self._interpreters = Interpreters(settings)
        self._database = database
        self._searcher = searcher
        self._records = records
        self._tasks: dict[Claim, _Task] = {}
        self._stopping = False

    @property
    def tools(self) -> ToolFactory:
        """The server's own tools, for the runs that have some."""
        from assistctl.server.engine.tools import ToolFactory

        return ToolFactory(self._database, self._searcher, self._interpreters)

    def notes(self, run: Run) -> list[str]:
        """What the reader of a new run should know about its tools and about who answers."""
        from assistctl.server.models.protocol import ModelError

        try:
            note = self.models.answering(run.script).note
        except ModelError:
            note = None  # the run will say so itself, as its error
        return [*self.tools.notes(run), *([note] if note else [])]

    async def start(self) -> None:
        """End what dead processes have left behind, and go on watching."""
        self._loop = asyncio.get_running_loop()
        await run_in_threadpool(self._sweep)
        self._heart = asyncio.create_task(self._beat())

    @property
    def at_work(self) -> int:
        """How many runs this process works on."""
        return len(self._tasks)

    async def stop(self, in_a_hurry: Callable[[], bool] = lambda: False) -> None:
        """Give the runs at work a moment, then end them as failed. May be called repeatedly."""
        self._stopping = True
        deadline = time.monotonic() + GRACE_SECONDS
        while self._tasks and time.monotonic() < deadline and not in_a_hurry():
            await asyncio.sleep(_HURRY_POLL_SECONDS)
        while self._tasks:
            for run in self._tasks.values():
                run.scope.cancel()
            await asyncio.wait([run.task for run in self._tasks.values()])
        self.audience.close()
        self._heart.cancel()
        await asyncio.wait([self._heart])
        await run_in_threadpool(self._interpreters.close_all)
        await self.models.aclose()

    def launch(self, tx: Transaction, record: Record, seconds: float, channel: Listener) -> None:
        """Work on a run, whose lease is this engine's, for at most so long, as soon as `tx` is
        durable."""

        def begin() -> None:
            self._database.at_work[record.claim, self.owner] = record
            asyncio.run_coroutine_threadsafe(self._run(record, seconds, channel), self._loop)

        tx.after_commit(begin)

    def listener(self, claim: Claim) -> Listener | None:
        """Who is told of the run; None if this process does not work on it."""
        task = self._tasks.get(claim)
        return task.channel if task else None

    def forget(self, project: str, owner_id: str) -> None:
        """End the interpreter of a thread or container that was deleted, with all that its code
        has made."""
        self._interpreters.close(project, owner_id)

    def interrupt(self, tx: Transaction, claim: Claim) -> None:
        """Stop working on a run that by `tx` is to be cancelled, if it is one of ours.

        One that has not begun yet finds out by itself, at its first write.
        """
        tx.after_commit(partial(self._loop.call_soon_threadsafe, self._interrupt, claim))

    def _interrupt(self, claim: Claim) -> None:
        if claim in self._tasks:
            self._tasks[claim].scope.cancel()

    async def _run(self, record: Record, seconds: float, channel: Listener) -> None:
        from assistctl.server.engine.course import run_its_course
        from assistctl.server.engine.worker import Worker

        claim = record.claim
        task = asyncio.current_task()
        assert task is not None
        scope = anyio.CancelScope(deadline=anyio.current_time() + seconds)
        self._tasks[claim] = _Task(task, scope, channel)
        if self._stopping:
            scope.cancel()
        worker = Worker(self._database, self.models, self.tools, self.owner, record, channel)
        try:
            await run_its_course(worker, scope, lambda: self._stopping)
        finally:
            # The client may have submitted outputs already, and the run be at work again.
            if self._database.at_work.get((claim, self.owner)) is record:
                del self._database.at_work[claim, self.owner], self._tasks[claim]
                self._interpreters.let_go(claim.project, claim.thread_id)

    async def _beat(self) -> None:
        # Not the threads that requests use: while all of those wait (for an endpoint, say), the
        # runs at work are ours still.
        limiter = CapacityLimiter(1)
        while True:
            await asyncio.sleep(leases.HEARTBEAT_SECONDS)
            try:
                for claim in await anyio.to_thread.run_sync(self._sweep, limiter=limiter):
                    self._interrupt(claim)
            except Exception:  # noqa: BLE001 - logged; without a heartbeat every run would be lost
                _log.exception("the heartbeat failed; it goes on")

    def _sweep(self) -> list[Claim]:
        """Renew our leases, end what is overdue; returns those of ours that others cancelled."""
        leases.beat(self._database)
        ours = {claim: record for (claim, _), record in dict(self._database.at_work).items()}
        with self._database.read() as tx:
            amiss = leases.is_ahead(tx) or bool(leases.overdue(tx))
        if not ours and not amiss:
            return []
        from assistctl.server.engine.endings import end_abandoned, stopped

        with self._database.read() as tx:
            gone = stopped(tx, ours.values())
        with self._database.write() as tx:
            leases.count_anew(tx)
            for claim in ours:
                leases.renew(tx, claim, self.owner)
            for claim in leases.overdue(tx):
                end_abandoned(tx, self._records(claim))
        return gone
