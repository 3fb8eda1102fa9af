"""Pictures in a message, which bears all of their content here."""

from __future__ import annotations

import base64
from pathlib import Path

from assistctl.apis.transport.client import Client
from assistctl.errors import AssistctlError
from assistctl.resources import Json

_LARGEST = 2_900_000
"""In bytes, so that a request stays below the 4 MiB that the API takes."""


def part(client: Client, path: Path, kind: str, file_id: str | None) -> dict[str, Json]:
    """See surface.Surface.picture."""
    size = path.stat().st_size
    if size > _LARGEST:
        raise AssistctlError(
            f"{path.name} has {size:,} bytes; the Agents API takes pictures up to {_LARGEST:,}:"
            " make it smaller"
        )
    content = base64.b64encode(path.read_bytes()).decode()
    return {"type": "input_image", "image_url": f"data:{kind};base64,{content}"}
