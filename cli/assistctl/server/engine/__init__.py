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

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.concurrency import run_in_threadpool

from assistctl.server.engine.audience import Audience
from assistctl.server.engine.coding import session_key
from assistctl.server.engine.endings import end_abandoned, end_run
from assistctl.server.engine.prompt import RunEnds
from assistctl.server.engine.record import Ending, Events, Record, Standing, failed
from assistctl.server.engine.streaming import Listener
from assistctl.server.engine.tools import ToolFactory
from assistctl.server.engine.worker import CancelAsked, Worker
from assistctl.server.models import Models
from assistctl.server.models.memory import Memory
from assistctl.server.models.protocol import ModelError
from assistctl.server.retrieval.search import Searcher
from assistctl.server.sandbox import Limits, Sandboxes
from assistctl.server.settings import Settings
from assistctl.server.storage import disk_space, leases
from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.learnt import Learnt
from assistctl.server.storage.leases import Claim, LeaseLost

_log = logging.getLogger("assistctl.server")

GRACE_SECONDS = 3.0
_HURRY_POLL_SECONDS = 0.05
_UNEXPECTED = "The server had an error while working on the run; its log says more."
_FULL = "The server's disk is full."
_SHOWN_PACKAGES = 12
_STANDARD_ONLY = (
    "the standard library only (pip install 'assistctl[interpreter]' for pandas and others)"
)
_SHUT_DOWN = failed("server_error", "The server was shut down before the run ended.")
_LOST = "The run was deleted, or was ended by another process."


@dataclass(frozen=True)
class _Task:
    """A run at work; cancelling its scope stops the work, and the task then ends the run."""

    task: asyncio.Task[None]
    scope: anyio.CancelScope
    record: Record


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
        self.models = Models(settings.model, settings.scripts, Memory(Learnt(database)))
        self.owner = secrets.token_hex(16)
        self.audience = Audience()
        self.tools = ToolFactory(database, searcher, _sandboxes(settings))
        self._database = database
        self._records = records
        self._tasks: dict[Claim, _Task] = {}
        self._stopping = False

    async def start(self) -> None:
        """End what dead processes have left behind, and go on watching."""
        self._loop = asyncio.get_running_loop()
        await run_in_threadpool(self._sweep)
        self._heart = asyncio.create_task(self._beat())

    @property
    def at_work(self) -> int:
        """How many runs."""
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
        if self.tools.sandboxes is not None:
            await run_in_threadpool(self.tools.sandboxes.close_all)
        await self.models.aclose()

    def launch(self, tx: Transaction, record: Record, seconds: float, channel: Listener) -> None:
        """Work on a run, whose lease is this engine's, for at most so long, as soon as `tx` is
        durable."""

        def begin() -> None:
            asyncio.run_coroutine_threadsafe(self._run(record, seconds, channel), self._loop)

        tx.after_commit(begin)

    def forget(self, project: str, owner_id: str) -> None:
        """End the interpreter of a thread or container that was deleted, with all that its code
        has made."""
        if self.tools.sandboxes is not None:
            self.tools.sandboxes.close(session_key(project, owner_id))

    def interrupt(self, tx: Transaction, claim: Claim) -> None:
        """Stop working on a run that by `tx` is to be cancelled, if it is one of ours.

        One that has not begun yet finds out by itself, at its first write.
        """

        def tell() -> None:
            self._loop.call_soon_threadsafe(self._interrupt, claim)

        tx.after_commit(tell)

    def _interrupt(self, claim: Claim) -> None:
        if claim in self._tasks:
            self._tasks[claim].scope.cancel()

    async def _run(self, record: Record, seconds: float, channel: Listener) -> None:
        claim = record.claim
        task = asyncio.current_task()
        assert task is not None
        scope = anyio.CancelScope(deadline=anyio.current_time() + seconds)
        entry = self._tasks[claim] = _Task(task, scope, record)
        if self._stopping:
            scope.cancel()
        worker = Worker(self._database, self.models, self.tools, self.owner, record, channel)
        try:
            ending = await self._outcome(worker, scope)
            if ending is not None:
                channel.send(await run_in_threadpool(self._end, worker, ending))
        except LeaseLost:
            _log.info("run %s is no longer ours", claim.run_id)
            channel.fail(_LOST)
        except Exception as error:  # noqa: BLE001 - logged; the listener is let go
            _log.exception("run %s could not be ended", claim.run_id)
            channel.fail(_fault(error))
        finally:
            channel.close()
            # The client may have submitted outputs already, and the run be at work again.
            if self._tasks.get(claim) is entry:
                del self._tasks[claim]
                self._let_go(claim)

    def _let_go(self, claim: Claim) -> None:
        """Whoever needs an interpreter may have that of the thread now."""
        if self.tools.sandboxes is not None:
            self.tools.sandboxes.let_go(session_key(claim.project, claim.thread_id))

    async def _outcome(self, worker: Worker, scope: anyio.CancelScope) -> Ending | None:
        """Let the worker work; None if it left the run where it should be."""
        try:
            with scope:
                await worker.work()
                return None
        except RunEnds as stop:
            return stop.ending
        except ModelError as error:
            return failed(error.code, error.message)
        except CancelAsked:
            return Ending("cancelled")
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - logged; it fails the run, not the server
            _log.exception("run %s failed", worker.record.claim.run_id)
            return failed("server_error", _fault(error))
        if self._stopping:
            return _SHUT_DOWN
        return Ending("expired" if anyio.current_time() >= scope.deadline else "cancelled")

    def _end(self, worker: Worker, ending: Ending) -> Events:
        """End the run for good. Having been asked to cancel outweighs everything else."""
        record, usage = worker.record, worker.usage()
        with self._database.write() as tx:
            leases.check_held(tx, record.claim, self.owner)
            if record.standing(tx) is Standing.CANCELLING:
                ending = Ending("cancelled")
            return end_run(tx, record, ending, usage)

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
        ours = {claim: task.record for claim, task in list(self._tasks.items())}
        with self._database.read() as tx:
            amiss = leases.is_ahead(tx) or bool(leases.overdue(tx))
            standings = [(claim, record.standing(tx)) for claim, record in ours.items()]
        if ours or amiss:
            with self._database.write() as tx:
                leases.count_anew(tx)
                for claim in ours:
                    leases.renew(tx, claim, self.owner)
                for claim in leases.overdue(tx):
                    end_abandoned(tx, self._records(claim))
        stopped = (Standing.CANCELLING, Standing.GONE)
        return [claim for claim, standing in standings if standing in stopped]


def _fault(error: Exception) -> str:
    """What a run says of a fault that is ours."""
    return _FULL if disk_space.is_lacking(error) else _UNEXPECTED


def code_report(settings: Settings) -> str:
    """What code_interpreter can do on this machine, for whoever starts a server. It is tried."""
    sandboxes = _sandboxes(settings)
    if sandboxes is None:
        return "switched off"
    try:
        if reason := sandboxes.available():
            return f"not available ({reason})"
        packages = sandboxes.packages()
        more = len(packages) - _SHOWN_PACKAGES
        shown = [*packages[:_SHOWN_PACKAGES], *([f"{more} more"] if more > 0 else [])]
        return f"in a sandbox with {', '.join(shown) or _STANDARD_ONLY}"
    finally:
        sandboxes.close_all()


def _sandboxes(settings: Settings) -> Sandboxes | None:
    chosen = settings.code_interpreter
    if not chosen:
        return None
    return Sandboxes(chosen if isinstance(chosen, Limits) else None, settings.code_python)
