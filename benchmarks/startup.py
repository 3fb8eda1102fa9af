"""Start-up of the commands that people wait for, as ratios to `python -c pass` and `import openai`.

    python benchmarks/startup.py [RUNS]

Runs every command in turn, RUNS times over (default 7), so that all see the same machine, and
prints the median of each with its ratio to the two yardsticks. `plan` and `run` work on a copy of
this repository's workspace with the embedded server and the scripted model.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
ASSISTCTL = [sys.executable, "-m", "assistctl"]
SALE = "卖出红玫瑰3支、郁金香2支、百合6支"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as directory:
        workspace = Path(directory) / "workspace"
        for name in ("assistants", "tools"):
            shutil.copytree(ROOT / name, workspace / name)
        shutil.copy(ROOT / "assistctl.yaml", workspace)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import openai": [sys.executable, "-c", "import openai"],
            "assistctl --help": [*ASSISTCTL, "--help"],
            "assistctl validate": [*ASSISTCTL, "validate"],
            "assistctl plan (no changes)": [*ASSISTCTL, "plan"],
            "assistctl run": [*ASSISTCTL, "run", "flower-shop", SALE],
        }
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "cli"),
            "PYTHONDONTWRITEBYTECODE": "",
        }
        once = {"cwd": workspace, "env": environment, "check": True, "capture_output": True}
        subprocess.run([*ASSISTCTL, "sync", "--yes"], **once)
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs + 1):
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, **once)
                seconds[name].append(time.perf_counter() - start)
    report({name: statistics.median(times[1:]) for name, times in seconds.items()}, runs)


def report(medians: dict[str, float], runs: int) -> None:
    bare, sdk = medians["python -c pass"], medians["import openai"]
    print(f"median of {runs} runs, after one that does not count")
    print(f"{'':30}{'ms':>8}{'× python':>10}{'× import openai':>17}")
    for name, median in medians.items():
        print(f"{name:30}{median * 1000:8.0f}{median / bare:10.1f}{median / sdk:17.2f}")


if __name__ == "__main__":
    main()
