"""Whatever the files hold: problems, never an exception. EXAMPLES=1000 tries so many files."""

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistctl.errors import DeclarationError
from assistctl.resources import digest
from assistctl.spec import load

GOOD = Path(__file__).parent.parent / "workspaces" / "good-full"
NAMES = [
    "assistctl.yaml",
    "assistants/shop.yaml",
    "assistants/shop.script.yaml",
    "assistants/shop.tests.yaml",
    "tools/bills.yaml",
]
ENVIRON = {"OPENAI_API_KEY": "sk-test"}

pytestmark = pytest.mark.sweep

relaxed = settings(
    max_examples=int(os.environ.get("EXAMPLES", "15")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def survives(root: Path) -> None:
    workspace, problems = load(root, environ=ENVIRON)
    str(DeclarationError(problems)).encode()
    assert all("\n" not in str(problem) and problem.remedy for problem in problems)
    digest([workspace.scripts, [a.settings for a in workspace.assistants.values()]])


@relaxed
@given(st.sampled_from(NAMES), st.binary(max_size=300))
def test_arbitrary_bytes(
    write: Callable[[Mapping[str, bytes]], Path], name: str, data: bytes
) -> None:
    survives(write({name: data}))


PIECES = """
    a name tools run type function file_search files metadata parameters properties turns version
    targets local model {} [] { } [ ] , : - ? & * ! | > ' " # % @ ` ~ << ${A} ${A:-b} $${ 1 0x1 010
    1e9 1e999 no null true .nan 2026-11-22 1:30 花 \\ &a *a !!str --- ... %TAG
"""
SPACES = (" ", "  ", "\n", "\n  ", ": ", "- ", "\n- ", "\t", "\r", "\x85", "\u2028", "\ufeff", "\0")
YAML_LIKE = st.lists(st.sampled_from([*PIECES.split(), *SPACES]), max_size=40).map("".join)


@relaxed
@given(st.sampled_from(NAMES), YAML_LIKE)
def test_what_looks_like_yaml(
    write: Callable[[Mapping[str, bytes]], Path], name: str, text: str
) -> None:
    survives(write({name: text.encode()}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "files", "a", "function", "model"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("name", NAMES)
@relaxed
@given(st.randoms(use_true_random=False), JSON)
def test_a_good_file_with_one_value_exchanged(
    write: Callable[[Mapping[str, bytes]], Path], name: str, chance: random.Random, value: object
) -> None:
    tree = yaml.safe_load((GOOD / name).read_text("utf-8-sig"))
    holders = list(_holders(tree))
    holder = chance.choice(holders)
    holder[chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))] = value
    survives(write({**_good(), name: json.dumps(tree).encode()}))


def _holders(value: Any) -> Iterator[Any]:
    """Every mapping and list in a value that is not empty."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def _good() -> dict[str, bytes]:
    return {
        path.relative_to(GOOD).as_posix(): path.read_bytes()
        for path in GOOD.rglob("*")
        if path.is_file()
    }
