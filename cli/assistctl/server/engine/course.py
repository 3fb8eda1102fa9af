"""The course of a run at work, until it has ended or waits for its client, whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
from starlette.concurrency import run_in_threadpool

from assistctl.server.engine.endings import end_run
from assistctl.server.engine.prompt import RunEnds
from assistctl.server.engine.record import Ending, Events, Standing, failed
from assistctl.server.engine.worker import CancelAsked, Worker
from assistctl.server.models.protocol import ModelError
from assistctl.server.storage import disk_space, leases
from assistctl.server.storage.leases import LeaseLost

_log = logging.getLogger("assistctl.server")

_UNEXPECTED = "The server had an error while working on the run; its log says more."
_FULL = "The server's disk is full."
_SHUT_DOWN = failed("server_error", "The server was shut down before the run ended.")
_LOST = "The run was deleted, or was ended by another process."


async def run_its_course(
    worker: Worker, scope: anyio.CancelScope, is_stopping: Callable[[], bool]
) -> None:
    """Let the worker work, and write down how the run ended if that is not written yet. Cancelling
    the scope stops the work. Whoever listens is told, and let go."""
    claim, channel = worker.record.claim, worker.channel
    try:
        ending = await _outcome(worker, scope, is_stopping)
        if ending is not None:
            channel.send(await run_in_threadpool(_end, worker, ending))
    except LeaseLost:
        _log.info("run %s is no longer ours", claim.run_id)
        channel.fail(_LOST)
    except Exception as error:  # noqa: BLE001 - logged; the listener is let go
        _log.exception("run %s could not be ended", claim.run_id)
        channel.fail(_fault(error))
    finally:
        channel.close()


async def _outcome(
    worker: Worker, scope: anyio.CancelScope, is_stopping: Callable[[], bool]
) -> Ending | None:
    """None if the worker left the run where it should be."""
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
    if is_stopping():
        return _SHUT_DOWN
    return Ending("expired" if anyio.current_time() >= scope.deadline else "cancelled")


def _end(worker: Worker, ending: Ending) -> Events:
    """End the run for good. Having been asked to cancel outweighs everything else."""
    record, usage = worker.record, worker.usage()
    with worker.database.write() as tx:
        leases.check_held(tx, record.claim, worker.owner)
        if record.standing(tx) is Standing.CANCELLING:
            ending = Ending("cancelled")
        return end_run(tx, record, ending, usage)


def _fault(error: Exception) -> str:
    """What a run says of a fault that is ours."""
    return _FULL if disk_space.is_lacking(error) else _UNEXPECTED
