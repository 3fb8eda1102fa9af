"""Workspaces written for one test."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from assistctl.resources import Workspace
from assistctl.spec import load

ENVIRON = {"OPENAI_API_KEY": "sk-test", "ODD_KEY": "sk-ключ", "NOT_UTF_8": "caf\udce9"}
TOP = "version: 1\nworkspace: shop\ndefaults: {model: gpt-4.1}\n"

Loaded = tuple[Workspace, list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Write files by their path in a fresh workspace, which has an assistctl.yaml already."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        for name, content in {"assistctl.yaml": TOP, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
        return tmp_path

    return write


@pytest.fixture
def loaded(write: Callable[[Mapping[str, str | bytes]], Path]) -> Callable[..., Loaded]:
    """Write files, load the workspace, and return it with its problems as lines."""

    def loaded(
        files: Mapping[str, str | bytes], target: str | None = None, **environ: str
    ) -> Loaded:
        workspace, problems = load(write(files), target=target, environ={**ENVIRON, **environ})
        return workspace, list(map(str, problems))

    return loaded
