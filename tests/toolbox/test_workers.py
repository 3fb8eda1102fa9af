"""Tools in an interpreter of the project's own: what it knows, and what it survives."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from assistctl.errors import AssistctlError, Place
from assistctl.events import ToolCall, ToolReturned
from assistctl.resources import Interpreter, Workspace
from assistctl.toolbox import Toolbox, mount, resolve

Make = Callable[..., Any]
WORKER = Path(__file__).parents[2] / "cli" / "assistctl" / "toolbox" / "worker"
PLACE = Place("assistctl.yaml", 4, 17)
MEMORY = 1024 * 1024 * 1024


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment without pip, that has a module and an openai of its own."""
    environment = tmp_path_factory.mktemp("project") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python3*/site-packages")
    (packages / "openai.py").write_text("__version__ = '0.28.1'\n")
    (packages / "only_here.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass Guest:\n    name: str\n"
        "    age: int = 30\ndef greet(guest: Guest): return f'{guest!r}'\n"
    )
    (packages / "package").mkdir()
    (packages / "package" / "__init__.py").touch()
    (packages / "package" / "inside.py").write_text("from only_here import greet\n")
    return environment / "bin" / "python"


@pytest.fixture
def apart(write: Make, workspace: Make, function: Make, python: Path) -> Iterator[Make]:
    """Mounts the functions of `tools/mod.py` for the interpreter of their own."""
    boxes: list[Toolbox] = []

    def apart(source: str, *names: str, path: Path = python, **fields: Any) -> Toolbox:
        root = write({"tools/mod.py": source})
        names = names or tuple(
            line.split("def ")[1].split("(")[0]
            for line in dedent(source).splitlines()
            if line.startswith(("def ", "async def "))
        )
        references = {
            each.rpartition(":")[2]: each if ":" in each else f"mod:{each}" for each in names
        }
        interpreter = Interpreter(path, ".venv/bin/python", PLACE, MEMORY)
        declared: Workspace = replace(
            workspace(*(function(name, python=it, **fields) for name, it in references.items())),
            interpreter=interpreter,
        )
        resolved, problems = resolve(declared)
        assert not problems, "\n".join(map(str, problems))
        boxes.append(mount(root, resolved.functions.values(), interpreter))
        return boxes[-1]

    yield apart
    for box in boxes:
        box.close()


def call(box: Toolbox, *calls: str | tuple[str, str]) -> list[ToolReturned]:
    named = [(each, "{}") if isinstance(each, str) else each for each in calls]
    found = list(box.call([ToolCall(f"call_{n}", *each) for n, each in enumerate(named)]))
    return sorted(found, key=lambda each: each.call.id)


def output(box: Toolbox, name: str, arguments: str = "{}") -> str:
    (returned,) = call(box, (name, arguments))
    return returned.output


def error(returned: ToolReturned) -> str:
    told = json.loads(returned.output)["error"]
    return f"{told['type']}: {told['message']}"


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(met: Callable[[], bool]) -> None:
    for _ in range(600):
        if met():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to be")


def test_a_tool_has_the_packages_of_its_own_interpreter_and_not_ours(apart: Make) -> None:
    box = apart(
        """
        import importlib.util, sys
        import openai
        from only_here import Guest
        def versions():
            ours = [importlib.util.find_spec(each) for each in ("pydantic", "click")]
            return [openai.__version__, ours, "" in sys.path]
        def greet(guest: Guest): return repr(guest)
        """
    )
    assert output(box, "versions") == '["0.28.1", [null, null], false]'
    assert output(box, "greet", '{"guest": {"name": "Ana"}}') == "Guest(name='Ana', age=30)"
    assert error(*call(box, ("greet", '{"guest": {"age": 1}}'))) == (
        "invalid_arguments: the arguments do not fit the parameters of greet"
    )


