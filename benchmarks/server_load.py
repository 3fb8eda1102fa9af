"""The server under load: N clients at a time, with runs and responses of the scripted model.

    python benchmarks/server_load.py [CLIENTS [ROUNDS]]        (default 50 clients, 10 rounds)

The scripted model answers at once, so what a request takes is what the server adds to a model.
Clients and server share this machine, and the clients are Python, too: the figures are what both
manage together. Loopback only.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).parent.parent
SERVE = """
import sys
from pathlib import Path
from assistctl.server import Settings, serve
turns = [{"when": "bill", "call": {"save_bill": {"sum": 36}}, "say": "The bill is saved."},
         {"say": "Good day to you, and thank you for your message."}]
settings = Settings(
    Path(sys.argv[1]), model="scripted", scripts={"shop": turns}, embeddings="none"
)
serve(settings, port=0, on_ready=lambda url: print(url, flush=True))
"""
FUNCTION = {"type": "function", "name": "save_bill", "strict": False}
TOOL = {"type": "function", "function": {"name": "save_bill", "parameters": {"type": "object"}}}
POLL_SECONDS = 0.1


class Client:
    """Sends requests and keeps how long each kind took, in seconds."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.taken: dict[str, list[float]] = defaultdict(list)

    async def ask(self, kind: str, method: str, path: str, body: object = None) -> dict:
        start = time.perf_counter()
        response = await self.http.request(method, path, json=body)
        self.taken[kind].append(time.perf_counter() - start)
        if not response.is_success:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()

    async def polled_run(self, assistant: str, said: str) -> None:
        """Thread, message, run, polls, outputs, polls, messages: as `create_and_poll` does it."""
        thread = (await self.ask("create thread", "POST", "/threads", {}))["id"]
        message = {"role": "user", "content": said}
        await self.ask("create message", "POST", f"/threads/{thread}/messages", message)
        body = {"assistant_id": assistant}
        run = await self.ask("create run", "POST", f"/threads/{thread}/runs", body)
        path = f"/threads/{thread}/runs/{run['id']}"
        run = await self.rested(path)
        if run["status"] == "requires_action":
            calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
            outputs = [{"tool_call_id": call["id"], "output": "ok"} for call in calls]
            body = {"tool_outputs": outputs}
            await self.ask("submit outputs", "POST", f"{path}/submit_tool_outputs", body)
            run = await self.rested(path)
        assert run["status"] == "completed", run
        await self.ask("list messages", "GET", f"/threads/{thread}/messages")

    async def rested(self, path: str) -> dict:
        while True:
            run = await self.ask("read run", "GET", path)
            if run["status"] not in ("queued", "in_progress"):
                return run
            await asyncio.sleep(POLL_SECONDS)

    async def streamed_run(self, assistant: str) -> None:
        """Thread, run and answer in one request."""
        thread = {"messages": [{"role": "user", "content": "hello"}]}
        body = {"assistant_id": assistant, "thread": thread, "stream": True}
        await self.listen("run", "/threads/runs", body, "event: done")

    async def streamed_response(self) -> None:
        """What streamed_run asks for, as a response."""
        body = {"model": "m", "metadata": {"assistctl": "shop"}, "tools": [FUNCTION]}
        body |= {"input": "hello", "stream": True}
        await self.listen("response", "/responses", body, "event: response.completed")

    async def listen(self, kind: str, path: str, body: object, end: str) -> None:
        start, last = time.perf_counter(), ""
        async with self.http.stream("POST", path, json=body) as response:
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    if not last:
                        first = time.perf_counter() - start
                        self.taken[f"{kind}, first event"].append(first)
                    last = line
        assert last == end, last
        self.taken[f"{kind}, whole stream"].append(time.perf_counter() - start)

    async def responses(self) -> None:
        """A call and its answer, by previous_response_id, then a stream that goes on from there."""
        body = {"model": "m", "metadata": {"assistctl": "shop"}, "tools": [FUNCTION]}
        asked = {**body, "input": "the bill"}
        first = await self.ask("response with a call", "POST", "/responses", asked)
        [call] = first["output"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"}
        answered = {**body, "input": [output], "previous_response_id": first["id"]}
        second = await self.ask("response to outputs", "POST", "/responses", answered)
        body |= {"input": "hello", "previous_response_id": second["id"], "stream": True}
        await self.listen("response", "/responses", body, "event: response.completed")


@contextmanager
def server():
    """A server in a process of its own, on a fresh database: (process, URL)."""
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, f"{directory}/load.db"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "cli")},
        )
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(30)


async def phase(url: str, name: str, clients: int, work) -> None:
    """Let as many clients at a time do their `work` and say what it took."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=clients)
    async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=60, trust_env=False) as http:
        client = Client(http)
        start = time.perf_counter()
        await asyncio.gather(*(work(client) for _ in range(clients)))
        seconds = time.perf_counter() - start
    requests = sum(len(times) for kind, times in client.taken.items() if "first" not in kind)
    print(f"\n{name}: {requests} requests in {seconds:.1f} s, {requests / seconds:.0f} requests/s")
    print(f"  {'':22}{'count':>7}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for kind, times in client.taken.items():
        p99 = sorted(times)[int(len(times) * 0.99)]
        figures = (statistics.median(times), p99, max(times))
        shown = "".join(f"{figure * 1000:9.1f}" for figure in figures)
        print(f"  {kind:22}{len(times):7}{shown}")


def memory(pid: int) -> dict[str, float]:
    """Resident MB of a process: now, and at its most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines if line.startswith(("VmRSS", "VmHWM")))
    return {name: int(value.split()[0]) / 1024 for name, value in found.items()}


async def main(clients: int, rounds: int) -> None:
    with server() as (process, url):
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            body = {"model": "m", "metadata": {"assistctl": "shop"}, "tools": [TOOL]}
            assistant = (await Client(http).ask("", "POST", "/assistants", body))["id"]
        before = memory(process.pid)["VmRSS"]

        async def one_after_the_other(client: Client) -> None:
            for _ in range(20):
                await client.polled_run(assistant, "bill")

        async def polling(client: Client) -> None:
            for number in range(rounds):
                await client.polled_run(assistant, "bill" if number % 2 else "hello")

        async def streaming(client: Client) -> None:
            """Runs and responses by turns, so that both meet the same machine."""
            for _ in range(rounds):
                await client.streamed_run(assistant)
                await client.streamed_response()

        async def streaming_alone(client: Client) -> None:
            for _ in range(5):
                await streaming(client)

        async def responding(client: Client) -> None:
            for _ in range(rounds):
                await client.responses()

        await phase(url, "1 client", 1, one_after_the_other)
        await phase(url, "1 client of responses", 1, responding)
        await phase(url, "1 client streaming", 1, streaming_alone)
        await phase(url, f"{clients} clients polling", clients, polling)
        await phase(url, f"{clients} clients streaming", clients, streaming)
        await phase(url, f"{clients} clients of responses", clients, responding)
        after = memory(process.pid)
        print(
            f"\nmemory of the server: {before:.0f} MB before, {after['VmRSS']:.0f} MB after,"
            f" {after['VmHWM']:.0f} MB at most"
        )


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(main(*(numbers + [50, 10][len(numbers) :])))
