"""What a tool returned, as text for the model."""

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import datetime
import enum
import itertools
import json
import math
import re
import sys
from typing import Any


def text_of(value: Any, limit: int) -> str:
    """At most `limit` bytes of UTF-8. A string is passed as it is. Everything else is JSON: None is
    `null`, the one thing that claims nothing (an "ok" would be an invention); dataclasses, pydantic
    models, dates, decimals and enums as pydantic writes them; NaN and infinities, which JSON lacks,
    as strings. Raises whatever says that the value has no JSON form."""
    least = ""
    if isinstance(value, collections.abc.Iterator):
        # Each takes a byte at least; one without end would keep pydantic from ever letting other
        # threads, or the process's end, have their way.
        value = list(itertools.islice(value, limit))
        least = "at least " if len(value) == limit else ""
    return limited(encodable(value if isinstance(value, str) else _json(value)), limit, least)


def limited(text: str, limit: int, least: str = "") -> str:
    data = text.encode()
    if len(data) <= limit:
        return text
    marker = f"\n[cut here: the whole output has {least}{len(data)} bytes, the limit is {limit}]"
    kept = max(0, limit - len(marker.encode()))
    return data[:kept].decode(errors="ignore") + marker


def encodable(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot carry, replaced by question marks."""
    return text.encode(errors="replace").decode()


def _json(value: Any) -> str:
    core = sys.modules.get("pydantic_core")
    if hasattr(core, "to_json"):
        value = json.loads(core.to_json(value, inf_nan_mode="strings"))  # type: ignore[union-attr]
    else:
        value = plain(value)
    return json.dumps(value, ensure_ascii=False)


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it, in the forms of pydantic. Raises TypeError."""
    if depth > 200:
        raise TypeError("it is nested too deeply, or contains itself")
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        names = {math.inf: "Infinity", -math.inf: "-Infinity"}
        return "NaN" if math.isnan(value) else names.get(value, value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [each.name for each in dataclasses.fields(value)]
        return {name: plain(getattr(value, name), depth + 1) for name in fields}
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(), depth + 1)
    if hasattr(value, "dict") and hasattr(type(value), "__fields__"):  # of pydantic 1
        return plain(value.dict(), depth + 1)
    if isinstance(value, collections.abc.Mapping):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (bytes, bytearray)):
        return value.decode()
    if isinstance(value, (collections.abc.Iterable, collections.abc.Iterator)) and not _is_text(
        value
    ):
        return [plain(item, depth + 1) for item in value]
    return _text(value)


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    key = plain(key)
    return key if isinstance(key, str) else str(key)


def _is_text(value: Any) -> bool:
    return type(value).__module__ in ("pathlib", "pathlib._local", "ipaddress")


def _text(value: Any) -> str:
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, datetime.timedelta):
        return _duration(value)
    if isinstance(value, re.Pattern):
        return str(value.pattern)
    if type(value).__module__ in ("decimal", "uuid", "fractions", "zoneinfo") or _is_text(value):
        return str(value)
    if isinstance(value, (complex, memoryview)):
        return str(value) if isinstance(value, complex) else base64.b64encode(value).decode()
    raise TypeError(f"Unable to serialize unknown type: {type(value)}")


def _duration(value: datetime.timedelta) -> str:
    sign, value = ("-", -value) if value < datetime.timedelta() else ("", value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    shown = f"{seconds}{fraction}" if seconds or fraction else 0
    parts = [(hours, "H"), (minutes, "M"), (shown, "S")]
    time = "".join(f"{number}{unit}" for number, unit in parts if number)
    days = f"{value.days}D" if value.days else ""
    return f"{sign}P{days}{'T' + time if time else ''}" if days or time else "PT0S"
