"""/conversations/{conversation_id}/items"""

from __future__ import annotations

from collections.abc import Collection as Names

from assistctl.server.http.call import Call, Endpoint
from assistctl.server.responses_api import conversations, items
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import Required, choice, record
from assistctl.server.wire import CONVERSATION, Document

_NEW = record({"items": Required(items.FEW_ITEMS)})
_INCLUDABLE = choice(
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
)


def create(call: Call) -> Document:
    conversation_id, include = call.path("conversation_id", CONVERSATION), included(call)
    body = _NEW(call.body, "")
    given = items.with_texts(call.database, call.project, body["items"], "items")

    def change(tx: Transaction) -> Document:
        _fetch(call, tx, conversation_id)
        items.refuse_locked(tx, call.project, conversation_id)
        added = items.add(tx, call.project, conversation_id, given, include=include)
        return documents.listing(added)

    return call.write(change)


def list_all(call: Call) -> Document:
    conversation_id, include = call.path("conversation_id", CONVERSATION), included(call)
    with call.database.read() as tx:
        _fetch(call, tx, conversation_id)
        return items.page(tx, call.project, conversation_id, call.page(), include)


def retrieve(call: Call) -> Document:
    conversation_id, include = call.path("conversation_id", CONVERSATION), included(call)
    item_id = call.request.path_params["item_id"]
    with call.database.read() as tx:
        _fetch(call, tx, conversation_id)
        item = items.find(tx, call.project, item_id, conversation_id, include)
    if item is None:
        raise items.missing(item_id, conversation_id)
    return item


def delete(call: Call) -> Document:
    """Answered, as at OpenAI, with the conversation."""
    conversation_id = call.path("conversation_id", CONVERSATION)
    item_id = call.request.path_params["item_id"]
    with call.database.write() as tx:
        conversation = _fetch(call, tx, conversation_id)
        items.refuse_locked(tx, call.project, conversation_id)
        if not items.remove(tx, call.project, conversation_id, item_id):
            raise items.missing(item_id, conversation_id)
    return conversations.shown(conversation)


def included(call: Call) -> Names[str]:
    return [_INCLUDABLE(name, "include") for name in call.include()]


def _fetch(call: Call, tx: Transaction, conversation_id: str) -> Document:
    return documents.fetch(tx, Collection(CONVERSATION, call.project), conversation_id)


ENDPOINTS = (
    Endpoint("POST", "/conversations/{conversation_id}/items", create),
    Endpoint("GET", "/conversations/{conversation_id}/items", list_all),
    Endpoint("GET", "/conversations/{conversation_id}/items/{item_id}", retrieve),
    Endpoint("DELETE", "/conversations/{conversation_id}/items/{item_id}", delete),
)
