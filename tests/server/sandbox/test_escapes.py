"""Model code that means harm: it ends in an error or in plain output, and the next call works."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

SYSCALL = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
FORGE = """
import json, os, stat, struct
def send(header, body=b""):
    words = json.dumps(header).encode()
    os.write(wire, struct.pack(">II", len(words), len(body)) + words + body)
for wire in range(3, 65_536):  # its number is what was free where the interpreter was started
    try:
        if stat.S_ISSOCK(os.fstat(wire).st_mode):
            break
    except OSError:
        pass
"""

NO_PROGRAMS = (
    "PermissionError: [Errno 1] No other program or process can be started here, so there is no"
    " shell, no pip and no multiprocessing. Use Python alone, in this process."
)
REFUSED = {
    "read a host file": (
        "open('/etc/passwd')",
        "FileNotFoundError: [Errno 2] No such file or directory: '/etc/passwd'",
    ),
    "read the shadow file": (
        "open('/etc/shadow')",
        "FileNotFoundError: [Errno 2] No such file or directory: '/etc/shadow'",
    ),
    "set the host's core pattern": (
        "open('/proc/sys/kernel/core_pattern', 'r+')",
        "PermissionError: [Errno 13] Permission denied: '/proc/sys/kernel/core_pattern'",
    ),
    "read a host file through a link": (
        "import os; os.symlink('/etc/passwd', 'x'); open('x')",
        "FileNotFoundError: [Errno 2] No such file or directory: 'x'",
    ),
    "read a host file through its own root": (
        "open('/proc/self/root/etc/passwd')",
        "FileNotFoundError: [Errno 2] No such file or directory: '/proc/self/root/etc/passwd'",
    ),
    "name the host": (
        "open('/proc/sys/kernel/hostname', 'w')",
        "PermissionError: [Errno 13] Permission denied: '/proc/sys/kernel/hostname'",
    ),
    "read how the host was started": (
        "open('/proc/cmdline')",
        "PermissionError: [Errno 13] Permission denied: '/proc/cmdline'",
    ),
    "read the kernel's log": (
        "open('/proc/kmsg')",
        "PermissionError: [Errno 13] Permission denied: '/proc/kmsg'",
    ),
    "make the host's disk appear": (
        "import os; os.mknod('disk', 0o60600, os.makedev(8, 0))",
        "PermissionError: [Errno 1] Operation not permitted",
    ),
    "open a TCP socket": (
        "import socket; socket.socket().connect(('1.1.1.1', 80))",
        "PermissionError: [Errno 1] There is no network here.",
    ),
    "open a UDP socket": (
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "PermissionError: [Errno 1] There is no network here.",
    ),
    "open a unix socket": (
        "import socket; socket.socket(socket.AF_UNIX)",
        "PermissionError: [Errno 1] There is no network here.",
    ),
    "open a netlink socket": (
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "PermissionError: [Errno 1] There is no network here.",
    ),
    "connect one of a pair of sockets elsewhere": (
        "import socket; a, b = socket.socketpair(type=socket.SOCK_DGRAM); a.connect('/run/x')",
        "PermissionError: [Errno 1] Operation not permitted",
    ),
    "ask the DNS": (
        "import socket; socket.getaddrinfo('example.com', 80)",
        "socket.gaierror: [Errno -4] There is no network here.",
    ),
    "explode into processes": (
        "import os\nwhile True: os.fork()",
        NO_PROGRAMS,
    ),
    "start a program": (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', '1'])",
        NO_PROGRAMS,
    ),
    "spawn a program": (
        "import os, sys; os.posix_spawn(sys.executable, [sys.executable], {})",
        NO_PROGRAMS,
    ),
    "ask a shell": ("import os; os.system('id')", NO_PROGRAMS),
    "install a package": (
        "import subprocess; subprocess.check_call(['pip', 'install', 'requests'])",
        NO_PROGRAMS,
    ),
    "share out work": ("import multiprocessing; multiprocessing.Pool(2)", NO_PROGRAMS),
    "leave a daemon behind": (
        "import os\nif os.fork() == 0:\n    os.setsid()\n    while True: pass",
        NO_PROGRAMS,
    ),
    "explode into threads": (
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=[9]).start()",
        "RuntimeError: can't start new thread",
    ),
    "take all memory": ("hog = [bytes(2**20) for _ in range(10**6)]", "MemoryError"),
    "take all memory at once": ("bytes(10**12)", "MemoryError"),
    "map all memory": (
        "import mmap\nmaps = [mmap.mmap(-1, 2**24) for _ in range(10**6)]",
        "OSError: [Errno 12] Cannot allocate memory",
    ),
    "fill /mnt/data with one file": (
        "with open('big', 'wb') as file:\n    for _ in range(10**4): file.write(bytes(2**20))",
        "OSError: [Errno 27] File too large",
    ),
    "make a huge sparse file in /mnt/data": (
        "open('/mnt/data/sparse', 'wb').truncate(10**12)",
        "OSError: [Errno 27] File too large",
    ),
    "reserve a huge file": (
        "import os; os.posix_fallocate(os.open('/tmp/x', os.O_CREAT | os.O_RDWR), 0, 10**12)",
        "OSError: [Errno 27] File too large",
    ),
    "make a huge sparse file": (
        "open('/tmp/sparse', 'wb').truncate(10**10)",
        "OSError: [Errno 27] File too large",
    ),
    "fill /mnt/data with many files": (
        "for n in range(10**6): open(f'{n}', 'wb').write(bytes(2**20))",
        "OSError: [Errno 28] No space left on device",
    ),
    "fill /tmp with many files": (
        "for n in range(10**6): open(f'/tmp/{n}', 'wb').write(bytes(2**19))",
        "OSError: [Errno 28] No space left on device",
    ),
    "write into the root": (
        "open('/x', 'w')",
        "OSError: [Errno 30] Read-only file system: '/x'",
    ),
    "write into /dev": (
        "open('/dev/x', 'w')",
        "OSError: [Errno 30] Read-only file system: '/dev/x'",
    ),
    "take shared memory": (
        "from multiprocessing.shared_memory import SharedMemory; SharedMemory('x', True, 10**9)",
        "FileNotFoundError: [Errno 2] No such file or directory: '/x'",
    ),
    "take memory that belongs to nobody": (
        "import os; os.memfd_create('x')",
        "PermissionError: [Errno 1] Operation not permitted",
    ),
    "write to the standard library": (
        "import json; open(json.__file__, 'w')",
        "OSError: [Errno 30] Read-only file system: JSON_FILE",
    ),
    "write to the server's own part": (
        "open('/opt/inside/agent.py', 'w')",
        "OSError: [Errno 30] Read-only file system: '/opt/inside/agent.py'",
    ),
    "look at the first process's memory": (
        "open('/proc/1/mem', 'rb')",
        "FileNotFoundError: [Errno 2] No such file or directory: '/proc/1/mem'",
    ),
    "look at the first process by another way": (
        "open('/proc/1/task/1/mem', 'rb')",
        "FileNotFoundError: [Errno 2] No such file or directory: '/proc/1/task/1/mem'",
    ),
    "raise its own limits": (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "ValueError: not allowed to raise maximum limit",
    ),
    "raise its own priority": (
        "import os; os.nice(-5)",
        "PermissionError: [Errno 1] Operation not permitted",
    ),
    "recurse for ever": (
        "def f(): return f()\nf()",
        "RecursionError: maximum recursion depth exceeded",
    ),
    "show what is nested too deeply": (
        "x = []\nfor _ in range(10**6): x = [x]\nx",
        "RecursionError: maximum recursion depth exceeded while getting the repr of an object",
    ),
    "parse what is nested too deeply": (
        "import json; json.loads('[' * 10**6)",
        "RecursionError: maximum recursion depth exceeded while decoding a JSON array from a"
        " unicode string",
    ),
    "be an error that cannot be told": (
        "class E(Exception):\n    def __str__(self): raise self\nraise E",
        "E: <exception str() failed>",
    ),
    "show a value that cannot be shown": (
        "class C:\n    def __repr__(self): return 1/0\nC()",
        "ZeroDivisionError: division by zero",
    ),
    "kill everybody": (
        "import os; os.kill(-1, 9)",
        "ProcessLookupError: [Errno 3] No such process",
    ),
}


SPENDING = (
    "explode into threads",
    "take ",
    "map all memory",
    "fill ",
    "make a huge ",
    "reserve ",
)
"""These leave less of the sandbox than there was, and have one of their own."""


@pytest.mark.parametrize("attempt", REFUSED)
def test_an_attempt_is_an_error_and_the_next_call_works(request, attempt):
    run = request.getfixturevalue("run" if attempt.startswith(SPENDING) else "lasting")
    code, error = REFUSED[attempt]
    json_file = run("import json; json.__file__").output.strip()[1:-1]
    told = run(code)
    assert told.error == error.replace("JSON_FILE", repr(json_file))
    assert told.error.partition(":")[0] in told.output
    assert run("1 + 1", continued=True).output == "2\n"


@pytest.mark.parametrize(
    "call",
    [
        "ptrace", "unshare", "setns", "mount", "bpf", "keyctl", "io_uring_setup", "userfaultfd",
        "perf_event_open", "shmget", "memfd_create", "process_vm_readv", "open_by_handle_at",
    ],
)  # fmt: skip
def test_the_kernel_refuses_what_calculations_never_need(lasting, call):
    from assistctl.server.sandbox.seccomp import _MACHINES, _REFUSED

    number = _REFUSED[call][_MACHINES[os.uname().machine].column]
    told = lasting(SYSCALL + f"libc.syscall({number}, 0, 0, 0, 0, 0), ctypes.get_errno()")
    assert told.output == "(-1, 1)\n"


def test_the_walls_stand_without_the_words(lasting):
    """Python's own functions are replaced by ones that say what to do instead; the C library's
    are not."""
    told = lasting(
        SYSCALL
        + """
