"""The function behind what decorators have made of it: `@function_tool`, `@tool` and their like
leave an object under its name, which holds the function somewhere inside."""

from __future__ import annotations

import functools
import inspect
import types
from collections import deque
from pathlib import Path
from typing import Any, Iterator, NamedTuple

_DEEP, _MANY = 6, 5000
_LEAVES = (str, bytes, int, float, bool, type(None), type, types.ModuleType, types.CodeType)


class Written(NamedTuple):
    """A `def` in a source file: its name, its line, and the first line of its decorators."""

    name: str
    line: int
    first: int


def callable_behind(value: Any, written: Written | None, file: Path, package: str) -> Any:
    """What is called: `value` itself where it stands for the function, else the function whose
    `def` (in this file) it was made of. None if there is nothing to call.

    A wrapper that says what it wraps is called, and so is an object of a class of the workspace's
    own (its modules' names begin with `package`): what they do before and after is meant.
    """
    if _stands_for_itself(value, package) or written is None:
        return value if callable(value) else None
    inner = next((each for each in _within(value) if _is_made_of(each, written, file)), None)
    return inner if inner is not None else value if callable(value) else None


def _stands_for_itself(value: Any, package: str) -> bool:
    if inspect.isroutine(value) or isinstance(value, (functools.partial, type)):
        return True
    own = type(value).__module__.split(".")[0] == package
    return callable(value) and (own or "__wrapped__" in _attributes(value))


def _is_made_of(function: Any, written: Written, file: Path) -> bool:
    code = getattr(function, "__code__", None)
    if not isinstance(function, types.FunctionType) or code is None:
        return False
    named = code.co_name == written.name
    same = named and written.first <= code.co_firstlineno <= written.line
    return same and Path(code.co_filename) == file


def _within(found: Any) -> Iterator[Any]:
    """What an object holds, the nearest first; nothing of its own code is run."""
    seen: set[int] = set()
    ahead = deque([(found, 0)])
    while ahead and len(seen) < _MANY:
        each, depth = ahead.popleft()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if depth < _DEEP:
            ahead.extend((inner, depth + 1) for inner in _held(each))


def _held(each: Any) -> list[Any]:
    if isinstance(each, _LEAVES):
        return []
    if isinstance(each, dict):
        return list(each.values())
    if isinstance(each, (list, tuple)):
        return list(each)
    found = [*_attributes(each).values(), *_cells(each)]
    if isinstance(each, types.MethodType):
        found += [each.__func__, each.__self__]
    if isinstance(each, functools.partial):
        found += [each.func, *each.args]
    return found


def _attributes(each: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in (slot for kind in type(each).__mro__ for slot in _slots(kind)):
        try:
            found[name] = object.__getattribute__(each, name)
        except AttributeError:
            continue
    try:
        return {**found, **object.__getattribute__(each, "__dict__")}
    except (AttributeError, TypeError):
        return found


def _slots(kind: type) -> list[str]:
    slots = kind.__dict__.get("__slots__", ())
    return [slots] if isinstance(slots, str) else [name for name in slots if name != "__dict__"]


def _cells(each: Any) -> Iterator[Any]:
    closure: Any = each.__closure__ if isinstance(each, types.FunctionType) else None
    for cell in closure or ():
        try:
            yield cell.cell_contents
        except ValueError:  # empty
            continue
