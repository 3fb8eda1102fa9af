"""Where a tool failed, for people: the lines of its own code, and the whole traceback."""

from __future__ import annotations

import traceback
from pathlib import Path

from assistctl.events import Trace

_OURS = Path(__file__).parent
_FRAMES = 5


def trace(error: BaseException, root: Path) -> Trace | None:
    """None where no code of the tool's was reached. `root` is the workspace; where none of its
    files is at fault, the tool comes from a package, and its last line is told."""
    told = traceback.TracebackException.from_exception(error)
    frames = _inner(told)
    if not frames:
        return None
    own = [each for each in frames if Path(each.filename).is_relative_to(root)] or frames[-1:]
    left_out = [f"… {len(own) - _FRAMES} more"] if len(own) > _FRAMES else []
    lines = left_out + [_line(each, root) for each in own[-_FRAMES:]]
    return Trace("\n".join(lines), "".join(told.format()).rstrip("\n"))


def _inner(told: traceback.TracebackException) -> list[traceback.FrameSummary]:
    """The frames below ours, by which the call was made, and asyncio's; those are taken out."""
    ours = [n for n, each in enumerate(told.stack) if _OURS in Path(each.filename).parents]
    start = ours[-1] + 1 if ours else 0
    told.stack = traceback.StackSummary.from_list(told.stack[start:])
    return list(told.stack)


def _line(frame: traceback.FrameSummary, root: Path) -> str:
    file = Path(frame.filename)
    shown = file.relative_to(root) if file.is_relative_to(root) else file
    code = f": {frame.line}" if frame.line else ""
    return f"{shown.as_posix()}:{frame.lineno} in {frame.name}{code}"
