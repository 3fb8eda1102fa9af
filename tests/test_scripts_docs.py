"""What docs/scripts.md shows, tried: its commands answer as it says."""

import re
import subprocess
from pathlib import Path

from tests import forking

PAGE = (Path(__file__).parent.parent / "docs" / "scripts.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
JQ = """\
#!/bin/sh
python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1][1:]])' "$2"
"""


def test_every_command_answers_as_the_page_shows(tmp_path):
    for _, text in BLOCKS:
        if match := re.match(r"# (assist\S+)\n", text):
            path = tmp_path / match[1]
            path.parent.mkdir(exist_ok=True)
            # The name of a prompt is no part of it.
            path.write_text(text.partition("\n")[2] if path.suffix == ".md" else text)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "jq").write_text(JQ)
    (programs / "jq").chmod(0o755)
    with forking.program(programs / "assistctl", "assistctl"):
        shown = "".join(text for language, text in BLOCKS if language == "console")
        seen = ""
        for line in re.findall(r"^\$ (.*)$", shown, re.MULTILINE):
            done = subprocess.run(
                ["sh", "-c", f'PATH="{programs}:$PATH"; {line}'],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
            )
            seen += f"$ {line}\n{done.stdout}"
    assert seen == shown
