"""Tests of assistants: cases are held as conversations, and judged.

from assistctl.loading import load
from assistctl.testing import Tests, tested

report = tested(load(), Tests())
print(report.good)
"""

from assistctl.testing.running import Tests, tested

__all__ = ["Tests", "tested"]
