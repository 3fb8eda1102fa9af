"""Which built-in tools a run has on this server, ready to be called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assistctl.server.engine import file_search
from assistctl.server.engine.builtin import Builtin
from assistctl.server.engine.citations import CitableSources
from assistctl.server.engine.interpreters import Interpreters
from assistctl.server.engine.record import Record, Run, SearchResult, ToolResult
from assistctl.server.retrieval.search import Searcher
from assistctl.server.storage import Database, Transaction

_NO_CODE = "code_interpreter is switched off on this server; the run goes on without it"


@dataclass(frozen=True)
class RunTools:
    """The built-in tools of one completion, and what earlier calls have left for its answer:
    sources to cite, and the file ids of pictures that its message is to show."""

    tools: Sequence[Builtin]
    sources: CitableSources
    pictures: Sequence[str]


@dataclass(frozen=True)
class ToolFactory:
    """What built-in tools work with. A sandbox is imported for the runs that may run code only."""

    database: Database
    searcher: Searcher
    interpreters: Interpreters

    def make(self, tx: Transaction, record: Record, run: Run) -> RunTools:
        """The tools for the next completion of a run."""
        project = record.claim.project
        tools: list[Builtin] = []
        found = record.searches(tx)
        if run.search is not None:
            tools.append(
                file_search.FileSearch(
                    self.database, self.searcher, project, run, run.search, len(found)
                )
            )
        if self.interpreters.switched_off or run.code is None:
            return RunTools(tools, CitableSources(file_search.resolver(found)), ())
        from assistctl.server.engine import coding

        past = coding.still_there(tx, project, record.past_code(tx))
        files = coding.inputs(tx, project, run.code.file_ids, past)
        tools.append(
            coding.CodeInterpreter(
                self.database, self.interpreters.opened(), record.claim, run, files, past.ran
            )
        )
        sources = CitableSources(file_search.resolver(found), coding.paths(past))
        return RunTools(tools, sources, past.pictures)

    def notes(self, run: Run) -> list[str]:
        """What the reader of a new run should know about its tools; nothing is started to find
        out whether code can be run here, see coding."""
        return [_NO_CODE] if self.interpreters.switched_off and run.code is not None else []


def answered_text(result: ToolResult) -> str:
    """What the model gets back from a call of a built-in tool."""
    if isinstance(result, SearchResult):
        return file_search.answered_text(result)
    from assistctl.server.engine import coding

    return coding.answered_text(result)