def test_a_function_of_a_package_that_only_it_has_is_read_and_called(apart: Make) -> None:
    box = apart("", "package.inside:greet")
    assert output(box, "greet", '{"guest": {"name": "Bo", "age": 7}}') == "Guest(name='Bo', age=7)"


def test_arguments_become_what_the_annotations_mean(apart: Make) -> None:
    box = apart(
        """
        import datetime, decimal, enum, pathlib, uuid
        from dataclasses import dataclass
        from typing import Dict, List, Literal, NamedTuple, Optional, Tuple, TypedDict, Union
        class Colour(enum.Enum):
            RED = "red"
        @dataclass
        class Line:
            colour: Colour
            days: List[datetime.date]
        class Size(TypedDict):
            width: float
        class Point(NamedTuple):
            x: int
            y: int
        def tool(
            line: Line, at: Optional[datetime.datetime], price: decimal.Decimal, path: pathlib.Path,
            pair: Tuple[int, Colour], by_day: Dict[datetime.date, float], size: Size,
            either: Union[int, Line, None], kind: Literal["a", "b"], till: uuid.UUID,
            length: datetime.timedelta, *points: Point,
        ):
            first = [line, at, price, path, pair, by_day, size]
            return repr([*first, either, kind, till, length, points])
        """
    )
    values = {
        "line": {"colour": "red", "days": ["2026-11-28"]},
        "at": "2026-11-28T22:40:00Z",
        "price": "1.50",
        "path": "a/b",
        "pair": [1, "red"],
        "by_day": {"2026-11-28": 1},
        "size": {"width": 2},
        "either": {"colour": "red", "days": []},
        "kind": "b",
        "till": "00000000-0000-0000-0000-00000000000a",
        "length": "P1DT1H30M",
        "points": [{"x": 1, "y": 2}],
    }
    assert output(box, "tool", json.dumps(values)) == (
        "[Line(colour=<Colour.RED: 'red'>, days=[datetime.date(2026, 11, 28)]), "
        "datetime.datetime(2026, 11, 28, 22, 40, tzinfo=datetime.timezone.utc), "
        "Decimal('1.50'), PosixPath('a/b'), (1, <Colour.RED: 'red'>), "
        "{datetime.date(2026, 11, 28): 1.0}, {'width': 2.0}, "
        "Line(colour=<Colour.RED: 'red'>, days=[]), 'b', "
        "UUID('00000000-0000-0000-0000-00000000000a'), datetime.timedelta(days=1, seconds=5400), "
        "(Point(x=1, y=2),)]"
    )
    (returned,) = call(box, ("tool", json.dumps(values | {"price": "much", "at": "soon"})))
    assert error(returned).startswith("invalid_arguments: ")
    assert [each["at"] for each in json.loads(returned.output)["error"]["details"]] == [
        "at",
        "price",
    ]


def test_what_crashes_is_one_failed_call_and_the_next_has_a_new_process(apart: Make) -> None:
    box = apart(
        """
        import ctypes, os, signal
        def segfault(): ctypes.string_at(0)
        def leave(code: int): os._exit(code)
        def killed(): os.kill(os.getpid(), signal.SIGKILL)
        def raises(): raise SystemExit(3)
        def pid(): return os.getpid()
        """
    )
    first = output(box, "pid")
    assert output(box, "pid") == first
    crashed = "crashed: the process in which the function ran crashed: "
    assert error(*call(box, "segfault")) == crashed + "SIGSEGV"
    assert output(box, "pid") != first
    assert error(*call(box, ("leave", '{"code": 0}'))) == crashed + "exit code 0"
    killed = "SIGKILL (perhaps there was no memory left)"
    assert error(*call(box, "killed")) == crashed + killed
    assert error(*call(box, "raises")) == "exception: SystemExit: 3"
    assert not is_alive(int(first))


