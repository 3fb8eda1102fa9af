import json
import os
import pty
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests import forking

ROOT = Path(__file__).parent.parent

SEEN = """
import json, os, signal, sys, threading
files = [number for number in range(100) if os.path.exists(f"/proc/self/fd/{number}")]
def about(stream):
    names = ("name", "mode", "encoding", "errors", "line_buffering", "write_through")
    return stream and [type(stream.buffer).__name__, stream.isatty(), stream.fileno(), *(
        getattr(stream, name) for name in names)]
print(json.dumps({
    "arguments": [sys.argv, sys.orig_argv, sys.executable, sys.flags],
    "where": [os.getcwd(), sys.path],
    "environ": dict(os.environ),
    "main": __name__,
    "files": files,
    "streams": [about(sys.stdin), about(sys.stdout), about(sys.stderr), sys.stdin is sys.__stdin__],
    "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "masked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "session": [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()],
    "threads": [threading.active_count(), len(os.listdir("/proc/self/task"))],
    "mask": os.umask(0),
}), flush=True)
"""
"""A program that prints whatever may be different in a process that was not started."""


def started(arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, encoding="utf-8", **options
    )


def test_a_fork_sees_what_a_started_process_sees(tmp_path):
    options = {
        "cwd": tmp_path,
        "env": {**os.environ, "GREETING": "你好", "BYTES": os.fsdecode(b"\xff")},
        "input": "",
    }
    arguments = ["-c", SEEN, "a", "--b=花"]
    expected = started(arguments, **options)
    assert expected.returncode == 0, expected.stderr
    seen = forking.run(arguments, **options)
    assert (seen.returncode, seen.stderr) == (0, "")
    assert json.loads(seen.stdout) == json.loads(expected.stdout)


def shown(start):
    """What a process shows that has a terminal of its own."""
    controller, terminal = pty.openpty()
    with start(stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        with os.fdopen(controller, "rb") as screen:
            line = screen.readline()
            process.wait(60)
    return json.loads(line)


def test_a_fork_has_its_terminal_for_itself():
    code = "import os, sys; print([sys.stdin.isatty(), os.tcgetpgrp(0) == os.getpid()])"
    controller, terminal = pty.openpty()
    with forking.Popen(
        ["-c", code], stdin=terminal, stdout=subprocess.PIPE, text=True, terminal=True
    ) as process:
        os.close(terminal)
        assert process.communicate(timeout=60) == ("[True, True]\n", None)
    os.close(controller)


def test_on_a_terminal_the_streams_of_a_fork_are_those_of_a_started_process():
    arguments, env = ["-c", SEEN], dict(os.environ)
    expected = shown(partial(subprocess.Popen, [sys.executable, *arguments], env=env))
    assert shown(partial(forking.Popen, arguments, env=env)) == expected


ENDS = {
    "nothing special": "print('done')",
    "a code": "import sys; sys.exit(3)",
    "a message": "import sys; sys.exit('it is over')",
    "a signal": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "Ctrl-C that nobody caught": """
import signal, sys
sys.excepthook = lambda *error: None
signal.raise_signal(signal.SIGINT)
""",
    "at once": "import os; print('not flushed'); os._exit(4)",
    "what waits for the end": """
import atexit, sys, threading, time
atexit.register(print, "at exit")
threading.Thread(target=lambda: (time.sleep(0.1), print("a thread"))).start()
print("main")
""",
    "what cannot be flushed": "import os; print('lost', end=''); os.close(1)",
}


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
def test_a_fork_ends_as_a_started_process_ends(code):
    expected = started(["-c", code])
    ended = forking.run(["-c", code])
    assert (ended.returncode, ended.stdout) == (expected.returncode, expected.stdout)
    assert ended.stderr == expected.stderr


def test_a_module_is_run_as_python_m_runs_it(tmp_path):
    (tmp_path / "shown.py").write_text(
        "import sys\nprint(sys.argv, sys.path[0], __name__, __spec__.name, __file__)\n"
    )
    arguments = ["-m", "shown", "a"]
    assert (
        forking.run(arguments, cwd=tmp_path).stdout == started(arguments, cwd=tmp_path).stdout != ""
    )


def test_a_stream_may_be_inherited_a_file_or_stderr_that_goes_where_stdout_goes(tmp_path):
    code = "import sys; print(sys.stdin.read()); print('e', file=sys.stderr)"
    (tmp_path / "in").write_text("i")
    with (tmp_path / "in").open() as stdin, (tmp_path / "out").open("w") as stdout:
        done = forking.run(["-c", code], stdin=stdin, stdout=stdout, stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout, done.stderr) == (0, None, None)
    assert (tmp_path / "out").read_text().split() == ["i", "e"]


def test_a_fork_can_be_signalled_and_waited_for():
    code = "print('ready', flush=True); import time; time.sleep(60)"
    for number in (signal.SIGTERM, signal.SIGKILL):
        with forking.Popen(["-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            assert process.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.01)
            process.send_signal(number)
            assert process.wait(60) == process.poll() == -number


def test_a_program_that_a_shell_starts_is_forked_where_the_shell_is(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "good.json").write_text('{"a": 1}')
    script = (
        "../pretty --compact good.json; echo '[1]' | ../pretty --compact; ../pretty none; echo $?"
    )
    with forking.program(tmp_path / "pretty", "json.tool"):
        done = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path / "here", capture_output=True, text=True
        )
    assert done.stdout == '{"a":1}\n[1]\n2\n'
    assert done.stderr.endswith("No such file or directory: 'none'\n")


def test_an_environment_that_matters_to_the_start_of_python_gets_a_start(tmp_path):
    code = "import sys; print(sys.stdout.encoding, 'assistctl' in sys.modules)"
    assert forking.run(["-c", code]).stdout.split()[1] == "True"
    environ = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    assert forking.run(["-c", code], env=environ).stdout == "iso8859-1 False\n"


def test_ctrl_c_reaches_children_of_a_suite_that_a_script_has_started_in_the_background():
    test = f"{__file__}::test_ctrl_c_reaches_children"
    script = 'trap "" INT; exec "$0" -m pytest -q -p no:xdist -p no:cacheprovider "$1"'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, test], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_ctrl_c_reaches_children():
    code = "import signal; print(signal.getsignal(2) is signal.default_int_handler)"
    assert started(["-c", code]).stdout == "True\n"
