"""What a command does not need it does not import: that is what makes it start at once."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = """
import sys
from assistctl.main import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    assert not left.code, left.code
heavy = {"openai", "deepdiff", "starlette", "rich", "jsonschema", "pydantic", "prompt_toolkit"}
print(*sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["validate"], ["schema"], ["completion", "bash"], ["sync", "--help"]],
    ids=" ".join,
)
def test_what_needs_no_target_imports_nothing_that_speaks_to_one(arguments):
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, "-C", str(ROOT), *arguments], capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "\n")


NOT_IN_A_PLAN = {
    "assistctl.cases",
    "assistctl.server.engine.worker",
    "assistctl.server.models.protocol",
    "assistctl.server.sandbox",
    "assistctl.spec.suites",
    "assistctl.spec.writing",
    "deepdiff",
    "jsonschema",
}


def test_a_plan_at_the_embedded_server_imports_nothing_that_runs_tests_or_writing_need(tmp_path):
    (tmp_path / "assistants").mkdir()
    (tmp_path / "assistants" / "faq.yaml").write_text("instructions: Be brief.\n")
    (tmp_path / "assistctl.yaml").write_text(
        "version: 1\nworkspace: imports\ndefaults: {model: gpt-6-luna}\n"
    )
    script = SCRIPT.partition("heavy = ")[0] + (
        f"print(*sorted({NOT_IN_A_PLAN!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, "-C", str(tmp_path), "plan"], capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "\n")
