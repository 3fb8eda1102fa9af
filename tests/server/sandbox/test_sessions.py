"""State, turns and the ends of interpreters."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistctl.server.sandbox import Execution, Given, seats
from assistctl.server.sandbox.seats import Seats

ANEW = (
    "[The interpreter was started anew: variables, imports and files of earlier calls that were"
    " not handed back are gone.]\n"
)


def test_variables_imports_and_files_survive_from_call_to_call(lasting):
    assert lasting("import json\nx = [1]\nopen('note.txt', 'w').write('hi')").output == "2\n"
    assert lasting("x.append(2)\nprint(json.dumps(x))").output == "[1, 2]\n"
    assert lasting("open('note.txt').read(), _").output == "('hi', 2)\n"


def test_output_is_what_a_notebook_shows(lasting):
    told = lasting("import sys\nprint('out')\nprint('err', file=sys.stderr)\nNone\n[1, '二']")
    assert (told.output, told.error) == ("out\nerr\n[1, '二']\n", None)
    assert lasting("x = 1").output == ""
    assert lasting("None").output == ""
    assert lasting("").output == ""
    assert lasting("# nothing").output == ""


def test_what_the_c_library_prints_is_seen_in_its_place(lasting):
    told = lasting(
        "import os\nprint('a')\nos.write(1, b'b\\n')\nos.write(2, b'\\xff\\n')\nprint('c')"
    )
    assert told.output == "a\nb\n\N{REPLACEMENT CHARACTER}\nc\n"


def test_a_traceback_shows_the_codes_own_lines_only(run):
    run("def divide(a, b):\n    return a / b")
    told = run("divide(1, 0)")
    lines = [line for line in told.output.splitlines() if line.strip(" ~^")]
    assert lines == [
        "Traceback (most recent call last):",
        '  File "<cell 2>", line 1, in <module>',
        "    divide(1, 0)",
        '  File "<cell 1>", line 2, in divide',
        "    return a / b",
        "ZeroDivisionError: division by zero",
    ]
    assert told.error == "ZeroDivisionError: division by zero"
    assert run("1 +").output.splitlines()[0] == '  File "<cell 3>", line 1'


def test_classes_of_the_code_can_be_pickled(lasting):
    assert lasting(
        "class C: pass\nimport pickle; type(pickle.loads(pickle.dumps(C())))"
    ).output == ("<class '__main__.C'>\n")


def test_there_is_nothing_to_read_from_the_user(lasting):
    assert lasting("input()").error == "EOFError: EOF when reading a line"


def test_threads_and_event_loops_work(lasting):
    assert (
        lasting("""
import asyncio
from concurrent.futures import ThreadPoolExecutor
async def wait():
    await asyncio.sleep(0.001)
    return 5
with ThreadPoolExecutor(4) as pool:
    squares = list(pool.map(lambda n: n * n, range(4)))
