"""What was learnt of models, kept in the server's database for those who come after.

A short command starts a server of its own: without a memory each would be refused the same again.
After a while it is forgotten, since endpoints are upgraded.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from assistctl.server.models.dialect import Dialect
from assistctl.server.models.endpoint import Way

_log = logging.getLogger("assistctl.server")

_DAYS = 7


class Storage(Protocol):
    """Where a memory is kept; texts by their keys."""

    def load(self, key: str) -> str | None: ...

    def save(self, key: str, value: str) -> None: ...


class Memory:
    """Dialects by endpoint and model; without a storage, of this process alone."""

    def __init__(self, storage: Storage | None = None) -> None:
        self._storage = storage
        self._known: dict[str, tuple[float, Dialect]] = {}

    async def recall(self, endpoint: str, way: Way) -> Dialect:
        """What is known of a model, at least what is declared."""
        key = _key(endpoint, way)
        known = self._known.get(key)
        if known is None or _is_old(known[0]):
            stored = await run_in_threadpool(self._load, key)
            known = self._known[key] = _parsed(stored) or (time.time(), way.dialect)
        return known[1]

    async def keep(self, endpoint: str, way: Way, dialect: Dialect) -> None:
        key = _key(endpoint, way)
        known = self._known.get(key)
        if known is not None and known[1] == dialect:
            return
        now = time.time()
        self._known[key] = (now, dialect)
        learnt = json.dumps({"at": int(now), "dialect": dialect.to_json()})
        await run_in_threadpool(self._save, key, learnt)

    def _load(self, key: str) -> str | None:
        try:
            return self._storage.load(key) if self._storage else None
        except Exception:  # noqa: BLE001 - logged; who cannot remember asks once more
            _log.warning("what was learnt of a model cannot be read", exc_info=True)
            return None

    def _save(self, key: str, learnt: str) -> None:
        try:
            if self._storage:
                self._storage.save(key, learnt)
        except Exception:  # noqa: BLE001 - logged; the answer itself is whole
            _log.warning("what was learnt of a model cannot be kept", exc_info=True)


def _key(endpoint: str, way: Way) -> str:
    """What is declared is part of it: who declares something else begins anew."""
    declared = way.dialect.to_json()
    return json.dumps([endpoint, way.name, way.api, declared], sort_keys=True)


def _is_old(at: float) -> bool:
    return time.time() - at > _DAYS * 86400


def _parsed(stored: str | None) -> tuple[float, Dialect] | None:
    """When it was learnt, and what; None where there is nothing of use."""
    if stored is None:
        return None
    try:
        learnt: Mapping[str, object] = json.loads(stored)
        at, dialect = float(str(learnt["at"])), learnt["dialect"]
        if _is_old(at) or not isinstance(dialect, Mapping):
            return None
        return at, Dialect.from_json(dialect)
    except (KeyError, TypeError, ValueError):
        return None  # of another version