import sys
def told(result):
    return result, ctypes.get_errno()
none = ctypes.c_void_p()
program, words = sys.executable.encode(), (ctypes.c_char_p * 1)()
spawn = libc.posix_spawn
told(libc.fork()), libc.system(b"id") >> 8, spawn(none, program, none, none, words, words)
"""
    )
    assert told.output == "((-1, 1), 127, 1)\n"
    told = lasting(SYSCALL + "libc.socket(2, 1, 0), ctypes.get_errno()")
    assert told.output == "(-1, 1)\n"
    undone = lasting("import _socket; _socket.socket.__base__(2, 1)")
    assert undone.error == "PermissionError: [Errno 1] Operation not permitted"


def test_when_memory_is_short_it_is_not_the_last_to_be_killed(lasting):
    wish = "with open('/proc/self/oom_score_adj', 'w') as file: file.write('-1000')"
    assert lasting(wish).error.startswith("PermissionError: [Errno 13] Permission denied")
    assert lasting("int(open('/proc/self/oom_score_adj').read()) >= 0").output == "True\n"


def test_of_processes_only_its_own_are_seen(lasting):
    told = lasting(
        "import os; [n for n in os.listdir('/proc') if n.isdigit()], os.listdir('/proc/1')"
    )
    assert told.output == "(['1', '2'], [])\n"


def test_calls_newer_than_the_filter_do_not_exist(lasting):
    told = lasting(SYSCALL + "[(libc.syscall(n, 0, 0, 0), ctypes.get_errno()) for n in (435, 470)]")
    assert told.output == "[(-1, 38), (-1, 38)]\n"


def test_the_servers_environment_is_nowhere_to_be_found(monkeypatch, run):
    monkeypatch.setenv("ASSISTCTL_TEST_SECRET", "sk-very-secret")
    told = run("""
