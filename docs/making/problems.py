"""Every problem that `validate` can find, from the workspaces that have one each.

`tests/workspaces/<name>/expected.txt` holds what a broken workspace is told, line by line, and
tests/spec/test_workspaces.py that it is told just that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

WORKSPACES = Path(__file__).parents[2] / "tests" / "workspaces"

LINE = re.compile(r"(?P<place>[^:]+(?::\d+:\d+)?): (?P<what>.*?); (?P<remedy>.*)")

_GROUPS = {
    "YAML that is no YAML": ("yaml-",),
    "Keys and values": (
        *("unknown-key", "key-", "not-", "number-", "type-", "too-long", "scalar-", "version-"),
        *("name-", "metadata-", "too-many-metadata", "everything"),
    ),
    "Variables and secrets": ("variable-", "variables-"),
    "Files and stores": ("file-", "store-", "workspace-"),
    "Targets": ("target-", "override-", "moved-", "protect-"),
    "Models": ("model-",),
    "Functions and tools": ("function-", "parameters-", "tool-", "tools-", "too-many-tools"),
    "Answers, scripts and tests": ("response-format", "script-", "tests-"),
    "What only one API has": ("surfaces-",),
}


def groups() -> dict[str, list[str]]:
    """The title of a group -> the names of its workspaces."""
    names = sorted(path.parent.name for path in WORKSPACES.glob("*/expected.txt"))
    return {
        title: [name for name in names if name.startswith(beginnings)]
        for title, beginnings in _GROUPS.items()
    }


def lines(name: str) -> Iterator[tuple[str, str]]:
    """What is told of a workspace: what is wrong, what to do."""
    for line in (WORKSPACES / name / "expected.txt").read_text(encoding="utf-8").splitlines():
        if match := LINE.fullmatch(line):
            yield match["what"], match["remedy"]


def page() -> str:
    """A table for each group."""
    return "\n".join(_group(title, names) for title, names in groups().items())


def _group(title: str, names: list[str]) -> str:
    told = dict.fromkeys(pair for name in names for pair in lines(name))
    rows = [f"| {_cell(what)} | {_cell(remedy)} |" for what, remedy in told]
    return "\n".join([f"### {title}", "", "| what is wrong | what to do |", "|---|---|", *rows, ""])


def _cell(text: str) -> str:
    """As it is printed: nothing in it is Markdown but its ticks."""
    parts = text.replace("|", "\\|").split("`")
    return "`".join(
        re.sub(r"([\\*_<\[\]$])", r"\\\1", part) if at % 2 == 0 else part
        for at, part in enumerate(parts)
    )
