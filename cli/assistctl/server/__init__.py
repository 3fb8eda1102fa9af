"""A server of the Assistants API v2, Responses and Agents on SQLite, in a command or on its own.

A house of its own: of the rest of the package it imports `redaction`, `base_urls` and `retry_after`
only, and it is reached by HTTP and by the names below. Importing this package is cheap; what serves
is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assistctl.server.settings import Settings

if TYPE_CHECKING:
    from assistctl.server.engine.interpreters import code_report
    from assistctl.server.http.listening import Http, allow_many_connections
    from assistctl.server.models.listing import Listing, listing
    from assistctl.server.models.taping import Tape
    from assistctl.server.seeding import Seeded, SeedError, seed
    from assistctl.server.serving import EmbeddedServer, serve
    from assistctl.server.storage.database import DatabaseError
    from assistctl.server.storage.looks import database_fault, lack_of_room, sqlite_report

__all__ = [
    "DatabaseError",
    "EmbeddedServer",
    "Http",
    "Listing",
    "SeedError",
    "Seeded",
    "Settings",
    "Tape",
    "allow_many_connections",
    "code_report",
    "database_fault",
    "lack_of_room",
    "listing",
    "seed",
    "serve",
    "sqlite_report",
]

_HOMES = {
    "EmbeddedServer": "serving",
    "serve": "serving",
    "SeedError": "seeding",
    "Seeded": "seeding",
    "seed": "seeding",
    "code_report": "engine.interpreters",
    "DatabaseError": "storage.database",
    "database_fault": "storage.looks",
    "lack_of_room": "storage.looks",
    "sqlite_report": "storage.looks",
    "Listing": "models.listing",
    "listing": "models.listing",
    "Tape": "models.taping",
    "Http": "http.listening",
    "allow_many_connections": "http.listening",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
