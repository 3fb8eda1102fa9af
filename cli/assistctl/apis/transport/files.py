"""Files to and from a target, read and written as they are sent and received.

What is too large for one request goes by the Uploads API: opened, sent in parts, completed. Every
request may be repeated: an upload that nobody completes expires by itself, and parts that the
completion does not name are dropped.
"""

from __future__ import annotations

import hashlib
import io
import mimetypes
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from assistctl.apis.transport.client import Client, IfLost, path_of
from assistctl.errors import RemoteError
from assistctl.resources import Json


def upload(
    client: Client,
    path: Path,
    filename: str,
    purpose: str,
    progress: Callable[[int], None] = lambda sent: None,
) -> dict[str, Json]:
    """The file object that comes of it; `progress` is told the bytes sent so far.

    A lost upload is repeated: files carry no metadata to find them by. Raises RemoteError, OSError.
    """
    if path.stat().st_size > client.sizes.at_once:
        return _in_parts(client, path, filename, purpose, progress, client.sizes.part)
    with path.open("rb") as handle:
        file = cast("IO[bytes]", _Counted(handle, progress))
        return client.send("/files", "file", filename, file, {"purpose": purpose})


def download(
    client: Client,
    file: Mapping[str, Json],
    to: Path,
    progress: Callable[[int], None] = lambda received: None,
) -> None:
    """GET the content of a file object into a path; `progress` is told the bytes received.

    Raises RemoteError; a target that does not give the content away answers it with a status.
    """
    object_id, size = str(file["id"]), file.get("bytes")
    path = path_of("/files", object_id, "content")
    client.fetch(
        path,
        lambda sdk: sdk.files.with_streaming_response.content(object_id),
        to,
        size,
        progress,
    )


def download_from_container(
    client: Client, container: str, file_id: str, size: int | None, to: Path
) -> None:
    """GET what code has written in a container into a path. Raises RemoteError."""
    client.fetch(
        path_of("/containers", container, "files", file_id, "content"),
        lambda sdk: sdk.containers.files.content.with_streaming_response.retrieve(
            file_id, container_id=container
        ),
        to,
        size,
    )


def download_artifact(
    client: Client, session: str, artifact: str, size: int | None, to: Path
) -> None:
    """GET what the code of a session has written into a path. Raises RemoteError."""
    client.fetch(
        path_of("/agents/sessions", session, "artifacts", artifact, "content"),
        lambda sdk: sdk.beta.agents.sessions.artifacts.with_streaming_response.content(
            artifact, session_id=session
        ),
        to,
        size,
    )


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


def _in_parts(
    client: Client,
    path: Path,
    filename: str,
    purpose: str,
    progress: Callable[[int], None],
    part_bytes: int,
) -> dict[str, Json]:
    """The file object that comes of it. What cannot be finished is cancelled."""
    size = path.stat().st_size
    about = {
        "filename": filename,
        "purpose": purpose,
        "bytes": size,
        "mime_type": mimetypes.guess_type(filename)[0] or "application/octet-stream",
    }
    upload = path_of("/uploads", client.create("/uploads", about, IfLost.REPEAT)["id"])
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
        file = client.create(f"{upload}/complete", body, IfLost.REPEAT).get("file")
    except BaseException:
        with suppress(RemoteError):
            client.post(f"{upload}/cancel")
        raise
    if not isinstance(file, dict) or not isinstance(file.get("id"), str):
        raise RemoteError(f"POST {upload}/complete: the answer names no file")
    return file


class _Counted:
    """An open file that tells how far it has been read."""

    def __init__(self, handle: IO[bytes], progress: Callable[[int], None]) -> None:
        self._handle = handle
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        data = self._handle.read(size)
        self._progress(self._handle.tell())
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)
