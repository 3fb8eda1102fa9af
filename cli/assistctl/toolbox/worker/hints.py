"""What a function's annotations and defaults mean at run time: how JSON is converted, and values.

pydantic converts where it has been imported, by assistctl or by the tool itself; else `building`.
"""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import inspect
import json
import logging
import sys
import types
import typing
from pathlib import Path
from typing import Any, Callable, Mapping

from .evaluation import hints_of, is_typeddict
from .misfits import Misfit

log = logging.getLogger(__name__)

_HOOK = "__get_pydantic_core_schema__"
_LISTS = (
    *(collections.abc.Iterable, collections.abc.Collection, collections.abc.Container),
    collections.abc.Reversible,
)
_BYTES = (bytes, bytearray, memoryview)
_ANNOTATED: Any = getattr(typing, "Annotated", None)
_UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))


class Unconvertible(Exception):
    """Code of an annotation's own failed on a value."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """`convert` makes of JSON what the annotation means, or raises Misfit; None where that is not
    understood, and the function gets what the JSON says. `default` makes what an argument is that
    was not sent, where the function's own default only describes it; one that is `demanded` has
    none."""

    convert: Callable[[Any], Any] | None
    default: Callable[[], Any] | None = None
    demanded: bool = False


def parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    """By name. Raises TypeError for an annotation that pydantic knows and refuses."""
    inner = inspect.unwrap(function)
    inner = getattr(inner, "__func__", inner)
    annotations = _annotations(inner)
    namespace = _Names(inner)
    return {
        each.name: _parameter(each, annotations.get(each.name, Any), namespace)
        for each in _taken(inner)
        if each.kind is not each.VAR_KEYWORD
    }


def _taken(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some builtins do not say
        return []


def _annotations(function: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return getattr(function, "__annotations__", {})
    except NameError:  # evaluated only now (Python 3.14), and importing for type checkers only
        return {}


class _Names(typing.Dict[str, Any]):
    """What names mean where a function stands, those imported for type checkers only included."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.globals: dict[str, Any] = getattr(function, "__globals__", {})
        self._imports: Mapping[str, ast.stmt] | None = None

    def __missing__(self, name: str) -> Any:
        if name in self.globals:
            raise KeyError(name)
        if self._imports is None:
            self._imports = _for_type_checkers(self.globals.get("__file__"))
        if name not in self._imports:
            raise KeyError(name)
        module = ast.Module([self._imports[name]], [])
        found = {key: self.globals.get(key) for key in ("__name__", "__package__")}
        try:
            exec(compile(module, str(self.globals.get("__file__")), "exec"), found)
        except Exception as error:
            raise KeyError(name) from error
        self[name] = found[name]
        return found[name]


def _for_type_checkers(file: str | None) -> Mapping[str, ast.stmt]:
    """The imports within `if TYPE_CHECKING:`, by the names that they bind."""
    try:
        tree = ast.parse(Path(file or "").read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    return {
        (alias.asname or alias.name).partition(".")[0]: statement
        for outer in tree.body
        if isinstance(outer, ast.If) and _last_name(outer.test) == "TYPE_CHECKING"
        for statement in outer.body
        if isinstance(statement, (ast.Import, ast.ImportFrom))
        for alias in statement.names
    }


def _last_name(node: ast.expr) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


def _parameter(each: inspect.Parameter, annotation: Any, names: _Names) -> Parameter:
    default, demanded = _default(each.default)
    convert = None
    try:
        hint = _evaluated(annotation, names)
        if default is None and each.default is each.empty:
            default = _annotated_default(hint)
        hint = _concrete(hint)
        if _is_field(each.default):
            hint = _ANNOTATED[hint, each.default]
        if each.kind is each.VAR_POSITIONAL:
            hint = typing.List[hint]  # type: ignore[valid-type]
        convert = _converter(hint)
    except _Refused as error:
        raise TypeError(f"parameter {each.name!r}: {error}") from error
    except Exception as error:  # noqa: BLE001  (an annotation is untrusted code)
        log.debug("parameter %s is passed as plain JSON: %r", each.name, error)
    return Parameter(convert, default, demanded)


class _Refused(Exception):
    """pydantic knows the annotation, and says why it is wrong."""


def _converter(hint: Any) -> Callable[[Any], Any]:
    """Raises whatever says that the type is not understood, and _Refused."""
    pydantic = _pydantic()
    if pydantic is None:
        from . import building

        return building.converter(hint)
    if sys.version_info < (3, 12):
        _teach_typeddicts(hint, {})
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

    try:
        adapter = pydantic.TypeAdapter(hint)
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation):
        raise
    except pydantic.PydanticUserError as error:
        raise _Refused(error.message) from error

    def convert(value: Any) -> Any:
        try:
            # As JSON and strict: "2026-11-23" is a date and "red" a Colour, but "3" is not 3.
            return adapter.validate_json(json.dumps(value), strict=True)
        except pydantic.ValidationError as error:
            told = error.errors(include_url=False, include_context=False, include_input=False)
            raise Misfit((each["loc"], each["msg"]) for each in told) from None

    return convert


