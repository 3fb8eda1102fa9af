"""Tests that a page has started: they are tried in a thread, one set of them at a time, while pages
look on."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from assistctl.errors import AssistctlError, Refused
from assistctl.record.results import keep
from assistctl.render.testing.documents import report_document
from assistctl.resources import ASSISTANT, Address, Json, Workspace
from assistctl.surface import Surface
from assistctl.sync import plan_sync
from assistctl.testing import Wanted, try_cases
from assistctl.testing.running import Try
from assistctl.testing.trying import Stop
from assistctl.verdicts import Attempt, Report

_log = logging.getLogger("assistctl.console")

_guard = threading.Lock()
_trials: dict[str, Trial] = {}
_MOST = 20
"""How many sets of tests are remembered after their end."""


@dataclass(frozen=True)
class Line:
    """A try that has ended."""

    synced: bool
    name: str
    outcome: str
    seconds: float


@dataclass
class Trial:
    """Tests at work, or over. `wanted` are the sets that are tried one after the other; `version`
    grows whenever there is something new to tell."""

    id: str
    workspace: Workspace
    wanted: tuple[Wanted, ...]
    lines: list[Line] = field(default_factory=list)
    ended: int = 0
    total: int = 0
    version: int = 0
    over: bool = False
    error: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    _stop: Stop = field(default_factory=Stop)

    @property
    def stopping(self) -> bool:
        """Whether somebody wants them to end."""
        return self._stop.asked

    def stop(self) -> None:
        """Cancel the tries that are at work; no further one begins."""
        self._stop.ask()
        self.version += 1

    def run(self) -> None:
        """Try everything. Whatever breaks is its error."""
        try:
            for wanted in self.wanted:
                if not self.stopping:
                    watch = partial(self._ended, wanted.synced)
                    self._note(try_cases(self.workspace, wanted, watch, self._stop))
        except AssistctlError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - whoever looks on is told
            _log.error("the tests failed", exc_info=error)
            self.error = "this is a bug in assistctl; the log of the command says more"
        finally:
            self.over = True
            self.version += 1

    def _note(self, report: Report) -> None:
        document = report_document(report)
        keep(self.workspace, document["cases"])
        for case in document["cases"]:
            outcome = case["outcome"]
            self.counts[outcome] = self.counts.get(outcome, 0) + 1

    def _ended(self, synced: bool, tried: Try, attempt: Attempt, ended: int, total: int) -> None:
        self.ended, self.total = ended, total
        self.lines.append(Line(synced, tried.name, attempt.outcome.value, attempt.seconds))
        self.version += 1


def start(workspace: Workspace, surface: Surface, wanted: Wanted, which: str) -> Trial:
    """Try the wanted cases with what is `declared`, what is `synced`, or `both`, one after the
    other. Raises Refused while others are at work."""
    sets: list[Wanted] = []
    if which in ("synced", "both"):
        sets += _synced(workspace, surface, wanted, which == "both")
    if which in ("declared", "both"):
        sets.append(wanted)
    with _guard:
        if any(not it.over for it in _trials.values()):
            raise Refused("tests are at work already; wait for their end, or stop them")
        for old in list(_trials)[: max(0, len(_trials) - _MOST + 1)]:
            del _trials[old]
        trial = Trial(secrets.token_hex(8), workspace, tuple(sets))
        _trials[trial.id] = trial
    # A daemon: a function that is at work for ever must not keep the console alive.
    threading.Thread(target=trial.run, name="tests", daemon=True).start()
    return trial


def find(trial_id: str) -> Trial:
    """Raises Refused where there is none."""
    if trial := _trials.get(trial_id):
        return trial
    raise Refused("these tests are forgotten; what came of them is on the page of tests")


def at_work() -> Trial | None:
    """Those that are not over, if there are any."""
    return next((it for it in _trials.values() if not it.over), None)


def _synced(workspace: Workspace, surface: Surface, wanted: Wanted, if_any: bool) -> list[Wanted]:
    """With those assistants that are at the target."""
    owned: Mapping[Address, Json] = plan_sync(surface, workspace).observed.owned
    asked = wanted.keys or tuple(workspace.suites)
    keys = tuple(key for key in asked if Address(ASSISTANT, key) in owned)
    if not keys and not if_any:
        raise Refused(f"nothing of what is tested is at {workspace.target.name} yet")
    both = replace(wanted, keys=keys, synced=True, one_target=True, plain=True)
    return [both] if keys else []
