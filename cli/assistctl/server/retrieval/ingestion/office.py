"""The Office formats that are zip files of XML: which one it is."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

from assistctl.server.retrieval.ingestion import sheets, slides, word
from assistctl.server.retrieval.ingestion.archives import Archive
from assistctl.server.retrieval.ingestion.failures import UnreadableFile
from assistctl.server.retrieval.text import Text

_WORKBOOKS = ("xl/workbook.xml", "xl/workbook.bin")


def read(content: BinaryIO) -> Text:
    try:
        archive = Archive(content)
    except zipfile.BadZipFile:
        raise UnreadableFile("invalid_file", "The file is damaged: not a whole zip file.") from None
    if word.MAIN in archive.names:
        return word.read(archive)
    if slides.MAIN in archive.names:
        return slides.read(archive)
    if archive.names.intersection(_WORKBOOKS) or _is_open_document_sheet(content):
        content.seek(0)
        return sheets.read(content)
    raise UnreadableFile("unsupported_file", "Files of this type are not read: a zip archive.")


def _is_open_document_sheet(content: BinaryIO) -> bool:
    """The type stands uncompressed at the beginning of such a file."""
    content.seek(0)
    return b"opendocument.spreadsheet" in content.read(200)
