"""What was at a target before, there again at once: for whoever tries many things in one state."""

import sqlite3
from collections.abc import Callable, Hashable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.server import EmbeddedServer


@dataclass(frozen=True)
class States:
    """Of a server at work; copies of its database lie in the directory."""

    server: EmbeddedServer
    directory: Path
    _copies: dict[Hashable, Path] = field(default_factory=dict)

    def again(self, state: Hashable, make: Callable[[], None]) -> None:
        """What `make` makes is all that is there: made the first time, and then as it was. Its ids
        and times are the same each time, too."""
        if is_new := state not in self._copies:
            make()
            self.directory.mkdir(parents=True, exist_ok=True)
            self._copies[state] = self.directory / f"state-{len(self._copies)}.db"
        database, copy = self.server._settings.database, self._copies[state]
        with closing(_opened(database)) as there, closing(_opened(copy)) as kept:
            if is_new:
                there.backup(kept)
            else:
                kept.backup(there)


def _opened(path: Path) -> sqlite3.Connection:
    """Not waiting for the disk: a power cut would end the test, too."""
    connection = sqlite3.connect(path, timeout=60)
    connection.execute("PRAGMA synchronous = OFF")
    return connection
