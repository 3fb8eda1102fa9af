"""Which header `OpenAI-Beta` goes with which request, whatever API its target speaks.

As the openai SDK sends it: servers demand it for these paths, and know none for others.
"""

from __future__ import annotations

from collections.abc import Mapping

_BETAS = {
    "agents": "agents=v1",
    "assistants": "assistants=v2",
    "threads": "assistants=v2",
    "vector_stores": "assistants=v2",
}


def beta(path: str) -> Mapping[str, str]:
    """The header of a request, by the first word of its path."""
    value = _BETAS.get(path.lstrip("/").partition("/")[0])
    return {"OpenAI-Beta": value} if value else {}
