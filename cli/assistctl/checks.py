"""What `doctor` has looked at, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How it stands. What is a WARNING works, or is not needed by all; what has FAILED does not."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: of which `subject` (machine, workspace, tools, target, model),
    `what` is found there, and what to do where that is not well."""

    subject: str
    state: State
    what: str
    remedy: str = ""
