"""What a plain (unquoted) YAML scalar means: YAML 1.2's core schema, decimal numbers only.

What YAML 1.1 and 1.2 readers understand differently is a Trap: never guessed, always asked to be
quoted. But `y` and `n` are strings: coordinates and counts are called so, hardly any reader of
today takes them for true and false, and no writer means it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from assistctl.resources import Json
from assistctl.spec.wording import shown

_CONSTANTS: dict[str, Json] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_TRUE_1_1 = frozenset(["yes", "Yes", "YES", "on", "On", "ON"])
_FALSE_1_1 = frozenset(["no", "No", "NO", "off", "Off", "OFF"])
_NUMBER_STARTS = frozenset("0123456789+-.")

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_OTHER_BASE = r"[-+]?0(x[0-9a-fA-F_]+|o[0-7_]+|b[01_]+)"
_GROUPED = r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?"
_SEXAGESIMAL = r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
_DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?"
_NOT_FINITE = r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"

_TOO_LARGE = "is too large for a number"


@dataclass(frozen=True)
class Trap:
    """A scalar that readers understand differently: what is wrong and what to do."""

    what: str
    remedy: str


@lru_cache(512)  # a workspace says the same keys, types and models in each of its files
def resolve(text: str) -> Json | Trap:
    """The JSON value of a plain scalar, or the trap it is."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text in _TRUE_1_1 or text in _FALSE_1_1:
        word = "true" if text in _TRUE_1_1 else "false"
        return Trap(
            f"`{text}` without quotes is a string to some YAML readers and {word} to others",
            f'write "{text}" in quotes for the string, or {word}',
        )
    if text[0] in _NUMBER_STARTS:
        return _number(text)
    return text


def _number(text: str) -> Json | Trap:
    if _INTEGER.fullmatch(text):
        # As JSON has them, of any size that a float can come near: 2**63 as JavaScript prints it
        # stands in many a schema.
        return int(text) if math.isfinite(float(text)) else _trap(text, _TOO_LARGE)
    if _LEADING_ZERO.fullmatch(text):
        return _trap(text, "is octal to some YAML readers and decimal to others")
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else _trap(text, _TOO_LARGE)
    for pattern, reason in _READINGS:
        if re.fullmatch(pattern, text):
            return _trap(text, reason)
    return text


_READINGS = (
    (_OTHER_BASE, "is a number to some YAML readers and a string to others"),
    (_GROUPED, "is a number to some YAML readers and a string to others"),
    (_SEXAGESIMAL, "is a number in base 60 to some YAML readers"),
    (_DATE, "is a date to some YAML readers and a string to others"),
    (_NOT_FINITE, "is not a number that JSON can hold"),
)


def _trap(text: str, reason: str) -> Trap:
    return Trap(f"{shown(text, 40)} without quotes {reason}", "put it in quotes")
