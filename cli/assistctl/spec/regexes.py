"""Regular expressions in what people declare."""

from __future__ import annotations

import re
import warnings

from assistctl.errors import Place
from assistctl.spec.findings import Findings


def check_regex(name: str, text: str, place: Place, findings: Findings) -> None:
    """A text that is no regular expression is a finding; `name` is the key that it stands under."""
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        findings.add(
            place,
            f"`{name}` is not a regular expression: {error}",
            "correct it; a character that means itself is written after a backslash",
        )
