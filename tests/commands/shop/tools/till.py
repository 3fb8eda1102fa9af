"""The shop's till. It writes into the current directory, so that a test sees what was called."""

import time
from pathlib import Path


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def stuck() -> str:
    """Fail."""
    raise OSError("the till is stuck")


def wait() -> str:
    """Take longer than anybody waits."""
    Path("waiting").touch()
    time.sleep(60)
    return "done"


def refund(amount: float) -> str:
    """Give money back."""
    Path("refunded").write_text(str(amount))
    return "refunded"
