"""Where colours go: to terminals, or to logs as well, and never into what is data."""

import re

import pytest

from tests.commands.conftest import Shop

PAINT = re.compile(r"\x1b\[[\d;]*m")
TESTS = "cases:\n  - {name: greets, user: hello, expect: {contains: Good}}\n"


@pytest.fixture(scope="module")
def tested(shared):
    """A workspace that differs from its target, with tests that fail."""
    (shared.root / "assistants" / "greeter.tests.yaml").write_text(TESTS)
    shared.edit("assistants/greeter.yaml", "Greet in", "Greet and thank in")
    assert shared("run", "greeter", "hello").code == 0
    return shared


def both(shop: Shop, arguments: list[str], **environ: str) -> tuple[str, str]:
    result = shop(*arguments, stdin="hello\n", TERM="xterm", **environ)
    return result.out, result.err


def painted(streams: tuple[str, str]) -> tuple[bool, bool]:
    return bool(PAINT.search(streams[0])), bool(PAINT.search(streams[1]))


@pytest.mark.parametrize(
    ("command", "where"),
    [
        ("plan", (True, False)),
        ("plan -v", (True, False)),
        ("list", (True, False)),
        ("show greeter", (True, False)),
        ("test greeter", (True, False)),
        ("tools list", (True, False)),
        ("capabilities", (True, False)),
        ("run greeter hello", (False, True)),
        ("chat greeter", (False, True)),
        ("steps", (True, False)),
        ("threads list", (True, False)),
        ("show nobody", (False, True)),
        ("plan --nonsense", (False, True)),
        ("run greeter hello --format json", (False, True)),
        *[
            (command, (False, False))
            for command in (
                "plan --format json",
                "plan --format markdown",
                "list --format json",
                "test greeter --format json",
                "test greeter --format markdown",
                "test greeter --format junit",
                "run greeter hello --format jsonl",
                "steps --format json",
            )
        ],
    ],
)
def test_logs_get_colours_where_they_are_forced_and_data_never(command, where, tested):
    arguments = command.split()
    forced = both(tested, arguments, FORCE_COLOR="1")
    assert painted(forced) == where
    for environ in ({}, {"FORCE_COLOR": "1", "NO_COLOR": "1"}):
        plain = both(tested, arguments, **environ)
        assert painted(plain) == (False, False)
        if arguments[0] in ("plan", "list", "show", "tools", "capabilities"):
            assert tuple(PAINT.sub("", text) for text in forced) == plain
