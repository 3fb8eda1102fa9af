"""multipart/form-data, as all kinds of clients write it.

The pieces are told apart by python-multipart; what is read into them is said here. A name outside
ASCII comes as UTF-8 as it is (browsers, most SDKs), as `filename*` (RFC 5987), alone or beside
another `filename`, or as an encoded word (RFC 2047); .NET and PowerShell send the last two at once.
Before the first boundary there may be a preamble, which means nothing (RFC 2046).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import Any

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartState
from starlette.datastructures import FormData, Headers, UploadFile

from assistctl.server.thread_pools import Lane
from assistctl.server.wire import ApiError

_MEMORY_BYTES = 2**20
_FIELD_BYTES = 2**20
_MOST_PARTS = 1_000
_PREAMBLE_BYTES = 64 * 1024
_LONGEST_BOUNDARY = 256
_NO_BEGINNING = "it does not begin with its boundary"
_ENCODED_WORD = re.compile(r"=\?[^\s?]+\?[BbQq]\?[^\s?]*\?=")


async def parse(content_type: str, chunks: AsyncIterator[bytes], lane: Lane) -> FormData:
    """The fields of a form, to be closed. They are put together in `lane`, since a
    large file goes to the disk. Raises ApiError for what is no form."""
    boundary = _parameters("content-type", content_type).get("boundary", "")
    if not 0 < len(boundary.encode()) <= _LONGEST_BOUNDARY:
        raise _malformed("its Content-Type names no boundary")
    form = _Form(boundary.encode())
    try:
        async for chunk in chunks:
            await lane.run(partial(form.take, chunk))
        return await lane.run(form.finished)
    except FormParserError:
        form.close()
        raise _malformed("its parts do not stand between its boundaries") from None
    except BaseException:
        form.close()
        raise


def close(form: FormData) -> None:
    for _, item in form.multi_items():
        if isinstance(item, UploadFile):
            item.file.close()


class _Form:
    """A form on its way in."""

    def __init__(self, boundary: bytes) -> None:
        self._opening = b"--" + boundary
        self._preamble: bytes | None = b""
        self._items: list[tuple[str, str | UploadFile]] = []
        self._headers: list[tuple[bytes, bytes]] = []
        self._header = self._value = b""
        self._part: _Field | UploadFile
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": self._on_header,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_part,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
            },
        )

    def take(self, chunk: bytes) -> None:
        if self._preamble is not None:
            chunk = self._without_preamble(self._preamble + chunk)
        self._parser.write(chunk)

    def finished(self) -> FormData:
        if self._preamble is not None:
            raise _malformed(_NO_BEGINNING)
        self._parser.finalize()
        if self._parser.state != MultipartState.END:
            raise _malformed("it ends before its last boundary")
        for _, item in self._items:
            if isinstance(item, UploadFile):
                item.file.seek(0)
        return FormData(self._items)

    def close(self) -> None:
        close(FormData(self._items))

    def _without_preamble(self, begun: bytes) -> bytes:
        """What follows it; nothing as long as it has not ended."""
        at = 0 if begun.startswith(self._opening) else begun.find(b"\n" + self._opening) + 1
        if at or begun.startswith(self._opening):
            self._preamble = None
            return begun[at:]
        if len(begun) > _PREAMBLE_BYTES:
            raise _malformed(_NO_BEGINNING)
        self._preamble = begun
        return b""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers.append((self._header.lower(), self._value))
        self._header = self._value = b""

    def _on_part(self) -> None:
        given = _parameters(
            "content-disposition", _text(dict(self._headers).get(_DISPOSITION, b""))
        )
        if "name" not in given:
            raise _malformed("a part has no name in its Content-Disposition")
        if len(self._items) == _MOST_PARTS:
            raise _malformed(f"it has more than {_MOST_PARTS} parts")
        if "filename" not in given:
            self._part = _Field(given["name"])
            return
        self._part = UploadFile(
            SpooledTemporaryFile(_MEMORY_BYTES),  # type: ignore[arg-type]  # noqa: SIM115
            size=0,
            filename=given["filename"],
            headers=Headers(raw=list(self._headers)),
        )
        self._items.append((given["name"], self._part))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if isinstance(part, UploadFile):
            part.file.write(data[start:end])
            part.size = (part.size or 0) + end - start
            return
        part.data += data[start:end]
        if len(part.data) > _FIELD_BYTES:
            raise _malformed(f"its field '{part.name}' has more than {_FIELD_BYTES} bytes")

    def _on_part_end(self) -> None:
        if isinstance(self._part, _Field):
            self._items.append((self._part.name, _text(bytes(self._part.data))))


class _Field:
    def __init__(self, name: str) -> None:
        self.name = name
        self.data = bytearray()


_DISPOSITION = b"content-disposition"


def _parameters(header: str, value: str) -> dict[str, str]:
    """A header's parameters as they are meant: `name*`, which says in which letters it is written,
    goes before `name`."""
    message = Message()
    message[header] = value
    plain: dict[str, str] = {}
    extended: dict[str, str] = {}
    found: Any = message.get_params([], header)
    for name, given in found[1:]:
        if isinstance(given, tuple):
            extended.setdefault(name.lower(), collapse_rfc2231_value(given))
        else:
            plain.setdefault(name.lower(), _decoded(given))
    return plain | extended


def _decoded(text: str) -> str:
    """Without the encoding of RFC 2047, if all of it is in that."""
    if not all(_ENCODED_WORD.fullmatch(word) for word in text.split()) or not text.strip():
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _malformed(why: str) -> ApiError:
    return ApiError(f"We could not read the multipart form of your request: {why}.")
