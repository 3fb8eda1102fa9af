"""Filling a database with what was dumped from the old API, so that ids kept elsewhere stay valid.

All of it in one transaction. What is there already, or was there and has been deleted since, is
left alone: seeding twice changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.server.retrieval import vector_stores
from assistctl.server.retrieval.vector_stores import NewFile
from assistctl.server.seeding import dump as dumps
from assistctl.server.seeding import objects
from assistctl.server.seeding.dump import Dump, Entry, SeedError
from assistctl.server.seeding.timeline import merged, oldest_first
from assistctl.server.settings import Settings
from assistctl.server.storage import Collection, Database, Transaction, contents, documents, seeded
from assistctl.server.wire import (
    ASSISTANT,
    FILE,
    MESSAGE,
    RUN,
    STEP,
    STORE_FILE,
    THREAD,
    VECTOR_STORE,
    ApiError,
    Document,
    Kind,
)

__all__ = ["SeedError", "Seeded", "seed"]

_KINDS: Mapping[str, tuple[Kind, Callable[[Document], Document]]] = {
    "assistant": (ASSISTANT, objects.assistant),
    "thread": (THREAD, objects.thread),
    "thread.message": (MESSAGE, objects.message),
    "thread.run": (RUN, objects.run),
    "thread.run.step": (STEP, objects.step),
    "vector_store": (VECTOR_STORE, objects.vector_store),
    "file": (FILE, objects.file),
    "vector_store.file": (STORE_FILE, objects.store_file),
}
_READERS = dict(_KINDS.values())


@dataclass(frozen=True)
class Seeded:
    """How many objects of each kind were made, how many were left alone, and what is missing."""

    made: Mapping[str, int]
    left_alone: Mapping[str, int]
    notes: tuple[str, ...] = ()


def seed(settings: Settings, dump: Path, *, project: str = "default") -> Seeded:
    """Make the objects of a dump (a file or a directory, see seeding/dump.py) in a project.

    Raises SeedError, naming every wrong entry, and then nothing was written; DatabaseError where
    the database cannot be used.
    """
    found = dumps.read(dump)
    read, others = _checked(found)
    database = Database(settings.database)
    try:
        with database.write() as tx:
            return _Seeding(tx, project, found, notes=_left_out(others)).run(read)
    finally:
        database.close()


def _checked(dump: Dump) -> tuple[dict[Kind, list[Document]], Counter[str]]:
    """The documents of each kind, and how many of others there are; one that the dump holds twice
    counts once."""
    problems: list[str] = []
    others: Counter[str] = Counter()
    known: dict[tuple[str, ...], tuple[Entry, Document]] = {}
    read: dict[Kind, list[Document]] = {kind: [] for kind in _READERS}
    for entry in dump.entries:
        name = entry.document.get("object")
        if isinstance(name, str) and name not in _KINDS:
            others[name] += 1
            continue
        try:
            kind = _kind(entry.document)
            document = _READERS[kind](entry.document)
        except ApiError as error:
            problems.append(f"{entry}: {error}")
            continue
        place = (kind.name, document["id"], str(document.get("vector_store_id")))
        if place not in known:
            known[place] = (entry, document)
            read[kind].append(document)
        elif known[place][1] != document:
            problems.append(f"{entry}: {known[place][0].where} has the same id and other content")
    if problems:
        raise SeedError(dump.path, problems)
    return read, others


def _left_out(others: Mapping[str, int]) -> list[str]:
    """A dump of everything also holds models, batches and the like."""
    return [
        f"{count} of the kind {name!r} {'is' if count == 1 else 'are'} left out"
        for name, count in others.items()
    ]


def _kind(document: Document) -> Kind:
    """By what the API called it; in dumps that left this out, by its id."""
    if "id" not in document:
        raise ApiError("this object has no `id`")
    name, identity = document.get("object"), str(document["id"])
    if isinstance(name, str):
        return _KINDS[name][0]
    if name is not None:
        raise ApiError(f"objects of the kind {name!r} cannot be seeded")
    kinds = (kind for kind in _READERS if kind.names(identity))
    kind = next(kinds, None)
    if kind is None:
        raise ApiError("it has no `object`, and its id does not tell what it is")
    return STORE_FILE if kind is FILE and "vector_store_id" in document else kind


@dataclass
class _Seeding:
    """One seeding within its transaction."""

    tx: Transaction
    project: str
    dump: Dump
    made: Counter[str] = field(default_factory=Counter)
    left_alone: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def run(self, read: Mapping[Kind, list[Document]]) -> Seeded:
        for file in oldest_first(read[FILE]):
            self._file(file)
        for kind in (VECTOR_STORE, ASSISTANT, THREAD):
            for document in oldest_first(read[kind]):
                self._make(kind, document)
        for file in read[STORE_FILE]:
            self._attach(file)
        self._threads(read)
        for kind in (ASSISTANT, THREAD):
            for document in read[kind]:
                self._note_missing(document)
        left_alone = {kind: count for kind, count in self.left_alone.items() if count}
        return Seeded(dict(self.made), left_alone, tuple(self.notes))

    def _make(self, kind: Kind, document: Document, parent: str = "") -> bool:
        collection = Collection(kind, self.project, parent)
        if kind in (FILE, VECTOR_STORE):
            self._refuse_taken(kind, document)
        identity = document["id"]
        if self._was_seen(collection, identity):
            return False
        documents.insert(self.tx, collection, document)
        self._remember(collection, identity)
        return True

    def _was_seen(self, collection: Collection, identity: str) -> bool:
        """Whether it is here, or was and has been deleted since; then it is left alone."""
        seen = (
            seeded.is_noted(self.tx, collection, identity)
            or documents.find(self.tx, collection, identity) is not None
            or documents.was_deleted(self.tx, collection, identity)
        )
        self.left_alone[collection.kind.name] += seen
        return seen

    def _remember(self, collection: Collection, identity: str) -> None:
        seeded.note(self.tx, collection, identity)
        self.made[collection.kind.name] += 1

    def _refuse_taken(self, kind: Kind, document: Document) -> None:
        """What files and stores hold is kept by their ids alone."""
        if documents.is_in_other_project(self.tx, kind, self.project, document["id"]):
            raise SeedError(
                self.dump.path, [f"{document['id']}: another project has a {kind.noun} of this id"]
            )

    def _file(self, file: Document) -> None:
        content = self.dump.contents.get(file["id"])
        if content is None:
            self.notes.append(f"{file['id']} is left out: its content is not in the dump")
            return
        if self._make(FILE, {**file, "bytes": content.stat().st_size}):
            with content.open("rb") as stream:
                contents.write(self.tx, file["id"], stream)

    def _attach(self, file: Document) -> None:
        store, file_id = file["vector_store_id"], file["id"]
        collection = Collection(STORE_FILE, self.project, store)
        if self._was_seen(collection, file_id):
            return
        if not self._is_there(VECTOR_STORE, store) or not self._is_there(FILE, file_id):
            self.notes.append(f"{file_id} is not put into {store}: one of them is not here")
            return
        new = NewFile(file_id, file["chunking_strategy"], file["attributes"])
        vector_stores.attach(self.tx, self.project, store, [new])
        self._remember(collection, file_id)

    def _threads(self, read: Mapping[Kind, list[Document]]) -> None:
        """Messages, runs and steps, thread by thread."""
        messages, runs, steps = (_by_thread(read[kind]) for kind in (MESSAGE, RUN, STEP))
        for thread_id in dict.fromkeys([*messages, *runs, *steps]):
            said, ran = messages.get(thread_id, []), runs.get(thread_id, [])
            did = steps.get(thread_id, [])
            if self._thread(thread_id, [*said, *ran, *did]):
                for run in oldest_first(ran):
                    self._make(RUN, run, thread_id)
                self._conversation(thread_id, said, did)
            else:
                for kind, skipped in ((MESSAGE, said), (RUN, ran), (STEP, did)):
                    self.left_alone[kind.name] += len(skipped)

    def _thread(self, thread_id: str, inner: list[Document]) -> bool:
        """Whether there is such a thread; one that was not dumped is made, since its messages
        tell of it, one that was deleted since is not."""
        if self._is_there(THREAD, thread_id):
            return True
        moment = min(document["created_at"] for document in inner)
        return self._make(THREAD, objects.thread({"id": thread_id, "created_at": moment}))

    def _conversation(
        self, thread_id: str, messages: list[Document], steps: list[Document]
    ) -> None:
        for document in merged(messages, steps):
            if document["object"] == "thread.message":
                self._make(MESSAGE, document, thread_id)
            elif self._is_there(RUN, document["run_id"], thread_id):
                self._make(STEP, document, document["run_id"])
            else:
                self.notes.append(
                    f"{document['id']} is left out: its run {document['run_id']} is not here"
                )

    def _note_missing(self, document: Document) -> None:
        """What tools refer to stays as it was, since it may come yet."""
        resources = document["tool_resources"]
        files = (resources.get("code_interpreter") or {}).get("file_ids") or ()
        stores = (resources.get("file_search") or {}).get("vector_store_ids") or ()
        for kind, identities in ((FILE, files), (VECTOR_STORE, stores)):
            for identity in identities:
                if not self._is_there(kind, identity):
                    self.notes.append(f"{document['id']} refers to {identity}, which is not here")

    def _is_there(self, kind: Kind, identity: str, parent: str = "") -> bool:
        return documents.find(self.tx, Collection(kind, self.project, parent), identity) is not None


def _by_thread(read: Iterable[Document]) -> dict[str, list[Document]]:
    grouped: dict[str, list[Document]] = {}
    for document in read:
        grouped.setdefault(document["thread_id"], []).append(document)
    return grouped
