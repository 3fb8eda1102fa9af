"""What our metadata at the target says: whose an object is and what was last applied to it.

At most eight of the sixteen pairs are ours; values have at most 512 characters.

    assistctl           <namespace>/<key>
    assistctl_applied   field:hash[/hash],…   what was declared, and what the server answered
                                              (`/?`: not noted yet; `-/hash`: nothing was declared;
                                              `-` alone: nothing at all)
    assistctl_files     tail:sha:path,…       code_interpreter files: end of the id, start of the
                                              content's SHA-256, hash of the path
    assistctl_stale     [-]id,…               uploads not used any more; `-`: declared away
    assistctl_digest    hash                  a vector store's membership
    assistctl_protect   true                  never to be pruned
    assistctl_uploads   id,…                  } where an API has no field for them: an assistant's
    assistctl_stores    id,…                  } code_interpreter files, the stores it searches, and
    assistctl_description …                   } its description

A value that does not fit goes on in <name>2 and <name>3. Only assistants have files, only stores
a digest, so that nobody needs more than eight pairs; what stands for an assistant has up to six
more, and none of the user's. The hashes of all fields that an object can
have fit into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from assistctl.plan.state import Applied, Upload
from assistctl.resources import FILE, Address, Json
from assistctl.resources import digest as digest_of

OWNER = "assistctl"

MAX_VALUE = 512
TAIL, SHA, PATH = 8, 12, 6
PARTS = {"applied": 1, "files": 2, "stale": 3, "uploads": 5, "stores": 1}
PROTECTED = f"{OWNER}_protect"
_DESCRIPTION = f"{OWNER}_description"
NOT_DECLARED = "-"
STAND_IN = "assistant/"
"""What the key begins with in the record of a vector store that stands for an assistant, where the
API has none. No declared store has a slash in its key."""


class Mark(NamedTuple):
    """By what a record knows an upload: its content and its path, both shortened."""

    sha256: str
    path: str


def mark(address: Address, sha256: str) -> Mark:
    return Mark(sha256[:SHA], digest_of(address.name)[:PATH])


@dataclass(frozen=True)
class Record:
    """The content of our pairs. `files` are the code_interpreter files by their ids; `whole` tells
    that nobody has taken away what was applied, or made it something that we have not written."""

    owner: str
    applied: Mapping[str, Applied] = field(default_factory=dict)
    files: Mapping[str, Mark] = field(default_factory=dict)
    superseded: tuple[Upload, ...] = ()
    digest: str | None = None
    protected: bool = False
    whole: bool = True


def encode(record: Record) -> dict[str, str]:
    """The metadata pairs that hold this record."""
    applied = [
        f"{name}:{hashes.declared or NOT_DECLARED}"
        + (f"/{hashes.answered}" if hashes.answered else "")
        for name, hashes in sorted(record.applied.items())
    ]
    files = [
        f"{file_id[-TAIL:]}:{mark.sha256}:{mark.path}"
        for file_id, mark in sorted(record.files.items())
    ]
    superseded = map(_unused, record.superseded)
    pairs = {OWNER: record.owner}
    pairs |= (
        _spread("applied", applied or [NOT_DECLARED])
        | _spread("files", files)
        | _spread("stale", superseded)
    )
    if record.digest:
        pairs[f"{OWNER}_digest"] = record.digest
    if record.protected:
        pairs[PROTECTED] = "true"
    return pairs


def without_room(superseded: Sequence[Upload]) -> tuple[Upload, ...]:
    """Those of the unused uploads that do not fit into the metadata of a record any more."""
    lines = _spread("stale", map(_unused, superseded)).values()
    return tuple(superseded[sum(line.count(",") + 1 for line in lines) :])


def decode(metadata: Mapping[str, Json] | None, ids: Iterable[str] = ()) -> Record | None:
    """The record in an object's metadata; None for an object that nobody owns.

    `ids` are the file ids that the object refers to; those that the record knows are its files.
    """
    metadata = metadata or {}
    if (owner := owner_of(metadata)) is None:
        return None
    applied = {}
    items = _gather(metadata, "applied")
    for item in items:
        name, colon, hashes = item.partition(":")
        declared, _, answered = hashes.partition("/")
        if colon:
            known = None if declared == NOT_DECLARED else declared
            applied[name] = Applied(known, answered or None)
    marks = {}
    for item in _gather(metadata, "files"):
        tail, *marked = item.rsplit(":", 2)
        if len(marked) == 2:
            marks[tail] = Mark(*marked)
    files = {file_id: marks[file_id[-TAIL:]] for file_id in ids if file_id[-TAIL:] in marks}
    superseded = tuple(
        Upload(item.removeprefix("-"), Address(FILE, "?"), "", replaced=not item.startswith("-"))
        for item in _gather(metadata, "stale")
    )
    digest = metadata.get(f"{OWNER}_digest")
    return Record(
        owner,
        applied,
        files,
        superseded,
        digest if isinstance(digest, str) else None,
        is_protected(metadata),
        whole=bool(items) and all(":" in item or item == NOT_DECLARED for item in items),
    )


def owner_of(metadata: Mapping[str, Json] | None) -> str | None:
    """Whose an object is, by its metadata; None if nobody owns it."""
    owner = (metadata or {}).get(OWNER)
    return owner if isinstance(owner, str) else None


def is_protected(metadata: Mapping[str, Json] | None) -> bool:
    """Whether an object's metadata forbids to prune it."""
    return (metadata or {}).get(PROTECTED) == "true"