def test_what_hangs_is_killed_with_all_that_it_started(apart: Make, tmp_path: Path) -> None:
    box = apart(
        """
        import asyncio, os, re, subprocess
        def loop():
            while True:
                pass
        def locked():
            child = subprocess.Popen(["sleep", "600"])
            open("pids", "w").write(f"{os.getpid()} {child.pid}")
            re.match(r"(a+)+$", "a" * 60 + "b")
        async def nap():
            try:
                await asyncio.sleep(600)
            finally:
                open("cleaned", "w").close()
        """,
        timeout=1,
    )
    stopped = "timeout: no result within 1 s; the function was stopped"
    assert [error(each) for each in call(box, "loop", "locked", "nap")] == [stopped] * 3
    pids = [int(each) for each in (tmp_path / "pids").read_text().split()]
    assert (tmp_path / "cleaned").exists()
    wait_until(lambda: not any(map(is_alive, pids)))


def test_memory_is_limited_and_given_back(apart: Make) -> None:
    box = apart(
        """
        import os
        kept = []
        def eat():
            kept.append(bytearray(4 << 30))
        def pid(): return os.getpid()
        """
    )
    first = output(box, "pid")
    (returned,) = call(box, "eat")
    assert error(returned) == (
        "exception: MemoryError (a process of tools may have 1024 MB: `memory` under `tools`)"
    )
    assert returned.trace is not None
    assert returned.trace.short == "tools/mod.py:5 in eat: kept.append(bytearray(4 << 30))"
    assert output(box, "pid") != first


def test_what_is_raised_comes_with_its_own_lines_and_the_whole_traceback(
    apart: Make, tmp_path: Path
) -> None:
    box = apart(
        "async def tool(): inner()\ndef inner(): raise KeyError('Lyon')\ndef odd(): return object()"
    )
    (returned,) = call(box, "tool")
    assert returned.error == "exception: KeyError: 'Lyon'"
    assert returned.trace is not None
    assert returned.trace.short == (
        "tools/mod.py:1 in tool: async def tool(): inner()\n"
        "tools/mod.py:2 in inner: def inner(): raise KeyError('Lyon')"
    )
    whole = returned.trace.whole
    assert whole.startswith(f'Traceback (most recent call last):\n  File "{tmp_path}/tools/mod.py"')
    assert whole.endswith("\nKeyError: 'Lyon'")
    assert error(*call(box, "odd")) == (
        "invalid_result: the function ran, but its result (object) cannot be written as JSON: "
        "Unable to serialize unknown type: <class 'object'>"
    )


def test_output_of_any_size_is_cut_as_elsewhere(apart: Make) -> None:
    box = apart("def big(n: int): return '花' * n")
    text = output(box, "big", '{"n": 3500000}')
    assert text.endswith("[cut here: the whole output has 10500000 bytes, the limit is 524288]")
    assert len(text.encode()) <= 524288


def test_large_arguments_arrive(apart: Make) -> None:
    box = apart("def size(text: str): return len(text)")
    assert output(box, "size", json.dumps({"text": "花" * 3_000_000})) == "3000000"


def test_a_tool_that_forks_answers_once(apart: Make) -> None:
    box = apart(
        """
        import os
        def fork():
            child = os.fork()
            if child:
                os.waitpid(child, 0)
            return "child" if child == 0 else "parent"
        def plain(): return "plain"
        """
    )
    assert output(box, "fork") == "parent"
    assert output(box, "plain") == "plain"


def test_calls_of_one_round_are_at_work_at_the_same_time(apart: Make, tmp_path: Path) -> None:
    box = apart(
        """
        import os, time
        def meet(me: str, other: str):
            open(me, "w").close()
            while not os.path.exists(other):
                time.sleep(0.01)
            return os.getpid()
        """,
        timeout=60,
    )
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    pair = [json.dumps({"me": it, "other": that}) for it, that in ((one, other), (other, one))]
    found = call(box, ("meet", pair[0]), ("meet", pair[1]))
    assert [each.error for each in found] == [None, None]
    assert len({each.output for each in found}) == 2
    again = call(box, ("meet", pair[0]), ("meet", pair[1]))  # by those that are there
    assert {each.output for each in again} <= {each.output for each in found}


