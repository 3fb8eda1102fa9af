"""Annotations as Python evaluates them."""

from __future__ import annotations

import sys
import typing
from typing import Any


def hints_of(annotated: Any, *scope: Any) -> dict[str, Any]:
    """Evaluated annotations, with what is noted beside the types, where Python can say it."""
    more: Any = {"include_extras": True} if sys.version_info >= (3, 9) else {}
    return typing.get_type_hints(annotated, *scope, **more)


def is_typeddict(hint: Any) -> bool:
    """Whether a type is a TypedDict, which no isinstance may be asked about."""
    return isinstance(hint, type) and hasattr(hint, "__total__") and issubclass(hint, dict)
