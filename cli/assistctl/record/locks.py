"""Files that one of us has at a time, whichever process or thread."""

from __future__ import annotations


def lock(file: int, *, wait: bool) -> bool:
    """Whether an open file is ours alone, as long as it is open, if need be after waiting; where
    there are no locks, it is."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
