"""Where a tool failed, for people: the lines of its own code, and the whole traceback."""

from __future__ import annotations

import builtins
import traceback
from pathlib import Path
from typing import Any

_OURS = Path(__file__).parent.parent
_FRAMES = 5
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", ())


def trace(error: BaseException, root: Path) -> tuple[str, str] | None:
    """The short trace and the whole one; None where no code of the tool's was reached. `root` is
    the workspace; where none of its files is at fault, the tool comes from a package, and its last
    line is told."""
    told = traceback.TracebackException.from_exception(error)
    frames = _inner(told)
    if not frames:
        return None
    own = [each for each in frames if _is_own(Path(each.filename), root)] or frames[-1:]
    left_out = [f"… {len(own) - _FRAMES} more"] if len(own) > _FRAMES else []
    lines = left_out + [_line(each, root) for each in own[-_FRAMES:]]
    return "\n".join(lines), "".join(told.format()).rstrip("\n")


def in_words(error: BaseException) -> str:
    """Type and message; what a model can use, without the traceback."""
    if isinstance(error, _GROUP):
        return "; ".join(map(in_words, error.exceptions))
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (an exception may fail to describe itself)
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_within(file: Path, directory: Path) -> bool:
    """Whether a file is below a directory, by their names."""
    return directory == file or directory in file.parents


def shown(file: Path, root: Path) -> str:
    """A path for people: relative to the workspace where it is inside it."""
    return (file.relative_to(root) if is_within(file, root) else file).as_posix()


def _is_own(file: Path, root: Path) -> bool:
    """Of the workspace, and not of a virtual environment in it."""
    return is_within(file, root) and "site-packages" not in file.parts


def _inner(told: traceback.TracebackException) -> list[traceback.FrameSummary]:
    """The frames below ours, by which the call was made, and asyncio's; those are taken out."""
    ours = [n for n, each in enumerate(told.stack) if is_within(Path(each.filename), _OURS)]
    start = ours[-1] + 1 if ours else 0
    told.stack = traceback.StackSummary.from_list(told.stack[start:])
    return list(told.stack)


def _line(frame: traceback.FrameSummary, root: Path) -> str:
    code = f": {frame.line}" if frame.line else ""
    return f"{shown(Path(frame.filename), root)}:{frame.lineno} in {frame.name}{code}"
