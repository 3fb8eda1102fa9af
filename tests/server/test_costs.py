"""What requests cost, in steps of SQLite's machine: not more for what else is in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistctl.server import files
from assistctl.server.assistants_api.record.thread import ThreadRecord
from assistctl.server.assistants_api.routes.threads import create_thread
from assistctl.server.retrieval import vector_stores
from assistctl.server.storage import documents, indexing_queue
from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.documents import Collection
from assistctl.server.storage.leases import Claim
from assistctl.server.wire import FILE, RUN, STEP, STORE_FILE, VECTOR_STORE

PROJECT = "default"

Work = Callable[[Transaction], object]


@pytest.fixture
def database_with(tmp_path: Path) -> Iterator[Callable[[int], Database]]:
    """Makes databases in which so many other things are."""
    opened: list[Database] = []

    def make(others: int) -> Database:
        db = Database(tmp_path / f"{others}.db")
        opened.append(db)
        with db.write() as tx:
            for number in range(others):
                _add_others(tx, number)
        return db

    yield make
    for db in opened:
        db.close()


def _add_others(tx: Transaction, number: int) -> None:
    run, store, file = f"run_{number}", f"vs_{number}", f"file-{number}"
    documents.insert(tx, Collection(RUN, PROJECT, f"thread_{number}"), {"id": run})
    documents.insert(tx, Collection(STEP, PROJECT, run), {"id": f"step_{number}"})
    documents.insert(tx, Collection(FILE, PROJECT), {"id": file})
    documents.insert(tx, Collection(VECTOR_STORE, PROJECT), {"id": store})
    documents.insert(
        tx, Collection(STORE_FILE, PROJECT, store), {"id": file, "status": "completed"}
    )
    indexing_queue.add(tx, PROJECT, store, file)


def _steps(db: Database, work: Work) -> int:
    """How many steps of its machine SQLite needs, in tens."""
    taken: list[None] = []
    with db.write() as tx:
        tx._connection.set_progress_handler(lambda: taken.append(None), 10)
        work(tx)
        tx._connection.set_progress_handler(None, 10)
    return len(taken)


def _what_the_model_reads(tx: Transaction) -> object:
    thread = create_thread(tx, PROJECT, {"messages": [{"role": "user", "content": "hello"}]})
    return ThreadRecord(Claim(PROJECT, thread["id"], "run_of_now")).history(tx)


def _what_code_has_left(tx: Transaction) -> object:
    return ThreadRecord(Claim(PROJECT, "thread_of_now", "run_of_now")).past_code(tx)


def _deletion_of_a_file(tx: Transaction) -> None:
    files.delete(tx, PROJECT, "file-0")


def _what_is_to_be_indexed_next(tx: Transaction) -> object:
    indexing_queue.add(tx, "another", "vs", "file")
    [task] = indexing_queue.waiting(tx, 1, [PROJECT])
    assert task.project == "another"
    return task


@pytest.mark.parametrize(
    "work",
    [
        _what_the_model_reads,
        _what_code_has_left,
        _deletion_of_a_file,
        _what_is_to_be_indexed_next,
    ],
)
def test_what_else_is_in_the_database_costs_nothing(
    database_with: Callable[[int], Database], work: Work
) -> None:
    assert _steps(database_with(500), work) <= _steps(database_with(1), work) + 20


def test_to_ask_whether_files_wait_costs_the_same_however_many_a_store_has(db: Database) -> None:
    def steps(number: int) -> int:
        with db.write() as tx:
            store_id = vector_stores.create(tx, PROJECT, {})["id"]
            collection = Collection(STORE_FILE, PROJECT, store_id)
            for at in range(number):
                file = {"id": f"file-{at}", "status": "completed", "usage_bytes": 1}
                documents.insert(tx, collection, file)
        return _steps(db, lambda tx: vector_stores.pending(tx, PROJECT, [store_id]))

    assert steps(500) <= steps(1) + 20
