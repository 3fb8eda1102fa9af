"""The Node SDK, as npm has it, against the server."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from assistctl.server import EmbeddedServer
from assistctl.server.engine import streaming
from tests.server.runs_help import SCRIPTS

SESSION = Path(__file__).parent / "node" / "session.mjs"
PACKAGE = "openai@6"
SEEN = {
    "content": "红玫瑰 8\n郁金香 5\n",
    "retrieved": "prices.txt",
    "batch": ["completed", 2],
    "attached": "completed",
    "uploaded": ["completed", "processed", "completed"],
    "found": "红玫瑰 8",
    "polled": ["requires_action", "completed"],
    "newest": "The bill is saved.",
    "inOne": "completed",
    "steps": [["tool_calls", "completed"], ["message_creation", "completed"]],
    "streamed": ["Good day to you.", "completed", "Good day to you."],
    "called": ["requires_action", '{"totalCost": 12, "totalIncome": 30}'],
    "submitted": ["completed", "The bill is saved."],
    "cited": ["【4:0†source】"],
    "whole": "abcdef",
    "twins": True,
    "errors": [
        ["NotFoundError", 404, True],
        ["BadRequestError", 400, True],
        ["AuthenticationError", 401, True],
    ],
    "pages": 2,
}


@pytest.fixture
def session(pytestconfig: pytest.Config) -> Path:
    """The script, where it finds the SDK; npm brings that once, into pytest's cache."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    assert pytestconfig.cache is not None
    home = pytestconfig.cache.mkdir("openai-node")
    if not (home / "node_modules" / "openai").is_dir():
        install = ["npm", "install", "--prefix", str(home), "--ignore-scripts", "--no-audit"]
        try:
            done = subprocess.run(
                [*install, "--no-fund", PACKAGE], capture_output=True, text=True, timeout=120
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm did not answer")
        if done.returncode:
            pytest.skip(f"npm cannot bring the SDK: {done.stderr.strip().splitlines()[-1:]}")
    return Path(shutil.copy(SESSION, home))


def test_a_session_with_the_node_sdk(
    session: Path, start: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With keep-alive comments between as many events as can be, which must not disturb it."""
    monkeypatch.setattr(streaming, "KEEP_ALIVE_SECONDS", 0.0005)
    server = start(scripts=SCRIPTS)
    done = subprocess.run(
        ["node", str(session), server.base_url, server.api_key],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == SEEN
