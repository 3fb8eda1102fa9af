"""Which of the declared functions somebody means."""

from __future__ import annotations

from collections.abc import Sequence

from assistctl.errors import AssistctlError
from assistctl.resources import DeclaredFunction
from assistctl.suggestion import remedy


def function_named(name: str, found: Sequence[DeclaredFunction]) -> DeclaredFunction:
    """The function that NAME, or KEY/NAME of the assistant KEY, means of those that are declared.

    Raises AssistctlError where that is none or several.
    """
    key, _, own = name.rpartition("/")
    alike = [each for each in found if each.function.name == own]
    chosen = [each for each in alike if not key or key in each.used_by]
    used = [each for each in chosen if each.used_by]
    if len(used or chosen) == 1:
        return (used or chosen)[0]
    if chosen:
        places = " and ".join(f"{each.used_by[0]}/{own} ({each.function.place})" for each in used)
        raise AssistctlError(f"several functions are called {own!r}; say which: {places}")
    if alike:
        keys = ", ".join(key for each in alike for key in each.used_by) or "no assistant"
        raise AssistctlError(f"{key!r} has no function {own!r}; it is used by: {keys}")
    names = [each.function.name for each in found]
    instead = remedy(own, names, "`assistctl tools list` shows them")
    raise AssistctlError(f"no function {own!r} is declared in this workspace; {instead}")