import os
found = [f"/proc/{pid}/{name}" for pid in os.listdir("/proc") if pid.isdigit()
         for name in ("environ", "cmdline")]
words = str(dict(os.environ)).encode()
for path in found:
    try:
        words += open(path, "rb").read()
    except OSError:
        pass
len(found), b"secret" in words.lower()
""")
    assert told.output == "(4, False)\n"


def test_neither_the_servers_files_nor_its_packages_are_seen(tmp_path, lasting):
    secret = tmp_path / "local.db"
    secret.write_text("secret")
    paths = [secret, Path(__file__), Path.home() / ".bashrc", "/etc/hostname", "/var", "/sys"]
    seen = lasting(
        f"import os; [os.path.exists(path) for path in {[str(path) for path in paths]!r}]"
    )
    assert seen.output == f"{[False] * len(paths)}\n"
    assert lasting("import starlette").error == "ModuleNotFoundError: No module named 'starlette'"
    assert lasting("import assistctl").error == "ModuleNotFoundError: No module named 'assistctl'"


def test_code_is_not_root_and_cannot_become_anything_else(lasting):
    told = lasting("""
import os, re
status = open("/proc/self/status").read()
facts = {name: re.search(f"{name}:\\t(.*)", status)[1] for name in (
    "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp")}
