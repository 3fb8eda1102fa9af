"""Workbooks (xlsx, xlsm, xlsb, xls, ods), by calamine: each sheet a table below its name."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO

from assistctl.server.retrieval.ingestion.builder import TextBuilder
from assistctl.server.retrieval.ingestion.failures import UnreadableFile
from assistctl.server.retrieval.ingestion.libraries import library
from assistctl.server.retrieval.text import Text


def read(content: BinaryIO) -> Text:
    calamine = library("python_calamine", "python-calamine", "Spreadsheets")
    try:
        workbook = calamine.load_workbook(content)
    except calamine.PasswordError:
        raise UnreadableFile(
            "invalid_file", "The spreadsheet is protected by a password."
        ) from None
    except calamine.CalamineError:
        raise UnreadableFile("invalid_file", "The spreadsheet is damaged.") from None
    builder = TextBuilder()
    for sheet in workbook.sheets_metadata:
        if sheet.typ in (calamine.SheetTypeEnum.WorkSheet, calamine.SheetTypeEnum.MacroSheet):
            rows = workbook.get_sheet_by_name(sheet.name).to_python(skip_empty_area=True)
            if rows:
                builder.heading(sheet.name, 1)
                builder.table([_shown(cell) for cell in row] for row in rows)
    return builder.finished()


def _shown(cell: Any) -> str:
    """A cell as people see it, or nearly: without the sheet's own number formats."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return f"{cell:.12g}"
    if isinstance(cell, datetime):
        return str(cell.date() if cell.time() == time() else cell)
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    return str(cell)
