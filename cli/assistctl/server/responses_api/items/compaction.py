"""A summary in place of a history, in an item that clients pass on without reading it.

OpenAI encrypts its own; here it is only wrapped: it holds nothing that the client has not said or
been told.
"""

from __future__ import annotations

import base64
import binascii
import json

from assistctl.server.wire import Document, Kind

COMPACTION = Kind("compaction", "cmp_", "compaction")
_KEY = "assistctl_summary"


def item(summary: str) -> Document:
    wrapped = base64.b64encode(json.dumps({_KEY: summary}).encode()).decode()
    return {"id": COMPACTION.new_id(), "type": "compaction", "encrypted_content": wrapped}


def summary_of(content: str) -> str | None:
    """What was wrapped; None for what another server has made."""
    try:
        summary = json.loads(base64.b64decode(content, validate=True))[_KEY]
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
    return summary if isinstance(summary, str) else None