for become in (os.setuid, os.setgid, lambda n: os.setresuid(n, n, n)):
    try:
        become(0)
    except OSError:
        continue
os.getuid() != 0, os.getgid() != 0, facts
""")
    none = "0" * 16
    facts = {"CapPrm": none, "CapEff": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2"}
    assert told.output == f"(True, True, {facts})\n"


# the interpreter itself

ENDINGS = {
    "import os; os._exit(0)": "it exited with status 0",
    "import os; os._exit(7)": "it exited with status 7",
    "import os; os.abort()": "it was ended by SIGABRT",
    "import os; os.kill(os.getpid(), 9)": "it was ended by SIGKILL",
    "import os; os.kill(os.getpid(), 15)": "it was ended by SIGTERM",
    "import os; os.killpg(0, 9)": "it was ended by SIGKILL",
    "import ctypes; ctypes.string_at(0)": "it was ended by SIGSEGV",
    "import sys; sys.setrecursionlimit(10**9)\n"
    "class A:\n    def __getattr__(self, name): return getattr(self, name)\n"
    "A().x": "it was ended by SIGSEGV",
    "import os; os.closerange(3, 65_536)": "it exited with status 1",
    "import os, time; os.closerange(0, 65_536); time.sleep(99)": (
        "it closed its connection to the server"
    ),
    "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'while True: pass'])": (
        "it closed its connection to the server"
    ),
    FORGE + "sent = os.write(wire, b'\\xff' * 100)": (
        "it sent what the server does not understand (a frame is too large)"
    ),
    FORGE + "sent = os.write(wire, struct.pack('>II', 9, 0) + b'[[[[[[[[[')": (
        "it sent what the server does not understand (a header is not JSON)"
    ),
    FORGE + "send({'file': 'x'}, bytes(2**20)); send({'file': 'y'}, bytes(2**20)); "
    "send({'file': 'z'}, b'1')": (
        "it sent what the server does not understand (more bytes came back than were announced)"
    ),
    FORGE + "for n in range(9): send({'picture': n})": (
        "it sent what the server does not understand (more files came back than were announced)"
    ),
}


@pytest.mark.parametrize("code", ENDINGS, ids=lambda code: code.splitlines()[-1][:60])
def test_an_interpreter_that_goes_is_told_and_replaced(run, code):
    run("x = 1")
    told = run("print('before')\n" + code)
    reason = f"The interpreter is gone: {ENDINGS[code]}"
    note = f"[{reason}. So are variables and files that were not handed back.]\n"
    assert (told.output.replace("before\n", ""), told.error) == (note, reason)
    assert run("'x' in globals()", continued=True).output == (
        "[The interpreter was started anew: variables, imports and files of earlier calls that"
        " were not handed back are gone.]\nFalse\n"
    )


@pytest.mark.parametrize("status", ["", "0", "3", "'bye'"])
def test_exit_ends_the_code_but_not_the_interpreter(lasting, status):
    told = lasting(f"x = 1\nimport sys\nsys.exit({status})")
    error = f"SystemExit: {eval(status)}" if status not in ("", "0") else None
    assert (told.output, told.error) == (f"[{error}]\n" if error else "", error)
    assert lasting("x").output == "1\n"


@pytest.mark.parametrize("code", ["exit()", "quit(0)"])
def test_exit_is_there_as_in_an_interactive_interpreter(lasting, code):
    assert lasting(code).error is None
    assert lasting("1").output == "1\n"


def test_an_endless_loop_is_interrupted_and_its_variables_stay(opened):
    sandboxes = opened(seconds=1.0)
    told = sandboxes.execute("t", "x = 1\nwhile True:\n    x += 1")
    assert told.error == "The code was stopped: it took longer than 1 s"
    assert told.output.endswith(
        "KeyboardInterrupt\n[The code was stopped: it took longer than 1 s. Variables are kept.]\n"
    )
    assert sandboxes.execute("t", "x > 1").output == "True\n"


@pytest.mark.parametrize(
    "code",
    [
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "import re; re.match('(a*)*b', 'a' * 99)\nsum(range(10**20))",
    ],
)
def test_what_cannot_be_interrupted_is_ended(opened, code):
    sandboxes = opened(seconds=1.0)
    told = sandboxes.execute("t", code)
    assert told.error in (
        "The interpreter is gone: it took longer than 1 s, and could not be interrupted",
        "The code was stopped: it took longer than 1 s",
    )
    assert sandboxes.execute("t", "1").output == "1\n"


def test_processor_time_of_all_threads_counts(opened):
    sandboxes = opened(cpu_seconds=0.3, seconds=60)
    told = sandboxes.execute("t", "while True: pass")
    assert told.error == "The code was stopped: it used more than 0.3 s of processor time"
    assert sandboxes.execute("t", "1").output == "1\n"


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('y' * 1000)",
        "import os\nwhile True: os.write(2, b'y' * 65536)",
        "import sys\nsys.stdout.buffer.raw.write(b'y' * 10**7)",
    ],
)
def test_endless_output_is_cut_and_stopped(run, code):
    told = run(code)
    assert told.error == "The code was stopped: it printed more than 1048576 bytes"
    assert len(told.output) < 5000
    assert " bytes left out …]\n" in told.output
    assert run("1").output == "1\n"


def test_a_huge_value_is_shown_in_part(run):
    told = run("'x' * 10**6")
    assert (told.error, len(told.output)) == (None, 4096 + len("\n[… 995907 bytes left out …]\n"))
    assert told.output.startswith("'xxx") and told.output.endswith("xxx'\n")


def test_countless_empty_files_are_stopped(run):
    told = run("n = 0\nwhile True:\n    open(f'/tmp/{n}', 'w').close()\n    n += 1")
    stopped = "The code was stopped: it made more than 500 files and folders"
    assert told.error == stopped
    assert run("open('/tmp/one more', 'w').close()\nwhile True: pass").error == stopped


def test_whoever_comes_after_has_the_time_to_remove_them(run):
    run("n = 0\nwhile True:\n    open(f'/tmp/{n}', 'w').close()\n    n += 1")
    slowly = "import os, time; time.sleep(0.5)\n"
    assert run(slowly).error is None
    assert run(slowly + "for name in os.listdir('/tmp'): os.remove(f'/tmp/{name}')").error is None
    assert run("len(os.listdir('/tmp'))").output == "0\n"


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.stdout = sys.stderr = None",
        "import sys; sys.stdout.close(); sys.stderr.close()",
        "import os; os.close(1); os.close(2)",
        "import sys; sys.stdin.close(); sys.argv = sys.path = None",
        "import signal; signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
        "signal.signal(signal.SIGALRM, lambda *_: 1/0)\nwhile True: pass",
        "import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()",
        "__name__ = __builtins__ = None",
        "globals().clear()",
    ],
)
def test_vandalism_in_one_call_is_repaired_for_the_next(run, code):
    run(code)
    assert run("print('here')").output == "here\n"


def test_an_interpreter_that_was_taken_to_pieces_ends_and_is_replaced(run):
    told = run("import builtins; del builtins.open, builtins.len, builtins.repr, builtins.dict")
    assert told.error == "The interpreter is gone: it exited with status 1"
    assert run("1").output == "1\n"


# what comes back


def test_links_pipes_and_hidden_files_do_not_come_back(run):
    told = run("""
