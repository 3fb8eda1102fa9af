"""Commands on copies of the workspace in shop/: called in this process, or processes of their own
where that makes a difference."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import threading
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from assistctl.apis.transport.client import Client
from assistctl.server import EmbeddedServer, Settings
from tests import calling, forking

TEMPLATE = Path(__file__).parent / "shop"
ASSISTCTL = ("-m", "assistctl")
PATIENCE = 120.0
"""Seconds after which a process that does not do what it should is given up."""

_SAME = (
    (re.compile(r"\b(asst|thread|msg|run|step|vs|vsfb|call)_[A-Za-z0-9]{16,}"), r"\1_…"),
    (re.compile(r"\bfile-[A-Za-z0-9]{16,}"), "file-…"),
    (re.compile(r"\b\d+\.\d+ s\b"), "… s"),
    (re.compile(r'("seconds": )[\d.]+'), r"\g<1>0"),
    (re.compile(r"[\d,]+ tokens \([\d,]+ in, [\d,]+ out\)"), "… tokens"),
    (re.compile(r'("(?:prompt|completion|total)_tokens": )\d+'), r"\g<1>0"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:…"),
)


def same(text: str) -> str:
    """The text without what differs from time to time: ids, seconds, tokens, ports."""
    for pattern, replacement in _SAME:
        text = pattern.sub(replacement, text)
    return text


class Result(NamedTuple):
    """How a process ended, and what it wrote, made the `same`."""

    code: int
    out: str
    err: str


class Started:
    """A command at work; `process` for signals, `wait_for` what it says on stderr."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._said = ""

    def wait_for(self, text: str) -> str:
        """Read stderr up to a line with this text; returns the line as it came."""
        assert self.process.stderr
        for line in self.process.stderr:
            self._said += line
            if text in line:
                return line
        raise AssertionError(f"it ended without saying {text!r}: {self._said}")

    def result(self) -> Result:
        assert self.process.stdout
        assert self.process.stderr
        self._said += self.process.stderr.read()
        out = self.process.stdout.read()
        return Result(self.process.wait(PATIENCE), same(out), same(self._said))


class Terminal:
    """A command with a person before it: stdin, stdout and stderr are one pseudo-terminal."""

    def __init__(self, process: subprocess.Popen[bytes], controller: int) -> None:
        self.process = process
        self.shown = ""
        self._controller = controller
        self._decoder = getincrementaldecoder("utf-8")()
        self._seen = 0

    def wait_for(self, text: str) -> None:
        """Until this is shown, after what was waited for before."""
        while not self._shows(text):
            assert self._read(PATIENCE), f"never showed {text!r}: {self.shown!r}"

    def type(self, keys: str) -> None:
        os.write(self._controller, keys.encode())

    def hang_up(self) -> None:
        """Close the window."""
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, self._controller)
        os.close(nothing)

    def interrupt(self, text: str) -> None:
        """Press Ctrl-C until this is shown. Once may not do: Python overlooks a signal that comes
        in the moment between the end of a prompt and the reading of the answer."""
        for _ in range(int(PATIENCE)):
            self.type("\x03")
            while self._read(1.0):
                if self._shows(text):
                    return
        raise AssertionError(f"never showed {text!r}: {self.shown!r}")

    def end(self) -> int:
        """Until the command has ended; returns its exit code."""
        while self._read(PATIENCE):
            pass
        return self.process.wait(PATIENCE)

    def _shows(self, text: str) -> bool:
        at = self.shown.find(text, self._seen)
        self._seen = self._seen if at < 0 else at + len(text)
        return at >= 0

    def _read(self, seconds: float) -> bool:
        """Take in what is shown next; False if nothing came in so many seconds."""
        ready, _, _ = select.select([self._controller], [], [], seconds)
        chunk = b""
        with suppress(OSError):  # that is how Linux says that the terminal was hung up
            chunk = os.read(self._controller, 65536) if ready else b""
        self.shown += self._decoder.decode(chunk).replace("\r\n", "\n")
        return bool(chunk)


