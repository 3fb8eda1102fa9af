"""What goes back to the model: results and errors, as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from assistctl.events import Trace
from assistctl.toolbox.worker import results

ErrorType: TypeAlias = Literal[
    "invalid_json",
    "invalid_arguments",
    "unknown_function",
    "no_implementation",
    "not_approved",
    "timeout",
    "crashed",
    "changed",
    "exception",
    "invalid_result",
]

_MESSAGE, _REASON = 2000, 1000


@dataclass(frozen=True)
class Detail:
    """One fault in the arguments: `at` is where, as `items[0].price`; "" is the whole."""

    at: str
    message: str

    def __str__(self) -> str:
        return f"{self.at}: {self.message}" if self.at else self.message


@dataclass(frozen=True)
class Output:
    """`text` goes to the model; `error` is a short reason for people when the call failed, and
    `trace` where the tool raised."""

    text: str
    error: str | None = None
    trace: Trace | None = None


class Refusal(Exception):
    """A call that comes to nothing, told so that the model can correct itself."""

    def __init__(self, kind: ErrorType, message: str, details: Iterable[Detail] = ()) -> None:
        super().__init__(message)
        self.kind: ErrorType = kind
        self.message = cut(message, _MESSAGE)
        self.details = tuple(details)

    @property
    def output(self) -> Output:
        """`{"error": {"type", "message"[, "details": [{"at", "message"}]]}}`."""
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if self.details:
            error["details"] = [asdict(each) for each in self.details]
        text = json.dumps({"error": error}, ensure_ascii=False)
        faults = f" ({'; '.join(map(str, self.details))})" if self.details else ""
        reason = f"{self.kind}: {self.message}{faults}"
        return Output(
            results.encodable(text), cut(" ".join(results.encodable(reason).split()), _REASON)
        )


def result(value: Any, limit: int) -> Output:
    """A tool's result as text of at most `limit` bytes of UTF-8; see worker/results.py. Raises
    Refusal if the value has no JSON form."""
    try:
        return Output(results.text_of(value, limit))
    except Exception as error:  # a value's own code may run, and raise anything
        raise invalid_result(type(value).__name__, str(error)) from error


def invalid_result(kind: str, why: str) -> Refusal:
    """What the model is told of a result of this type that has no JSON form."""
    return Refusal(
        "invalid_result",
        f"the function ran, but its result ({kind}) cannot be written as JSON: {why}",
    )


def cut(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 1]}…"
