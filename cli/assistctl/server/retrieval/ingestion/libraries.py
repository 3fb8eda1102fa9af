"""The libraries that some formats need: imported when a file needs them, and not before."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from assistctl.server.retrieval.ingestion.failures import UnreadableFile


def library(name: str, package: str, what: str) -> Any:
    """The module `name`; without its `package` the file fails and says what to install."""
    try:
        return import_module(name)
    except ImportError:
        raise UnreadableFile(
            "unsupported_file",
            f"{what} cannot be read by this server, which lacks a library: pip install {package}",
        ) from None
