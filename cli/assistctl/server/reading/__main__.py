"""The process that reads one file, from its own side; see process.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from assistctl.server.reading.drafts import UnreadableFile
from assistctl.server.reading.formats import extract
from assistctl.server.reading.process import SECONDS, UNREADABLE
from assistctl.server.text import cut

_MEMORY = 2 * 2**30
_OUTPUT = 2**30


def main() -> int:
    _limit()
    request = json.loads(sys.argv[1])
    try:
        for answer in _answers(request):
            _write(answer)
    except UnreadableFile as error:
        _write([error.code, str(error)])
        return UNREADABLE
    except MemoryError:
        message = f"Reading the file takes more than {_MEMORY // 2**30} GB of memory."
        _write(["invalid_file", message])
        return UNREADABLE
    return 0


def _answers(request: Mapping[str, Any]) -> Iterator[Any]:
    text = extract(request["filename"], sys.stdin.buffer)
    if "size" not in request:
        yield text.value
        return
    for piece in cut(text, request["size"], request["overlap"]):
        yield piece.text, piece.fresh


def _write(answer: Any) -> None:
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")


def _limit() -> None:
    """Nothing that a file makes a parser do may cost more than this."""
    try:
        import resource
    except ImportError:  # Windows; the time is still limited from outside
        return
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, _OUTPUT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    sys.exit(main())