import os
os.symlink("/etc/passwd", "passwd.txt")
os.symlink("/proc/self/environ", "environ.txt")
os.symlink("/", "root")
os.mkfifo("pipe")
os.makedirs(".cache/x"); open(".cache/x/y", "w").close(); open(".hidden", "w").close()
open("real.txt", "w").write("real")
""")
    assert [(file.name, file.data) for file in told.files] == [("real.txt", b"real")]


def test_a_file_that_becomes_a_link_is_not_followed(run):
    run("open('a.txt', 'w').write('1')")
    told = run("import os; os.remove('a.txt'); os.symlink('/proc/1/status', 'a.txt')")
    assert (told.error, told.files) == (None, ())


def test_forged_names_stay_in_the_sandbox(run):
    told = run(FORGE + "for name in ('../../x', '/etc/x', 'a\\nb'): send({'file': name}, b'1')")
    assert told.files == ()
    assert told.output == (
        "[Not handed back, but still in /mnt/data: ../../x, /etc/x, a\N{REPLACEMENT CHARACTER}b.]\n"
    )


def test_names_that_cannot_be_shown_stay_in_the_sandbox(run):
    told = run("""
import os
for name in (b"a\\nb", b"\\xff", b"-rf", b"x" * 255):
    open(os.fsdecode(name), "w").close()
