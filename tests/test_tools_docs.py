"""What docs/tools.md shows, tried: its modules are tools, its commands answer as it says."""

import re
import shlex
from pathlib import Path

from tests import forking

PAGE = (Path(__file__).parent.parent / "docs" / "tools.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = [
    (match[1], text)
    for _, text in BLOCKS
    if (match := re.match(r"# (\S+\.(?:py|yaml))\n", text)) is not None
]
WORKSPACE = """\
version: 1
workspace: pool
defaults: {model: gpt-6-luna}
"""


def workspace(root):
    (root / "assistctl.yaml").write_text(WORKSPACE)
    tools = []
    for name, text in FILES:
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.suffix == ".py":
            functions = re.findall(r"^def (\w+)", text, re.MULTILINE)
            tools += [f"  - {{type: function, python: {path.stem}:{each}}}\n" for each in functions]
    (root / "assistants").mkdir()
    (root / "assistants" / "pool.yaml").write_text("tools:\n" + "".join(tools))


def test_every_command_answers_as_the_page_shows(tmp_path):
    workspace(tmp_path)
    shown = "".join(text for language, text in BLOCKS if language == "console")
    seen = ""
    for line in re.findall(r"^\$ (.*)$", shown, re.MULTILINE):
        program, *arguments = shlex.split(line)
        assert program == "assistctl"
        done = forking.run(["-m", program, *arguments], cwd=tmp_path)
        seen += f"$ {line}\n{done.stdout}"
    assert seen == shown
