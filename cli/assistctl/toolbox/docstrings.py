"""Docstrings in the styles of Google, NumPy and Sphinx: the text, and what it says of each name."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_SPHINX = re.compile(r"^\s*:(param|parameter|arg|argument|key|keyword|var|ivar)\b.*:", re.MULTILINE)
_NUMPY = re.compile(r"^\s*(Other )?(Parameters|Attributes)\s*\n\s*-{3,}\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Documentation:
    """`text` is what stands before and between the sections; None if there is nothing."""

    text: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def read(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Documentation:
    """Split the docstring of a function or class, if it has one."""
    # Not cleaned: griffe does it, and twice would take the indent off a lone section.
    return split(ast.get_docstring(node, clean=False))


def split(docstring: str | None) -> Documentation:
    """`names` holds parameters, or attributes for a class, on one line each."""
    if not docstring or not docstring.strip():
        return Documentation()
    import griffe  # 60 ms, and needed only where a docstring is read

    sections = griffe.parse(griffe.Docstring(docstring), _style(docstring), warnings=False)
    texts = [str(each.value) for each in sections if each.kind is griffe.DocstringSectionKind.text]
    names = {
        element.name.lstrip("*"): _one_line(element.description)
        for section in sections
        if section.kind.value in ("parameters", "other parameters", "attributes")
        for element in _elements(section)
        if element.description
    }
    return Documentation("\n\n".join(texts).strip() or None, names)


def _style(docstring: str) -> Literal["google", "numpy", "sphinx"]:
    if _SPHINX.search(docstring):
        return "sphinx"
    return "numpy" if _NUMPY.search(docstring) else "google"


def _elements(section: Any) -> list[Any]:
    return list(section.value)


def _one_line(text: str) -> str:
    return " ".join(text.split())
