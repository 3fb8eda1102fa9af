"""What docs/tools.md shows, tried: its modules are tools, its commands answer as it says."""

import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests import forking

PAGE = (Path(__file__).parent.parent / "docs" / "tools.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {
    match[1]: text
    for _, text in BLOCKS
    if (match := re.match(r"# (\S+\.(?:py|yaml))\n", text)) is not None
}
APART = "tools: {python: .venv/bin/python}\n"


def workspace(root, *, apart):
    declared = FILES["assistctl.yaml"]
    assert APART in declared
    (root / "assistctl.yaml").write_text(declared if apart else declared.replace(APART, ""))
    tools = []
    for name, text in FILES.items():
        if name == "assistctl.yaml":
            continue
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        functions = re.findall(r"^(?:async )?def (\w+)", text, re.MULTILINE)
        tools += [f"  - {{type: function, python: {path.stem}:{each}}}\n" for each in functions]
    (root / "assistants").mkdir(exist_ok=True)
    (root / "assistants" / "pool.yaml").write_text("tools:\n" + "".join(tools))


def environment(root):
    """A virtual environment that has the packages of this one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    (packages,) = root.glob(".venv/lib/python3*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")


@pytest.mark.parametrize("apart", [False, True], ids=["here", "in a python of its own"])
def test_every_command_answers_as_the_page_shows(tmp_path, apart):
    workspace(tmp_path, apart=apart)
    if apart:
        environment(tmp_path)
    shown = "".join(text for language, text in BLOCKS if language == "console")
    seen = ""
    for line in re.findall(r"^\$ (.*)$", shown, re.MULTILINE):
        program, *arguments = shlex.split(line)
        assert program == "assistctl"
        done = forking.run(["-m", program, *arguments], cwd=tmp_path)
        seen += f"$ {line}\n{done.stdout}"
    assert seen == shown
