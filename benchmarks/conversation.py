"""The library of conversations beside the same by hand with the SDK, in one process, as ratios; and
what the last turns of a long conversation cost beside its first.

    python benchmarks/conversation.py [TURNS [LONG]]

Both talk to one `assistctl serve` with the scripted model, each on a thread of its own, and take
turns TURNS times (default 100): a turn of words, and one that calls a function. By hand it is what
the SDK makes short: a message, a stream, and a stream after the outputs. The first word is when its
delta is there; CPU is this process's. LONG turns (default 500) are then said at the embedded server
by each API, which is in this process, too: CPU seconds of each fifty.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from openai import OpenAI

from assistctl.conversation import session
from assistctl.events import TextDelta
from assistctl.loading import load

KEY = "sk-conversation"
APIS = ("assistants", "responses", "agents")
LOCAL = "".join(f"  {api}: {{api: {api}, model: scripted}}\n" for api in APIS)
FILES = {
    "assistctl.yaml": "version: 1\nworkspace: bench\ndefaults: {model: gpt-6-luna}\n"
    "default_target: assistants\ntargets:\n"
    f'{LOCAL}  there: {{base_url: "${{BENCH_URL}}", api_key: {KEY!r}}}\n',
    "assistants/clerk.yaml": "tools: [{type: function, python: till:add}]\n",
    "assistants/clerk.script.yaml": "turns:\n"
    "  - {when: sum, call: {add: {a: 1, b: 2}}, say: It is three.}\n"
    "  - {say: Good day to you.}\n",
    "tools/till.py": 'def add(a: int, b: int) -> int:\n    """Add them."""\n    return a + b\n',
}
Turn = Callable[[str], float]
"""Says something, hears all of the answer, and returns when the first word was there."""


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    long = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for name, text in FILES.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text.replace(repr(KEY), '"${BENCH_KEY}"'))
        os.environ["BENCH_KEY"] = KEY
        with served(root) as url:
            os.environ["BENCH_URL"] = url
            sync = [sys.executable, "-m", "assistctl", "sync", "-t", "there", "--yes"]
            subprocess.run(sync, cwd=root, check=True, capture_output=True)
            beside(root, url, turns)
        for api in APIS:
            print(f"{api:11} CPU s for each 50 of {long} turns: ", end="", flush=True)
            print(" ".join(f"{seconds:.2f}" for seconds in growing(root, api, long)))


@contextmanager
def served(root: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "assistctl", "serve", "--port", "0", "--api-key", KEY]
    log = root / "serve.log"
    with log.open("w") as file:
        server = subprocess.Popen(command, cwd=root, stderr=file)
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/v1", log.read_text())):
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
        yield found[0]
    finally:
        server.terminate()
        server.wait()


def beside(root: Path, url: str, turns: int) -> None:
    with session(load(root, "there"), "clerk") as talk:

        def ours(message: str) -> float:
            first = 0.0
            for event in talk.say(message):
                if isinstance(event, TextDelta):
                    first = first or time.perf_counter()
            return first

        ways = {"by hand": by_hand(url, str(talk.remote_id)), "the library": ours}
        print(f"medians of {turns} turns by turns; load {os.getloadavg()[0]:.0f}")
        print(f"{'':28}{'first word ms':>14}{'whole ms':>10}{'CPU ms':>8}")
        for kind, message in {"words": "Hello", "one call": "The sum, please."}.items():
            medians = measured(ways, message, turns)
            for name, row in medians.items():
                figures = zip(row, (14, 10, 8), strict=True)
                cells = "".join(f"{each * 1000:{width}.1f}" for each, width in figures)
                print(f"{kind:10}{name:18}{cells}")
            hand, library = medians.values()
            ratios = (mine / other for mine, other in zip(library, hand, strict=True))
            print(f"{kind:10}{'ratio':18}" + "".join(f"{each:10.2f}" for each in ratios))


def by_hand(url: str, assistant: str) -> Turn:
    warnings.simplefilter("ignore")
    beta = OpenAI(base_url=url, api_key=KEY).beta
    thread = beta.threads.create().id

    def say(message: str) -> float:
        first = 0.0
        beta.threads.messages.create(thread, role="user", content=message)
        stream = beta.threads.runs.stream(thread_id=thread, assistant_id=assistant)
        while stream is not None:
            with stream as events:
                stream = None
                for event in events:
                    if event.event == "thread.message.delta":
                        first = first or time.perf_counter()
                    elif event.event == "thread.run.requires_action":
                        calls = event.data.required_action.submit_tool_outputs.tool_calls
                        outputs = [
                            {"tool_call_id": call.id, "output": added(call.function.arguments)}
                            for call in calls
                        ]
                        stream = beta.threads.runs.submit_tool_outputs_stream(
                            run_id=event.data.id, thread_id=thread, tool_outputs=outputs
                        )
        return first

    return say


def added(arguments: str) -> str:
    given = json.loads(arguments)
    return str(given["a"] + given["b"])


def measured(ways: dict[str, Turn], message: str, turns: int) -> dict[str, list[float]]:
    """Seconds to the first word, to the end, and of CPU."""
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    for number in range(turns + 5):
        for name, say in ways.items():
            start, cpu = time.perf_counter(), time.process_time()
            first = say(message)
            row = first - start, time.perf_counter() - start, time.process_time() - cpu
            if number >= 5:
                rows[name].append(row)
    return {
        name: [statistics.median(column) for column in zip(*some, strict=True)]
        for name, some in rows.items()
    }


def growing(root: Path, api: str, turns: int) -> Iterator[float]:
    with session(load(root, api), "clerk") as talk:
        for _ in range(turns // 50):
            before = time.process_time()
            for _ in range(50):
                for _ in talk.say("Hello"):
                    pass
            yield time.process_time() - before


if __name__ == "__main__":
    main()