def test_who_stops_listening_stops_what_is_at_work(apart: Make, tmp_path: Path) -> None:
    box = apart(
        """
        import os, time
        def quick(): return os.getpid()
        def slow(path: str):
            open(path, "w").write(str(os.getpid()))
            time.sleep(600)
        """,
        timeout=600,
    )
    path = tmp_path / "pid"
    slow = ToolCall("call_1", "slow", json.dumps({"path": str(path)}))
    results = box.call([slow, ToolCall("call_2", "quick", "{}")])
    assert next(results).call.id == "call_2"
    wait_until(lambda: path.exists() and bool(path.read_text()))
    results.close()
    wait_until(lambda: not is_alive(int(path.read_text())))
    assert output(box, "quick").isdecimal()


def test_who_stops_listening_late_stops_nothing_of_the_next_round(apart: Make) -> None:
    box = apart("import os\ndef pid(): return os.getpid()")
    old, new = (box.call([ToolCall(f"call_{n}", "pid", "{}")]) for n in range(2))
    first = next(old).output
    assert list(old) == []
    assert next(new).output == first
    old.close()
    assert output(box, "pid") == first


def test_a_toolbox_that_is_closed_leaves_nothing_behind(apart: Make, tmp_path: Path) -> None:
    box = apart(
        """
        import atexit, os, subprocess
        atexit.register(lambda: open("left", "w").close())
        def pids():
            return [os.getpid(), subprocess.Popen(["sleep", "600"]).pid]
        """
    )
    pids = json.loads(output(box, "pids"))
    box.close()
    assert (tmp_path / "left").exists()
    wait_until(lambda: not any(map(is_alive, pids)))
    with pytest.raises(ChildProcessError):
        os.waitpid(pids[0], os.WNOHANG)


PROGRAM = """
import sys
from assistctl.errors import Place
from assistctl.events import ToolCall
from assistctl.resources import Function, Interpreter
from assistctl.toolbox import mount
from pathlib import Path
root, python = map(Path, sys.argv[1:])
stuck = Function("stuck", Place("x"), python="mod:stuck", parameters={"type": "object"})
box = mount(root, [stuck], Interpreter(python, "python", Place("x"), 1 << 30))
list(box.call([ToolCall("1", "stuck", "{}")]))
"""


def test_when_assistctl_is_killed_nothing_goes_on(write: Make, python: Path) -> None:
    root = write(
        {
            "tools/mod.py": """
                import os, re, subprocess
                def stuck():
                    child = subprocess.Popen(["sleep", "600"])
                    print(os.getpid(), child.pid)
                    re.match(r"(a+)+$", "a" * 60 + "b")  # keeps the lock of the interpreter
            """
        }
    )
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, root, python], stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stderr is not None
        pids = [int(each) for each in program.stderr.readline().split()]
        assert all(map(is_alive, pids))
        program.send_signal(signal.SIGKILL)
        program.wait()
        wait_until(lambda: not any(map(is_alive, pids)))


def failure(apart: Make, source: str, **options: Any) -> str:
    with pytest.raises(AssistctlError) as caught:
        apart(source, "tool", **options)
    return str(caught.value)


def test_what_cannot_be_imported_there_is_told_with_its_line(apart: Make) -> None:
    assert failure(apart, "import pydantic_settings_x\ndef tool(): ...") == (
        "tools/mod.py:1: importing 'mod' failed: ModuleNotFoundError: No module named "
        "'pydantic_settings_x'; install 'pydantic_settings_x' for .venv/bin/python"
    )
    assert failure(apart, "import os\nos._exit(7)\ndef tool(): ...") == (
        "assistctl.yaml:4:17: .venv/bin/python ended while it imported the tools: exit code 7"
    )


