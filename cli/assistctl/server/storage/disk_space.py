"""Space on the disk: how its lack is told, and when there is enough again."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import tempfile
from pathlib import Path

from assistctl.server.wire import ApiError

_NEEDED_BYTES = 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_PRIMARY_CODE = 0xFF


class DiskFull(Exception):
    """The disk is full; the message says which."""


def is_lacking(error: BaseException) -> bool:
    """Whether it is for want of space that something failed, in the database or elsewhere."""
    if isinstance(error, sqlite3.OperationalError):
        code = error.sqlite_errorcode
        # The index of the WAL is a file as well, and what it has no room for has a code of its own.
        return code & _PRIMARY_CODE == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE
    return isinstance(error, OSError) and error.errno in _FULL


def refusal() -> ApiError:
    """Sent again by SDKs, which is right: it may have been made room meanwhile."""
    return ApiError(
        "The server's disk is full, so your request had no effect. Whoever runs the server has to"
        " make room; then it goes on by itself.",
        status=507,
        type="server_error",
        code="disk_full",
    )


def check(database: Path) -> None:
    """Raises DiskFull where nothing more can be kept."""
    _has_room(database.parent, "database")
    try:
        temporary = Path(tempfile.gettempdir())
    except FileNotFoundError as error:  # it could write into none
        raise DiskFull(f"no temporary file can be written: {error.strerror}") from error
    _has_room(temporary, "temporary files")


def _has_room(folder: Path, what: str) -> None:
    if shutil.disk_usage(folder).free < _NEEDED_BYTES:
        raise DiskFull(f"the disk of the {what} is full ({folder})")


def check_by_writing(database: Path) -> None:
    """As `check`, but tried: a quota, for one, shows nowhere else."""
    check(database)
    try:
        with tempfile.TemporaryFile(dir=database.parent) as file:
            file.write(bytes(_NEEDED_BYTES))
    except OSError as error:
        if not is_lacking(error):
            raise
        raise DiskFull(f"the disk of the database is full ({database.parent})") from error
