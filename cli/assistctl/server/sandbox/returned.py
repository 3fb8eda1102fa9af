"""What an interpreter hands back besides text. Model code made it: nothing of it is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assistctl.server.sandbox.inside.frames import BrokenFrame
from assistctl.server.sandbox.limits import Limits
from assistctl.server.sandbox.names import is_name, shown

_KEPT_CHARACTERS = 200
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


@dataclass(frozen=True)
class Produced:
    """A file that code has written, or a picture that it has shown.

    `name` is relative to /mnt/data, may contain folders, and is safe to show. `media_type` is set
    for images, by what the bytes are and not by what the name says.
    """

    name: str
    data: bytes
    media_type: str | None


class Returned:
    """Collects the parts of files and pictures. Raises BrokenFrame when they are too many."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = limits.returned_bytes
        self._files: dict[str, bytearray] = {}
        self._pictures: dict[int, bytearray] = {}
        self._kept: list[str] = []

    def add(self, header: dict[str, Any], body: bytes) -> None:
        """Take one frame; one that is about something else is nothing to us."""
        self._room -= len(body)
        if self._room < 0:
            raise BrokenFrame("more bytes came back than were announced")
        file, picture = header.get("file"), header.get("picture")
        if isinstance(file, str):
            self._files.setdefault(file, bytearray()).extend(body)
        elif isinstance(picture, int):
            self._pictures.setdefault(picture, bytearray()).extend(body)
        if max(len(self._files), len(self._pictures)) > self._limits.returned_files:
            raise BrokenFrame("more files came back than were announced")

    def keep(self, names: Any) -> None:
        """Those that stay in the sandbox."""
        claimed = [str(name) for name in names] if isinstance(names, list) else []
        # Of a file that went away while it was sent, only a part has come.
        for name in claimed:
            self._files.pop(name, None)
        self._kept += [shown(name) for name in claimed]

    def files(self) -> tuple[Produced, ...]:
        return tuple(
            Produced(name, bytes(data), image_type(data))
            for name, data in self._files.items()
            if is_name(name)
        )

    def pictures(self) -> tuple[Produced, ...]:
        """Those that are images, under names of ours."""
        found = [(data, image_type(data)) for data in self._pictures.values()]
        images = [(bytes(data), kind) for data, kind in found if kind]
        return tuple(
            Produced(f"figure-{number}.{kind.partition('/')[2]}", data, kind)
            for number, (data, kind) in enumerate(images, 1)
        )

    def kept(self) -> tuple[str, ...]:
        """Names, made safe to show, of files that were written but did not come back."""
        refused = (shown(name) for name in self._files if not is_name(name))
        return (*self._kept, *(name[:_KEPT_CHARACTERS] for name in refused))


def image_type(data: bytes | bytearray) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _IMAGES.items() if data.startswith(start)), None)
