"""The types that a function's annotations mean at run time, as pydantic adapters."""

from __future__ import annotations

import functools
import inspect
import logging
import operator
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter

log = logging.getLogger(__name__)


def adapters(function: Callable[..., Any]) -> Mapping[str, TypeAdapter[Any]]:
    """For each parameter whose annotation can be understood, what converts JSON to it.

    The others get what the JSON says: they are declared as they please, and their schema has
    been checked. Raises TypeError for an annotation that pydantic knows and refuses.
    """
    inner = inspect.unwrap(function)
    inner = getattr(inner, "__func__", inner)
    namespace = getattr(inner, "__globals__", {})
    found = {}
    for name, annotation in _annotations(inner).items():
        adapter = _adapter(name, annotation, namespace) if name != "return" else None
        if adapter is not None:
            found[name] = adapter
    return found


def _annotations(function: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return getattr(function, "__annotations__", {})
    except NameError:  # evaluated only now (Python 3.14), and importing for type checkers only
        return {}


def _adapter(name: str, annotation: Any, namespace: dict[str, Any]) -> TypeAdapter[Any] | None:
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

    def holder() -> None: ...

    holder.__annotations__ = {"value": annotation}
    try:
        hint = typing.get_type_hints(holder, globalns=namespace, include_extras=True)["value"]
        return TypeAdapter(_backported(hint))
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation) as error:
        log.debug("parameter %s is passed as plain JSON: %s", name, error)
    except PydanticUserError as error:
        raise TypeError(f"parameter {name!r}: {error.message}") from error
    except Exception as error:  # noqa: BLE001  (an annotation is a stranger's code)
        log.debug("parameter %s is passed as plain JSON: %r", name, error)
    return None


def _backported(hint: Any) -> Any:
    """Before Python 3.12 pydantic reads only `typing_extensions.TypedDict`: swap the others."""
    if sys.version_info >= (3, 12):
        return hint
    import typing_extensions

    if type(hint).__module__ == "typing" and typing.is_typeddict(hint):
        fields = typing.get_type_hints(hint, include_extras=True).items()
        make: Any = typing_extensions.TypedDict
        return make(hint.__name__, {key: _item(key, each, hint) for key, each in fields})
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is None or origin is typing.Literal:
        return hint
    if origin is typing.Annotated:
        return typing.Annotated[(_backported(arguments[0]), *hint.__metadata__)]
    swapped = tuple(map(_backported, arguments))
    if swapped == arguments:
        return hint
    if origin in (types.UnionType, typing.Union):
        return functools.reduce(operator.or_, swapped)
    return origin[swapped]


def _item(key: str, hint: Any, owner: Any) -> Any:
    swapped = _backported(hint)
    if typing.get_origin(hint) in (typing.Required, typing.NotRequired):
        return swapped
    return typing.NotRequired[swapped] if key in owner.__optional_keys__ else swapped
