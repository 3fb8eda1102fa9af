"""`assistctl` called in this process: a third of the price of a fork (`tests/forking.py`), where a
test's subject is what a command says and does, and not that it is a process.

What it is given and what can be seen of it is the same: arguments, directory, environment, streams
(none is a terminal, none has a descriptor), exit code.
"""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

from assistctl.main import main


def run(
    arguments: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str = "",  # noqa: A002  (its name in subprocess.run)
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run(["assistctl", …])`, what it writes captured; in the main thread only,
    since a command takes signals."""
    stdin, stdout, stderr = (_stream(text) for text in (input, "", ""))
    code: object = None
    with (
        chdir(cwd or Path.cwd()),
        patch.dict(os.environ, os.environ.copy() if env is None else env, clear=True),
        patch.multiple(sys, stdin=stdin, stdout=stdout, stderr=stderr),
        # What a command changes in a process that is its own, and ends soon.
        patch.multiple(gc, freeze=lambda: None, set_threshold=lambda *numbers: None),
        patch.object(os, "_exit", os._exit),
    ):
        try:
            main(list(arguments))
        except SystemExit as end:
            code = end.code
    out, err = map(_written, (stdout, stderr))
    return subprocess.CompletedProcess(["assistctl", *arguments], int(str(code or 0)), out, err)


def _stream(text: str) -> io.TextIOWrapper:
    content = io.BytesIO(text.encode("utf-8", "surrogateescape"))
    return io.TextIOWrapper(content, "utf-8", newline="\n")


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    content = stream.detach()
    assert isinstance(content, io.BytesIO)
    text = content.getvalue().decode("utf-8", "surrogateescape")
    return text.replace("\r\n", "\n").replace("\r", "\n")  # as subprocess reads text
