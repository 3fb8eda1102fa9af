"""What is said on the command line in place of a declaration, checked as that is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from assistctl.errors import DeclarationError, Place, Problem
from assistctl.resources import Json
from assistctl.spec.findings import Findings
from assistctl.spec.grammar import INSTRUCTIONS_LENGTH
from assistctl.spec.located import Located
from assistctl.spec.reading import read_text
from assistctl.spec.validation import check


def wrong_options(
    fields: Mapping[str, Json], run: Mapping[str, Json], options: Mapping[str, str]
) -> tuple[Problem, ...]:
    """What no assistant can have of these fields, and of those below `run`; each stands where
    `options` says."""
    findings = Findings()
    declared, below = _located(fields, options), _located(run, options)
    if below:
        declared.put("run", below, below.place, below.place)
    check(declared, "assistant", findings)
    return findings.in_order()


def instructions_in(path: Path) -> str:
    """The text of a file that stands for the declared instructions. Raises DeclarationError."""
    findings = Findings()
    text = read_text(path, str(path), INSTRUCTIONS_LENGTH * 4, findings)
    if text is None:
        raise DeclarationError(findings.in_order())
    return text


def _located(fields: Mapping[str, Json], options: Mapping[str, str]) -> Located:
    located = Located(Place("options"))
    for name, value in fields.items():
        place = Place(options[name])
        located.put(name, value, place, place)
    return located
