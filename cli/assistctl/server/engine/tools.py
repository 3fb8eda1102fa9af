"""Which built-in tools a run has on this server, ready to be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistctl.server.engine import coding, search
from assistctl.server.engine.builtin import Builtin, declared
from assistctl.server.engine.citations import Sources
from assistctl.server.retrieval.finding import Finder
from assistctl.server.sandbox import Sandboxes
from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.leases import Claim
from assistctl.server.wire import Document


@dataclass(frozen=True)
class Kit:
    """The built-in tools of one completion, and what earlier calls have left for its answer:
    sources to cite, and the file ids of pictures that its message is to show."""

    tools: Sequence[Builtin]
    sources: Sources
    pictures: Sequence[str]


@dataclass(frozen=True)
class Workshop:
    """What built-in tools work with; without `sandboxes` there is no code_interpreter."""

    database: Database
    finder: Finder
    sandboxes: Sandboxes | None

    def kit(self, tx: Transaction, claim: Claim, run: Document) -> Kit:
        tools: list[Builtin] = []
        found = search.searches(tx, claim.project, run["id"])
        if declared(run, search.TYPE):
            tools.append(
                search.FileSearch(self.database, self.finder, claim.project, run, len(found))
            )
        if self.sandboxes is None or not declared(run, coding.TYPE):
            return Kit(tools, Sources(search.resolver(found)), ())
        past = coding.past(tx, claim)
        files = coding.inputs(tx, claim.project, run["_code_file_ids"], past)
        tools.append(
            coding.CodeInterpreter(self.database, self.sandboxes, claim, run, files, past.ran)
        )
        return Kit(tools, Sources(search.resolver(found), past.paths()), past.pictures)

    def notes(self, run: Document) -> list[str]:
        """What the reader of a new run should know about its tools; nothing is started to find
        out whether code can be run here, see coding."""
        missing = self.sandboxes is None and declared(run, coding.TYPE)
        return [coding.SWITCHED_OFF] if missing else []


def answered_text(call: Document, hidden: Mapping[str, Any]) -> str:
    """What the model gets back from a call of a built-in tool, as its step has it."""
    if call["type"] == coding.TYPE:
        return coding.answered_text(call, hidden)
    return search.answered_text(call, hidden)
