"""JSON -> what annotations of the standard library mean, without pydantic.

The value has been held against the schema; here it only becomes dataclasses, enums, dates, …
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import inspect
import ipaddress
import pathlib
import re
import types
import typing
import uuid
from typing import Any, Callable, Mapping

from .evaluation import hints_of, is_typeddict
from .misfits import Misfit, misfit

_PLAIN = (str, int, float, bool, type(None))
_UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))
_COLLECTIONS: dict[Any, Any] = {
    **{kind: kind for kind in (set, frozenset, tuple, collections.deque)},
    collections.abc.Set: set,
    collections.abc.MutableSet: set,
}
_SEQUENCES = (list, collections.abc.Sequence, collections.abc.MutableSequence)
_LISTS = (*_SEQUENCES, collections.abc.Iterable, collections.abc.Collection)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_DICTS = (*_MAPPINGS, collections.OrderedDict, collections.Counter, collections.defaultdict)
_DURATION = re.compile(
    r"([+-]?)P(?:([\d.]+)W)?(?:([\d.]+)D)?"
    r"(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?"
)


def converter(hint: Any) -> Callable[[Any], Any]:
    """What makes a value of this type, and raises Misfit."""
    return lambda value: build(hint, value)


def build(hint: Any, value: Any) -> Any:
    """A value of a type, as far as it is known what that makes of JSON; else what the JSON says."""
    hint, arguments = _plainer(hint)
    if hint in _UNIONS:
        return _first_that_fits(arguments, value)
    if isinstance(value, list) and (hint in _LISTS or hint in _COLLECTIONS):
        return _collection(hint, arguments, value)
    if isinstance(value, dict) and hint in _DICTS:
        return _dictionary(hint, arguments, value)
    if not isinstance(hint, type):
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in _PLAIN:
        return _checked(hint, value)
    try:
        return _made(hint, value)
    except Misfit:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise misfit(str(error) or type(error).__name__) from error


def _plainer(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type behind Annotated, NewType, Required, a type alias or a type variable, and what is
    in its brackets."""
    for _ in range(32):
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        name = getattr(origin, "_name", None) or getattr(origin, "__name__", None)
        if hasattr(hint, "__metadata__"):
            hint = hint.__origin__
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        elif isinstance(hint, typing.TypeVar):
            members = hint.__constraints__ or ((hint.__bound__,) if hint.__bound__ else ())
            hint = typing.Union[members] if members else Any
        elif name in ("Required", "NotRequired", "Final") and arguments:
            hint = arguments[0]
        else:
            return (origin or hint), arguments
    return Any, ()


def _checked(hint: Any, value: Any) -> Any:
    """Of alternatives this tells which one is meant."""
    fits = type(value) is hint or (hint is not bool and isinstance(value, hint))
    if not fits or (isinstance(value, bool) and hint is not bool):
        raise misfit(f"this is no {hint.__name__}")
    return value


def _first_that_fits(members: tuple[Any, ...], value: Any) -> Any:
    if type(value) in members:
        return value
    faults: list[Misfit] = []
    for member in members:
        try:
            return build(member, value)
        except Misfit as error:
            faults.append(error)
    raise faults[-1] if faults else misfit("this is none of what is possible")


def _collection(hint: Any, arguments: tuple[Any, ...], values: Any) -> Any:
    if hint is tuple and arguments and arguments[-1] is not ...:
        if len(arguments) != len(values) and arguments != ((),):
            raise misfit(f"this must have {len(arguments)} items")
        kinds = list(arguments)[: len(values)]
    else:
        kinds = [arguments[0] if arguments else Any] * len(values)
    made = [_at(number, kind, values[number]) for number, kind in enumerate(kinds)]
    return _COLLECTIONS.get(hint, list)(made)


def _dictionary(hint: Any, arguments: tuple[Any, ...], values: Mapping[str, Any]) -> Any:
    keys = arguments[0] if arguments else Any
    inner = arguments[1] if len(arguments) > 1 else Any
    made = {_key(keys, key): _at(key, inner, value) for key, value in values.items()}
    if hint is collections.defaultdict:
        factory = inner if isinstance(inner, type) else None
        return collections.defaultdict(factory, made)
    return made if hint in _MAPPINGS else hint(made)


def _key(hint: Any, key: str) -> Any:
    kind, _ = _plainer(hint)
    if kind in (int, float):
        try:
            return kind(key)
        except ValueError as error:
            raise misfit(str(error), key) from error
    return _at(key, hint, key)


def _at(place: Any, hint: Any, value: Any) -> Any:
    try:
        return build(hint, value)
    except Misfit as error:
        raise Misfit(((place, *at), why) for at, why in error.faults) from None


def _made(hint: Any, value: Any) -> Any:
    if is_typeddict(hint):
        return _members(hint, value, set(hint.__annotations__), set())
    if issubclass(hint, enum.Enum):
        return hint(value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        make: Any = hint
        fields = [each for each in dataclasses.fields(hint) if each.init]
        nothing = dataclasses.MISSING
        needed = {
            each.name
            for each in fields
            if each.default is nothing and each.default_factory is nothing
        }
        return make(**_members(hint, value, {each.name for each in fields}, needed))
    if issubclass(hint, tuple) and hasattr(hint, "_fields"):
        kinds = hints_of(hint)
        if isinstance(value, dict):
            return hint(**_members(hint, value, set(hint._fields), set()))
        return hint(*(_at(n, kinds.get(hint._fields[n], Any), it) for n, it in enumerate(value)))
    for name in ("model_validate", "parse_obj"):  # pydantic's models, of whatever version
        if inspect.ismethod(getattr(hint, name, None)):
            return getattr(hint, name)(value)
    return _from_text(hint, value)


def _members(
    hint: Any, values: Mapping[str, Any], known: set[str], needed: set[str]
) -> dict[str, Any]:
    faults = [((name,), "there is no such field") for name in values if name not in known]
    faults += [((name,), "this is missing") for name in sorted(needed) if name not in values]
    if faults:
        raise Misfit(faults)
    kinds = hints_of(hint)
    return {name: _at(name, kinds.get(name, Any), value) for name, value in values.items()}


def _from_text(hint: Any, value: Any) -> Any:
    if hint in (datetime.date, datetime.datetime, datetime.time) and isinstance(value, str):
        text = value[:-1] + "+00:00" if value[-1:] in ("Z", "z") else value
        return hint.fromisoformat(text)
    if hint is datetime.timedelta and isinstance(value, str):
        return _duration(value)
    if issubclass(hint, (decimal.Decimal, fractions.Fraction)):
        return hint(str(value))
    if issubclass(hint, (uuid.UUID, pathlib.PurePath)) or hint.__module__ == ipaddress.__name__:
        return hint(value)
    if hint.__module__ == "zoneinfo":
        return hint(value)
    return re.compile(value) if hint is re.Pattern else value


def _duration(text: str) -> datetime.timedelta:
    match = _DURATION.fullmatch(text)
    if not match or not any(match.groups()[1:]):
        raise misfit("this is no duration of ISO 8601, such as PT1H30M")
    weeks, days, hours, minutes, seconds = (float(each or 0) for each in match.groups()[1:])
    length = datetime.timedelta(
        weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
    )
    return -length if match[1] == "-" else length
