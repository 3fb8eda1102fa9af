"""Deleting items of a conversation."""

from __future__ import annotations

from assistctl.server.assistants_api.record import steps
from assistctl.server.models.protocol import STATE
from assistctl.server.responses_api.items import ids
from assistctl.server.responses_api.items.views import Viewer, is_open, place_of
from assistctl.server.storage import Collection, Transaction
from assistctl.server.storage.documents import remove as remove_document
from assistctl.server.storage.documents import save
from assistctl.server.wire import ITEM, MESSAGE, STEP, Document


def remove(tx: Transaction, project: str, thread_id: str, item_id: str) -> bool:
    """Delete an item; False if the conversation has none of this id.

    A call goes with its output, and an output with its call: alone, neither means anything to a
    model. A step goes with its last call.
    """
    document = ids.document_of(tx, project, item_id, thread_id)
    shown = Viewer(tx, project).items(document) if document else ()
    if document is None or all(item["id"] != item_id for item in shown):
        return False
    if document["object"] == "thread.run.step":
        _from_step(tx, project, document, item_id)
    elif item_id == document["id"]:
        kind = MESSAGE if document["object"] == "thread.message" else ITEM
        remove_document(tx, Collection(kind, project, thread_id), item_id)
    else:
        _forget_thoughts(tx, Collection(MESSAGE, project, thread_id), document)
    return True


def _from_step(tx: Transaction, project: str, step: Document, item_id: str) -> None:
    collection = Collection(STEP, project, step["run_id"])
    rank, place = ids.parse(item_id).key
    calls = step["step_details"]["tool_calls"]
    places = {call["id"]: place_of(step, call["id"]) for call in calls}
    if rank == 0:
        _forget_thoughts(tx, collection, step)
        return
    rest = [call for call in calls if places[call["id"]] != place]
    if not rest:
        remove_document(tx, collection, step["id"])
        return
    kept = {call["id"]: step["_calls"][call["id"]] for call in rest if call["id"] in step["_calls"]}
    changed = {**steps.with_calls(step, rest), "_calls": kept, "_places": places}
    if changed["status"] == "in_progress" and not any(is_open(changed, call) for call in rest):
        changed = steps.completed(changed)
    save(tx, collection, {key: value for key, value in changed.items() if key != STATE})


def _forget_thoughts(tx: Transaction, collection: Collection, document: Document) -> None:
    save(tx, collection, {key: value for key, value in document.items() if key != STATE})
