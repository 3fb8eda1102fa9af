"""Pages that are read from top to bottom are played: commands print what the page shows."""

from pathlib import Path

import pytest

from tests import pages

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PLAYED = ("start", "files", "moving", "mcp", "scripts", "troubleshooting")
READ = ("team", "targets")
"""Pages that show files and nothing that could be run here."""
UNFINISHED = ("mcp", "troubleshooting")
"""Pages whose files are wrong on purpose, or only whole once a command has written more."""


@pytest.fixture(scope="module", params=PLAYED)
def page(request, tmp_path_factory):
    """A page, and what it is with what its commands print."""
    root = tmp_path_factory.mktemp(request.param) / "workspace"
    root.mkdir()
    text = (DOCS / f"{request.param}.md").read_text(encoding="utf-8")
    return text, pages.played(text, root)


def test_every_command_prints_what_the_page_shows(page):
    text, played = page
    assert played == text


@pytest.mark.parametrize("name", sorted({*PLAYED, *READ} - {*UNFINISHED}))
def test_every_file_that_a_page_shows_is_without_a_problem(name, tmp_path):
    assert pages.problems((DOCS / f"{name}.md").read_text(encoding="utf-8"), tmp_path) == []


def test_the_first_steps_install_as_the_readme_does():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\npip install .\n" in (DOCS / "start.md").read_text(encoding="utf-8")
    assert "\npip install .\n" in readme