asyncio.run(wait()), squares
""").output
        == "(5, [0, 1, 4, 9])\n"
    )


def test_conversations_share_nothing(sandboxes):
    sandboxes.execute("a", "x = 1; open('a.txt', 'w').close()")
    told = sandboxes.execute("b", "import os; 'x' in globals(), os.listdir()")
    assert told.output == "(False, [])\n"
    assert sandboxes.execute("a", "x").output == "1\n"


def test_an_interpreter_outlives_the_thread_that_asked_for_it(sandboxes):
    caller = threading.Thread(target=sandboxes.execute, args=("t", "x = 1"))
    caller.start()
    caller.join()
    time.sleep(0.1)
    assert sandboxes.execute("t", "x").output == "1\n"


def test_a_new_interpreter_says_so_only_where_there_were_calls_before(sandboxes):
    assert sandboxes.execute("t", "1", continued=True).output == ANEW + "1\n"
    assert sandboxes.execute("t", "1", continued=True).output == "1\n"
    assert sandboxes.execute("u", "1").output == "1\n"


def test_the_one_idle_for_longest_makes_room(opened):
    sandboxes = opened(sessions=2)
    for key in ("a", "b"):
        sandboxes.execute(key, "x = 1")
    sandboxes.execute("a", "x")
    sandboxes.execute("c", "x = 1")
    assert sandboxes.execute("a", "x", continued=True).output == "1\n"
    assert sandboxes.execute("b", "1", continued=True).output == ANEW + "1\n"


def test_one_that_is_held_makes_room_only_when_it_is_let_go(opened):
    sandboxes = opened(sessions=2)
    asyncio.run(sandboxes.run("held", "x = 1"))
    for key in "ab":
        assert sandboxes.execute(key, "1").output == "1\n"
    assert sandboxes.execute("held", "x", continued=True).output == "1\n"
    sandboxes.let_go("held")
    for key in "ab":
        assert sandboxes.execute(key, "1").output == "1\n"
    assert sandboxes.execute("held", "1", continued=True).output == ANEW + "1\n"


def test_conversations_that_want_a_place_do_not_keep_those_that_have_one_from_going_on(opened):
    sandboxes = opened(sessions=2)

    async def converse(key: str) -> list[str]:
        told = []
        for code in ("x = 0", "x += 1", "x"):
            told.append((await sandboxes.run(key, code, continued=bool(told))).output)
            await asyncio.sleep(0.05)  # the model thinks
        sandboxes.let_go(key)
        return told

    async def all_of_them() -> list[list[str]]:
        return await asyncio.gather(*(converse(f"t{number}") for number in range(10)))

    assert asyncio.run(all_of_them()) == [["", "", "1\n"]] * 10


@pytest.mark.parametrize(("patience", "held"), [(0.1, 99.0), (20.0, 0.1)])
def test_one_that_is_held_for_very_long_makes_room_before_a_call_is_refused(
    opened, monkeypatch, patience, held
):
    monkeypatch.setattr(seats, "HELD_SECONDS", held)
    sandboxes = opened(sessions=1, seconds=20.0)
    sandboxes._seats = Seats(1, patience)
    asyncio.run(sandboxes.run("held", "x = 1"))
    assert sandboxes.execute("a", "1").output == "1\n"


def test_idle_interpreters_are_ended(opened):
    sandboxes = opened(idle_seconds=0)
    sandboxes.execute("t", "x = 1")
    sandboxes._seats.tidy(0)
    assert sandboxes.execute("t", "1", continued=True).output == ANEW + "1\n"


def test_an_idle_one_that_wakes_itself_is_ended(sandboxes):
    sandboxes.execute("rests", "x = 1")
    sandboxes.execute(
        "wakes",
        """
import ctypes, signal, struct, threading
signal.signal(signal.SIGCONT, lambda *_: None)
libc = ctypes.CDLL("librt.so.1")
event = ctypes.create_string_buffer(struct.pack("QII", 0, signal.SIGCONT, 0) + bytes(48))
for tenths in range(1, 60):  # many: one that is due just as SIGSTOP comes is lost
    times = ctypes.create_string_buffer(struct.pack("qqqq", 0, 0, *divmod(tenths * 10**8, 10**9)))
    timer = ctypes.c_void_p()
    libc.timer_create(1, event, ctypes.byref(timer))
    libc.timer_settime(timer, 0, times, None)
def work():
    while True: pass
