"""CSV and TSV: the text as it is, a record on each line, with the line of column names known."""

from __future__ import annotations

import csv
import io

from assistctl.server.retrieval.ingestion.builder import names_until
from assistctl.server.retrieval.text import Context, Text

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 20


def read(text: str) -> Text:
    text = text.lstrip("\ufeff\n")
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    if '"' in text:
        text = _one_line_each(text, delimiter)
    lines = text.split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES]
    names = "\n".join(lines[: names_until([line.split(delimiter) for line in lines])])
    return Text(text, [Context(names, len(names), len(text))])


def _one_line_each(text: str, delimiter: str) -> str:
    """A record whose cells have line breaks in them would be torn: they become spaces."""
    try:
        records = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        return text
    if not any("\n" in cell for record in records for cell in record):
        return text
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter=delimiter, lineterminator="\n")
    writer.writerows([" ".join(cell.split("\n")) for cell in record] for record in records)
    return lines.getvalue()
