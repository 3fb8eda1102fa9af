"""A plan without changes beside octoDNS's, the other tool of its kind: CPU seconds, as a ratio.

    python -m venv /tmp/octodns && /tmp/octodns/bin/pip install octodns
    python benchmarks/plan_beside_octodns.py /tmp/octodns/bin/python [--size N] [--runs N]

Ours plans N assistants (default 1000; see `write_workspace` in sync_scale.py) against `assistctl
serve`, whose CPU does not count; octoDNS plans N zones of 5 records from one directory of YAML to
another, with nothing else to ask. Each plan is one process, started as a user starts it; the two
take turns RUNS times (default 5), so that both see the same machine.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sync_scale import ASSISTCTL, Server, Shape, environment, write_workspace

CONFIG = """\
providers:
  config: {class: octodns.provider.yaml.YamlProvider, directory: ./config, default_ttl: 3600}
  target: {class: octodns.provider.yaml.YamlProvider, directory: ./target, default_ttl: 3600}
zones:
"""
ZONE = """\
'':
- {type: A, values: [192.0.2.1, 192.0.2.2]}
- {type: MX, values: [{exchange: mail.%s, preference: 10}]}
mail: {type: A, value: 192.0.2.3}
shop: {type: CNAME, value: %s}
text: {type: TXT, value: The shop of %s}
"""


def write_zones(root: Path, number: int) -> None:
    names = [f"shop-{n:05}.example." for n in range(number)]
    entries = "".join(f"  {name}: {{sources: [config], targets: [target]}}\n" for name in names)
    (root / "octodns.yaml").write_text(CONFIG + entries)
    for directory in ("config", "target"):
        (root / directory).mkdir()
        for name in names:
            (root / directory / f"{name}yaml").write_text(ZONE % (name, name, name))


def cpu(command: Sequence[str | Path], root: Path, environ: dict[str, str]) -> float:
    """The CPU seconds of one process, which has to succeed and to find nothing to do."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            command, cwd=root, env=environ, stdout=out, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if process.returncode or "No changes" not in said:
        raise RuntimeError(f"exit {process.returncode}: {said[-2000:]}")
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("octodns", type=Path, metavar="PYTHON", help="one with octodns installed")
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        zones, workspace = Path(directory) / "zones", Path(directory) / "workspace"
        zones.mkdir()
        write_zones(zones, asked.size)
        write_workspace(workspace, Shape(asked.size))
        server = Server(Path(directory))
        try:
            ours = environment(server.port)
            subprocess.run(
                [*ASSISTCTL, "sync", "--yes"],
                cwd=workspace,
                env=ours,
                check=True,
                capture_output=True,
            )
            theirs = [asked.octodns.with_name("octodns-sync"), "--config-file", "octodns.yaml"]
            seconds: dict[str, list[float]] = {"assistctl plan": [], "octodns-sync": []}
            for _ in range(asked.runs + 1):
                seconds["assistctl plan"].append(cpu([*ASSISTCTL, "plan"], workspace, ours))
                seconds["octodns-sync"].append(cpu(theirs, zones, dict(os.environ)))
        finally:
            server.stop()
    report({name: statistics.median(some[1:]) for name, some in seconds.items()}, asked)


def report(medians: dict[str, float], asked: argparse.Namespace) -> None:
    print(f"CPU seconds of a plan of {asked.size:,}, median of {asked.runs} runs after a first one")
    for name, median in medians.items():
        print(f"{name:16}{median:8.2f}")
    print(f"{'ratio':16}{medians['assistctl plan'] / medians['octodns-sync']:8.2f}")


if __name__ == "__main__":
    main()
