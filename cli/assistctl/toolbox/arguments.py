"""A model's arguments: strict JSON, valid for the schema, converted to the annotated types."""

from __future__ import annotations

import inspect
import json
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from assistctl.predicates import Predicate, Schema, predicate
from assistctl.resources import Function, Json
from assistctl.toolbox import hints
from assistctl.toolbox.hints import Parameter
from assistctl.toolbox.outputs import Detail, Refusal, cut

_DETAILS, _DETAIL = 8, 300


@dataclass(frozen=True)
class Arguments:
    """How one function's arguments are read: what `obeys` obeys the schema, what does not may.
    `names` is None if it takes any name but those that are `kept` from the model."""

    function: str
    schema: Schema
    obeys: Predicate
    parameters: Mapping[str, Parameter]
    names: frozenset[str] | None
    kept: frozenset[str] = frozenset()

    def read(self, text: str) -> dict[str, Any]:
        """The arguments for a call, by name. Raises Refusal; nothing is repaired or guessed."""
        values = self._parsed(text)
        self._refuse(self._schema_faults(values))
        unknown = self.kept & values.keys()
        if self.names is not None:
            unknown |= values.keys() - self.names
        self._refuse(
            Detail(each, "the function takes no such argument") for each in sorted(unknown)
        )
        converted: dict[str, Any] = {}
        faults: list[Detail] = []
        for name, value in values.items():
            converted[name] = self._converted(name, value, faults)
        for name, parameter in self.parameters.items():
            if name not in values and parameter.demanded:
                faults.append(Detail("", f"{name!r} is a required property"))
            elif name not in values and parameter.default:
                converted[name] = parameter.default()
        self._refuse(faults)
        return converted

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

    def _converted(self, name: str, value: Json, faults: list[Detail]) -> Any:
        from pydantic import ValidationError

        parameter = self.parameters.get(name)
        adapter = parameter.adapter if parameter else None
        if adapter is None:
            return value
        try:
            # As JSON and strict: "2026-11-23" is a date and "red" a Colour, but "3" is not 3.
            return adapter.validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_context=False, include_input=False):
                faults.append(Detail(_path([name, *each["loc"]]), cut(each["msg"], _DETAIL)))
        except Exception as error:  # a validator of the annotated type is untrusted code
            reason = f"{type(error).__name__}: {error}"
            raise Refusal("exception", f"argument {name} cannot be converted: {reason}") from error
        return None

    def _refuse(self, faults: Iterable[Detail]) -> None:
        found = list(faults)
        if found:
            more = f", the first {_DETAILS} of {len(found)}" if len(found) > _DETAILS else ""
            raise Refusal(
                "invalid_arguments",
                f"the arguments do not fit the parameters of {self.function}{more}",
                found[:_DETAILS],
            )


def arguments_of(function: Function, run: Callable[..., Any]) -> Arguments:
    """Prepare to read a function's calls, under its declared or derived parameters.

    Raises TypeError for an annotation that pydantic knows and refuses.
    """
    schema = function.parameters or {}
    kept = frozenset(function.context)
    taken = {name: each for name, each in hints.parameters(run).items() if name not in kept}
    return Arguments(function.name, schema, _predicate(schema), taken, _names(run), kept)


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


def _names(run: Callable[..., Any]) -> frozenset[str] | None:
    try:
        taken = inspect.signature(run).parameters.values()
    except (TypeError, ValueError):  # some builtins do not say
        return None
    if any(each.kind is each.VAR_KEYWORD for each in taken):
        return None
    return frozenset(each.name for each in taken)


def called(run: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a function with arguments by name; by position only what it takes in no other way."""
    try:
        signature = inspect.signature(run)
    except (TypeError, ValueError):
        return run(**values)
    kinds = {name: each.kind for name, each in signature.parameters.items()}
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    if not any(kinds.get(name) in by_position for name in values):
        return run(**values)
    bound = inspect.BoundArguments(signature, OrderedDict())
    for name, kind in kinds.items():
        if name in values:
            several = kind is inspect.Parameter.VAR_POSITIONAL
            bound.arguments[name] = tuple(values[name]) if several else values[name]
        elif kind is inspect.Parameter.VAR_KEYWORD:
            bound.arguments[name] = {key: values[key] for key in values.keys() - kinds.keys()}
    bound.apply_defaults()
    return run(*bound.args, **bound.kwargs)


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
    faults = {Detail(_path(each.absolute_path), cut(each.message, _DETAIL)) for each in found}
    return sorted(faults, key=lambda each: (each.at, each.message))


def _path(parts: Iterable[str | int]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
