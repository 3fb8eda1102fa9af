"""The types that a function's annotations mean at run time, as pydantic adapters."""

from __future__ import annotations

import dataclasses
import inspect
import logging
import sys
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter

log = logging.getLogger(__name__)

_HOOK = "__get_pydantic_core_schema__"


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
        if sys.version_info < (3, 12):
            _teach_typeddicts(hint, {})
        return TypeAdapter(hint)
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation) as error:
        log.debug("parameter %s is passed as plain JSON: %s", name, error)
    except PydanticUserError as error:
        raise TypeError(f"parameter {name!r}: {error.message}") from error
    except Exception as error:  # noqa: BLE001  (an annotation is a stranger's code)
        log.debug("parameter %s is passed as plain JSON: %r", name, error)
    return None


def _teach_typeddicts(hint: Any, seen: dict[int, Any]) -> None:
    """Let pydantic read every `typing.TypedDict` within a type.

    Before Python 3.12 it refuses them and reads only those of typing_extensions. So each gets the
    hook by which a class tells pydantic its schema, and answers with that of such a twin.
    `seen` is keyed by identity; it keeps its values, so that no identity is used again.
    """
    if id(hint) in seen:
        return
    seen[id(hint)] = hint
    for inner in typing.get_args(hint):
        _teach_typeddicts(inner, seen)
    if not (typing.is_typeddict(hint) or dataclasses.is_dataclass(hint)):
        return
    fields = typing.get_type_hints(hint, include_extras=True)
    for inner in fields.values():
        _teach_typeddicts(inner, seen)
    if type(hint).__module__ == "typing" and not hasattr(hint, _HOOK):
        twin = _twin(hint, fields)
        setattr(hint, _HOOK, lambda source, handler: handler.generate_schema(twin))


def _twin(original: Any, fields: Mapping[str, Any]) -> Any:
    import typing_extensions

    make: Any = typing_extensions.TypedDict
    return make(
        original.__name__,
        {
            key: typing.NotRequired[hint]
            if key in original.__optional_keys__ and not _qualified(hint)
            else hint
            for key, hint in fields.items()
        },
    )


def _qualified(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Required, typing.NotRequired)
