"""One workspace for each thing that can be wrong, with exactly the problems it must give."""

from pathlib import Path

import pytest

from assistctl.spec import load

WORKSPACES = Path(__file__).parent.parent / "workspaces"
NAMES = sorted(path.name for path in WORKSPACES.iterdir() if (path / "expected.txt").is_file())
ENVIRON = {"OPENAI_API_KEY": "sk-test", "ODD_KEY": "sk-ключ", "NOT_UTF_8": "caf\udce9"}


@pytest.mark.parametrize("name", NAMES)
def test_a_workspace_gives_exactly_the_problems_that_it_has(name: str) -> None:
    root = WORKSPACES / name
    target = root / "target.txt"
    _, problems = load(
        root, target=target.read_text().strip() if target.exists() else None, environ=ENVIRON
    )
    assert list(map(str, problems)) == (root / "expected.txt").read_text("utf-8").splitlines()


def test_no_workspace_is_forgotten() -> None:
    assert [path.name for path in sorted(WORKSPACES.iterdir()) if path.is_dir()] == NAMES
    assert len(NAMES) > 80
