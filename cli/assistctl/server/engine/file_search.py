"""The file_search tool: what the model is told about it, and what happens when it is called."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count

from assistctl.server.engine.builtin import argument, free_name, function
from assistctl.server.engine.citations import FIRST_SEARCH, Resolve, mark
from assistctl.server.engine.record import Run, SearchResult, SearchTool
from assistctl.server.retrieval import vector_stores
from assistctl.server.retrieval.search import Hit, Query, Searcher, Weights
from assistctl.server.storage import Database
from assistctl.server.wire import ApiError, Document

TYPE = "file_search"

_DESCRIPTION = (
    "Search the files that belong to this conversation. Returns the best matching passages, each "
    "with a mark. Where the answer uses a passage, put its mark right behind, copied exactly."
)
_QUERY = {"type": "string", "description": "What to look for."}


class FileSearch:
    """`searched` is how many searches the run has made so far."""

    type = TYPE

    def __init__(
        self,
        database: Database,
        searcher: Searcher,
        project: str,
        run: Run,
        tool: SearchTool,
        searched: int,
    ) -> None:
        self.name = free_name(run, TYPE, "search_attached_files")
        self._database = database
        self._searcher = searcher
        self._project = project
        self._tool = tool
        self._numbers = count(FIRST_SEARCH + searched)

    def definition(self) -> Document:
        return function(self.name, _DESCRIPTION, query=_QUERY)

    async def answer(self, arguments: str) -> SearchResult:
        return await self._searcher.in_thread(partial(self._search, arguments, next(self._numbers)))

    def _search(self, arguments: str, number: int) -> SearchResult:
        """Arguments that are not what was asked for are the model's to correct."""
        ranking = self._tool.ranking
        query = argument(arguments, "query")
        if query is None or not query.strip():
            error = f"{self.name} takes a JSON object with a string `query`."
            return SearchResult(number, ranking, error=error)
        found, store_ids = self._found(
            Query(
                [query],
                limit=self._tool.limit,
                threshold=ranking["score_threshold"],
                weights=Weights.of(ranking),
                condition=self._tool.condition,
            )
        )
        gone = [each for each in self._tool.vector_store_ids if each not in store_ids]
        note = f"file_search went on without what has expired or was deleted: {', '.join(gone)}"
        return SearchResult(number, ranking, found, note=note if gone else None)

    def _found(self, query: Query) -> tuple[list[Hit], list[str]]:
        """What was found, and the stores that were searched."""
        usable = self._usable()
        while True:
            try:
                return self._searcher.search(self._project, usable, query), usable
            except ApiError:  # a store may have gone while the embedder was asked
                before, usable = usable, self._usable()
                if usable == before:
                    raise

    def _usable(self) -> list[str]:
        with self._database.read() as tx:
            return [
                store_id
                for store_id in self._tool.vector_store_ids
                if vector_stores.is_usable(tx, self._project, store_id)
            ]


def answered_text(result: SearchResult) -> str:
    """What the model gets back from a search."""
    if result.error:
        return json.dumps({"error": result.error}, ensure_ascii=False)
    if not result.passages:
        return "Nothing was found."
    passages = (
        f"{mark(result.number, number)} {passage.filename}\n{passage.text}"
        for number, passage in enumerate(result.passages)
    )
    return "\n\n".join(passages)


def resolver(found: Mapping[int, Sequence[Hit]]) -> Resolve:
    """Marks -> file ids. Models misnumber: a lone search, then a file's name, decide the rest."""

    def resolve(search: int, result: int, source: str) -> str | None:
        lone = next(iter(found.values())) if len(found) == 1 else ()
        results = found.get(search, lone)
        if result < len(results):
            return results[result].file_id
        named = {
            passage.filename: passage.file_id for passages in found.values() for passage in passages
        }
        return named.get(source)

    return resolve
