import json
import subprocess

import pytest

from assistctl.spec import KINDS
from tests import calling


def schema(*arguments: str) -> subprocess.CompletedProcess[str]:
    return calling.run(["schema", *arguments])


@pytest.mark.parametrize("arguments", [[], *([kind] for kind in KINDS)])
def test_each_kind_of_file_has_its_schema(arguments: list[str]) -> None:
    result = schema(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_another_kind_is_a_usage_error() -> None:
    result = schema("asistant")
    assert (result.returncode, result.stdout) == (64, "")
    assert "'asistant' is not one of 'workspace', 'assistant'" in result.stderr
