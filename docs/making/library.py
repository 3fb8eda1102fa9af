"""The public names of the rooms that can be used without a terminal, by their docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

MODULES = (
    *("assistctl", "assistctl.loading", "assistctl.targets", "assistctl.sync"),
    *("assistctl.conversation", "assistctl.events", "assistctl.testing", "assistctl.pulling"),
    *("assistctl.importing", "assistctl.errors", "assistctl.server"),
)

SOME = {"assistctl.targets": ("opened",), "assistctl.loading": ("load", "refused", "root_of")}
"""Of modules without an `__all__` that have more than is meant for others."""


def names(module: ModuleType) -> tuple[str, ...]:
    """What a module offers: its `__all__`, or what it defines without an underscore."""
    listed = SOME.get(module.__name__) or getattr(module, "__all__", None)
    if listed is not None:
        return tuple(name for name in listed if not name.startswith("__"))
    return tuple(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    )


def page() -> str:
    """A section for each module, with what it says and each name."""
    return "\n".join(_module(import_module(name)) for name in MODULES)


def _module(module: ModuleType) -> str:
    lines = [f"## {module.__name__}", "", inspect.getdoc(module) or "", ""]
    for name in names(module):
        lines += _entry(name, getattr(module, name))
    return "\n".join(lines)


def _entry(name: str, value: Any) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield f"```python\n{_head(name, value)}\n```"
    yield ""
    yield said(value)
    yield ""


def said(value: Any) -> str:
    """Its docstring, if that is its own and not made by a dataclass."""
    text = inspect.getdoc(value) or ""
    return "" if text.startswith(f"{getattr(value, '__name__', '')}(") else text


def _head(name: str, value: Any) -> str:
    if not inspect.isclass(value):
        return f"def {name}{_signature(value)}"
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    return f"class {name}({bases})" if bases else f"class {name}{_signature(value)}"


def _signature(value: Any) -> str:
    """As it would be written, a parameter a line where they do not fit in one."""
    signature = inspect.signature(value)
    parts, marked = [], False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not marked:
            parts, marked = [*parts, "*"], True
        parts.append(_parameter(parameter))
    answer = signature.return_annotation
    returns = "" if answer in (inspect.Signature.empty, None, "None") else f" -> {_text(answer)}"
    line = f"({', '.join(parts)}){returns}"
    if len(line) < 80:
        return line
    return "(\n" + "".join(f"    {part},\n" for part in parts) + f"){returns}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    typed = "" if parameter.annotation is parameter.empty else f": {_text(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return f"{stars}{parameter.name}{typed}"
    plain = isinstance(parameter.default, str | int | float | tuple | None)
    return f"{parameter.name}{typed} = {repr(parameter.default) if plain else '...'}"


def _text(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
