"""A short version of benchmarks/server_soak.py: the server is killed, and nothing is lost."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_server_that_is_killed_again_and_again_loses_nothing() -> None:
    soak = [sys.executable, str(ROOT / "benchmarks" / "server_soak.py")]
    done = subprocess.run(
        [*soak, "--kills", "3", "--clients", "4"],
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, "PYTHONPATH": str(ROOT / "cli")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
