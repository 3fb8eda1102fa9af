"""Every sentence in the code of spec is seen: in a broken workspace, or in a test of its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
ROOM = TESTS.parent / "cli" / "assistctl" / "spec"
SEEN = "\n".join(
    path.read_text("utf-8")
    for path in [*TESTS.glob("workspaces/*/expected.txt"), *(TESTS / "spec").glob("test_*.py")]
)
# What the first string argument after the place says is wrong, by the name of what is called.
CALLS = {"add": 1, "_report": 1, "_refuse": 3, "Unreadable": 1, "_NotUsable": 0, "Trap": 0}


def templates(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CALLS and len(node.args) > CALLS[name]:
                yield from pattern(node.args[CALLS[name]])
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            yield from pattern(node.value.elts[0])  # a sentence: what is wrong, what to do


def pattern(node: ast.expr) -> Iterator[str]:
    """A regular expression for the strings that an expression makes, if it is a literal one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield re.escape(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*"
            for part in node.values
        )


SENTENCES = sorted(
    {(path.name, text) for path in ROOM.glob("*.py") for text in templates(path) if " " in text}
)


@pytest.mark.parametrize(("file", "sentence"), SENTENCES)
def test_a_sentence_is_seen(file: str, sentence: str) -> None:
    assert re.search(sentence, SEEN), f"{file}: no broken workspace says {sentence}"


def test_there_are_sentences() -> None:
    assert len(SENTENCES) > 60
