"""A value against its schema: what is wrong, and what can be used of it all the same.

That nothing is wrong a predicate finds; what is wrong, jsonschema; the words are ours
(`schema_messages.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cache
from typing import Any

from assistctl.errors import Problem
from assistctl.predicates import Predicate, predicate
from assistctl.resources import Json
from assistctl.spec.findings import Findings
from assistctl.spec.grammar import FORMATS, Kind, checked
from assistctl.spec.located import Located, Path, key_place_at, place_at, without
from assistctl.spec.schema_messages import (
    JsonSchemaError,
    missing_key,
    name_of,
    sentence_for,
    unknown_key,
)
from assistctl.spec.wording import shown

_LIMITS = frozenset(
    (
        *("minimum", "exclusiveMinimum", "maximum", "minLength", "maxLength", "pattern"),
        *("minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems", "format"),
    )
)


@dataclass(frozen=True)
class Verdict:
    """What is wrong with the value (or with the key, if `at_key`) at the end of the path.

    A `harmless` value breaks a limit but is of the right type, so that more can be said about it.
    """

    path: Path
    what: str
    remedy: str
    at_key: bool = False
    harmless: bool = False

    def problem(self, root: Located) -> Problem:
        place = key_place_at(root, self.path) if self.at_key else place_at(root, self.path)
        return Problem(place, self.what, self.remedy)


def check(
    value: Located, kind: Kind, findings: Findings, *, unexpanded: Set[Path] = frozenset()
) -> Located:
    """Find what is wrong with a file's mapping; return the part of it that can be worked with.

    There every value is of the kind that the schema says, and only required keys of the file's own
    mapping may be missing. Below the `unexpanded` paths a string that holds `${` may yet become
    any string.
    """
    verdicts = list(_verdicts(value, kind, unexpanded))
    problems = [verdict.problem(value) for verdict in verdicts]
    findings.extend([problem for problem in problems if not findings.faulty(problem.place)])
    while broken := frozenset(v.path for v in verdicts if v.path and not v.harmless):
        value = without(value, broken)
        verdicts = list(_verdicts(value, kind, unexpanded))
    return value


def verdicts_of(error: JsonSchemaError, prefix: str = "") -> Iterator[Verdict]:
    """What one jsonschema error says; `prefix` names the value that was checked."""
    path: Path = tuple(error.absolute_path)
    name = name_of(path, prefix)
    where = name if path or prefix else ""
    if "propertyNames" in error.absolute_schema_path:
        what, remedy = sentence_for(error, f"the key {shown(error.instance)}")
        yield Verdict((*path, error.instance), what, remedy, at_key=True, harmless=True)
    elif error.validator == "additionalProperties":
        for key in error.instance.keys() - error.schema["properties"].keys():
            what, remedy = unknown_key(key, where, error.schema["properties"])
            yield Verdict((*path, key), what, remedy, at_key=True)
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield Verdict(path, *missing_key(key, where, error.schema))
    else:
        harmless = error.validator in _LIMITS
        yield Verdict(path, *sentence_for(error, name), harmless=harmless)


def _verdicts(value: Json, kind: Kind, unexpanded: Set[Path]) -> Iterator[Verdict]:
    if _obeys(kind)(value):
        return
    errors = list(_validator(kind).iter_errors(value))
    # Of a value of the wrong type nothing else is said: what else fails was meant for another.
    mistyped = {tuple(e.absolute_path): e for e in reversed(errors) if e.validator == "type"}
    for error in errors:
        meant = mistyped.get(tuple(error.absolute_path), error) is error
        if meant and not _is_open(error, unexpanded):
            yield from verdicts_of(error)


def _is_open(error: JsonSchemaError, unexpanded: Set[Path]) -> bool:
    """Whether the error is about a string that is not known yet. A key never is: it must be
    written as a variable and nothing else."""
    value, path = error.instance, tuple(error.absolute_path)
    if not isinstance(value, str) or "${" not in value or error.schema.get("writeOnly"):
        return False
    return any(path[: len(start)] == start for start in unexpanded)


@cache
def _obeys(kind: Kind) -> Predicate:
    return predicate(checked(kind), FORMATS)


@cache
def _validator(kind: Kind) -> Any:
    from jsonschema import Draft202012Validator, FormatChecker

    formats = FormatChecker(formats=())
    for name, obeys in FORMATS.items():
        formats.checks(name)(obeys)
    return Draft202012Validator(checked(kind), format_checker=formats)
