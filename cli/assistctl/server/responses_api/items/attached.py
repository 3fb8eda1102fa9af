"""Files that come with a message: their text is what models are told of them.

It is read before anything is written, since reading may take long, and travels in the part that
brought the file, under TEXT; adding.py keeps it with the message.
"""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any

from assistctl.server.retrieval.ingestion import SourceFile, UnreadableFile, pieces
from assistctl.server.storage import Collection, Database, contents
from assistctl.server.storage.documents import fetch
from assistctl.server.wire import FILE, ApiError, Document, invalid

TEXT = "_text"
_PIECE_TOKENS = 4096
_MOST_CHARACTERS = 2_000_000


def have_files(items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there is anything to read."""
    return any(
        part["type"] == "input_file"
        for item in items
        if item["type"] == "message" and not isinstance(item["content"], str)
        for part in item["content"]
    )


def with_texts(
    database: Database, project: str, items: Sequence[Mapping[str, Any]], param: str
) -> list[Document]:
    """Checked items, with the text of each file among them; `param` is where they stood."""
    return [
        {**item, "content": _parts(database, project, item["content"], f"{param}[{number}]")}
        if item["type"] == "message" and not isinstance(item["content"], str)
        else dict(item)
        for number, item in enumerate(items)
    ]


def _parts(
    database: Database, project: str, parts: Sequence[Mapping[str, Any]], where: str
) -> list[Document]:
    return [
        {**part, TEXT: _text(database, project, part, f"{where}.content[{number}]")}
        if part["type"] == "input_file"
        else dict(part)
        for number, part in enumerate(parts)
    ]


def _text(database: Database, project: str, part: Mapping[str, Any], where: str) -> str:
    with tempfile.TemporaryFile() as content:
        if part.get("file_id"):
            name = _fetched(database, project, part["file_id"], content)
        else:
            name = part["filename"]
            content.write(_decoded(part["file_data"], where))
        content.flush()
        text, length = [], 0
        try:
            for piece in pieces(SourceFile(name, content), _PIECE_TOKENS, 0):
                text.append(piece.text[piece.new_from :])
                length += len(text[-1])
                if length > _MOST_CHARACTERS:
                    raise _unusable(
                        name, where, "it has more text than any model takes; use file_search"
                    )
        except UnreadableFile as unread:
            raise _unusable(name, where, str(unread)) from None
    return f"File {name}:\n\n{''.join(text)}"


def _fetched(database: Database, project: str, file_id: str, content: IO[bytes]) -> str:
    with database.read() as tx:
        file = fetch(tx, Collection(FILE, project), file_id)
    for data in contents.parts(database, file_id):
        content.write(data)
    return str(file["filename"])


def _decoded(data: str, where: str) -> bytes:
    """What stands in a data: URL, or bare, in Base64."""
    encoded = data.partition(",")[2] if data.startswith("data:") else data
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise invalid(
            f"{where}.file_data", "expected Base64, such as 'data:text/plain;base64,…'."
        ) from None


def _unusable(name: str, where: str, reason: str) -> ApiError:
    return ApiError(
        f"The file '{name}' cannot be used as input: {reason}", param=where, code="invalid_file"
    )
