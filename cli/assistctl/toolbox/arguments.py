"""A model's arguments: strict JSON, valid for the schema."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from assistctl.predicates import Predicate, Schema, predicate
from assistctl.resources import Function, Json
from assistctl.toolbox.outputs import Detail, Refusal, cut
from assistctl.toolbox.worker.calling import path

_DETAILS, _DETAIL = 8, 300


@dataclass(frozen=True)
class Expected:
    """What one function's arguments are held against, its declared or derived parameters: what
    `obeys` obeys the schema, what does not may."""

    function: str
    schema: Schema
    obeys: Predicate

    def read(self, text: str) -> dict[str, Json]:
        """The values of a call, by name. Raises Refusal; nothing is repaired or guessed."""
        values = self._parsed(text)
        if faults := self._schema_faults(values):
            raise self.refusal(faults)
        return values

    def refusal(self, faults: Iterable[Detail]) -> Refusal:
        """What the model is told of arguments that do not fit."""
        found = list(faults)
        more = f", the first {_DETAILS} of {len(found)}" if len(found) > _DETAILS else ""
        return Refusal(
            "invalid_arguments",
            f"the arguments do not fit the parameters of {self.function}{more}",
            [Detail(each.at, cut(each.message, _DETAIL)) for each in found[:_DETAILS]],
        )

    def _schema_faults(self, values: Json) -> list[Detail]:
        return [] if self.obeys(values) else _faults(self.schema, values)

    def _parsed(self, text: str) -> dict[str, Json]:
        # Several models send nothing at all for a call without arguments. Where none is required
        # that can mean only one thing; elsewhere it is refused like any other broken JSON.
        if not text.strip() and not self._schema_faults({}):
            return {}
        value = parse(text)
        if not isinstance(value, dict):
            raise Refusal("invalid_json", "the arguments must be one JSON object")
        return value


def expected_of(function: Function) -> Expected:
    """Prepare to read a function's calls."""
    schema = function.parameters or {}
    return Expected(function.name, schema, _predicate(schema))


def _predicate(schema: Schema) -> Predicate:
    """Says yes only to what jsonschema would find nothing wrong with."""
    try:
        known = predicate(schema, formats={})
    except Exception:  # noqa: BLE001  (a declared schema may say anything: jsonschema judges it)
        return lambda value: False

    def obeys(value: Json) -> bool:
        try:
            return known(value)
        except RecursionError:
            return False

    return obeys


def parse(text: str) -> Json:
    """Read JSON as the standard has it: no repeated keys, no NaN, no lone surrogates.

    A number without a fraction is an int however it is written (2.0), as JSON Schema sees it.
    Raises Refusal.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_float=_number, parse_constant=_no_constant
        )
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Refusal("invalid_json", "a string holds half of a surrogate pair") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal("invalid_json", f"the arguments are not valid JSON: {reason}") from None
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} occurs twice in one object")
        found[key] = value
    return found


def _number(text: str) -> int | float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {cut(text, 40)} is too large")
    exact = value.is_integer() and abs(value) < 2**53
    return int(value) if exact else value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _faults(schema: Schema, values: Json) -> list[Detail]:
    from jsonschema.exceptions import best_match
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    kind = validator_for(schema, default=Draft202012Validator)
    # An empty registry: a `$ref` into the network is an error, not a download.
    validator = kind(schema, registry=Registry())
    try:
        # Of an `anyOf` only the error in the likeliest branch helps a model to correct itself.
        found = [best_match([error]) for error in validator.iter_errors(values)]
    except Exception as error:  # a `$ref` to nowhere, a pattern that is none, endless recursion
        reason = f"{type(error).__name__}: {error}"
        raise Refusal(
            "exception", f"the declared parameters cannot be applied: {reason}"
        ) from error
    faults = {Detail(path(each.absolute_path), cut(each.message, _DETAIL)) for each in found}
    return sorted(faults, key=lambda each: (each.at, each.message))
