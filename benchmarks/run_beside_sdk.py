"""`assistctl run` at a server beside the same conversation by hand with the SDK, as ratios.

    python benchmarks/run_beside_sdk.py [RUNS]

Both talk to the flower shop at one `assistctl serve` with the scripted model: a thread, a message,
a run that calls `save_bill`, and its answer. By hand it is the program that the SDK's own helpers
make short: `create_and_poll`, the function called, `submit_tool_outputs_and_poll`; and once more
with streams. Each conversation is one process, as a user starts it, and they take turns RUNS times
(default 7). The first word is when the first byte of the answer is read from its pipe.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
ASSISTCTL = [sys.executable, "-m", "assistctl"]
KEY = "sk-beside"
SALE = "卖出红玫瑰3支、郁金香2支、百合6支"
CONFIG = """\
version: 1
workspace: flower-shop
defaults: {model: gpt-6-luna}
default_target: there
targets:
  there: {base_url: "${BESIDE_URL}", api_key: "${BESIDE_KEY}"}
  local: {model: scripted}
"""
BY_HAND = """\
import json, os, sys, warnings
warnings.simplefilter("ignore")
from openai import OpenAI
sys.path.insert(0, "tools")
from bills import save_bill
client = OpenAI(base_url=os.environ["BESIDE_URL"], api_key=os.environ["BESIDE_KEY"])
beta = client.beta
shop = next(a for a in beta.assistants.list() if a.metadata.get("owner") == "finance")
thread = beta.threads.create(messages=[{"role": "user", "content": sys.argv[1]}])
def outputs(run):
    calls = run.required_action.submit_tool_outputs.tool_calls
    return [{"tool_call_id": call.id,
             "output": json.dumps(save_bill(**json.loads(call.function.arguments)), default=vars)}
            for call in calls]
"""
POLLED = """\
runs = beta.threads.runs
run = runs.create_and_poll(thread_id=thread.id, assistant_id=shop.id)
while run.status == "requires_action":
    run = runs.submit_tool_outputs_and_poll(
        thread_id=thread.id, run_id=run.id, tool_outputs=outputs(run))
assert run.status == "completed", run
messages = beta.threads.messages.list(thread_id=thread.id, run_id=run.id)
print(messages.data[0].content[0].text.value)
"""
STREAMED = """\
runs, kwargs = beta.threads.runs, {"thread_id": thread.id}
stream = runs.stream(assistant_id=shop.id, **kwargs)
while stream is not None:
    with stream as events:
        stream = None
        for event in events:
            if event.event == "thread.message.delta":
                print(event.data.delta.content[0].text.value, end="", flush=True)
            elif event.event == "thread.run.requires_action":
                stream = runs.submit_tool_outputs_stream(
                    run_id=event.data.id, tool_outputs=outputs(event.data), **kwargs)
"""


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as directory:
        workspace = Path(directory)
        for name in ("assistants", "tools"):
            shutil.copytree(ROOT / name, workspace / name)
        (workspace / "assistctl.yaml").write_text(CONFIG)
        (workspace / "polled.py").write_text(BY_HAND + POLLED)
        (workspace / "streamed.py").write_text(BY_HAND + STREAMED)
        environ = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "cli"),
            "PYTHONDONTWRITEBYTECODE": "",
            "BESIDE_KEY": KEY,
        }
        with served(workspace, environ) as server:
            try:
                environ["BESIDE_URL"] = address(workspace / "serve.log")
                sync = [*ASSISTCTL, "sync", "--yes"]
                subprocess.run(sync, cwd=workspace, env=environ, check=True, capture_output=True)
                report(measured(workspace, environ, runs), runs)
            finally:
                server.terminate()


def served(workspace: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    command = [*ASSISTCTL, "serve", "--port", "0", "--api-key", KEY]
    with (workspace / "serve.log").open("w") as log:
        return subprocess.Popen(command, cwd=workspace, env=environ, stderr=log, text=True)


def address(log: Path) -> str:
    for _ in range(600):
        if found := re.search(r"http://127\.0\.0\.1:\d+/v1", log.read_text()):
            return found[0]
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text()}")


def measured(
    workspace: Path, environ: dict[str, str], runs: int
) -> dict[str, list[tuple[float, float, float]]]:
    """Seconds to the first word, to the end, and of CPU, for each way and run."""
    ways = {
        "by hand, polled": [sys.executable, "polled.py", SALE],
        "by hand, streamed": [sys.executable, "streamed.py", SALE],
        "assistctl run": [*ASSISTCTL, "run", "flower-shop", SALE],
    }
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    for _ in range(runs + 1):
        for name, command in ways.items():
            figures[name].append(one(command, workspace, environ))
    return {name: some[1:] for name, some in figures.items()}


def one(command: list[str], workspace: Path, environ: dict[str, str]) -> tuple[float, float, float]:
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=workspace, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    said = process.stdout.read1(1)
    first = time.perf_counter() - start
    said += process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    whole = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or "账单" not in said.decode():
        raise RuntimeError(f"{command}: exit {process.returncode}: {said.decode()}")
    return first, whole, used.ru_utime + used.ru_stime


def report(figures: dict[str, list[tuple[float, float, float]]], runs: int) -> None:
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in figures.items()
    }
    print(f"medians of {runs} runs, after one that does not count")
    print(f"{'':20}{'first word ms':>14}{'whole ms':>10}{'CPU ms':>8}")
    for name, (first, whole, cpu) in medians.items():
        print(f"{name:20}{first * 1000:14.0f}{whole * 1000:10.0f}{cpu * 1000:8.0f}")
    ours = medians.pop("assistctl run")
    for name, theirs in medians.items():
        ratios = "".join(f"  {mine / other:.2f}" for mine, other in zip(ours, theirs, strict=True))
        print(f"run / {name}: first word, whole, CPU{ratios}")


if __name__ == "__main__":
    main()
