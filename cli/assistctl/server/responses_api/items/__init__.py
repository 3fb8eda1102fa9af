"""One record, several views: a stored thread as the items of a conversation, and the other way.

A message is an item. So is each call in a run's tool step, and the output of each function call:
they follow the calls of their step. What clients of this API add becomes messages and steps where
the Assistants API has such a thing, so that its clients see it too; the rest (instructions amid the
conversation, reasoning, calls of tools that a server once answered) is kept as it came, as ITEM.

Every id is told by where the item stands, so that it never changes (ids.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from assistctl.server.assistants_api import locks
from assistctl.server.responses_api.items import ids
from assistctl.server.responses_api.items.adding import add, open_calls
from assistctl.server.responses_api.items.attached import have_files, with_texts
from assistctl.server.responses_api.items.bodies import FEW_ITEMS, ITEMS, as_items
from assistctl.server.responses_api.items.removing import remove
from assistctl.server.responses_api.items.views import Viewer
from assistctl.server.storage import Claim, Transaction, documents, threads
from assistctl.server.storage.documents import Page
from assistctl.server.wire import ApiError, Document, invalid

__all__ = [
    "FEW_ITEMS",
    "ITEMS",
    "Locked",
    "Viewer",
    "add",
    "as_items",
    "find",
    "have_files",
    "ids",
    "missing",
    "of_thread",
    "open_calls",
    "page",
    "refuse_locked",
    "remove",
    "with_texts",
]


def of_thread(
    tx: Transaction, project: str, thread_id: str, include: Collection[str] = ()
) -> list[Document]:
    """All items of a thread or conversation, oldest first; `include` as clients say it."""
    viewer = Viewer(tx, project, include)
    return [
        item
        for document in threads.messages_and_steps(tx, project, thread_id)
        for item in viewer.items(document)
    ]


def page(
    tx: Transaction, project: str, thread_id: str, asked: Page, include: Collection[str] = ()
) -> Document:
    """One page of a conversation's items as the API answers it."""
    found = list(islice(_following(tx, project, thread_id, asked, include), asked.limit + 1))
    return documents.listing(found[: asked.limit], len(found) > asked.limit)


def find(
    tx: Transaction,
    project: str,
    item_id: str,
    thread_id: str | None = None,
    include: Collection[str] = (),
) -> Document | None:
    """The item of this id, in whichever conversation of the project it is if none is named."""
    document = ids.document_of(tx, project, item_id, thread_id)
    items = Viewer(tx, project, include).items(document) if document else ()
    return next((item for item in items if item["id"] == item_id), None)


def missing(item_id: str, thread_id: str) -> ApiError:
    return ApiError(f"No item found with id '{item_id}' in '{thread_id}'.", status=404)


class Locked(ApiError):
    """`claim` is that of the run which keeps the conversation busy."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            "Another process is currently operating on this conversation. Please retry in a few"
            " seconds.",
            param="conversation",
            code="conversation_locked",
        )
        self.claim = claim


def refuse_locked(tx: Transaction, project: str, thread_id: str) -> None:
    """While a response or a run is active, a conversation takes nothing else."""
    if run_id := locks.active_run(tx, project, thread_id):
        raise Locked(Claim(project, thread_id, run_id))


def _following(
    tx: Transaction, project: str, thread_id: str, asked: Page, include: Collection[str]
) -> Iterator[Document]:
    """The items after the cursor, which may have been deleted since."""
    viewer = Viewer(tx, project, include)
    cursor = ids.parse(asked.after) if asked.after else None
    start = threads.place(tx, project, thread_id, cursor.document) if cursor else None
    if cursor and start is None:
        raise invalid("after", f"no item with id '{asked.after}' is in this list.")
    rising = asked.order == "asc"
    for document in threads.in_order(tx, project, thread_id, asked.order, start):
        items = viewer.items(document)
        if cursor and document["id"] == cursor.document:
            items = [
                item
                for item in items
                if (key := ids.parse(item["id"]).key) != cursor.key and (key > cursor.key) == rising
            ]
        yield from items if rising else reversed(items)
