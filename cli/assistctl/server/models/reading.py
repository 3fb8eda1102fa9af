"""What both APIs' readers have in common: how an answer is found wanting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from assistctl.server.models.protocol import Delta, Finish


class BadAnswer(Exception):
    """What an endpoint sent makes no sense; the text says what it did, as in `The endpoint …`."""


class Failure(Exception):
    """An event of the answer tells of a failure, in `told`."""

    def __init__(self, told: Any) -> None:
        super().__init__("the answer tells of a failure")
        self.told = told


class Reader(Protocol):
    """Reads the events of one answer in order."""

    @property
    def finish(self) -> Finish | None:
        """None until the answer has ended."""

    def read(self, event: Any) -> Sequence[Delta]:
        """Raises BadAnswer where it is no event of the API, and Failure where it tells of one."""

    def end(self) -> None:
        """The endpoint has said that this was all. Raises BadAnswer where it cannot be."""

    def rest(self) -> Sequence[Delta]:
        """What was held back, to be asked for once the answer has ended. Raises BadAnswer for an
        answer that cannot be used."""
