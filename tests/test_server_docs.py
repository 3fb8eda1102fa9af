"""What docs/server.md shows, tried: its unit, its commands, its dump."""

import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from assistctl.commands.serve import command
from assistctl.server import EmbeddedServer, Settings, seed

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SERVE = [text for _, text in BLOCKS if "assistctl serve" in text]
OTHERS = {  # of apt, pip, useradd, docker and codex
    *("--no-install-recommends", "--no-cache-dir", "--uid", "--home-dir"),
    *("--read-only", "--tmpfs", "--cap-drop", "--security-opt", "--disable"),
}


def block(language, containing=""):
    (found,) = [text for name, text in BLOCKS if name == language and containing in text]
    return found


def test_every_option_shown_is_one():
    known = CliRunner().invoke(command, ["--help"]).output
    shown = {word for text in [PAGE, *SERVE] for word in re.findall(r"--[a-z][a-z-]+", text)}
    assert {option for option in shown - OTHERS if option not in known} == set()


def test_systemd_takes_the_unit(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "assistctl.service"
    text = block("ini").replace("/opt/assistctl/bin/assistctl", sys.executable)
    unit.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_backup_of_a_server_at_work_is_whole(tmp_path):
    database = tmp_path / "assistants.db"
    with EmbeddedServer(Settings(database)):
        script = block("sh", "VACUUM").replace("python3", sys.executable)
        subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, check=True)
    backup = tmp_path / "backup.db"
    assert backup.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with EmbeddedServer(Settings(backup)):
        pass


def test_the_dump_shown_can_be_seeded(tmp_path):
    (tmp_path / "dump.jsonl").write_text(block("jsonl"), encoding="utf-8")
    seeded = seed(Settings(tmp_path / "assistants.db"), tmp_path)
    assert seeded.made == {"assistant": 1, "thread": 1, "message": 1}
    assert seeded.notes == ()


def test_the_container_starts_what_the_unit_starts():
    (line,) = re.findall(r"^CMD \[(.*)\]$", block("dockerfile"), re.MULTILINE)
    (unit,) = re.findall(r"^ExecStart=(.*)$", block("ini"), re.MULTILINE)
    words = [word.strip(' "') for word in line.split(",")]
    assert words[:2] == ["assistctl", "serve"]
    shared = {"--port", "--db"}
    assert shared <= set(words) and shared <= set(shlex.split(unit))
