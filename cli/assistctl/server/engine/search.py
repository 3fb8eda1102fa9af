"""The file_search tool: what the model is told about it, and what happens when it is called.

A search is a call in a tool step whose `_calls` entry also holds `name` (as the model called it),
`search` (its number within the run, see citations) and, where there was one, an `error`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assistctl.server import vector_stores
from assistctl.server.documents import Shelf, find, select
from assistctl.server.engine.citations import Resolve, mark
from assistctl.server.store import Transaction
from assistctl.server.wire import STEP, VECTOR_STORE, Document

_CHUNKS = 20
_DESCRIPTION = (
    "Search the files that belong to this conversation. Returns the best matching passages, each "
    "with a mark. Where the answer uses a passage, put its mark right behind, copied exactly."
)
_PARAMETERS = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What to look for."}},
    "required": ["query"],
}


def search_tool(run: Document) -> Document | None:
    """The run's file_search tool as declared, if it has one."""
    return next((tool for tool in run["tools"] if tool["type"] == "file_search"), None)


def search_name(run: Document) -> str:
    """What the tool is called for the model: a function of the client's may have taken its name."""
    names = {tool["function"]["name"] for tool in run["tools"] if tool["type"] == "function"}
    return "file_search" if "file_search" not in names else "search_attached_files"


def definition(run: Document) -> Document:
    function = {
        "name": search_name(run),
        "description": _DESCRIPTION,
        "parameters": _PARAMETERS,
    }
    return {"type": "function", "function": function}


@dataclass(frozen=True)
class Search:
    """One call answered: its number within the run, what its step shows, an error if it failed."""

    number: int
    shown: Document
    error: str | None = None


def run_search(tx: Transaction, project: str, run: Document, arguments: str, number: int) -> Search:
    """Answer one call. Arguments that are not what was asked for are the model's to correct."""
    options = (search_tool(run) or {}).get("file_search") or {}
    ranking: Document = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
    ranking |= options.get("ranking_options") or {}
    query = _query(arguments)
    if query is None:
        error = f"{search_name(run)} takes a JSON object with a string `query`."
        return Search(number, {"ranking_options": ranking, "results": []}, error)
    found = vector_stores.search(
        tx,
        project,
        _usable(tx, project, run["_vector_store_ids"]),
        [query],
        limit=options.get("max_num_results") or _CHUNKS,
        threshold=ranking["score_threshold"],
    )
    results = [
        {
            "file_id": passage.file_id,
            "file_name": passage.filename,
            "score": passage.score,
            "content": [{"type": "text", "text": passage.text}],
        }
        for passage in found
    ]
    return Search(number, {"ranking_options": ranking, "results": results})


def _usable(tx: Transaction, project: str, store_ids: list[str]) -> list[str]:
    """Without those that were deleted or have expired since the run began."""
    stores = (find(tx, Shelf(VECTOR_STORE, project), store_id) for store_id in store_ids)
    there = vector_stores.present(tx, project, [store for store in stores if store])
    return [store["id"] for store in there if store["status"] != "expired"]


def answered_text(call: Document, hidden: Mapping[str, Any]) -> str:
    """What the model gets back from a search."""
    if hidden.get("error"):
        return json.dumps({"error": hidden["error"]}, ensure_ascii=False)
    results = call["file_search"]["results"]
    if not results:
        return "Nothing was found."
    passages = (
        f"{mark(hidden['search'], number)} {result['file_name']}\n{result['content'][0]['text']}"
        for number, result in enumerate(results)
    )
    return "\n\n".join(passages)


def searches(tx: Transaction, project: str, run_id: str) -> dict[int, list[Document]]:
    """The results of every search of the run so far, by the search's number."""
    return dict(_searches(select(tx, Shelf(STEP, project, run_id), {"type": "tool_calls"})))


def _searches(steps: list[Document]) -> Iterator[tuple[int, list[Document]]]:
    for step in steps:
        for call in step["step_details"]["tool_calls"]:
            if call["type"] == "file_search":
                yield step["_calls"][call["id"]]["search"], call["file_search"]["results"]


def resolver(found: Mapping[int, list[Document]]) -> Resolve:
    """Marks -> file ids. Models misnumber: a lone search, then a file's name, decide the rest."""

    def resolve(search: int, result: int, source: str) -> str | None:
        lone = next(iter(found.values())) if len(found) == 1 else []
        results = found.get(search, lone)
        if result < len(results):
            return str(results[result]["file_id"])
        named = {
            passage["file_name"]: passage["file_id"]
            for passages in found.values()
            for passage in passages
        }
        return named.get(source)

    return resolve


def _query(arguments: str) -> str | None:
    try:
        query = json.loads(arguments).get("query")
    except (ValueError, AttributeError):
        return None
    return query if isinstance(query, str) and query.strip() else None
