"""A value that is not what an annotation means."""

from __future__ import annotations

from typing import Any, Iterable, Tuple

Fault = Tuple[Tuple[Any, ...], str]
"""Where in the value, by keys and numbers, and what is wrong."""


class Misfit(Exception):
    """All that is wrong with one value."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)


def misfit(why: str, *at: Any) -> Misfit:
    """One fault."""
    return Misfit([(at, why)])
