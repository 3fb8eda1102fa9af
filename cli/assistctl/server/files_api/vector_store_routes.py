"""/vector_stores, and their search"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.retrieval import filters, vector_stores
from assistctl.server.retrieval.search import Hit, Query, Weights
from assistctl.server.storage import Collection, Transaction, disk_space, documents
from assistctl.server.storage.database import Busy
from assistctl.server.validation import (
    Required,
    array,
    boolean,
    choice,
    either,
    integer,
    number,
    record,
    string,
)
from assistctl.server.wire import VECTOR_STORE, Document, deleted, public

_CREATE = record(
    {
        "name": string(longest=256),
        "description": string(longest=512),
        "file_ids": array(string(shortest=1), longest=500),
        "expires_after": bodies.STORE_EXPIRY,
        "chunking_strategy": bodies.CHUNKING,
        "metadata": bodies.METADATA,
    }
)
_MODIFY = record(
    {
        "name": string(longest=256),
        "expires_after": bodies.STORE_EXPIRY,
        "metadata": bodies.METADATA,
    }
)
_SEARCH = record(
    {
        "query": Required(either(string(shortest=1), array(string(shortest=1), shortest=1))),
        "rewrite_query": boolean,
        "max_num_results": integer(least=1, most=50),
        "filters": filters.check,
        "ranking_options": record(
            {
                "ranker": choice("none", "auto", "default-2024-11-15", "default_2024_08_21"),
                "score_threshold": number(least=0, most=1),
                "hybrid_search": bodies.hybrid_search,
            }
        ),
    }
)
_DEFAULT_RESULTS = 10
_NOTE_SECONDS = 2.0


def create(call: Call) -> Document:
    body = _CREATE(call.body, "")
    return call.write(lambda tx: _shown(tx, call, vector_stores.create(tx, call.project, body)))


def retrieve(call: Call) -> Document:
    store_id = call.path("vector_store_id", VECTOR_STORE)
    with call.database.read() as tx:
        store = documents.fetch(tx, Collection(VECTOR_STORE, call.project), store_id)
        return _shown(tx, call, store)


def list_all(call: Call) -> Document:
    with call.database.read() as tx:
        stores, more = documents.select_page(
            tx, Collection(VECTOR_STORE, call.project), call.page()
        )
        return documents.listing(vector_stores.present(tx, call.project, stores), more)


def modify(call: Call) -> Document:
    store_id = call.path("vector_store_id", VECTOR_STORE)
    body = _MODIFY(call.body, "")
    changes = {
        name: value if value is not None else {"name": "", "metadata": {}}.get(name)
        for name, value in body.items()
    }

    def change(tx: Transaction) -> Document:
        store = vector_stores.modify(tx, call.project, store_id, changes)
        return _shown(tx, call, store)

    return call.write(change)


def delete(call: Call) -> Document:
    store_id = call.path("vector_store_id", VECTOR_STORE)
    with call.database.write() as tx:
        vector_stores.delete(tx, call.project, store_id)
    return deleted("vector_store.deleted", store_id)


async def search(call: Call) -> Document:
    store_id = call.path("vector_store_id", VECTOR_STORE)
    body = _SEARCH(call.body, "")
    queries = [body["query"]] if isinstance(body["query"], str) else body["query"]
    if body.get("rewrite_query"):
        queries = await _rewritten(call, store_id, queries)
    ranking = body.get("ranking_options") or {}
    query = Query(
        queries,
        limit=body.get("max_num_results") or _DEFAULT_RESULTS,
        threshold=ranking.get("score_threshold") or 0.0,
        weights=Weights.of(ranking),
        condition=body.get("filters"),
    )
    found = await call.server.searcher.in_thread(partial(_found, call, store_id, query))
    return {
        "object": "vector_store.search_results.page",
        "search_query": queries,
        "data": [_result(chunk) for chunk in found],
        "has_more": False,
        "next_page": None,
    }


async def _rewritten(call: Call, store_id: str, queries: Sequence[str]) -> list[str]:
    from assistctl.server.retrieval import rewriting  # it imports what speaks to models

    def name() -> str | None:
        with call.database.read() as tx:
            return rewriting.model_name(tx, call.project, store_id)

    asked = await call.server.lanes.reads.run(name)
    return await rewriting.rewritten(call.server.engine.models.endpoint, asked, queries)


def _found(call: Call, store_id: str, query: Query) -> list[Hit]:
    """Where it cannot be written that the store was used, the answer is there all the same."""
    found = call.server.searcher.search(call.project, [store_id], query)
    try:
        with call.database.write(_NOTE_SECONDS) as tx:
            vector_stores.touch(tx, call.project, store_id)
    except Exception as error:
        if not isinstance(error, Busy) and not disk_space.is_lacking(error):
            raise
    return found


def _result(chunk: Hit) -> Document:
    return {
        "file_id": chunk.file_id,
        "filename": chunk.filename,
        "score": chunk.score,
        "attributes": chunk.attributes,
        "content": [{"type": "text", "text": chunk.text}],
    }


def _shown(tx: Transaction, call: Call, store: Document) -> Document:
    [shown] = vector_stores.present(tx, call.project, [store])
    return public(shown)


ENDPOINTS = (
    Endpoint("POST", "/vector_stores", create),
    Endpoint("GET", "/vector_stores", list_all),
    Endpoint("GET", "/vector_stores/{vector_store_id}", retrieve),
    Endpoint("POST", "/vector_stores/{vector_store_id}", modify),
    Endpoint("DELETE", "/vector_stores/{vector_store_id}", delete),
    Endpoint("POST", "/vector_stores/{vector_store_id}/search", search),
)