def without_ours(metadata: Mapping[str, Json] | None) -> dict[str, Json]:
    """The user's own pairs."""
    return {key: value for key, value in (metadata or {}).items() if not is_ours(key)}


def is_stand_in(body: Mapping[str, Json]) -> bool:
    """Whether a vector store is not one to search, but stands for somebody's assistant."""
    owner = owner_of(body.get("metadata")) or ""
    return owner.partition("/")[2].startswith(STAND_IN)


def uses(file_ids: Iterable[str], store_ids: Iterable[str]) -> dict[str, str]:
    """The metadata pairs of a store that stands for an assistant: the files and stores it uses."""
    return _spread("uploads", file_ids) | _spread("stores", store_ids)


def described(text: str | None) -> dict[str, str]:
    """The pair that keeps a description."""
    return {_DESCRIPTION: text} if text else {}


def description_of(body: Mapping[str, Json]) -> str | None:
    """The description that this pair keeps."""
    text = (body.get("metadata") or {}).get(_DESCRIPTION)
    return text if isinstance(text, str) else None


def used_files(body: Mapping[str, Json]) -> list[str]:
    """The files that these pairs name."""
    return _gather(body.get("metadata") or {}, "uploads")


def used_stores(body: Mapping[str, Json]) -> list[str]:
    """The stores that these pairs name."""
    return _gather(body.get("metadata") or {}, "stores")


def is_ours(key: str) -> bool:
    return key == OWNER or key.startswith(f"{OWNER}_")


def _unused(upload: Upload) -> str:
    return upload.id if upload.replaced else f"-{upload.id}"


def _spread(name: str, items: Iterable[str]) -> dict[str, str]:
    """Items joined by commas over as few pairs as they need. What is beyond the last pair is left
    out: a field that is not listed counts as never synced, an upload as an orphan."""
    pairs: dict[str, str] = {}
    line = ""
    for item in items:
        if line and len(line) + 1 + len(item) > MAX_VALUE:
            pairs[_key(name, len(pairs))] = line
            line = ""
            if len(pairs) == PARTS[name]:
                return pairs
        line = f"{line},{item}" if line else item
    if line:
        pairs[_key(name, len(pairs))] = line
    return pairs


def _gather(metadata: Mapping[str, Json], name: str) -> list[str]:
    values = [metadata.get(_key(name, part)) for part in range(PARTS[name])]
    return [item for value in values if isinstance(value, str) for item in value.split(",") if item]


@cache
def _key(name: str, part: int) -> str:
    return f"{OWNER}_{name}" + (str(part + 1) if part else "")
