import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from assistctl.errors import Place
from assistctl.record import results
from assistctl.record.results import FILE, keep, kept
from assistctl.resources import Target, Workspace
from assistctl.state_directory import STATE

ROOT = Path(__file__).parent.parent.parent
TWENTY = """\
import sys
from pathlib import Path
from tests.record.test_results import case, keep, shop

for number in range(20):
    keep(shop(Path(sys.argv[1])), [case(f"{sys.argv[2]} {number}")])
"""


def shop(root):
    place = Place("assistctl.yaml", 1, 1)
    target = Target("local", "assistants", "shop", place, api_key="very-secret-key")
    return Workspace(root, "shop", target, ("local",))


@pytest.fixture
def workspace(tmp_path):
    return shop(tmp_path)


def case(name="a sum", outcome="passed", **more):
    known = {"assistant": "clerk", "case": name, "target": "local", "variant": "", "synced": False}
    return {**known, "outcome": outcome, **more}


def outcomes(workspace):
    return [(it["case"], it["outcome"]) for it in kept(workspace.root)]


def test_of_a_case_the_last_result_is_kept_for_each_combination(workspace):
    keep(workspace, [case(), case("a bill", "failed")])
    keep(workspace, [case(outcome="failed"), case(synced=True)])
    assert [(it["case"], it["synced"], it["outcome"]) for it in kept(workspace.root)] == [
        ("a bill", False, "failed"),
        ("a sum", False, "failed"),
        ("a sum", True, "passed"),
    ]
    assert all(it["at"].endswith("+00:00") for it in kept(workspace.root))


def test_what_was_stopped_replaces_nothing(workspace):
    keep(workspace, [case()])
    keep(workspace, [case(outcome="stopped")])
    assert outcomes(workspace) == [("a sum", "passed")]


def test_only_its_owner_reads_it_and_secrets_and_long_texts_are_not_in_it(workspace):
    keep(workspace, [case(attempts=[{"turns": [{"text": "very-secret-key " + "x" * 50_000}]}])])
    path = workspace.root / STATE / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert "very-secret-key" not in path.read_text()
    assert path.stat().st_size < 25_000
    assert [it.name for it in path.parent.iterdir() if it.name.startswith(".tests")] == []


def test_where_there_are_too_many_the_oldest_go(workspace, monkeypatch):
    keep(workspace, [case("old")])
    monkeypatch.setattr(results, "MOST_BYTES", 2 * (workspace.root / STATE / FILE).stat().st_size)
    keep(workspace, [case("new")])
    keep(workspace, [case("newer")])
    assert outcomes(workspace) == [("new", "passed"), ("newer", "passed")]


def test_where_nothing_is_recorded_nothing_is_kept(workspace):
    keep(replace(workspace, records=False), [case()])
    assert not (workspace.root / STATE).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2, "cases": []}', '{"version": 1}'])
def test_what_cannot_be_read_counts_as_nothing_and_is_written_anew(workspace, text):
    (workspace.root / STATE).mkdir()
    (workspace.root / STATE / FILE).write_text(text)
    assert kept(workspace.root) == ()
    keep(workspace, [case()])
    assert outcomes(workspace) == [("a sum", "passed")]


def test_tests_end_as_they_do_where_it_cannot_be_written(workspace):
    (workspace.root / STATE).write_text("a file in its place")
    keep(workspace, [case()])
    assert kept(workspace.root) == ()


def test_it_is_json_that_others_can_read(workspace):
    keep(workspace, [case(seconds=1.5), case("b", text="\ud800 é")])
    document = json.loads((workspace.root / STATE / FILE).read_text(encoding="utf-8"))
    assert document["version"] == 1
    assert document["cases"][1]["text"] == "? é"


def test_commands_that_end_at_once_lose_nothing_of_each_other(tmp_path):
    commands = [
        subprocess.Popen([sys.executable, "-c", TWENTY, tmp_path, name], cwd=ROOT) for name in "abc"
    ]
    assert [command.wait() for command in commands] == [0, 0, 0]
    assert {it["case"] for it in kept(tmp_path)} == {
        f"{name} {number}" for name in "abc" for number in range(20)
    }
