"""Tests of assistants: cases are held as conversations, and judged.

from assistctl.loading import load
from assistctl.testing import Wanted, try_cases

report = try_cases(load(tests=True), Wanted())
print(report.good)
"""

from assistctl.testing.running import try_cases
from assistctl.testing.wanted import Wanted

__all__ = ["Wanted", "try_cases"]
