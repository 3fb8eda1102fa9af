"""Rounds of calls: every call answered once, in parallel, in time, whatever the tools do."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistctl.events import ToolCall, ToolReturned
from assistctl.toolbox import Toolbox

Make = Callable[..., Any]


def calls(*pairs: tuple[str, str] | str) -> list[ToolCall]:
    named = [(each, "{}") if isinstance(each, str) else each for each in pairs]
    return [ToolCall(f"call_{n}", *pair) for n, pair in enumerate(named)]


def outputs(returned: list[ToolReturned]) -> dict[str, str]:
    assert len({each.call.id for each in returned}) == len(returned)
    return {each.call.id: each.output for each in sorted(returned, key=lambda each: each.call.id)}


def error(returned: ToolReturned) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(returned.output)["error"]
    return found


def test_what_a_generator_yields_is_a_list_be_it_async_or_not(box: Make, function: Make) -> None:
    source = """
        import asyncio

        def count(n: int):
            yield from range(n)

        async def count_async(n: int):
            for number in range(n):
                await asyncio.sleep(0)
                yield number

        async def endless():
            while True:
                await asyncio.sleep(0.01)
                yield 1
    """
    tools: Toolbox = box(
        source,
        function("count", python="mod:count"),
        function("count_async", python="mod:count_async"),
        function("endless", python="mod:endless", timeout=0.2),
    )
    asked = calls(("count", '{"n": 3}'), ("count_async", '{"n": 3}'), "endless")
    assert outputs(list(tools.call(asked))) == {
        "call_0": "[0, 1, 2]",
        "call_1": "[0, 1, 2]",
        "call_2": '{"error": {"type": "timeout", "message": "no result within 0.2 s; the function '
        'may still be at work"}}',
    }


def test_every_call_of_a_round_is_answered_exactly_once(box: Make, function: Make) -> None:
    source = "def double(n: int): return 2 * n\nasync def hello(): return '你好'"
    tools: Toolbox = box(
        source,
        function("double", python="mod:double"),
        function("hello", python="mod:hello"),
        function("remote", parameters={"type": "object", "properties": {}}),
        function("asked", python="mod:hello", approval="ask"),
    )
    asked = [("double", '{"n": 4}'), "hello", "remote", "nobody", ("double", "{"), "asked"]
    returned = list(tools.call(calls(*asked, ("double", '{"n": 4}'))))
    assert outputs(returned) == {
        "call_0": "8",
        "call_1": "你好",
        "call_2": '{"error": {"type": "no_implementation", "message": "remote is declared, but '
        'nothing here implements it; do without it"}}',
        "call_3": '{"error": {"type": "unknown_function", "message": "there is no function '
        "'nobody'; available: asked, double, hello, remote\"}}",
        "call_4": '{"error": {"type": "invalid_json", "message": "the arguments are not valid '
        'JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"}}',
        "call_5": '{"error": {"type": "not_approved", "message": "asked needs approval, and nobody '
        'can be asked"}}',
        "call_6": "8",
    }
    assert {each.call.id for each in returned if each.error is None} == {
        "call_0",
        "call_1",
        "call_6",
    }
    assert all(each.seconds >= 0 for each in returned)


def test_an_empty_round_and_an_empty_box(box: Make) -> None:
    tools = box("")
    assert list(tools.call([])) == []
    (returned,) = tools.call(calls("multi_tool_use.parallel"))
    assert returned.error == (
        "unknown_function: there is no function 'multi_tool_use.parallel'; available: none"
    )


def test_the_calls_of_a_round_run_at_the_same_time(box: Make) -> None:
    tools = box("""
        import threading, asyncio
        barrier = threading.Barrier(3)
        def meet(): return barrier.wait(timeout=10) >= 0
        async def meet_async():
            await asyncio.sleep(0)
            return barrier.wait(timeout=10) >= 0
    """)
    returned = list(tools.call(calls("meet", "meet_async", "meet")))
    assert [each.output for each in returned] == ["true"] * 3


def test_more_calls_than_threads_are_all_answered_and_bounded(box: Make) -> None:
    tools = box("""
        import threading
        lock, now, most = threading.Lock(), 0, 0
        def work(n: int):
            global now, most
            with lock:
                now += 1; most = max(most, now)
            threading.Event().wait(0.001)
            with lock:
                now -= 1
            return n
        def peak(): return most
    """)
    asked = calls(*(("work", f'{{"n": {n}}}') for n in range(100)))
    found = outputs(list(tools.call(asked)))
    assert found == {each.id: str(n) for n, each in enumerate(asked)} | {}
    (peak,) = tools.call(calls("peak"))
    assert 1 <= int(peak.output) <= 16


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('no 花')", "ValueError: no 花"),
        ("raise KeyError", "KeyError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise Mute", "Mute"),
        ("raise ExceptionGroup('x', [ValueError('a'), OSError('b')])", "ValueError: a; OSError: b"),
        ("return tool()", "RecursionError: maximum recursion depth exceeded"),
        ("raise TimeoutError('slow')", "TimeoutError: slow"),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_whatever_a_tool_raises_becomes_the_models_input(
    box: Make, body: str, message: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    if "tool()" in body and kind == "async def":
        body = "return await tool()"
    source = f"class Mute(Exception):\n    def __str__(self): 1 / 0\n{kind} tool():\n    {body}\n"
    tools = box(source)
    with caplog.at_level(logging.DEBUG, "assistctl"):
        (returned,) = tools.call(calls("tool"))
    assert error(returned)["type"] == "exception"
    assert error(returned)["message"].startswith(message)
    assert "Traceback" not in returned.output
    assert "mod.py" in caplog.text


def test_a_result_that_is_not_json_is_an_error(box: Make) -> None:
    (returned,) = box("def tool(): return object()").call(calls("tool"))
    assert error(returned)["type"] == "invalid_result"


def test_the_output_limit_holds_for_results(box: Make) -> None:
    (returned,) = box("def tool(): return 'x' * 1000", output_limit=200).call(calls("tool"))
    assert len(returned.output) == 200
    assert returned.output.endswith("[cut here: the whole output has 1000 bytes, the limit is 200]")
    assert returned.error is None


def test_a_call_that_takes_too_long_is_given_up_and_the_others_are_not(
    box: Make, function: Make
) -> None:
    tools = box(
        """
        import threading
        wake = threading.Event()
        def slow():
            wake.wait(30)
            return "late"
        def quick():
            return "quick"
        def free():
            wake.set()
        """,
        function("slow", python="mod:slow", timeout=0.05),
        function("quick", python="mod:quick"),
        function("free", python="mod:free"),
    )
    returned = list(tools.call(calls("slow", "quick")))
    assert [each.call.name for each in returned] == ["quick", "slow"]
    assert error(returned[1]) == {
        "type": "timeout",
        "message": "no result within 0.05 s; the function may still be at work",
    }
    assert returned[1].seconds >= 0.05
    # What the abandoned thread returns later belongs to no round.
    assert [each.output for each in tools.call(calls("free"))] == ["null"]
    assert [each.output for each in tools.call(calls("quick"))] == ["quick"]


def test_an_async_function_that_takes_too_long_is_cancelled(box: Make) -> None:
    tools = box(
        """
        import asyncio, threading
        cancelled = threading.Event()
        async def slow():
            try:
                await asyncio.sleep(30)
            finally:
                cancelled.set()
        def check(): return cancelled.wait(10)
        """,
        timeout=0.05,
    )
    (returned,) = tools.call(calls("slow"))
    assert error(returned)["type"] == "timeout"
    tools = Toolbox(tools.tools, timeout=10)
    assert [each.output for each in tools.call(calls("check"))] == ["true"]


def test_a_deadline_in_the_past_calls_nothing(box: Make) -> None:
    tools = box("called = []\ndef tool(): called.append(1)\ndef count(): return len(called)")
    for each in tools.call(calls("tool", "tool"), deadline=time.monotonic() - 1):
        assert error(each) == {
            "type": "timeout",
            "message": "no time was left; the function was not called",
        }
    assert [each.output for each in tools.call(calls("count"))] == ["0"]


def test_the_deadline_of_a_round_is_stronger_than_a_longer_timeout(box: Make) -> None:
    tools = box("import threading\ndef tool(): threading.Event().wait(30)", timeout=1e12)
    (returned,) = tools.call(calls("tool"), deadline=time.monotonic() + 0.05)
    assert error(returned)["type"] == "timeout"


def test_abandoned_calls_make_room_for_waiting_ones(box: Make) -> None:
    tools = box(
        """
        import threading
        def slow(): threading.Event().wait(30)
        def quick(): return "quick"
        """,
        timeout=0.05,
    )
    returned = list(tools.call(calls(*["slow"] * 16, "quick")))
    assert [each.output for each in returned if each.error is None] == ["quick"]
    assert len(returned) == 17


def test_approval_is_asked_for_valid_calls_only_while_the_others_work(
    box: Make, function: Make
) -> None:
    tools = box(
        "import threading\ndone = threading.Event()\n"
        "def free(): done.set()\ndef refund(n: int): return n\ndef wait(): return done.wait(10)",
        function("free", python="mod:free"),
        function("refund", python="mod:refund", approval="ask"),
    )
    asked: list[tuple[str, bool, str]] = []

    def approve(call: ToolCall) -> bool:
        run = tools.tools["free"].implementation.callee.run
        worked = bool(run.__globals__["done"].wait(10))
        asked.append((call.id, worked, threading.current_thread().name))
        return call.arguments == '{"n": 1}'

    round_ = calls(("refund", '{"n": 1}'), ("refund", '{"n": "x"}'), ("refund", '{"n": 2}'), "free")
    found = outputs(list(tools.call(round_, approve=approve)))
    main = threading.main_thread().name
    assert asked == [("call_0", True, main), ("call_2", True, main)]
    assert found["call_0"] == "1"
    assert json.loads(found["call_1"])["error"]["type"] == "invalid_arguments"
    assert json.loads(found["call_2"]) == {
        "error": {"type": "not_approved", "message": "the user did not approve this call of refund"}
    }


def test_what_the_approving_person_interrupts_is_interrupted(box: Make, function: Make) -> None:
    tools = box("def tool(): ...", function("tool", python="mod:tool", approval="ask"))

    def approve(call: ToolCall) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(tools.call(calls("tool"), approve=approve))


PROGRAM = """
import os, signal, sys, threading
from pathlib import Path
from assistctl.errors import Place
from assistctl.events import ToolCall
from assistctl.resources import Function
from assistctl.toolbox import mount
nothing = {"type": "object", "properties": {}}
function = Function("tool", Place("x"), python="mod:tool", parameters=nothing, timeout=TIMEOUT)
box = mount(Path(sys.argv[1]), [function])
print("answer:", *(each.error for each in box.call([ToolCall("1", "tool", "{}")])))
"""


def test_a_tool_that_never_returns_does_not_keep_the_process(write: Make) -> None:
    root = write({"tools/mod.py": "import threading\ndef tool(): threading.Event().wait()"})
    done = run(PROGRAM.replace("TIMEOUT", "0.05"), root)
    assert done.stdout == (
        "answer: timeout: no result within 0.05 s; the function may still be at work\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_control_c_reaches_the_main_thread_while_a_tool_works(write: Make) -> None:
    root = write(
        {
            "tools/mod.py": """
            import os, signal, threading
            def tool():
                os.kill(os.getpid(), signal.SIGINT)
                threading.Event().wait()
        """
        }
    )
    done = run(PROGRAM.replace("TIMEOUT", "60"), root)
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"


def run(program: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", program, str(root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_what_other_threads_end_the_process_with_is_their_own_business():
    program = (
        "import os, threading, time\n"
        "from assistctl.toolbox import endings\n"
        "endings.tell_of_ends()\n"
        "threading.Thread(target=os._exit, args=(0,)).start()\n"
        "time.sleep(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
