"""Files given to a message: what reads them there, decided before anything is uploaded."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import Path

from assistctl.errors import AssistctlError
from assistctl.resources import Assistant, CodeInterpreter, FileSearch, Json, Target
from assistctl.spec.wording import is_unicode
from assistctl.surface import ATTACHED_TO_SEARCH, Capabilities, Support, Surface

_HEAD = 8192
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
"""What models look at, by how it begins; WebP says so a little later. None holds a script, as SVG
may."""

_OPAQUE = {"audio", "video", "image", "font", "model"}
_ARCHIVES = {
    "application/gzip",
    "application/java-archive",
    "application/octet-stream",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-msdownload",
    "application/x-tar",
    "application/zip",
}


@dataclass(frozen=True)
class Readers:
    """What reads a file: the model, if it is a `picture` (its media type), and these tools."""

    picture: str | None
    tools: tuple[str, ...]


def attach(surface: Surface, assistant: Assistant, target: Target, path: Path) -> dict[str, Json]:
    """Upload a file for a message: its `name`, the `tools` that may use it with its `file_id`, and
    of a picture the `part` of the message that shows it to the model. Raises as `readers`."""
    found = readers(path, assistant, target, surface.capabilities)
    attached: dict[str, Json] = {"name": path.name, "tools": [{"type": it} for it in found.tools]}
    if found.tools:
        attached["file_id"] = surface.upload(path, path.name)["id"]
    if found.picture:
        attached["part"] = surface.picture(path, found.picture, attached.get("file_id"))
    return attached


def readers(
    path: Path, assistant: Assistant, target: Target, capabilities: Capabilities
) -> Readers:
    """Nothing is uploaded. Raises AssistctlError where nothing would read the file, and for one
    that cannot be given."""
    if not is_unicode(path.name):
        raise AssistctlError(f"the name of {path.name} is not UTF-8; rename the file")
    if path.name.startswith("."):
        raise AssistctlError(
            f"{path.name} is hidden and may hold secrets; attach a copy with another name if it "
            "holds none"
        )
    with path.open("rb") as file:
        head = file.read(_HEAD)
    picture = picture_type(head)
    search = capabilities[ATTACHED_TO_SEARCH]
    can_search = search.support is not Support.REFUSED
    names = [
        "code_interpreter" if isinstance(tool, CodeInterpreter) else "file_search"
        for tool in assistant.tools
        if isinstance(tool, CodeInterpreter) or (can_search and isinstance(tool, FileSearch))
    ]
    if not names and not picture:
        at = "" if can_search else f" that are attached at {target.name}"
        way_out = "give it code_interpreter or file_search to use --attach"
        raise AssistctlError(
            f"{assistant.address} has no tool that reads files{at}; "
            + (way_out if can_search else search.how)
        )
    unread = _unread(path, head)
    if unread and names == ["file_search"] and not picture:
        raise AssistctlError(
            f"{path.name} is {unread}, which file_search does not read: give {assistant.address} "
            "code_interpreter, or attach its text"
        )
    return Readers(picture, tuple(it for it in names if it != "file_search" or not unread))


def picture_type(head: bytes) -> str | None:
    """The media type of a picture that models can look at, by its first bytes."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for sign, kind in _PICTURES.items() if head.startswith(sign)), None)


def _unread(path: Path, head: bytes) -> str | None:
    """What a file is that has no text for file_search; None if it may have some."""
    kind, encoding = mimetypes.guess_type(path.name)
    if encoding:
        return f"compressed ({encoding})"
    if kind in _ARCHIVES or (kind and kind.partition("/")[0] in _OPAQUE and "svg" not in kind):
        return kind
    is_text = kind is None or kind.startswith("text/")
    if is_text and b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "no text"
    return None