threading.Thread(target=work, daemon=True).start()
""",
    )
    until(sandboxes._seats._idle["wakes"].interpreter.is_restless, seconds=120)
    sandboxes._seats.tidy(1000)
    assert list(sandboxes._seats._idle) == ["rests"]


def test_one_that_was_killed_while_idle_is_replaced(sandboxes):
    sandboxes.execute("t", "x = 1")
    confined = sandboxes._seats._idle["t"].interpreter._confined
    confined.signal(signal.SIGKILL)
    confined.process.wait()
    assert sandboxes.execute("t", "1", continued=True).output == ANEW + "1\n"


def test_calls_of_one_conversation_wait_for_each_other(sandboxes):
    sandboxes.execute("t", "calls = []")
    code = "calls.append('in'); import time; time.sleep(0.05); calls.append('out'); calls"
    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(lambda _: sandboxes.execute("t", code).output, range(3)))
    assert sorted(told, key=len) == [f"{['in', 'out'] * n}\n" for n in (1, 2, 3)]


def test_conversations_run_beside_each_other(sandboxes):
    meet = threading.Barrier(2, timeout=20)

    def parts():
        meet.wait()
        return [b"1"]

    def call(key: str) -> Execution:
        return sandboxes.execute(key, "open('f').read()", [Given("f", "f", parts)])

    with ThreadPoolExecutor(2) as pool:
        assert [told.output for told in pool.map(call, "ab")] == ["'1'\n", "'1'\n"]


def test_too_many_at_once_wait_and_then_are_told(opened):
    sandboxes = opened(sessions=1, seconds=1.0)
    started = threading.Event()

    def parts():
        started.set()
        yield b""

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(
            sandboxes.execute,
            "a",
            "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(99)",
            [Given("f", "f", parts)],
        )
        started.wait()
        told = sandboxes.execute("b", "1")
        assert told == Execution(
            "[The code was not run: all interpreters are busy; try again later.]\n",
            error="all interpreters are busy; try again later",
        )
        slow.result()
    assert sandboxes.execute("b", "1").output == "1\n"


def test_closing_a_conversation_ends_its_interpreter(sandboxes):
    sandboxes.execute("t", "x = 1")
    sandboxes.close("t")
    sandboxes.close("nobody")
    assert sandboxes.execute("t", "1", continued=True).output == ANEW + "1\n"


def test_closing_stops_a_call_under_way(sandboxes):
    told = in_a_thread(lambda: sandboxes.execute("t", "while True: pass"))
    until(lambda: "t" in sandboxes._seats._taken)
    sandboxes.close("t")
    assert told().error == "The code was stopped: the run was cancelled"
    assert sandboxes.execute("t", "1", continued=True).output == ANEW + "1\n"


def test_a_call_can_be_stopped_and_its_variables_stay(sandboxes):
    stop = threading.Event()
    sandboxes.execute("t", "x = 1")
    threading.Timer(0.2, stop.set).start()
    told = sandboxes.execute("t", "while True: pass", stop=stop)
    assert told.error == "The code was stopped: the run was cancelled"
    assert sandboxes.execute("t", "x").output == "1\n"
    told = sandboxes.execute("t", "x", stop=stop)
    assert told.error == "it was cancelled"


def test_after_the_end_nothing_is_run(sandboxes):
    sandboxes.execute("t", "1")
    sandboxes.close_all()
    sandboxes.close_all()
    assert sandboxes.execute("t", "1").output == (
        "[The code was not run: the server is shutting down.]\n"
    )


def test_the_end_stops_calls_under_way(sandboxes):
    told = in_a_thread(lambda: sandboxes.execute("t", "while True: pass"))
    until(lambda: "t" in sandboxes._seats._taken)
    sandboxes.close_all()
    assert told().error in ("The code was stopped: the run was cancelled", "it was cancelled")


def test_a_coroutine_awaits_the_same(sandboxes):
    async def talk() -> list[str]:
        await sandboxes.run("t", "x = 1")
        return [(await sandboxes.run("t", "x", continued=True)).output]

    assert asyncio.run(talk()) == ["1\n"]


def test_a_cancelled_coroutine_stops_its_code(sandboxes):
    async def talk() -> str:
        await sandboxes.run("t", "x = 1")
        task = asyncio.create_task(sandboxes.run("t", "while True: pass"))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await sandboxes.run("t", "x", continued=True)).output

    assert asyncio.run(talk()) == "1\n"


def test_interpreters_die_with_a_server_that_is_killed(confinable):
    server = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from assistctl.server.sandbox import Sandboxes\n"
            "import threading\n"
            "sandboxes = Sandboxes()\n"
            "print(sandboxes.execute('idle', '1').output, flush=True)\n"
            "sandboxes.execute('busy', 'while True: pass')\n",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    with server:
        server.stdout.readline()
        until(lambda: len(descendants(server.pid)) == 6)
        left = descendants(server.pid)
        server.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))


def in_a_thread(call):
    """Starts `call`; returns a function that waits for what it returns."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return future.result


def until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, tasks.read_text().split()):
            found |= {child} | descendants(child)
    return found
