"""execute(): send Operations in their order. It decides nothing; it only knows what has failed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import as_completed
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from assistctl.apis.managed.kinds import AssistantKind
from assistctl.apis.managed.ledger import Ids, Ledger, known_ids
from assistctl.apis.managed.operations import Attach, Delete, Detach, Operation, Write
from assistctl.apis.managed.send import STOPPED, Sender, Stopped
from assistctl.apis.transport.client import Client, path_of
from assistctl.apis.transport.failures import LostAnswer
from assistctl.errors import AssistctlError, RemoteError
from assistctl.plan.state import Declared, Observed
from assistctl.resources import Address
from assistctl.surface import Outcome, Watch


def execute(
    client: Client,
    kind: AssistantKind,
    root: Path,
    operations: Iterable[Operation],
    declared: Mapping[Address, Declared],
    observed: Observed,
    watch: Watch = Watch(),
) -> Iterator[Outcome]:
    """Send the operations, phase after phase and in parallel within one, and yield how each ended.

    A failure stops only what depends on it; the next sync finishes the rest.
    """
    ids, ledger = Ids(known_ids(declared, observed)), Ledger()
    sender = Sender(client, kind, root, watch, ids, ledger, observed)
    with client.pool() as pool:
        for _, phase in groupby(operations, key=lambda operation: operation.phase):
            futures = [pool.submit(_run, sender, operation) for operation in phase]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                raise
    if not (watch.stopped() and watch.keeps()):
        _discard(client, ledger.unused())


def _run(sender: Sender, operation: Operation) -> Outcome:
    start, ledger = time.monotonic(), sender.ledger
    if sender.watch.stopped():
        ledger.give_up(operation)
        return Outcome(operation, error=STOPPED, stopped=True)
    if blocker := _blocker(sender, operation):
        return Outcome(operation, error=blocker)
    try:
        sender.send(operation)
    except (AssistctlError, OSError) as error:
        ledger.give_up(operation)
        if isinstance(error, LostAnswer) and isinstance(operation, Write | Attach):
            ledger.used(operation.files)
        seconds = time.monotonic() - start
        stopped = isinstance(error, Stopped)
        files = {} if stopped else sender.attached(operation)
        return Outcome(operation, seconds, error=str(error), stopped=stopped, files=files)
    seconds = time.monotonic() - start
    known = sender.ids.get(operation.address)
    return Outcome(operation, seconds, known, files=sender.attached(operation))


def _blocker(sender: Sender, operation: Operation) -> str | None:
    """Why an operation cannot be done, because of what was not done before it."""
    ledger = sender.ledger
    if ledger.halted:
        return ledger.halted
    needed = {operation.address}
    if isinstance(operation, Delete):
        needed.update(operation.users)
    missing = ledger.broken(needed)
    if isinstance(operation, Write | Attach):
        value = operation.fields if isinstance(operation, Write) else list(operation.files)
        missing += sender.ids.missing(value)
    if not missing and isinstance(operation, Detach):
        if not ledger.is_unsettled(operation.file_id):
            return None
        ledger.give_up(operation)
        return f"not done, since nothing else would tell that {operation.file_id} is ours"
    if not missing:
        return None
    ledger.give_up(operation)
    return "not done, because of " + ", ".join(map(str, dict.fromkeys(missing)))


def _discard(client: Client, file_ids: list[str]) -> None:
    """Delete uploads that nothing came to use: nobody else could tell later that they are ours. If
    that fails too, they stay as orphans."""
    with suppress(RemoteError), client.pool() as pool:
        for _ in pool.map(
            lambda it: client.delete(path_of("/files", it), just_made=True), file_ids
        ):
            pass
