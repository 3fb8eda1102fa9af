"""The uploads of a sync that has not come to its end, so that the next one uses them again.

`.assistctl/uploads/<target>.jsonl` has a line for each, written as soon as the target has answered;
a whole sync takes the file away. A convenience: without it the files are uploaded once more, and
`assistctl gc` finds what is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from assistctl.plan.state import Upload
from assistctl.resources import Address, Workspace
from assistctl.state_directory import STATE, state_directory
from assistctl.sync.known import where


@dataclass
class UploadJournal:
    """What is noted while a sync is at work, from any of its threads; `broken` once that failed."""

    workspace: Workspace
    broken: bool = False
    _guard: Lock = field(default_factory=Lock)

    def note(self, address: Address, sha256: str, file_id: str) -> None:
        """A file was uploaded."""
        line = {
            "where": where(self.workspace),
            "id": file_id,
            "address": str(address),
            "sha256": sha256,
        }
        try:
            with self._guard:
                state_directory(self.workspace.root)
                path = _path(self.workspace)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError:
            self.broken = True

    def close(self) -> None:
        """The sync has come to its end."""
        path = _path(self.workspace)
        with suppress(OSError):
            path.unlink(missing_ok=True)
            path.parent.rmdir()  # unless other targets have theirs in it


def left(workspace: Workspace) -> tuple[Upload, ...]:
    """The uploads of syncs of this target that were cut off, as far as they are remembered."""
    try:
        text = _path(workspace).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return tuple({upload.id: upload for upload in _uploads(text, workspace)}.values())


def _uploads(text: str, workspace: Workspace) -> Iterator[Upload]:
    for line in text.splitlines():
        with suppress(ValueError, KeyError, TypeError):  # a line cut short by a kill
            noted = json.loads(line)
            if noted["where"] == where(workspace):
                address = Address.parse(str(noted["address"]))
                yield Upload(str(noted["id"]), address, str(noted["sha256"]), replaced=True)


def _path(workspace: Workspace) -> Path:
    return workspace.root / STATE / "uploads" / f"{workspace.target.name}.jsonl"
