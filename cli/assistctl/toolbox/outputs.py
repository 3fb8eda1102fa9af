"""What goes back to the model: results and errors, as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from assistctl.events import Trace

ErrorType: TypeAlias = Literal[
    "invalid_json",
    "invalid_arguments",
    "unknown_function",
    "no_implementation",
    "not_approved",
    "timeout",
    "exception",
    "invalid_result",
]

_MESSAGE, _REASON = 2000, 200


@dataclass(frozen=True)
class Detail:
    """One fault in the arguments: `at` is where, as `items[0].price`; "" is the whole."""

    at: str
    message: str


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
        reason = " ".join([f"{self.kind}: {self.message}", *map(_told, self.details[:1])])
        return Output(_encodable(text), cut(" ".join(_encodable(reason).split()), _REASON))


def result(value: Any, limit: int) -> Output:
    """A tool's result as text of at most `limit` bytes of UTF-8.

    A string is passed as it is. Everything else is JSON: None is `null`, the one thing that claims
    nothing (an "ok" would be an invention); dataclasses, pydantic models, dates, decimals and
    enums as pydantic writes them; NaN and infinities, which JSON lacks, as strings.
    Raises Refusal if the value has no JSON form.
    """
    return Output(_limited(_encodable(value if isinstance(value, str) else _json(value)), limit))


def cut(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 1]}…"


def _json(value: Any) -> str:
    from pydantic_core import to_json

    try:
        plain = json.loads(to_json(value, inf_nan_mode="strings"))
        return json.dumps(plain, ensure_ascii=False)
    except Exception as error:  # a value's own code may run, and raise anything
        raise Refusal(
            "invalid_result",
            f"the function ran, but its result ({type(value).__name__}) cannot be written as "
            f"JSON: {error}",
        ) from error


def _limited(text: str, limit: int) -> str:
    data = text.encode()
    if len(data) <= limit:
        return text
    marker = f"\n[cut here: the whole output has {len(data)} bytes, the limit is {limit}]"
    kept = max(0, limit - len(marker.encode()))
    return data[:kept].decode(errors="ignore") + marker


def _encodable(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot carry, replaced by question marks."""
    return text.encode(errors="replace").decode()


def _told(detail: Detail) -> str:
    return f"({detail.at}: {detail.message})" if detail.at else f"({detail.message})"
