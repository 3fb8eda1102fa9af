"""Second uploads of one content, as two syncs at the same time leave them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import pairwise
from math import inf

from assistctl.apis.managed.uploads import Files
from assistctl.plan.state import Declared, Upload
from assistctl.resources import FILE, Address, Json

SAME_TIME = 600.0
"""Seconds within which the uploads of two syncs at the same time come."""


def marked(
    found: Mapping[str, tuple[Upload, ...]], files: Files, declared: Mapping[Address, Declared]
) -> dict[str, tuple[Upload, ...]]:
    """The uploads of each object. Two syncs at the same time may both upload a file: the oldest
    one stays, which everybody can tell, and the others are duplicates."""
    first: dict[Address, tuple[float, str]] = {}
    for some in found.values():
        for upload in some:
            if is_as_declared(upload, declared):
                age = (files.get(upload.id, {}).get("created_at") or inf, upload.id)
                first[upload.address] = min(age, first.get(upload.address, age))

    def judged(upload: Upload) -> Upload:
        is_other = upload.address in first and first[upload.address][1] != upload.id
        is_duplicate = is_other and is_as_declared(upload, declared)
        return replace(upload, duplicate=True) if is_duplicate else upload

    return {object_id: tuple(map(judged, some)) for object_id, some in found.items()}


def may_exist(files: Files, declared: Mapping[Address, Declared], others: Collection[str]) -> bool:
    """Whether two syncs at the same time may have uploaded a file twice: there are more files of
    one name and size than are declared, two of them made at about the same time. `others` are the
    ids of those that are known to be somebody else's."""
    wanted = Counter(
        (address.name.rpartition("/")[2], item.fields["bytes"])
        for address, item in declared.items()
        if address.kind == FILE
    )
    moments: dict[tuple[Json, Json], list[float]] = {}
    for file_id, file in files.items():
        kind = (file.get("filename"), file.get("bytes"))
        if kind in wanted and file_id not in others:
            moments.setdefault(kind, []).append(file.get("created_at") or 0)
    return any(
        len(some) > wanted[kind]
        and any(later - sooner < SAME_TIME for sooner, later in pairwise(sorted(some)))
        for kind, some in moments.items()
    )


def is_as_declared(upload: Upload, declared: Mapping[Address, Declared]) -> bool:
    """Whether an upload has the content that is declared at its address."""
    file = declared.get(upload.address)
    return file is not None and upload.holds(file.fields["sha256"])
