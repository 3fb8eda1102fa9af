"""What docs/mcp.md shows, tried: its server is started, its commands answer as it says."""

import re
import shlex
import sys
from pathlib import Path

from tests import forking

PAGE = (Path(__file__).parent.parent / "docs" / "mcp.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_command_answers_as_the_page_shows(tmp_path):
    for language, text in BLOCKS:
        if language in ("yaml", "python"):
            path = tmp_path / re.match(r"# (\S+)\n", text)[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace("[python,", f"[{sys.executable},"), encoding="utf-8")
    (shown,) = (text for language, text in BLOCKS if language == "console")
    seen = ""
    for line in re.findall(r"^\$ (.*)$", shown, re.MULTILINE):
        program, *arguments = shlex.split(line)
        assert program == "assistctl"
        done = forking.run(["-m", program, *arguments], cwd=tmp_path)
        seen += f"$ {line}\n{done.stdout}"
    assert seen == shown
