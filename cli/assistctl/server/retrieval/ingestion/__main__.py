"""The process that reads one file, from its own side; see process.py."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from assistctl.server.retrieval.ingestion import process_limits
from assistctl.server.retrieval.ingestion.failures import UnreadableFile
from assistctl.server.retrieval.ingestion.formats import extract
from assistctl.server.retrieval.text import cut


def main() -> int:
    process_limits.apply(bytes.fromhex(sys.argv[2]))
    try:
        for answer in _answers(json.loads(sys.argv[1])):
            line = json.dumps(answer, ensure_ascii=False)
            sys.stdout.buffer.write(line.encode() + b"\n")
        sys.stdout.buffer.flush()
    except UnreadableFile as error:
        return _refuse(error.code, str(error))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return process_limits.NO_ROOM
        raise
    except MemoryError:
        most = f"{process_limits.MEMORY // 2**30} GB"
        return _refuse("invalid_file", f"Reading the file takes more than {most} of memory.")
    return 0


def _refuse(code: str, message: str) -> int:
    sys.stderr.write(json.dumps([code, message]) + "\n")
    return process_limits.UNREADABLE


def _answers(request: Mapping[str, Any]) -> Iterator[Any]:
    text = extract(request["filename"], sys.stdin.buffer)
    for piece in cut(text, request["size"], request["overlap"]):
        yield piece.text, piece.new_from


if __name__ == "__main__":
    sys.exit(main())
