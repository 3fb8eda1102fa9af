"""The GitHub Action's steps and the pre-commit hook, run as a runner would run them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import forking

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


@pytest.fixture
def runner(tmp_path):
    """A workspace and what a runner sets; call it with a mode to run the action's main step."""
    workspace = tmp_path / "workspace"
    for name in ("assistants", "tools"):
        shutil.copytree(ROOT / name, workspace / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "assistctl.yaml", workspace)
    program = tmp_path / "assistctl"

    def run(mode, arguments="", sync_arguments="", with_tests="false"):
        for name in ("output", "summary"):
            (tmp_path / name).write_text("")
        done = subprocess.run(
            ["bash", ROOT / ".ci" / "github-action.sh"],
            env={
                **os.environ,
                "GITHUB_OUTPUT": str(tmp_path / "output"),
                "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
                "RUNNER_TEMP": str(tmp_path),
                "ASSISTCTL": str(program),
                "WORKSPACE": str(workspace),
                "MODE": mode,
                "ARGUMENTS": arguments,
                "SYNC_ARGUMENTS": sync_arguments,
                "WITH_TESTS": with_tests,
            },
            capture_output=True,
            text=True,
        )
        outputs = dict(
            line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines()
        )
        return done.returncode, outputs, (tmp_path / "summary").read_text()

    run.workspace = workspace
    run.plan = str(tmp_path / "assistctl-plan.md")
    run.place = "default-" + re.sub("[^A-Za-z0-9._-]", "-", str(workspace))
    with forking.program(program, "assistctl"):
        yield run


def test_a_plan_with_tests_shows_what_they_came_to_before_and_now(runner):
    assert runner("sync")[0] == 0
    script = runner.workspace / "assistants" / "flower-shop.script.yaml"
    code, _, summary = runner("plan", with_tests="true")
    assert code == 0
    assert "### Tests: 3 passed (before: 3 passed)\n" in summary
    script.write_text(script.read_text("utf-8").replace("利润 43.5 元", "利润 44 元"), "utf-8")
    tests = runner.workspace / "assistants" / "flower-shop.tests.yaml"
    tests.write_text(tests.read_text("utf-8").replace("两笔合计", "利润 43.5 元"), "utf-8")
    code, outputs, summary = runner("plan", with_tests="true")
    assert (code, outputs["exitcode"]) == (1, "1")
    assert "| `flower-shop` | a day's sales, and two sunflowers more | ❌ failed" in summary


def test_a_plan_with_changes_succeeds_and_is_in_the_summary(runner):
    code, outputs, summary = runner("plan")
    assert (code, outputs) == (0, {"exitcode": "2", "plan": runner.plan, "place": runner.place})
    assert "4 to create, 0 to update, 0 to delete" in summary


def test_a_sync_makes_the_next_plan_empty(runner):
    code, outputs, _ = runner("sync")
    assert (code, outputs["exitcode"]) == (0, "0")
    code, outputs, _ = runner("plan")
    assert (code, outputs["exitcode"]) == (0, "0")
    assert runner("drift")[0] == 0


def test_more_arguments_are_passed_on(runner):
    _, _, summary = runner("plan", "delivery-desk")
    assert "1 to create, 0 to update, 0 to delete" in summary


def test_what_only_a_sync_knows_is_passed_to_it_alone(runner):
    code, outputs, _ = runner("sync", "delivery-desk", "--confirm prod")
    assert (code, outputs["exitcode"]) == (3, "3")
    code, outputs, summary = runner("sync", "delivery-desk", "--confirm local --on-drift keep")
    assert (code, outputs["exitcode"]) == (0, "0")
    assert "1 to create, 0 to update, 0 to delete" in summary


def test_a_broken_workspace_fails_the_step(runner):
    (runner.workspace / "assistctl.yaml").write_text("version: 2\n")
    code, outputs, summary = runner("plan")
    assert (code, outputs["exitcode"], outputs["plan"]) == (1, "1", runner.plan)
    assert summary.startswith("### assistctl could not make a plan\n~~~~~\n")
    assert "\nassistctl.yaml:1:10: `version` must be 1, not 2; " in summary
    assert summary.endswith("\nerror: 3 problems\n~~~~~\n")


def test_an_unknown_mode_fails_the_step(runner):
    assert runner("destroy")[0] == 64


@pytest.mark.parametrize(
    ("known", "calls"),
    [
        ("", ["--method POST repos/o/r/issues/7/comments --field body=@BODY"]),
        ("41\n42\n", ["--method PATCH repos/o/r/issues/comments/41 --field body=@BODY"]),
    ],
)
def test_one_comment_is_kept_up_to_date(tmp_path, known, calls):
    """`gh` cannot be had here; a stand-in lists comments and writes down what is asked of it."""
    (tmp_path / "known").write_text(known)
    gh = tmp_path / "gh"
    gh.write_text(
        f'#!/bin/sh\ncase "$*" in *--paginate*) cat {tmp_path}/known ;;\n'
        f'*) shift; echo "$*" >>{tmp_path}/calls ;; esac\n'
    )
    gh.chmod(0o755)
    (tmp_path / "plan.md").write_text("## Plan\n")
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "sticky-comment.sh"],
        env={
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(tmp_path),
            "PLAN": str(tmp_path / "plan.md"),
            "MARKER": "<!-- assistctl plan . prod -->",
            "PULL_REQUEST": "7",
            "GITHUB_REPOSITORY": "o/r",
        },
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    body = tmp_path / "assistctl-comment.md"
    assert body.read_text() == "<!-- assistctl plan . prod -->\n## Plan\n"
    said = (tmp_path / "calls").read_text().replace(str(body), "BODY").splitlines()
    assert said == calls


def test_the_action_runs_scripts_that_exist():
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if ".ci/" in step.get("run", "")]
    assert scripts == [
        'bash "$GITHUB_ACTION_PATH/.ci/github-action.sh"',
        'bash "$GITHUB_ACTION_PATH/.ci/sticky-comment.sh"',
    ]
    assert (ROOT / ".ci" / "github-action.sh").is_file()
    assert (ROOT / ".ci" / "sticky-comment.sh").is_file()


def test_the_hook_validates():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (hook["entry"], hook["pass_filenames"]) == ("assistctl validate", False)
    done = forking.run(["-m", *hook["entry"].split(), "--format", "json"], cwd=ROOT)
    assert json.loads(done.stdout) == {"problems": [], "warnings": []}