def _pydantic() -> Any:
    """pydantic 2, if somebody has imported it."""
    found = sys.modules.get("pydantic")
    return found if hasattr(found, "TypeAdapter") else None


def _evaluated(annotation: Any, names: _Names) -> Any:
    def holder() -> None: ...

    holder.__annotations__ = {"value": annotation}
    return hints_of(holder, names.globals, names)["value"]


def _default(value: Any) -> tuple[Callable[[], Any] | None, bool]:
    """What makes the default that a `Field(…)` describes, and whether it says that there is none.

    A `typer.Option(…)` is known by its looks, since typer need not be installed.
    """
    if _is_field(value):
        if value.is_required():
            return None, True
        return lambda: value.get_default(call_default_factory=True), False
    if type(value).__module__ == "typer.models" and hasattr(value, "default"):
        if value.default is ...:
            return None, True
        return lambda: value.default() if callable(value.default) else value.default, False
    return None, False


def _annotated_default(hint: Any) -> Callable[[], Any] | None:
    notes = typing.get_args(hint)[1:] if _is_annotated(hint) else ()
    fields = [_default(each)[0] for each in notes if _is_field(each)]
    return next((made for made in reversed(fields) if made), None)


def _is_annotated(hint: Any) -> bool:
    return _ANNOTATED is not None and typing.get_origin(hint) is _ANNOTATED


def _is_field(value: Any) -> bool:
    if _pydantic() is None:
        return False
    from pydantic.fields import FieldInfo

    return isinstance(value, FieldInfo)


def _concrete(hint: Any) -> Any:
    """The type with what pydantic makes of JSON in its place: a list where an Iterable will do, and
    of several alternatives only those that it understands and JSON can stand for."""
    if isinstance(hint, typing.TypeVar):
        members = hint.__constraints__ or ((hint.__bound__,) if hint.__bound__ else ())
        return _one_of([each for each in members if each not in _BYTES]) if members else Any
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if _is_annotated(hint):
        return _ANNOTATED[(_concrete(arguments[0]), *arguments[1:])]
    if origin in _UNIONS:
        return _one_of([_concrete(each) for each in arguments if each not in _BYTES])
    if hint in _LISTS or origin in _LISTS:
        return typing.List[(_concrete(arguments[0]) if arguments else Any)]  # type: ignore[misc]
    return hint


def _one_of(members: list[Any]) -> Any:
    understood = []
    for each in members:
        if _is_understood(each):
            understood.append(each)
    return typing.Union[tuple(understood or members)]


def _is_understood(hint: Any) -> bool:
    pydantic = _pydantic()
    if pydantic is None:
        return True
    from pydantic.errors import PydanticSchemaGenerationError

    try:
        pydantic.TypeAdapter(hint)
    except PydanticSchemaGenerationError:
        return False
    except Exception:  # noqa: BLE001  (what else is wrong is told of the whole)
        log.debug("%r is judged with the rest", hint)
    return True


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
    if not (is_typeddict(hint) or dataclasses.is_dataclass(hint)):
        return
    fields = hints_of(hint)
    for inner in fields.values():
        _teach_typeddicts(inner, seen)
    if type(hint).__module__ == "typing" and not hasattr(hint, _HOOK):
        twin = _twin(hint, fields)
        setattr(hint, _HOOK, lambda source, handler: handler.generate_schema(twin))


def _twin(original: Any, fields: Mapping[str, Any]) -> Any:
    import typing_extensions as extended

    make: Any = extended.TypedDict
    return make(
        original.__name__,
        {
            key: extended.NotRequired[hint]
            if key in original.__optional_keys__ and not _qualified(hint, extended)
            else hint
            for key, hint in fields.items()
        },
    )


def _qualified(hint: Any, extended: Any) -> bool:
    return typing.get_origin(hint) in (extended.Required, extended.NotRequired)
