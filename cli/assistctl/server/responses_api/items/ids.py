"""The ids of items, told by where an item stands: none is stored, and none ever changes.

A message and an ITEM have their own. `fc_<step>_<place>` is the function call at a place of a step
(`step` without its prefix), `fco_…` that call's output, `ci_…` and `fs_…` calls of code_interpreter
and file_search. `rs_<message or step>_<place>` is reasoning that came with one. In the same way
`cntr_<thread>` is the container that the code of a thread runs in, `cfile_<file>` a file in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.wire import CONVERSATION, FILE, ITEM, MESSAGE, STEP, THREAD, Document, Kind

_OF_STEP = re.compile(r"(fc|fco|ci|fs)_(.+)_(\d{1,6})", re.ASCII)
_REASONING = re.compile(r"rs_((?:msg|step)_.+)_(\d{1,6})", re.ASCII)
_RANKS = {"rs": 0, "fc": 1, "ci": 1, "fs": 1, "fco": 2}
"""In which order the items of one document come."""
CONTAINER = Kind("container", "cntr_", "container")
CONTAINER_FILE = Kind("container.file", "cfile_", "container file")


@dataclass(frozen=True)
class ItemId:
    """The document that an item is of, and what its items are sorted by."""

    document: str
    key: tuple[int, int]


def of_call(prefix: str, step_id: str, place: int) -> str:
    """The id of a call, or with the prefix "fco" of its output."""
    return f"{prefix}_{step_id.removeprefix(STEP.prefix)}_{place}"


def of_reasoning(document_id: str, place: int) -> str:
    return f"rs_{document_id}_{place}"


def of_container(thread_id: str) -> str:
    for kind in (THREAD, CONVERSATION):
        thread_id = thread_id.removeprefix(kind.prefix)
    return CONTAINER.prefix + thread_id


def threads_of_container(container_id: str) -> list[str]:
    """The ids of which a thread may have this container."""
    suffix = container_id.removeprefix(CONTAINER.prefix)
    return [kind.prefix + suffix for kind in (THREAD, CONVERSATION)]


def of_container_file(file_id: str) -> str:
    return CONTAINER_FILE.prefix + file_id.removeprefix(FILE.prefix)


def file_in_container(container_file_id: str) -> str:
    suffix = container_file_id.removeprefix(CONTAINER_FILE.prefix)
    return suffix if FILE.names(suffix) else FILE.prefix + suffix


def parse(item_id: str) -> ItemId:
    if found := _OF_STEP.fullmatch(item_id):
        return ItemId(STEP.prefix + found[2], (_RANKS[found[1]], int(found[3])))
    if found := _REASONING.fullmatch(item_id):
        return ItemId(found[1], (_RANKS["rs"], int(found[2])))
    return ItemId(item_id, (3, 0))


def document_of(
    tx: Transaction, project: str, item_id: str, thread_id: str | None = None
) -> Document | None:
    """The message, step or ITEM that an item of this id would be of; if a thread is given, there
    only."""
    identity = parse(item_id).document
    for kind in (MESSAGE, STEP, ITEM):
        for parent in documents.parents(tx, kind, project, identity):
            document = documents.find(tx, Collection(kind, project, parent), identity)
            if document and thread_id in (None, document["thread_id"]):
                return document
    return None