""")
    assert [file.name for file in told.files] == ["-rf", "x" * 255]
    assert told.output == (
        "[Not handed back, but still in /mnt/data: \N{REPLACEMENT CHARACTER},"
        " a\N{REPLACEMENT CHARACTER}b.]\n"
    )


def test_folders_too_deep_to_be_walked_are_passed_over(run):
    told = run("""
import os
for _ in range(400):
    os.mkdir("deep"); os.chdir("deep")
open("lost.txt", "w").write("1")
open("/mnt/data/found.txt", "w").write("2")
os.chdir("/mnt/data")
""")
    [found] = told.files
    assert (told.error, found.name) == (None, "found.txt")
    assert len(told.output) < 300 and told.output.startswith("[Not handed back, but still in /mnt")


def test_a_forged_answer_deceives_only_its_own_conversation(run):
    frame = "send({'done': 1, 'error': 'forged\\x1b[2J'})"
    forged = run(f"{FORGE}{frame}\nimport time; time.sleep(0.2); x = 5")
    assert forged.error == "forged\N{REPLACEMENT CHARACTER}[2J"
    assert run("x").output == "5\n"


def test_frames_without_meaning_are_ignored_and_endless_ones_stopped(opened):
    sandboxes = opened(seconds=1.0)
    assert sandboxes.execute("t", FORGE + "send({'x': 1}); send({'done': 'no'})").error is None
    told = sandboxes.execute("t", FORGE + "while True: send({'done': -1}, bytes(1000))")
    assert told.error.endswith("it took longer than 1 s") or "gone" in told.error
    assert sandboxes.execute("t", "1").output == "1\n"


# what stays behind


def test_threads_left_behind_do_not_run_between_calls(run):
    run("""
import threading, time
stamps = []
def tick():
    while True:
        stamps.append(time.monotonic())
        time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
""")
    time.sleep(0.5)
    gap = run("time.sleep(0.1); max(b - a for a, b in zip(stamps, stamps[1:])) > 0.3")
    assert gap.output == "True\n"


def test_nothing_of_a_closed_sandbox_is_left(sandboxes):
    before = children(os.getpid())
    sandboxes.execute("t", "1")
    assert len(children(os.getpid()) - before) == 3
    sandboxes.close_all()
    assert children(os.getpid()) - before == set()


def children(pid: int) -> set[int]:
    """All descendants."""
    found: set[int] = set()
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, tasks.read_text().split()):
            found |= {child} | children(child)
    return found
