"""Pictures in a message: a file that is uploaded before."""

from __future__ import annotations

from pathlib import Path

from assistctl.apis.transport import files
from assistctl.apis.transport.client import Client
from assistctl.resources import Json


def part(client: Client, path: Path, kind: str, file_id: str | None) -> dict[str, Json]:
    """See surface.Surface.picture."""
    if file_id is None:
        file_id = str(files.upload(client, path, path.name, "vision")["id"])
    return {"type": "image_file", "image_file": {"file_id": file_id}}
