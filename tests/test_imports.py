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
heavy = {"openai", "deepdiff", "starlette", "rich", "jsonschema", "pydantic"}
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
