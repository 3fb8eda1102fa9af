"""A short version of benchmarks/server_soak.py: the server is killed, and nothing is lost.

ALL_FAULTS=1 kills it twenty times.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.sweep

ROOT = Path(__file__).parents[2]
KILLS = "20" if "ALL_FAULTS" in os.environ else "1"


def test_a_server_that_is_killed_again_and_again_loses_nothing() -> None:
    soak = [sys.executable, str(ROOT / "benchmarks" / "server_soak.py")]
    done = subprocess.run(
        [*soak, "--kills", KILLS, "--clients", "4"],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT / "cli")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
