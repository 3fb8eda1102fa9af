"""*.script.yaml: the turns of the scripted model."""

from __future__ import annotations

import re
import warnings

from assistctl.resources import Json
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, plain


def turns(script: Located, findings: Findings) -> list[Json]:
    """The turns as plain values; a `when` that is no regular expression is a finding."""
    for turn, _ in script.items_at("turns"):
        if "when" in turn:
            _check_regex(turn, findings)
    return list(plain(script.get("turns", [])))


def _check_regex(turn: Located, findings: Findings) -> None:
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(turn["when"])
    except (re.error, RecursionError, OverflowError) as error:
        findings.add(
            turn.value_place("when"),
            f"`when` is not a regular expression: {error}",
            "correct it; a character that means itself is written after a backslash",
        )
