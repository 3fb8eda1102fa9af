"""rewrite_query: a question as what is best searched for.

A model rewrites it where an endpoint is set up and somebody has said which model to use; else, and
where that fails or takes too long, the words that tell nothing are left out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import anyio

from assistctl.server.models import whole
from assistctl.server.models.protocol import Model, ModelError, Request
from assistctl.server.retrieval.words import essence
from assistctl.server.storage import Collection, Transaction
from assistctl.server.storage.documents import fetch, select
from assistctl.server.wire import ASSISTANT, VECTOR_STORE

_log = logging.getLogger("assistctl.server")

_SECONDS = 15.0
_LONGEST = 500
_TASK = (
    "You turn questions into queries for a search engine over documents. Keep the language, names,"
    " numbers and technical terms of the question; leave out politeness and filler; add nothing."
    " Answer with the query alone, on one line, without quotation marks."
)


def model_name(tx: Transaction, project: str, store_id: str) -> str | None:
    """The model of the newest assistant that searches this store, or else of the newest at all.

    Raises ApiError 404 for a store that is not there.
    """
    fetch(tx, Collection(VECTOR_STORE, project), store_id)
    assistants = select(tx, Collection(ASSISTANT, project))
    searching = [
        assistant
        for assistant in assistants
        if store_id
        in assistant["tool_resources"].get("file_search", {}).get("vector_store_ids", ())
    ]
    newest = (searching or assistants)[-1:]
    return next((str(assistant["model"]) for assistant in newest), None)


async def rewritten(model: Model | None, name: str | None, queries: Sequence[str]) -> list[str]:
    """The queries, each rewritten; `name` is what the model's endpoint is asked for."""
    plain = [essence(query) for query in queries]
    if model is None or name is None:
        return plain
    asked = await asyncio.gather(*(_ask(model, name, query) for query in queries))
    return [said or query for said, query in zip(asked, plain, strict=True)]


async def _ask(model: Model, name: str, query: str) -> str:
    """What the model makes of it; nothing if it fails."""
    try:
        with anyio.fail_after(_SECONDS):
            return await _said(model, name, query)
    except (ModelError, TimeoutError) as error:
        _log.warning("a query is only cleaned up: %s", str(error) or "the model takes too long")
        return ""


async def _said(model: Model, name: str, query: str) -> str:
    messages = [{"role": "system", "content": _TASK}, {"role": "user", "content": query}]
    said, _ = await whole.answer(model, Request(name, messages))
    lines = said.strip().splitlines()
    return lines[0].strip().strip("\"'“”「」")[:_LONGEST] if lines else ""
