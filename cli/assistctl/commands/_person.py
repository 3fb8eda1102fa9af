"""Whether somebody is there to answer a question."""

from __future__ import annotations

import os
import sys


def can_answer() -> bool:
    """A person at a terminal. Some CI services give their jobs a terminal, but set CI."""
    return sys.stdin.isatty() and not in_ci()


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
