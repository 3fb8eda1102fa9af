"""What our metadata at the target says: whose an object is and what was last applied to it.

At most eight of the sixteen pairs are ours; values have at most 512 characters.

    assistctl           <namespace>/<key>
    assistctl_applied   field:hash[/hash],…   what was declared, and what the server answered
    assistctl_files     tail:sha,…            code_interpreter files: end of id, start of SHA-256
    assistctl_stale     [-]id,…               uploads not used any more; `-`: declared away
    assistctl_digest    hash                  a vector store's membership

A value that does not fit goes on in <name>2 and <name>3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from assistctl.plan.state import Applied, Upload
from assistctl.resources import FILE, Address, Json

OWNER = "assistctl"
MAX_VALUE = 512
TAIL, SHA = 8, 12
PARTS = {"applied": 2, "files": 1, "stale": 3}


@dataclass(frozen=True)
class Record:
    """The content of our pairs. `files` maps ids to SHA-256 (shortened when read back)."""

    owner: str
    applied: Mapping[str, Applied] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    stale: tuple[Upload, ...] = ()
    digest: str | None = None


def encode(record: Record) -> dict[str, str]:
    """The metadata pairs that hold this record."""
    applied = [
        f"{name}:{hashes.declared}" + (f"/{hashes.answered}" if hashes.answered else "")
        for name, hashes in sorted(record.applied.items())
    ]
    files = [
        f"{file_id[-TAIL:]}:{sha256[:SHA]}" for file_id, sha256 in sorted(record.files.items())
    ]
    stale = [upload.id if upload.replaced else f"-{upload.id}" for upload in record.stale]
    pairs = {OWNER: record.owner}
    pairs |= _spread("applied", applied) | _spread("files", files) | _spread("stale", stale)
    if record.digest:
        pairs[f"{OWNER}_digest"] = record.digest
    return pairs


def decode(metadata: Mapping[str, Json] | None, ids: Iterable[str] = ()) -> Record | None:
    """The record in an object's metadata; None for an object that nobody owns.

    `ids` are the file ids that the object refers to; those that the record knows are its files.
    """
    metadata = metadata or {}
    owner = metadata.get(OWNER)
    if not isinstance(owner, str):
        return None
    applied = {}
    for item in _gather(metadata, "applied"):
        name, _, hashes = item.partition(":")
        declared, _, answered = hashes.partition("/")
        applied[name] = Applied(declared, answered or None)
    shas = dict(item.partition(":")[::2] for item in _gather(metadata, "files"))
    files = {file_id: shas[file_id[-TAIL:]] for file_id in ids if file_id[-TAIL:] in shas}
    stale = tuple(
        Upload(item.lstrip("-"), Address(FILE, "?"), "", replaced=not item.startswith("-"))
        for item in _gather(metadata, "stale")
    )
    digest = metadata.get(f"{OWNER}_digest")
    return Record(owner, applied, files, stale, digest if isinstance(digest, str) else None)


def without_ours(metadata: Mapping[str, Json] | None) -> dict[str, Json]:
    """The user's own pairs."""
    return {key: value for key, value in (metadata or {}).items() if not is_ours(key)}


def is_ours(key: str) -> bool:
    return key == OWNER or key.startswith(f"{OWNER}_")


def _spread(name: str, items: Iterable[str]) -> dict[str, str]:
    """Items joined by commas over as few pairs as they need. What is beyond the last pair is left
    out: a field that is not listed counts as never synced, an upload as a stray."""
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


def _key(name: str, part: int) -> str:
    return f"{OWNER}_{name}" + (str(part + 1) if part else "")
