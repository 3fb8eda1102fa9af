"""Files of the target, to save or to look at: never as what a browser would run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from assistctl.apis.transport.client import path_of
from assistctl.console.visit import Visit
from assistctl.errors import AssistctlError

_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
"""How pictures begin that hold no script; SVG is none of them."""


def is_picture(path: Path) -> str | None:
    """The media type of a picture, by what is in it and not by what it is called."""
    with path.open("rb") as handle:
        head = handle.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _PICTURES.items() if head.startswith(mark)), None)


def downloaded(
    visit: Visit, file_id: str, only: Callable[[Path], str | None] | None = None
) -> Response:
    """A file as an attachment, or, where `only` names a media type for it, to be shown. Raises
    RemoteError, and AssistctlError for what is not to be shown."""
    file = visit.client.get(path_of("/files", file_id))
    handle, name = tempfile.mkstemp(prefix="assistctl-")
    os.close(handle)
    path = Path(name)
    try:
        visit.surface.download(file, path)
        kind = only(path) if only else "application/octet-stream"
        if kind is None:
            raise AssistctlError("this file is no picture; it can be saved")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return FileResponse(
        path,
        media_type=kind,
        filename=_safe(str(file.get("filename") or file_id)),
        content_disposition_type="inline" if only else "attachment",
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


def _safe(name: str) -> str:
    """A name for a file on anybody's disk: no directories, nothing that is not printed."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(it for it in last if it.isprintable() and it not in '<>:"|?*').strip(" .")
    return kept[:200] or "file"
