"""The content of existing files, as far as the target gives it away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from assistctl.errors import AssistctlError, RemoteError
from assistctl.importing.names import plain_name

if TYPE_CHECKING:
    from assistctl.surface import Body, Surface


@dataclass(frozen=True)
class Download:
    """A file that its `owner`, so called in messages, needs at a POSIX path below the workspace.
    `file` is the object as the API returned it."""

    path: str
    file: Body
    owner: str


class Progress(Protocol):
    """Who is told how far downloads are, from any thread; see render/progress.py."""

    def uploading(self, address: str, sent: int, total: int | None) -> None: ...

    def done(self, address: str, verb: str, detail: str, seconds: float) -> None: ...


class _Nobody:
    def uploading(self, *_: object) -> None: ...

    def done(self, *_: object) -> None: ...


def download_all(
    surface: Surface,
    staging: Path,
    downloads: Sequence[Download],
    progress: Progress | None = None,
) -> None:
    """Write the files into the `staging` directory. Raises AssistctlError that names every owner
    who cannot have a file; after one that is refused, no other of the same owner is asked for."""
    refused: dict[str, str] = {}
    told = progress or _Nobody()

    def fetch(item: Download) -> None:
        if item.owner in refused:
            return
        start, size = time.monotonic(), item.file.get("bytes")
        to = staging / item.path
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            surface.download(item.file, to, lambda n: told.uploading(item.path, n, size))
        except RemoteError as error:
            if error.status is None or error.status >= 500:
                raise
            file = f"{plain_name(item.file)} ({item.file['id']})"
            refused.setdefault(item.owner, f"{item.owner}: {file}: {error}")
        else:
            seconds = time.monotonic() - start
            told.done(item.path, "downloaded", str(item.file["id"]), seconds)

    pool = surface.pool()
    try:
        for _ in pool.map(fetch, downloads):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
    if refused:
        lines = "\n".join(f"  {reason}" for reason in refused.values())
        raise AssistctlError(
            f"nothing was imported, since the target does not give these files away:\n{lines}\n"
            "Assistants that are declared without files lose them at the target when they are "
            "adopted; if that is meant, use --without-files."
        )
