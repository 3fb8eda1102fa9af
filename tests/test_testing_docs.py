"""What docs/testing.md shows, tried: its cases are read, and end as it says."""

import json
import re
import shlex
from pathlib import Path

from tests import forking

PAGE = (Path(__file__).parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {
    "assistctl.yaml": """\
version: 1
workspace: pool
defaults: {model: gpt-6-luna}
targets:
  local: {model: scripted}
  responses: {api: responses, model: scripted}
""",
    "assistants/porter.yaml": "tools: [{type: function, python: pool:fee}]\n",
    "assistants/porter.script.yaml": """\
turns:
  - {when: two guests, call: {fee: {guests: 2}}, say: Two guests pay 14 euro.}
  - {when: open, say: "We open at 10:00."}
  - {say: You are welcome.}
""",
    "assistants/desk.yaml": "instructions: {file: desk.md}\n",
    "assistants/desk.script.yaml": "turns: [{say: Hello!}]\n",
    "assistants/desk.md": "Be kind.\n",
    "assistants/desk-brief.md": "Be brief.\n",
    "tools/pool.py": '''\
def fee(guests: int) -> float:
    """The fee for so many guests, in euro."""
    return 7.0 * guests
''',
}


def workspace(root):
    shown = {match[1]: text for _, text in BLOCKS if (match := re.match(r"# (\S+\.yaml)\n", text))}
    for name, text in {**FILES, **shown}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def test_every_combination_of_the_matrix_is_tried(tmp_path):
    workspace(tmp_path)
    done = forking.run(["-m", "assistctl", "test", "desk", "--format", "json"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["cases"]) == 8


def test_every_command_answers_as_the_page_shows(tmp_path):
    workspace(tmp_path)
    shown = "".join(text for language, text in BLOCKS if language == "console")
    seen = ""
    for line in re.findall(r"^\$ (.*)$", shown, re.MULTILINE):
        program, *arguments = shlex.split(line)
        assert program == "assistctl"
        done = forking.run(["-m", program, *arguments], cwd=tmp_path)
        seen += f"$ {line}\n" + re.sub(r"\d+\.\d+ s\b", "… s", done.stdout)
    assert seen == shown
