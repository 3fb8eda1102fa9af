"""Files of the target, to save or to look at: never as what a browser would run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from assistctl.apis.transport.client import path_of
from assistctl.console.sharing import Share
from assistctl.console.visit import Visit
from assistctl.conversation.attachments import picture_type
from assistctl.errors import AssistctlError


def is_picture(path: Path) -> str | None:
    """The media type of a picture, by what is in it and not by what it is called."""
    with path.open("rb") as handle:
        return picture_type(handle.read(12))


class _Lent(FileResponse):
    """A file that is gone once it was sent, or however else that ends: not every way out of a
    FileResponse comes by its `background`. Until then it is one of the copies of a share, which
    it keeps: shares that nobody has are forgotten."""

    share: Share | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)
            if self.share:
                self.share.copies.release()


def lending(handler: Callable[[Visit], Response]) -> Callable[[Visit], Awaitable[Response]]:
    """A handler whose answer is a copy of a file. However slowly those are read, so many wait at a
    time for those with one key, and further ones are made when one is gone."""

    async def lend(visit: Visit) -> Response:
        await visit.share.copies.acquire()
        try:
            response = await visit.in_thread(partial(handler, visit))
            assert isinstance(response, _Lent)
        except BaseException:
            visit.share.copies.release()
            raise
        response.share = visit.share
        return response

    return lend


def lent(
    name: str, write: Callable[[Path], object], seen_as: Callable[[Path], str | None]
) -> Response:
    """What `write` puts into a file: to be shown where `seen_as` names a media type for it, else to
    be saved under a name."""
    handle, own = tempfile.mkstemp(prefix="assistctl-")
    os.close(handle)
    path = Path(own)
    try:
        write(path)
        kind = seen_as(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return _Lent(
        path,
        media_type=kind or "application/octet-stream",
        filename=name,
        content_disposition_type="inline" if kind else "attachment",
    )


def downloaded(
    visit: Visit, file_id: str, only: Callable[[Path], str | None] | None = None
) -> Response:
    """A file as an attachment, or, where `only` names a media type for it, to be shown. Raises
    RemoteError, and AssistctlError for what is not to be shown."""
    file = visit.client.get(path_of("/files", file_id))

    def seen_as(path: Path) -> str | None:
        kind = only(path) if only else None
        if only and kind is None:
            raise AssistctlError("this file is no picture; it can be saved")
        return kind

    name = _safe(str(file.get("filename") or file_id))
    return lent(name, lambda path: visit.surface.download(file, path), seen_as)


def _safe(name: str) -> str:
    """A name for a file on anybody's disk: no directories, nothing that is not printed."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(it for it in last if it.isprintable() and it not in '<>:"|?*').strip(" .")
    return kept[:200] or "file"
