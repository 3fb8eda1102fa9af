"""Tests: what came of each case last, with what is declared and with what is at the target, the
conversations in which that was seen, and trying them again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import anyio
from starlette.responses import Response, StreamingResponse

from assistctl.cases import Case
from assistctl.console import timeline, trials
from assistctl.console.trials import Trial
from assistctl.console.visit import ROOT, Endpoint, Section, Visit
from assistctl.errors import Refused
from assistctl.events import Finished, MadeFile, PastMessage, PastRun, PastTurn, Source
from assistctl.record.results import kept
from assistctl.resources import Json, Workspace
from assistctl.testing import Wanted

SECTION = Section("Tests", "/tests", "t", needs_workspace=True)

WHICH = {
    "declared": "what is declared",
    "synced": "what is at the target",
    "both": "both, to compare",
}
_LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Result:
    """What came of a case in one combination, and the path of the page that tells it."""

    label: str
    outcome: str
    at: str
    seconds: float
    tries: str
    path: str


@dataclass(frozen=True)
class Row:
    """A case: how it came out last with what is at the target, `before`, with what is declared,
    `after`, and in other combinations. `change` is better or worse, or nothing."""

    case: Case
    before: Result | None
    after: Result | None
    others: tuple[Result, ...]
    change: str


def index(visit: Visit) -> Response:
    """All cases, with what came of them."""
    workspace = visit.workspace
    found: dict[tuple[str, str], list[Mapping[str, Json]]] = {}
    for it in kept(workspace.root):
        found.setdefault((it["assistant"], it["case"]), []).append(it)
    suites = {
        key: [_row(workspace, case, found.get((key, case.name), ())) for case in suite.cases]
        for key, suite in workspace.suites.items()
    }
    return visit.page(
        "tests.html",
        title="Tests",
        workspace=workspace,
        suites=suites,
        which=WHICH,
        at_work=trials.at_work(),
    )


def one(visit: Visit) -> Response:
    """What came of a case in one combination: what was expected, and what was said."""
    names = {name: visit.asked(name) for name in ("assistant", "case", "target", "variant")}
    names["synced"] = visit.asked("synced")
    result = next((it for it in kept(visit.workspace.root) if _names(it) == names), None)
    if result is None:
        raise Refused("nothing is remembered of this case in this combination; try it again")
    return visit.page(
        "test_case.html",
        title=str(result["case"]),
        result=result,
        names=names,
        others=[
            (_label(visit.workspace, it), _path(it), _names(it) == names)
            for it in kept(visit.workspace.root)
            if (it["assistant"], it["case"]) == (result["assistant"], result["case"])
        ],
        attempts=[(it, _entries(it)) for it in result.get("attempts") or ()],
    )


def run(visit: Visit) -> Response:
    """Try cases; functions are really called."""
    key, case, which = visit.sent("assistant"), visit.sent("case"), visit.sent("which")
    if which not in WHICH:
        raise Refused("it was not said whether what is declared or what is synced is tested")
    wanted = Wanted((key,) if key else (), case=case or None)
    trial = trials.start(visit.workspace, visit.surface, wanted, which)
    return visit.to(f"/tests/runs/{trial.id}")


def running(visit: Visit) -> Response:
    """How far tests are."""
    trial = trials.find(visit.part("run"))
    return visit.page("test_run.html", title="Tests", trial=trial, which=trial.wanted)


async def events(visit: Visit) -> Response:
    """The same as it goes on, for htmx."""
    trial = trials.find(visit.part("run"))
    return StreamingResponse(_told(visit, trial), media_type="text/event-stream")


def stop(visit: Visit) -> Response:
    """Begin no further try."""
    trial = trials.find(visit.part("run"))
    trial.stop()
    return visit.to(f"/tests/runs/{trial.id}")


ENDPOINTS = (
    Endpoint("/tests", index),
    Endpoint("/tests/case", one),
    Endpoint("/tests/run", run, "POST", writes=True),
    Endpoint("/tests/runs/{run}", running),
    Endpoint("/tests/runs/{run}/events", events),
    Endpoint("/tests/runs/{run}/stop", stop, "POST", writes=True),
)


async def _told(visit: Visit, trial: Trial) -> AsyncIterator[str]:
    told = -1
    while True:
        over, version = trial.over, trial.version
        if version != told:
            told = version
            html = bytes(visit.fragment("_test_run.html", trial=trial).body).decode()
            lines = "\n".join(f"data: {line}" for line in html.splitlines())
            yield f"event: progress\n{lines}\n\n"
        if over or visit.session.is_over:
            yield "event: over\ndata:\n\n"
            return
        await anyio.sleep(_LOOK_SECONDS)


def _row(workspace: Workspace, case: Case, found: Sequence[Mapping[str, Json]]) -> Row:
    here = workspace.target.name
    plain = [it for it in found if it["target"] == here and not it["variant"]]
    before = next((_result(workspace, it) for it in plain if it["synced"]), None)
    after = next((_result(workspace, it) for it in plain if not it["synced"]), None)
    others = tuple(_result(workspace, it) for it in found if it not in plain)
    return Row(case, before, after, others, _change(before, after))


def _change(before: Result | None, after: Result | None) -> str:
    if not before or not after or (before.outcome == "passed") == (after.outcome == "passed"):
        return ""
    return "better" if after.outcome == "passed" else "worse"


def _result(workspace: Workspace, it: Mapping[str, Json]) -> Result:
    tries = len(it.get("attempts") or ())
    told = f"{it.get('passed')} of {tries}" if tries > 1 else ""
    return Result(
        _label(workspace, it),
        str(it["outcome"]),
        str(it["at"]),
        float(it.get("seconds") or 0),
        told,
        _path(it),
    )


def _label(workspace: Workspace, it: Mapping[str, Json]) -> str:
    what = "at the target" if it["synced"] else "as declared"
    where = "" if it["target"] == workspace.target.name else str(it["target"])
    return ", ".join(filter(None, (what, where, str(it["variant"]))))


def _names(it: Mapping[str, Json]) -> dict[str, str]:
    names = {name: str(it[name]) for name in ("assistant", "case", "target", "variant")}
    return {**names, "synced": "1" if it["synced"] else ""}


def _path(it: Mapping[str, Json]) -> str:
    return f"{ROOT}/tests/case?{urlencode(_names(it))}"


def _entries(attempt: Mapping[str, Json]) -> list[PastMessage | PastRun]:
    """The conversation of a try, as a thread's timeline has it."""
    turns = attempt.get("turns") or ()
    return [entry for turn in turns for entry in timeline.entries(_turn(turn))]


def _turn(turn: Mapping[str, Json]) -> PastTurn:
    """Its files are gone with the server that it was tried on, so none can be opened."""
    sources = turn.get("sources") or ()
    files = turn.get("files") or ()
    steps = (timeline.step_of({**it, "files": ()}) for it in turn.get("steps") or ())
    text = str(turn.get("text") or "")
    finished = Finished(
        str(turn.get("status")),
        "",
        "",
        text,
        turn.get("usage"),
        turn.get("error"),
        sources=tuple(Source(**{**it, "file_id": None}) for it in sources),
        files=tuple(MadeFile("", str(it.get("name")), it.get("size")) for it in files),
        steps=tuple(filter(None, steps)),
        seconds=turn.get("seconds"),
    )
    return PastTurn(str(turn.get("user")), None, finished, text)