WRITES = """
import os

def say(text: str) -> str:
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, text.encode() + b"\\n")
        except OSError:
            pass
    return text
"""


LINES = ["hello", "[]", "{}", '{"level": "info", "text": "said"}', '[1, {"text": "said before"}]']


@pytest.mark.parametrize("text", LINES)
def test_a_tool_that_writes_into_the_pipe_of_answers_is_one_failed_call(apart: Make, text: str):
    box = apart(f"{WRITES}\ndef quiet(): return 'quiet'", "say", "quiet")
    (returned,) = call(box, ("say", json.dumps({"text": text})))
    assert error(returned) == (
        "crashed: the process in which the function ran crashed: "
        "something else was written into the pipe of its answers"
    )
    assert output(box, "quiet") == "quiet"


@pytest.mark.parametrize("text", LINES[:-1])
def test_a_module_that_writes_there_is_told_with_the_place_of_the_interpreter(
    apart: Make, text: str
) -> None:
    with pytest.raises(AssistctlError) as told:
        apart(f"{WRITES}\nsay({text!r})\n", "say")
    assert str(told.value) == (
        f"{PLACE}: .venv/bin/python ended while it imported the tools: "
        "something else was written into the pipe of its answers"
    )


def test_what_is_no_interpreter_is_told_with_its_place(apart: Make, tmp_path: Path) -> None:
    where, source = "assistctl.yaml:4:17: `python`: .venv/bin/python", "def tool(): ..."
    assert failure(apart, source, path=tmp_path / "gone") == (
        f"{where} does not exist; make the environment, or correct the path"
    )
    assert failure(apart, source, path=tmp_path) == (
        f"{where} cannot be run (Permission denied); name a Python"
    )
    assert failure(apart, source, path=Path("/bin/echo")) == f"{where} is no Python; name one"
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nprintf 'Python 3.7'\n")
    old.chmod(0o755)
    assert failure(apart, source, path=old) == (
        f"{where} is Python 3.7; tools need Python 3.8 or newer"
    )


OTHERS = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.parts[-3])
def test_every_python_from_3_8_on_will_do(apart: Make, path: Path) -> None:
    if tuple(map(int, path.parts[-3].split(".")[:2])) < (3, 8):
        assert failure(apart, "def tool(): ...", path=path).endswith(
            "tools need Python 3.8 or newer"
        )
        return
    box = apart(
        """
        from __future__ import annotations
        import asyncio, datetime, sys
        from dataclasses import dataclass
        from typing import Optional
        from assistctl import ToolContext
        @dataclass
        class Line:
            day: datetime.date
        async def tool(line: Line, many: list[int], where: ToolContext, at: Optional[Line] = None):
            await asyncio.sleep(0)
            return [repr(line.day), many, where.target, "%d.%d" % sys.version_info[:2], at]
        """,
        path=path,
    )
    version = ".".join(path.parts[-3].split(".")[:2])
    assert output(box, "tool", '{"line": {"day": "2026-11-28"}, "many": [1]}') == (
        f'["datetime.date(2026, 11, 28)", [1], "", "{version}", null]'
    )


@pytest.mark.parametrize("path", sorted(WORKER.glob("*.py")), ids=lambda path: path.name)
def test_what_runs_there_is_python_3_8_and_imports_the_standard_library(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    absolute = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        str(node.module).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level
    }
    asked_for = {"pydantic", "typing_extensions"}  # only where the tool has imported pydantic
    assert absolute - sys.stdlib_module_names - {"__future__"} - asked_for == set()


def test_threads_of_the_parent_may_come_and_go(apart: Make) -> None:
    """Workers are started from threads that end: nothing of a worker hangs on its thread."""
    box = apart("import os\ndef pid(): return os.getpid()")
    found: list[str] = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: found.append(output(box, "pid")))
        thread.start()
        thread.join()
    assert len(set(found)) == 1
