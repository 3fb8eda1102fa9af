"""The documentation is executed: every command and example of the README, in a fresh clone.

The blocks run in their order, in one directory that holds what git knows of this repository, with
a virtual environment that the README's own first command makes. Packages come from those that are
installed here; with ALL_FAULTS=1 from where pip gets them, as a newcomer's do.
"""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from assistctl.main import COMMANDS
from tests.wheelhouse import wheelhouse

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SETUP_BY_CI = "make test\n"
BUILT_WITH = ("hatchling", "editables")
HERE = "ALL_FAULTS" not in os.environ and all(map(find_spec, BUILT_WITH))


def blocks(language):
    return [text for name, text in BLOCKS if name == language]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What a newcomer has after `git clone`."""
    directory = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, directory / name)
    return directory


@pytest.fixture(scope="module", autouse=True)
def packages(tmp_path_factory):
    """To ask an index for forty packages takes pip most of a minute, and to compile all of them
    longer than those that are imported."""
    with pytest.MonkeyPatch.context() as patch:
        if HERE:
            wheels = wheelhouse(tmp_path_factory.mktemp("wheels"), "assistctl", *BUILT_WITH)
            for name, value in {"FIND_LINKS": str(wheels), "NO_INDEX": "1", "COMPILE": "0"}.items():
                patch.setenv(f"PIP_{name}", value)
        yield


def environment(clone):
    """A newcomer's: no key, nothing of the environment that runs these tests."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OPENAI_", "ASSISTCTL_", "COVERAGE_", "PYTHON", "VIRTUAL_ENV"))
    }
    return {**kept, "PATH": f"{clone / '.venv' / 'bin'}{os.pathsep}{kept['PATH']}"}


def shell(clone, script):
    return subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=clone,
        env=environment(clone),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def demo(clone):
    """The README's first command, run in the clone."""
    first, *_ = blocks("sh")
    assert first == "make demo\n"
    return shell(clone, f"{first.strip()} PYTHON={sys.executable}")


@pytest.mark.sweep
def test_the_first_command_ends_with_a_completed_run_and_the_bills(demo, clone):
    assert demo.returncode == 0, demo.stderr
    assert "Plan for local: 4 to create, 0 to update, 0 to delete." in demo.stdout
    assert "账单已保存" in demo.stdout
    assert demo.stderr.count("completed") == 2
    with closing(sqlite3.connect(clone / "bills.db")) as book:
        rows = book.execute("SELECT total_cost, total_income FROM bills ORDER BY id").fetchall()
    assert rows == [(37.5, 75.0), (4.0, 10.0)]


def test_the_test_command_is_what_ci_runs():
    assert SETUP_BY_CI in blocks("sh")
    assert SETUP_BY_CI.strip() in (ROOT / ".ci" / "run").read_text(encoding="utf-8").split("\n")


@pytest.mark.sweep
def test_the_commands_for_a_workspace_of_ones_own_work(demo, clone):
    (script,) = [text for text in blocks("sh") if text.startswith("pip install .")]
    done = shell(clone, script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(
        "On Saturday the museum is open from 10:00 to 16:00. See you there!\n"
        "The museum is closed on Mondays. Any other day is fine!\n"
    )


def test_the_server_answers_the_example_written_with_the_sdk(demo, clone):
    (script,) = [text for text in blocks("sh") if text.startswith("assistctl serve")]
    (example,) = blocks("python")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    server = subprocess.Popen(
        ["sh", "-c", f"exec {script.replace('8000', port).strip()}"],
        cwd=clone,
        env=environment(clone),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        ready = f"Serving the Assistants API v2 at http://127.0.0.1:{port}/v1\n"
        assert ready in iter(server.stderr.readline, "")
        program = example.replace("8000", port) + "print(assistant.instructions)\n"
        client = subprocess.run(
            [clone / ".venv" / "bin" / "python", "-W", "ignore", "-c", program],
            cwd=clone,
            env=environment(clone),
            capture_output=True,
            text=True,
        )
        assert (client.returncode, client.stdout) == (0, "Be brief.\n"), client.stderr
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)
    assert server.returncode == 0


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.split("\n")[0])
def test_every_yaml_example_is_valid(text, demo, clone, tmp_path):
    for name in ("assistants", "tools"):
        shutil.copytree(clone / name, tmp_path / name)
    shutil.copy(clone / "assistctl.yaml", tmp_path)
    named = re.match(r"# (\S+\.yaml)\n", text)
    path = named[1] if named else "assistants/example.yaml"
    (tmp_path / path).write_text(text, encoding="utf-8")
    checked = shell(clone, f"assistctl -C '{tmp_path}' validate")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_every_sh_block_is_run_by_a_test_here():
    assert [text.split("\n")[0] for text in blocks("sh")] == [
        "make demo",
        "pip install .",
        "assistctl serve --port 8000 --db assistants.db",
        "make test",
    ]


def test_every_command_stands_in_the_readme():
    missing = [name for name in COMMANDS if not re.search(rf"`(assistctl )?{name}\b", README)]
    assert missing == []


def test_the_published_schema_is_the_one_that_the_command_prints():
    from assistctl.spec import schema

    published = json.loads((ROOT / "docs" / "assistctl.schema.json").read_text(encoding="utf-8"))
    assert published == schema()
