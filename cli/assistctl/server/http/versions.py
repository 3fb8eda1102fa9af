"""Which version of the Assistants API a request asks for."""

from __future__ import annotations

from typing import Literal, TypeAlias

from starlette.requests import Request

Version: TypeAlias = Literal[1, 2]

_AZURES_FIRST = "2024-02-15-preview"


def version_of(request: Request) -> Version | None:
    """As its header says, or else Azure's `api-version`; None if it says nothing."""
    header = request.headers.get("openai-beta", "")
    asked = [part.strip() for part in header.split(",")]
    if "assistants=v2" in asked:
        return 2
    if "assistants=v1" in asked or request.query_params.get("api-version") == _AZURES_FIRST:
        return 1
    return None
