"""What an execution knows by now, from all of its threads: ids, what was made, what is broken."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from threading import Lock

from assistctl.apis.managed.operations import Delete, Operation, SetAside
from assistctl.plan.state import Declared, Observed, references
from assistctl.resources import FILE, Address, Json


class Ids:
    """The ids that are known so far, by Address."""

    def __init__(self, known: Mapping[Address, str]) -> None:
        self._lock = Lock()
        self._ids = dict(known)
        self._made: set[str] = set()

    def get(self, address: Address) -> str | None:
        """The id of an object, if it has one yet."""
        return self._ids.get(address)

    def __getitem__(self, address: Address) -> str:
        return self._ids[address]

    def made(self, address: Address, object_id: str) -> None:
        """Note what was just made, which not all of the target may know yet."""
        with self._lock:
            self._made.add(object_id)
            self._ids[address] = object_id

    def found(self, address: Address, object_id: str) -> None:
        """Note the id of an object that was there."""
        with self._lock:
            self._ids[address] = object_id

    def just_made(self, ids: Iterable[str | None]) -> bool:
        """Whether one of these was made here."""
        return any(object_id in self._made for object_id in ids)

    def missing(self, value: Json) -> list[Address]:
        """The Addresses in a value that have no id yet."""
        return sorted(address for address in references(value) if address not in self._ids)

    def resolved(self, value: Json) -> Json:
        """The value with ids in place of Addresses."""
        if isinstance(value, Address):
            return self._ids[value]
        if isinstance(value, Mapping):
            return {key: self.resolved(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.resolved(item) for item in value]
        return value


def known_ids(declared: Mapping[Address, Declared], observed: Observed) -> dict[Address, str]:
    """The ids of our objects, of the uploads that hold what is declared, and of those that no
    declaration knows."""
    ids = {
        upload.address: upload.id
        for remote in observed.owned.values()
        for upload in remote.uploads
        if upload.address not in declared
    }
    ids |= {address: remote.id for address, remote in observed.owned.items() if remote.id}
    for address, declaration in declared.items():
        if address.kind == FILE:
            upload = observed.upload(address, declaration.fields["sha256"])
            if upload:
                ids[address] = upload.id
    return ids


class Ledger:
    """What could not be done, and which uploads of this execution something uses."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._broken: set[Address] = set()
        self._unsettled: set[str] = set()
        self._uploaded: dict[Address, str] = {}
        self._used: set[Address] = set()
        self.halted: str | None = None
        """Why nothing more is begun at all."""

    def give_up(self, operation: Operation) -> None:
        """Note that something was not done: what waits for it is not done either."""
        with self._lock:
            self._broken.add(operation.address)
            if isinstance(operation, Delete):
                self._unsettled.add(operation.id)
            elif isinstance(operation, SetAside):
                self._unsettled.update(upload.id for upload in operation.uploads)

    def broken(self, addresses: Collection[Address]) -> list[Address]:
        """Those of which something was not done."""
        with self._lock:
            return sorted(self._broken.intersection(addresses))

    def is_unsettled(self, file_id: str) -> bool:
        """Whether an upload should have been deleted or set aside, and was not."""
        return file_id in self._unsettled

    def uploaded(self, address: Address, file_id: str) -> None:
        """Note an upload of this execution."""
        with self._lock:
            self._uploaded[address] = file_id

    def used(self, addresses: Iterable[Address]) -> None:
        """Note files that something refers to by now, or may."""
        with self._lock:
            self._used.update(addresses)

    def unused(self) -> list[str]:
        """The uploads of this execution that nothing came to use."""
        with self._lock:
            return [it for address, it in self._uploaded.items() if address not in self._used]
