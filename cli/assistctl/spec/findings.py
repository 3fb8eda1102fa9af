"""Where every part of the room puts the problems it finds."""

from __future__ import annotations

from collections.abc import Iterable

from assistctl.errors import Place, Problem


class Findings:
    """Problems as they are found; nothing raises, all are shown at once.

    A place that is `faulty` is not looked at more closely: what a later check would say of it only
    follows from the first finding.
    """

    def __init__(self) -> None:
        self._problems: set[Problem] = set()
        self._places: set[Place] = set()

    def add(self, place: Place, what: str, remedy: str) -> None:
        """One more."""
        self.extend([Problem(place, what, remedy)])

    def extend(self, problems: Iterable[Problem]) -> None:
        """Several more."""
        for problem in problems:
            self._problems.add(problem)
            self._places.add(problem.place)

    def faulty(self, place: Place) -> bool:
        """Whether something was found exactly there."""
        return place in self._places

    def in_order(self) -> tuple[Problem, ...]:
        """Each problem once, in the order of their places."""
        return tuple(sorted(self._problems))

    def __bool__(self) -> bool:
        return bool(self._problems)
