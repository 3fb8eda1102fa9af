"""What `.assistctl/` remembers of conversations: a convenience, nothing depends on it.

`.assistctl/threads/<target>/<assistant>.jsonl` has a line for each turn: the thread, when, and how
the message began. Lines are appended, so that commands may run side by side.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from assistctl.resources import Assistant, Target, Workspace
from assistctl.state_directory import STATE, state_directory

TITLE = 60


def remember(workspace: Workspace, assistant: Assistant, thread: str, message: str) -> None:
    """Note that a message was sent on this thread, where the workspace can be written to."""
    line = {
        "thread": thread,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "title": " ".join(message.split())[:TITLE],
    }
    path = _path(workspace.root, workspace.target, assistant)
    with suppress(OSError):
        state_directory(workspace.root)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def last_thread(workspace: Workspace, assistant: Assistant) -> str | None:
    """The thread that was used last with this assistant at this target."""
    path = _path(workspace.root, workspace.target, assistant)
    if not path.exists():
        return None
    for line in reversed(path.read_text(encoding="utf-8", errors="replace").splitlines()):
        try:
            return str(json.loads(line)["thread"])
        except (ValueError, KeyError, TypeError):
            continue  # a line cut short by a kill
    return None


def _path(root: Path, target: Target, assistant: Assistant) -> Path:
    return root / STATE / "threads" / target.name / f"{assistant.key}.jsonl"
