"""A command that is called is what it is as a process, in all that a test looks at."""

import os
import sys
from pathlib import Path

import pytest

from tests import calling, forking

SHOP = Path(__file__).parent / "commands" / "shop"
NAMES = ("PATH", "HOME")


@pytest.mark.parametrize(
    ("arguments", "typed", "more"),
    [
        (["validate", "--strict"], "", {}),
        (["validate", "--format", "json"], "", {"COLUMNS": "30"}),
        (["tools", "list"], "", {"COLUMNS": "60", "FORCE_COLOR": "1"}),
        (["run", "greeter", "--dry-run"], "Hello,\r\nyou\n", {}),
        (["run", "greeter"], "caf\udce9", {}),
        (["run", "gr\udce9eter", "Hello", "--dry-run"], "", {}),
        (["validate", "--nonsense"], "", {}),
        (["-C", "nowhere", "validate"], "", {}),
        ([], "", {"_ASSISTCTL_COMPLETE": "bash_complete", "COMP_WORDS": "assistctl pl"}),
    ],
)
def test_it_says_the_same_and_ends_with_the_same_code(arguments, typed, more, tmp_path):
    env = {name: os.environ[name] for name in NAMES if name in os.environ} | more
    env |= {name: value for name, value in os.environ.items() if name.startswith(forking.AT_START)}
    if "COMP_WORDS" in more:
        env["COMP_CWORD"] = "1"
    called = calling.run(arguments, cwd=SHOP, env=env, input=typed)
    forked = forking.run(
        ["-m", "assistctl", *arguments],
        cwd=SHOP,
        env=env,
        input=typed,
        encoding="utf-8",
        errors="surrogateescape",
    )
    assert (called.returncode, called.stdout, called.stderr) == (
        forked.returncode,
        forked.stdout,
        forked.stderr,
    )


def test_it_leaves_the_process_as_it_was(tmp_path):
    before = (Path.cwd(), dict(os.environ), sys.stdin, sys.stdout, sys.stderr)
    env = {"HOME": str(tmp_path), "A": "b"}
    assert calling.run(["-C", "nowhere", "validate"], cwd=tmp_path, env=env).returncode == 64
    assert before == (Path.cwd(), dict(os.environ), sys.stdin, sys.stdout, sys.stderr)