class Shop:
    """A workspace, and assistctl as somebody types it there: `shop("plan", "-v")`. With `forks`,
    each command is a process; else those are that serve, or are told how Python starts."""

    def __init__(self, root: Path, *, forks: bool = False) -> None:
        self.root = root
        self.forks = forks

    def __call__(self, *arguments: str, stdin: str = "", **environ: str) -> Result:
        process = self.raw(*arguments, stdin=stdin, **environ)
        return Result(process.returncode, same(process.stdout), same(process.stderr))

    def raw(
        self,
        *arguments: str,
        stdin: str = "",
        program: tuple[str, str] = ASSISTCTL,
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        env = _environment(environ)
        if not self.forks and program == ASSISTCTL and _can_be_called(arguments, env):
            return calling.run(arguments, cwd=self.root, env=env, input=stdin)
        return forking.run(
            [*program, *arguments],
            cwd=self.root,
            env=env,
            input=stdin,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=PATIENCE,
        )

    def redirected(self, arguments: str, **environ: str) -> Result:
        """With redirections, as a shell understands them: `redirected("plan >&-")`."""
        process = subprocess.run(
            ["sh", "-c", f'"$0" -m assistctl {arguments}', sys.executable],
            cwd=self.root,
            env=_environment(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
        )
        return Result(process.returncode, same(process.stdout), same(process.stderr))

    @contextmanager
    def started(self, *arguments: str, **environ: str) -> Iterator[Started]:
        """The command is at work within the block, and is killed after it if it still is."""
        with forking.Popen(
            ["-m", "assistctl", *arguments],
            cwd=self.root,
            env=_environment(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            try:
                yield Started(process)
            finally:
                process.kill()

    @contextmanager
    def on_terminal(self, *arguments: str, **environ: str) -> Iterator[Terminal]:
        controller, terminal = pty.openpty()
        with forking.Popen(
            ["-m", "assistctl", *arguments],
            cwd=self.root,
            env=_environment({"TERM": "xterm", "NO_COLOR": "1", **environ}),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            terminal=True,
        ) as process:
            os.close(terminal)
            try:
                yield Terminal(process, controller)
            finally:
                process.kill()
                os.close(controller)

    @contextmanager
    def target(self) -> Iterator[Client]:
        """The local target as any client sees it, while no command is at work."""
        database = self.root / ".assistctl" / "local.db"
        with EmbeddedServer(Settings(database, model="scripted")) as server:
            client = Client(server.base_url, server.api_key)
            yield client
            client.close()

    def id_of(self, name: str, client: Client, path: str = "/assistants") -> str:
        """The id of the object that this workspace owns by this name."""
        owner = f"shop/{name}"
        (found,) = (i for i in client.list(path) if i["metadata"].get("assistctl") == owner)
        return str(found["id"])

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file, which must have it."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        (self.root / path).write_text(text.replace(old, new), encoding="utf-8")


def _environment(more: dict[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "ASSISTCTL_", "STAGING_"))
        and name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "CI")
    }
    return {**kept, "COLUMNS": "100", **more}


def _can_be_called(arguments: tuple[str, ...], env: dict[str, str]) -> bool:
    return (
        not {"console", "serve"} & {*arguments}
        and forking.starts_alike(env)
        and threading.current_thread() is threading.main_thread()
    )


def _copied(source: Path, destination: Path) -> Shop:
    shutil.copytree(source, destination, ignore=shutil.ignore_patterns("__pycache__"))
    return Shop(destination)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A workspace that was never synced."""
    return _copied(TEMPLATE, tmp_path / "shop")


@pytest.fixture(scope="session")
def synced_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = _copied(TEMPLATE, tmp_path_factory.mktemp("synced") / "shop")
    result = shop("sync", "--yes")
    assert result.code == 0, result.err
    return shop.root


@pytest.fixture
def synced(synced_once: Path, tmp_path: Path) -> Shop:
    """A workspace in sync with its local target: a copy of both."""
    return _copied(synced_once, tmp_path / "shop")


@pytest.fixture(scope="module")
def shared(synced_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The same for all tests of a module that leave the declared objects as they are."""
    return _copied(synced_once, tmp_path_factory.mktemp("shared") / "shop")
