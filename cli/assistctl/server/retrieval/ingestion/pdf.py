"""PDF, by PDFium: the text of its pages. Scans without a text layer hold none."""

from __future__ import annotations

import re
from typing import Any, BinaryIO

from assistctl.server.retrieval.ingestion.builder import TextBuilder
from assistctl.server.retrieval.ingestion.failures import UnreadableFile
from assistctl.server.retrieval.ingestion.libraries import library
from assistctl.server.retrieval.text import Text

_HYPHEN = re.compile("[\u00ad\ufffe\x02]\r?\n?")
_NO_TEXT = "The PDF holds no text; scanned pages have to be recognised (OCR) first."


def read(content: BinaryIO) -> Text:
    pdfium = library("pypdfium2", "pypdfium2", "PDF files")
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise UnreadableFile("invalid_file", "The PDF is protected by a password.") from None
        raise UnreadableFile("invalid_file", "The PDF is damaged.") from None
    builder = TextBuilder()
    for number in range(len(document)):
        try:
            builder.paragraph(_page(document, number))
        except pdfium.PdfiumError:  # a broken page does not take the others with it
            continue
    found = builder.finished()
    if not found.value.strip():
        raise UnreadableFile("invalid_file", _NO_TEXT)
    return found


def _page(document: Any, number: int) -> str:
    page = document[number]
    words = page.get_textpage()
    text = _HYPHEN.sub("", words.get_text_bounded())
    words.close()
    page.close()
    return text.replace("\r\n", "\n").replace("\r", "\n")
