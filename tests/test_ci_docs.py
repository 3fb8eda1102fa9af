"""The commands of docs/ci.md, executed in their order on a copy of this repository's workspace."""

import re
import shlex
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.commands.conftest import Shop

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
SHOWN = [
    tuple(shlex.split(line, comments=True)[1:])
    for line in re.findall(r"^    (assistctl .*)$", PAGE, re.MULTILINE)
]
ANYWHERE = [
    ("plan", "--out", "plan.json", "--detailed-exitcode"),
    ("sync", "--plan", "plan.json", "--yes"),
    ("plan", "--drift-only", "--detailed-exitcode"),
    ("test", "--junit", "report.xml"),
    ("plan", "--with-tests", "--format", "markdown"),
]
EDITS = [
    ("pull", "--all", "--dry-run"),
    ("pull", "flower-shop"),
    ("sync", "--on-drift", "pull", "--yes"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    root = tmp_path_factory.mktemp("ci") / "workspace"
    for name in ("assistants", "tools"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "assistctl.yaml", root)
    return Shop(root)


def test_every_command_of_the_page_is_tried_here_or_rolls_back():
    rollback = ("rollback", "flower-shop", "--target", "prod", "--to", "SNAPSHOT_DIRECTORY")
    assert [rollback, *ANYWHERE, *EDITS] == SHOWN


def test_plan_sync_drift_and_tests_end_as_the_page_says(shop):
    planned, synced, drift, tested, beside = (shop(*command, CI="true") for command in ANYWHERE)
    assert (planned.code, synced.code, drift.code) == (2, 0, 0), (planned, synced, drift)
    assert (tested.code, beside.code) == (0, 0), (tested, beside)
    report = ElementTree.parse(shop.root / "report.xml").getroot()
    assert (report.get("tests"), report.get("failures")) == ("3", "0")
    assert "\n### Tests: 3 passed (before: 3 passed)\n" in beside.out


def test_an_edit_at_the_target_is_shown_and_pulled_by_the_page_s_commands(shop):
    assert shop("sync", "--yes").code == 0
    with shop.target() as target:
        (found,) = (it for it in target.list("/assistants") if it["metadata"].get("owner"))
        target.post(f"/assistants/{found['id']}", {"temperature": 0.5})
    shown, refused, pulled = (shop(*command, CI="true") for command in EDITS)
    assert (shown.code, "+temperature: 0.5\n" in shown.out) == (0, True)
    assert (refused.code, "nobody can be asked here" in refused.err) == (3, True)
    assert pulled.code == 0, pulled.err
    assert "temperature: 0.5" in (shop.root / "assistants" / "flower-shop.yaml").read_text("utf-8")
    assert shop(*ANYWHERE[2]).code == 0
