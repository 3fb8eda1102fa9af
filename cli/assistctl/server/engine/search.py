"""The file_search tool: what the model is told about it, and what happens when it is called.

Kept of a search: `search` (its number within the run, see citations) and, where there was one, an
`error`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from typing import Any

from assistctl.server.engine.builtin import Outcome, argument, declared, free_name, function
from assistctl.server.engine.citations import FIRST_SEARCH, Resolve, mark
from assistctl.server.retrieval import vector_stores
from assistctl.server.retrieval.finding import Finder, Found, Question, Weights
from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.documents import Collection, select
from assistctl.server.wire import STEP, ApiError, Document

TYPE = "file_search"

_RESULTS = 20
_FEWER_RESULTS = 5
_SMALL_MODELS = "gpt-3.5-turbo"
_DESCRIPTION = (
    "Search the files that belong to this conversation. Returns the best matching passages, each "
    "with a mark. Where the answer uses a passage, put its mark right behind, copied exactly."
)
_QUERY = {"type": "string", "description": "What to look for."}


class FileSearch:
    """`searched` is how many searches the run has made so far."""

    type = TYPE

    def __init__(
        self, database: Database, finder: Finder, project: str, run: Document, searched: int
    ) -> None:
        self.name = free_name(run, TYPE, "search_attached_files")
        self._database = database
        self._finder = finder
        self._project = project
        self._run = run
        self._options = (declared(run, TYPE) or {}).get(TYPE) or {}
        self._numbers = count(FIRST_SEARCH + searched)

    def definition(self) -> Document:
        return function(self.name, _DESCRIPTION, query=_QUERY)

    def begun(self, arguments: str) -> Document:
        return {}

    async def answer(self, arguments: str) -> Outcome:
        return await self._finder.in_thread(partial(self._search, arguments, next(self._numbers)))

    def _search(self, arguments: str, number: int) -> Outcome:
        """Arguments that are not what was asked for are the model's to correct."""
        ranking: Document = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
        ranking |= self._options.get("ranking_options") or {}
        query = argument(arguments, "query")
        if query is None or not query.strip():
            error = f"{self.name} takes a JSON object with a string `query`."
            shown: Document = {"ranking_options": ranking, "results": []}
            return Outcome(shown, {"search": number, "error": error})
        found, store_ids = self._found(
            Question(
                [query],
                limit=self._options.get("max_num_results") or _usual_results(self._run["model"]),
                threshold=ranking["score_threshold"],
                weights=Weights.of(ranking),
            )
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
        kept = {"search": number, "error": None}
        gone = [each for each in self._run["_vector_store_ids"] if each not in store_ids]
        note = f"file_search went on without what has expired or was deleted: {', '.join(gone)}"
        shown = {"ranking_options": ranking, "results": results}
        return Outcome(shown, kept, note=note if gone else None)

    def _found(self, question: Question) -> tuple[list[Found], list[str]]:
        """What was found, and the stores that were searched."""
        usable = self._usable()
        while True:
            try:
                return self._finder.find(self._project, usable, question), usable
            except ApiError:  # a store may have gone while the embedder was asked
                before, usable = usable, self._usable()
                if usable == before:
                    raise

    def _usable(self) -> list[str]:
        with self._database.read() as tx:
            return [
                store_id
                for store_id in self._run["_vector_store_ids"]
                if vector_stores.is_usable(tx, self._project, store_id)
            ]


def _usual_results(model: str) -> int:
    """The API's own default, by the assistant's name for its model."""
    return _FEWER_RESULTS if model.startswith(_SMALL_MODELS) else _RESULTS


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
    return dict(_searches(select(tx, Collection(STEP, project, run_id), {"type": "tool_calls"})))


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
