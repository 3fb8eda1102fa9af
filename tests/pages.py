"""Pages of docs/ as they are read: from top to bottom, files written and commands typed.

A fenced block whose first line names a file (`# assistants/porter.yaml`) is that file. A block
`console` is what a terminal shows: commands after `$ ` and what they print, on stdout and stderr;
`…` stands for anything within a line. A block `sh` is a script that has to succeed. Whatever else
is shown and not run is indented, not fenced. What a page needs and does not show stands in a
comment: `<!-- file: tools/pool.py`, the text, `-->`.

    python -m tests.pages docs/start.md      # writes what the commands print now into the page
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from assistctl.spec import load
from tests import forking

BLOCK = re.compile(
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$"
    r"|^<!-- file: (?P<file>\S+)\n(?P<hidden>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
NAMED = re.compile(r"# (\S+\.\w+)(?:$|\s)")
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
VARIABLE = re.compile(r"\$\{(\w+)")

CHANGING = (
    (
        re.compile(r"\b(asst|thread|run|file|vs|resp|conv|sess|turn|agent|call)([_-])\w{8,}"),
        r"\1\2…",
    ),
    (re.compile(r"\b\d+(\.\d+)? s\b"), "… s"),
    (re.compile(r"\b\d+ tokens \(\d+ in, \d+ out\)"), "… tokens (… in, … out)"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"), "…"),
)
"""What is different each time, and how a page shows it."""

JQ = """\
#!/bin/sh
python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1][1:]])' "$2"
"""


@dataclass(frozen=True)
class Step:
    """One block: a file that is written (`name`), or what is typed (`console`, `sh`)."""

    language: str
    text: str
    name: str | None = None


def steps(page: str) -> Iterator[Step]:
    """The blocks of a page, in their order."""
    for block in BLOCK.finditer(page):
        if block["file"]:
            yield Step("file", block["hidden"], block["file"])
        elif block["language"] in ("console", "sh"):
            yield Step(block["language"], block["text"])
        elif named := NAMED.match(block["text"]):
            rest = block["text"].partition("\n")[2]
            # Of a prompt or a table its name is no part.
            own = block["language"] in ("yaml", "python")
            yield Step("file", block["text"] if own else rest, named[1])


def played(page: str, root: Path) -> str:
    """The page with what its commands print here; what is as the page says stays as it is."""
    programs = root.parent / f"{root.name}-programs"
    programs.mkdir()
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python").chmod(0o755)
    if shutil.which("jq") is None:
        (programs / "jq").write_text(JQ)
        (programs / "jq").chmod(0o755)
    shown = page
    with forking.program(programs / "assistctl", "assistctl"):
        for step in steps(page):
            now = _played(step, root, programs)
            shown = shown.replace(f"```console\n{step.text}```", f"```console\n{now.text}```", 1)
    return shown


def problems(page: str, root: Path) -> list[str]:
    """What is wrong with the files that a page shows, at any of its targets, each time that it has
    written all that stand together."""
    found: list[str] = []
    written = False
    for step in (*steps(page), Step("end", "")):
        again = step.name is not None and (root / step.name).exists()
        if written and (again or step.name is None):
            found += _problems(root)
        written = step.name is not None
        if step.name:
            _write(step, root)
    return found


def _problems(root: Path) -> list[str]:
    found: list[str] = []
    texts = "".join(path.read_text("utf-8") for path in root.rglob("*.yaml"))
    environ = dict.fromkeys(VARIABLE.findall(texts), "value")
    found += map(str, load(root, environ=environ)[1])
    declared = re.findall(r"^  ([\w-]+):", _below(texts, "targets"), re.MULTILINE)
    for target in declared:
        found += map(str, load(root, target=target, environ=environ)[1])
    return found


def _write(step: Step, root: Path) -> None:
    assert step.name is not None
    path = root / step.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(step.text, encoding="utf-8")


def _below(text: str, key: str) -> str:
    match = re.search(rf"^{key}:\n((?:[ #].*\n|\n)*)", text, re.MULTILINE)
    return match[1] if match else ""


def _played(step: Step, root: Path, programs: Path) -> Step:
    if step.name:
        _write(step, root)
        return step
    if step.language == "sh":
        done = _typed(step.text, root, programs)
        assert done.returncode == 0, f"{step.text}{done.stdout}"
        return step
    now = ""
    for command, printed in COMMAND.findall(step.text):
        seen = _typed(command, root, programs).stdout
        now += f"$ {command}\n{printed if _fits(printed, seen) else general(seen)}"
    return replace(step, text=now)


def _typed(script: str, root: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "ASSISTCTL_"))}
    return subprocess.run(
        ["sh", "-euc", script],
        cwd=root,
        env={**kept, "PATH": f"{programs}{os.pathsep}{kept['PATH']}", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace("…", ".*?"), text) is not None


def general(text: str) -> str:
    for changing, shown in CHANGING:
        text = changing.sub(shown, text)
    return text


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with TemporaryDirectory() as directory:
            (Path(directory) / "workspace").mkdir()
            text = Path(name).read_text(encoding="utf-8")
            Path(name).write_text(played(text, Path(directory) / "workspace"), encoding="utf-8")
