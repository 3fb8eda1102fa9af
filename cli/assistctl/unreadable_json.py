"""Why a file is no JSON, in words that stay the same whichever Python reads it."""

from __future__ import annotations

import json


def why_no_json(error: ValueError | RecursionError) -> str:
    """`not JSON at line 3, column 5`"""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "not JSON"
