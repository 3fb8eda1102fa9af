"""What tools print never becomes part of the answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Any]

NOISY = """
    import os, subprocess, sys, threading
    print("import")
    def tool():
        print("tool")
        thread = threading.Thread(target=print, args=("thread",))
        thread.start()
        thread.join()
        subprocess.run([sys.executable, "-c", "print('child')"])
        os.write(1, b"descriptor\\n")
        sys.stdout.flush()
    async def coroutine():
        sys.stdout.write("coroutine\\n")
"""

PROGRAM = """
import sys
import click
from pathlib import Path
from assistctl.errors import Place
from assistctl.events import ToolCall
from assistctl.resources import Function
from assistctl.toolbox import mount
print("before")
nothing = {"type": "object", "properties": {}}
names = ["tool", "coroutine"]
functions = [Function(n, Place("x"), python=f"mod:{n}", parameters=nothing) for n in names]
for again in range(2):
    box = mount(Path(sys.argv[1]), functions)
for name in names:
    print("答案", [each.output for each in box.call([ToolCall("1", name, "{}")])], flush=True)
click.echo("clicked")
sys.stdout.buffer.write(b"bytes\\n")
print("after", sys.stdout.encoding, sys.stdout.isatty())
"""


def test_only_the_main_thread_of_the_process_writes_to_its_stdout(write: Make) -> None:
    root = write({"tools/mod.py": NOISY})
    command = [sys.executable, "-X", "utf8", "-W", "error", "-c", PROGRAM, str(root)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert done.stdout == (
        "before\n答案 ['null']\n答案 ['null']\nclicked\nbytes\nafter utf-8 False\n"
    )
    assert done.stderr.splitlines() == [
        "import",
        "import",
        "tool",
        "thread",
        "child",
        "descriptor",
        "coroutine",
    ]
    assert done.returncode == 0


def test_a_captured_stdout_is_kept_clean_too(
    box: Make, answer: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tools = box("print('import')\ndef tool(): print('tool')")
    print("answer", answer(tools, "tool"))
    captured = capsys.readouterr()
    assert captured.out == "answer None\n"
    assert captured.err == "import\ntool\n"


def test_a_process_without_stdout_can_call_tools(write: Make) -> None:
    root: Path = write({"tools/mod.py": NOISY})
    program = PROGRAM.replace("import sys\n", "import sys\nsys.stdout = None\n", 1)
    program = program.split("sys.stdout.buffer")[0]
    command = [sys.executable, "-c", program, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "child\ndescriptor\n")
