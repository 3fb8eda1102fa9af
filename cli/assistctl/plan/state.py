"""What reconcile() compares: the declared state and the observed state, both in Addresses.

At the border, observe turns the target's ids into Addresses; from here to the executor nothing
else is spoken, so that a plan reads like the YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias

from assistctl.errors import Place
from assistctl.plan.fingerprints import NOTHING, OPAQUE, fingerprint
from assistctl.resources import Address, Json


@dataclass(frozen=True)
class Declared:
    """One declared object as the API would hold it.

    `fields` are the API's top-level fields that were declared; a reference to another declared
    object is its Address. A file's only fields are `sha256` (64 hex digits) and `bytes`. `formerly`
    are the addresses that the object may still bear at the target, the latest first. `recorded` is
    given where a former state is put back: what the record said of it then.
    """

    address: Address
    fields: Mapping[str, Json]
    place: Place | None = None
    formerly: tuple[Address, ...] = ()
    recorded: Mapping[str, Applied] | None = None

    @cached_property
    def references(self) -> frozenset[Address]:
        """What else is declared that it cannot do without."""
        return frozenset().union(*self.referring.values())

    @cached_property
    def referring(self) -> Mapping[str, frozenset[Address]]:
        """The fields that may refer to something else that is declared, and to what they do."""
        present = [name for name in REFERRING if name in self.fields]
        return {name: frozenset(references(self.fields[name])) for name in present}

    def fingerprint(self, name: str) -> str:
        """That of a field, also of one that is not declared."""
        return self._fingerprints.get(name, NOTHING)

    @cached_property
    def _fingerprints(self) -> Mapping[str, str]:
        return {name: fingerprint(value) for name, value in self.fields.items()}


REFERRING = ("tool_resources", "files")
"""The fields that may refer to something else that is declared, whatever the API."""

PROTECT = "protect"
"""The field of a declared object that is no field of the API: it lives in the metadata."""

RECORD = "metadata.assistctl_applied"
"""How a plan calls the record of what was applied, where it is gone from the target."""

UNKNOWN = "?"
"""Stands for the answer in a record that travels with the write itself."""


class Applied(NamedTuple):  # of which a plan makes as many as there are fields
    """What the last sync recorded of one field: short hashes of what it declared and, where the
    server answered something else, of what it answered (UNKNOWN until that is noted). `declared`
    None: nothing was, but the server had something there all the same."""

    declared: str | None
    answered: str | None = None

    @property
    def open(self) -> bool:
        """Whether the sync that wrote the field was cut off before it could note the answer."""
        return self.answered == UNKNOWN


@dataclass(frozen=True)
class Upload:
    """A file of ours at the target. `sha256` may be shortened; it is empty where the
    content is not known. Of the superseded, a `replaced` one gave way to newer content, while the
    declaration of any other is gone. A `duplicate` is a second upload of the same content. Of an
    `altered` one somebody has changed what the target remembers of its content."""

    id: str
    address: Address
    sha256: str
    replaced: bool = False
    duplicate: bool = False
    altered: bool = False

    def holds(self, sha256: str) -> bool:
        """Whether it is the upload of the content with this full SHA-256."""
        return not self.duplicate and bool(self.sha256) and sha256.startswith(self.sha256)


Readings: TypeAlias = Callable[[Mapping[str, Json], str], tuple[Json, ...]]


@dataclass(frozen=True)
class Remote:
    """One object of ours at the target.

    - `fields`: normalised; ids of our own objects are Addresses, all others stay strings.
    - `id`: None where nothing at the target holds it, nor has to.
    - `applied`: what the last sync recorded of each field; `recorded` is whether there is a record.
    - `uploads`: the files of ours that it refers to; `superseded`: those that its record calls
      unused and that are still there; `failed`: those that could not be indexed, by id, and why.
    - `unsure`: the fields in which a difference proves no edit, since what they referred to is gone
      or the target does not tell them.
    - `settled`: the store's recorded membership digest equals the declared one, so that its files
      were not listed and are as declared.
    - `formerly`: the address that the object itself still bears, where it has moved.
    - `body`: as the target answered it, to tell later whether it has been edited since.
    - `plain_readings`: what tells of one of these fields, where it holds defaults which the API
      documents, what it is without some of these, and last without any.
    """

    address: Address
    id: str | None
    fields: Mapping[str, Json]
    applied: Mapping[str, Applied] = field(default_factory=dict)
    uploads: tuple[Upload, ...] = ()
    superseded: tuple[Upload, ...] = ()
    unsure: frozenset[str] = frozenset()
    settled: bool = False
    formerly: Address | None = None
    failed: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Json] = field(default_factory=dict)
    plain_readings: Readings = field(default=lambda fields, name: (), compare=False, repr=False)
    recorded: bool = True

    def plainer(self, name: str) -> tuple[Json, ...]:
        """What `plain_readings` tells of a field. Of most of them nobody needs to know."""
        return self.plain_readings(self.fields, name)

    def plain(self, name: str) -> Json:
        """A field without the defaults that the API documents."""
        return (self.fields.get(name), *self.plainer(name))[-1]

    def fingerprint(self, name: str) -> str:
        """That of a field, also of one that is not there."""
        return self._fingerprints.get(name, NOTHING)

    @cached_property
    def _fingerprints(self) -> Mapping[str, str]:
        return {name: fingerprint(value) for name, value in self.fields.items()}

    @cached_property
    def is_open(self) -> bool:
        """Whether a sync that wrote it was cut off before it could note what was answered."""
        return any(item.open for item in self.applied.values())

    @cached_property
    def listed(self) -> frozenset[str]:
        """The fields that were declared when it was written last."""
        return frozenset(name for name, it in self.applied.items() if it.declared is not None)

    @property
    def protected(self) -> bool:
        """Whether it may not be deleted for being declared no longer."""
        return bool(self.fields.get(PROTECT))


@dataclass(frozen=True)
class Observed:
    """Everything read from the target before the decision.

    `duplicates` are further objects of one address, and expired stores that are still declared;
    `unmanaged` maps the names of assistants without an owner to their ids; `superseded` are live
    uploads of ours that an earlier sync stopped using. Of the uploads that may have
    to be deleted, `used_beside` are the ids of those that others use too, through another API or
    without being ours: all of them where the target does not tell, for the reason `unseen`.
    """

    owned: Mapping[Address, Remote] = field(default_factory=dict)
    duplicates: tuple[Remote, ...] = ()
    unmanaged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    superseded: tuple[Upload, ...] = ()
    used_beside: frozenset[str] = frozenset()
    unseen: str | None = None

    def upload(self, address: Address, sha256: str) -> Upload | None:
        """An upload of this file with this content, if the target is known to have one."""
        found = self._uploads.get(address, {}).values()
        return next((upload for upload in found if upload.holds(sha256)), None)

    def held(self) -> Iterator[Upload]:
        """The uploads that our objects refer to; one that is shared, more than once."""
        for remote in (*self.owned.values(), *self.duplicates):
            yield from remote.uploads

    @cached_property
    def _uploads(self) -> Mapping[Address, dict[str, Upload]]:
        """By address and id, since many objects can hold the same one. Of those that nothing holds
        the content is mostly not known."""
        found: dict[Address, dict[str, Upload]] = {}
        for upload in (*self.held(), *self.superseded):
            found.setdefault(upload.address, {}).setdefault(upload.id, upload)
        return found


def references(value: Json) -> Iterator[Address]:
    """Every Address inside a value. What is the user's own holds none."""
    ahead = [value]
    for item in ahead:
        if isinstance(item, Address):
            yield item
        elif isinstance(item, dict):
            ahead += [inner for key, inner in item.items() if key not in OPAQUE]
        elif isinstance(item, list | tuple):
            ahead += item
