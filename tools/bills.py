"""The flower shop's book: one row per saved bill, in SQLite."""

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS bills (
    id INTEGER PRIMARY KEY,
    saved_at TEXT NOT NULL,
    total_cost REAL NOT NULL,
    total_income REAL NOT NULL
)
"""


def database() -> Path:
    """Where the bills are: $BILLS_DB, or bills.db beside assistctl.yaml."""
    return Path(os.environ.get("BILLS_DB") or Path(__file__).parent.parent / "bills.db")


def save_bill(totalCost: float, totalIncome: float) -> dict:
    """Store one bill and say what was stored.

    Args:
        totalCost: what the flowers cost, in yuan.
        totalIncome: what the customers paid, in yuan.
    """
    saved_at = datetime.now().astimezone().isoformat(timespec="seconds")
    with closing(sqlite3.connect(database())) as book, book:
        book.execute(SCHEMA)
        row = book.execute(
            "INSERT INTO bills (saved_at, total_cost, total_income) VALUES (?, ?, ?)",
            (saved_at, totalCost, totalIncome),
        )
        return {
            "bill": row.lastrowid,
            "totalCost": totalCost,
            "totalIncome": totalIncome,
            "profit": round(totalIncome - totalCost, 2),
        }
