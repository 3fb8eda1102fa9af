"""Why a file was not read."""

from __future__ import annotations


class UnreadableFile(Exception):
    """No text can be got from a file; `code` is the API's reason, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Stopped(Exception):
    """The server stops; the file was not read."""
