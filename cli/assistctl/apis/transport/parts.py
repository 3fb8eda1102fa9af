"""A file that is too large for one request, by the Uploads API: opened, sent in parts, completed.

Every request may be repeated: an upload that nobody completes expires by itself, and parts that
the completion does not name are dropped.
"""

from __future__ import annotations

import hashlib
import io
import mimetypes
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from assistctl.errors import RemoteError
from assistctl.resources import Json

if TYPE_CHECKING:
    from assistctl.apis.transport.client import Client

PART_BYTES = 64 * 1024 * 1024


class Part(io.RawIOBase):
    """A window on an open file, from `start` on, that reads like a file of its own and keeps the
    MD5 of the whole up to where it has been read."""

    def __init__(
        self,
        handle: IO[bytes],
        start: int,
        size: int,
        before: hashlib._Hash,
        progress: Callable[[int], None],
    ) -> None:
        self._handle = handle
        self._start = start
        self._size = size
        self._before = before
        self._progress = progress
        self._at = 0
        self.md5 = before.copy()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Whoever goes back to the beginning sends it all again."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if self._at == 0:
            self.md5 = self._before.copy()
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at
        self._handle.seek(self._start + self._at)
        data = self._handle.read(left if size < 0 else min(size, left))
        self._at += len(data)
        self.md5.update(data)
        self._progress(self._start + self._at)
        return data


def upload_in_parts(
    client: Client,
    path: Path,
    filename: str,
    progress: Callable[[int], None],
    part_bytes: int,
) -> dict[str, Json]:
    """The file object that comes of it. What cannot be finished is cancelled."""
    size = path.stat().st_size
    about = {
        "filename": filename,
        "purpose": "assistants",
        "bytes": size,
        "mime_type": mimetypes.guess_type(filename)[0] or "application/octet-stream",
    }
    upload = f"/uploads/{client.create('/uploads', about, lambda: None)['id']}"
    try:
        md5 = hashlib.md5(usedforsecurity=False)
        part_ids = []
        with path.open("rb") as handle:
            for start in range(0, size, part_bytes):
                part = Part(handle, start, min(part_bytes, size - start), md5, progress)
                answer = client.send(f"{upload}/parts", "data", "part", cast("IO[bytes]", part), {})
                part_ids.append(answer["id"])
                md5 = part.md5
        body = {"part_ids": part_ids, "md5": md5.hexdigest()}
        file = client.create(f"{upload}/complete", body, lambda: None).get("file")
    except BaseException:
        with suppress(RemoteError):
            client.post(f"{upload}/cancel")
        raise
    if not isinstance(file, dict) or not isinstance(file.get("id"), str):
        raise RemoteError(f"POST {upload}/complete: the answer names no file")
    return file
