"""A call: JSON values become what the function's annotations mean, and it is called with them."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from typing import Any, AsyncIterable, Awaitable, Callable, Iterable, List, Mapping, Tuple

from . import hints
from .misfits import Misfit

Faults = List[Tuple[str, str]]


class WrongArguments(Exception):
    """Arguments that the function does not take: where, as `items[0].price`, and why."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(faults)
        self.faults = faults


class TimeIsUp(Exception):
    """An async function has no result yet."""


class Callee:
    """A function, and how JSON becomes its arguments. `kept` are the parameters that no model
    fills in. Raises TypeError for an annotation that pydantic knows and refuses."""

    def __init__(self, run: Callable[..., Any], kept: Iterable[str] = ()) -> None:
        self.run, self.kept = run, frozenset(kept)
        given = hints.parameters(run)
        self._parameters = {name: given[name] for name in given if name not in self.kept}
        self._names = _names(run)

    def arguments(self, values: Mapping[str, Any], context: Any = None) -> dict[str, Any]:
        """The arguments by name; `context` is for those that are kept. Raises WrongArguments, and
        hints.Unconvertible where code of the annotation's own fails."""
        unknown = self.kept & values.keys()
        if self._names is not None:
            unknown |= values.keys() - self._names
        if unknown:
            raise WrongArguments(
                [(name, "the function takes no such argument") for name in sorted(unknown)]
            )
        converted: dict[str, Any] = {}
        faults: Faults = []
        for name, value in values.items():
            try:
                converted[name] = self._converted(name, value)
            except Misfit as error:
                faults += [(path([name, *at]), why) for at, why in error.faults]
        for name, parameter in self._parameters.items():
            if name not in values and parameter.demanded:
                faults.append(("", f"{name!r} is a required property"))
            elif name not in values and parameter.default:
                converted[name] = parameter.default()
        if faults:
            raise WrongArguments(faults)
        return {**converted, **dict.fromkeys(self.kept, context)}

    def __call__(self, arguments: Mapping[str, Any], seconds: float) -> Any:
        """What it returns, async or not. Raises whatever it does, and TimeIsUp."""
        return awaited(called(self.run, arguments), seconds)

    def _converted(self, name: str, value: Any) -> Any:
        parameter = self._parameters.get(name)
        if parameter is None or parameter.convert is None:
            return value
        try:
            return parameter.convert(value)
        except Misfit:
            raise
        except Exception as error:  # a validator of the annotated type is untrusted code
            reason = f"{type(error).__name__}: {error}"
            raise hints.Unconvertible(f"argument {name} cannot be converted: {reason}") from error


def path(parts: Iterable[Any]) -> str:
    """`items[0].price`"""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text[1:] if text.startswith(".") else text


def _names(run: Callable[..., Any]) -> frozenset[str] | None:
    """The names that it takes; None if it takes any."""
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


def awaited(value: Any, seconds: float) -> Any:
    """The result of a function, async or not; unlike a thread, a coroutine ends when time is up.
    What an async generator yields is a list, as with the other kind."""
    if inspect.isasyncgen(value):
        value = _collected(value)
    if not inspect.isawaitable(value):
        return value
    import asyncio  # 40 ms, which only a workspace with async tools has to pay

    return asyncio.run(_within(value, seconds))


async def _collected(values: AsyncIterable[Any]) -> list[Any]:
    return [value async for value in values]


async def _within(value: Awaitable[Any], seconds: float) -> Any:
    import asyncio

    async def awaiting() -> Any:
        return await value

    task = asyncio.ensure_future(awaiting())
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:  # which an exit or interrupt that it raises comes through
        if task.done() and not task.cancelled():
            task.exception()  # it is told, and asyncio needs not
    if not task.done():
        raise TimeIsUp
    return task.result()
