"""Windows of tmux, in which a command is at work as if a person had started it."""

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.commands.conftest import same

needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed here")
PATIENCE = 60.0
THEN_ENDED = ["sh", "-c", 'trap : INT; "$@"; echo "chat ended: $?"; exec sleep 600', "sh"]
"""What has its arguments run, and says how they ended: tmux itself may never notice."""


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
    """A Pane with `assistctl chat`, at work in a directory."""
    name = f"chat-{uuid4().hex[:8]}"
    command = [sys.executable, "-m", "assistctl", "chat", *arguments]
    size = ["-x", "100", "-y", "30"]
    more = [item for key, value in environ.items() for item in ("-e", f"{key}={value}")]
    clean = [item for key in ("CI", "NO_COLOR", "COLUMNS") for item in ("-e", f"{key}=")]
    where = ["-c", str(root)]
    tmux("new-session", "-d", "-s", name, *size, *where, *clean, *more, *THEN_ENDED, *command)
    try:
        yield Pane(tmux, name)
    finally:
        tmux("kill-session", "-t", name)
