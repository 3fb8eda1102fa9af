"""Windows of tmux, in which a command is at work as if a person had started it."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from tests import forking
from tests.commands.conftest import same

needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed here")
PATIENCE = 60.0
HOLDER = """
import fcntl, os, select, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_IGN)
fcntl.ioctl(0, termios.TIOCNOTTY)
with open(sys.argv[1], "w") as file:
    file.write(os.environ["TERM"])
until_closed = select.poll()
until_closed.register(0, 0)
until_closed.poll()
"""
"""Keeps a window open, and gives the terminal in it away: a process that is forked from elsewhere
makes it its own, with the keys and sizes that are for whoever is at work there."""


class Pane:
    """A window of tmux in which a command is at work."""

    def __init__(self, tmux, name):
        self._tmux, self._name = tmux, name

    def screen(self):
        """What is to be seen, without what differs each time and the empty end."""
        shown = self._tmux("capture-pane", "-p", "-t", self._name)
        return re.sub(r"\n\n+", "\n", same(shown)).rstrip()

    def scrollback(self):
        """With what has left the screen, lines that were too long joined again."""
        return same(self._tmux("capture-pane", "-p", "-J", "-S", "-", "-t", self._name)).rstrip()

    def wait_for(self, *texts):
        """The screen, once it has all these."""
        end = time.monotonic() + PATIENCE
        while not all(text in (screen := self.screen()) for text in texts):
            assert time.monotonic() < end, f"never showed {texts}:\n{screen}"
            time.sleep(0.05)
        return screen

    def wait_for_count(self, text, times):
        """The screen, once it has this text so often."""
        end = time.monotonic() + PATIENCE
        while (screen := self.screen()).count(text) < times:
            assert time.monotonic() < end, f"never showed {text!r} {times} times:\n{screen}"
            time.sleep(0.05)
        return screen

    def ready(self, at="clerk at local · "):
        """Wait for an empty prompt."""
        self.wait_for(f"\n>\n{at}")

    def keys(self, *keys):
        self._tmux("send-keys", "-t", self._name, *keys)

    def say(self, text):
        self.keys("-l", text)
        self.keys("Enter")

    def paste(self, text):
        self._tmux("set-buffer", text)
        self._tmux("paste-buffer", "-p", "-t", self._name)

    def resize(self, columns, rows):
        self._tmux("resize-window", "-t", self._name, "-x", str(columns), "-y", str(rows))


@contextmanager
def tmux_running():
    """A server of its own, as a function that calls it."""
    socket = Path("/tmp") / f"tmux-{uuid4().hex[:12]}"

    def call(*arguments):
        result = subprocess.run(
            ["tmux", "-S", socket, "-f", "/dev/null", *arguments],
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    call("start-server", ";", "set-option", "-s", "exit-empty", "off")
    yield call
    subprocess.run(["tmux", "-S", socket, "kill-server"], capture_output=True)
    socket.unlink(missing_ok=True)


@contextmanager
def chatting(tmux, root, *arguments, **environ):
    """A Pane with `assistctl chat`, at work in a directory; it says there how the chat ended."""
    name = f"chat-{uuid4().hex[:8]}"
    with TemporaryDirectory() as directory:
        ready = Path(directory) / "ready"
        command = [sys.executable, "-IS", "-c", HOLDER, str(ready)]
        tmux("new-session", "-d", "-s", name, "-x", "100", "-y", "30", *command)
        term = _written(ready)
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "COLUMNS")}
    terminal = os.open(
        tmux("display-message", "-p", "-t", name, "#{pane_tty}").strip(), os.O_RDWR | os.O_NOCTTY
    )
    with forking.Popen(
        ["-m", "assistctl", "chat", *arguments],
        cwd=root,
        env={**kept, "TERM": term, **environ},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        terminal=True,
    ) as process:
        told = threading.Thread(target=lambda: _tell(terminal, process.wait()))
        told.start()
        try:
            yield Pane(tmux, name)
        finally:
            process.kill()
            told.join()
            os.close(terminal)
            tmux("kill-session", "-t", name)


def _written(path):
    end = time.monotonic() + PATIENCE
    while not (path.exists() and (text := path.read_text())):
        assert time.monotonic() < end
        time.sleep(0.01)
    return text


def _tell(terminal, code):
    os.write(terminal, f"chat ended: {code}\n".encode())
