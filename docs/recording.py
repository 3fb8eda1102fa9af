"""Makes docs/static/recording.svg: plan, sync and run in a real terminal, as a picture that plays.

    python docs/recording.py

The commands are typed into a pseudo-terminal. What they draw there, colours and bars included, is
put into lines, and rich makes a picture of these, in which they appear one after the other. Its
description is the session as text, for whoever sees no pictures and for the test that compares it.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shlex
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent / "static" / "recording.svg"
COLUMNS = 92

FILES = {
    "assistctl.yaml": "version: 1\nworkspace: pool\ndefaults: {model: gpt-6-luna}\n",
    "assistants/porter.yaml": """\
name: Porter
instructions: You are at the till of a swimming pool. Be brief.
tools:
  - {type: function, python: "pool:fee"}
""",
    "tools/pool.py": '''\
def fee(guests: int) -> float:
    """The fee for a number of guests, in euro."""
    return 7.0 * guests
''',
    "assistants/porter.script.yaml": """\
turns:
  - {when: two guests, call: {fee: {guests: 2}}, say: Two guests pay 14 euro.}
""",
}

TYPED = (
    "cat assistants/porter.yaml",
    "cat tools/pool.py",
    "assistctl plan",
    "assistctl sync --yes -q",
    'assistctl run porter "What do two guests pay?"',
    "assistctl plan",
)

PROMPT = "\x1b[1;34m$\x1b[0m "
PAUSE, LINE = 1.2, 0.06
"""Seconds before a command is seen, and between the lines that it prints."""

_CONTROL = re.compile(r"\r\n|\r|\x1b\[2K|\x1b\[1A|\x1b\[\?25[hl]")
_COLOR = re.compile(r"\x1b\[[\d;]*m")


def session(program: str) -> list[str]:
    """What a terminal shows of the commands, line by line, with colours; `program` is assistctl."""
    with TemporaryDirectory() as directory:
        for name, text in FILES.items():
            path = Path(directory) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        shown: list[str] = []
        for command in TYPED:
            name, _, rest = command.partition(" ")
            typed = f"{program} {rest}" if name == "assistctl" else command
            shown += [f"{PROMPT}{command}", *_lines(_terminal(typed, directory)), ""]
        return shown[:-1]


def _terminal(command: str, directory: str) -> str:
    """Everything that a command writes to a terminal of its own."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(directory)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "ASSISTCTL_"))}
        kept = {k: v for k, v in kept.items() if k not in ("CI", "NO_COLOR", "FORCE_COLOR")}
        size = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": "40"}
        os.execvpe("sh", ["sh", "-c", command], {**kept, **size})
    written = b""
    try:
        while part := os.read(terminal, 65536):
            written += part
    except OSError:  # how Linux says that nobody is at the other side any more
        pass
    os.close(terminal)
    os.waitpid(child, 0)
    return written.decode()


def _lines(written: str) -> Iterator[str]:
    """The lines that are left of what was written, when bars and the like have been taken away."""
    lines, at = [""], 0
    for control in (*_CONTROL.finditer(written), None):
        end = control.start() if control else len(written)
        lines[-1] += written[at:end]
        if control is None:
            break
        at = control.end()
        match control[0]:
            case "\r\n":
                lines.append("")
            case "\x1b[2K":
                lines[-1] = ""
            case "\x1b[1A":
                lines = lines[:-1]
    return iter(lines[:-1] if not lines[-1] else lines)


def text_of(lines: list[str]) -> str:
    """The same without colours."""
    return "".join(f"{_COLOR.sub('', line)}\n" for line in lines)


def picture(lines: list[str]) -> str:
    """An SVG in which the lines come one after the other, unless the reader wants no motion."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False
    )
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    svg = console.export_svg(title="assistctl", unique_id="recording")
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    rules = "".join(
        f'[clip-path$="line-{number})"]{{animation-delay:{seconds:.2f}s}}\n'
        for number, seconds in enumerate(_times(lines))
    )
    motion = (
        "@media (prefers-reduced-motion: no-preference) {\n"
        "@keyframes come {from {visibility: hidden} to {visibility: visible}}\n"
        '[clip-path*="line-"] {animation: come 1ms both}\n'
        f"{rules}}}\n"
    )
    svg = svg.replace("</style>", f"{motion}</style>", 1)
    return svg.replace("<style>", f"<desc>{escape(text_of(lines))}</desc>\n<style>", 1)


def _times(lines: list[str]) -> Iterator[float]:
    """When each line is seen."""
    now = 0.0
    for line in lines:
        now += PAUSE if line.startswith(PROMPT) else LINE
        yield now


if __name__ == "__main__":
    program = Path(sys.executable).with_name("assistctl")
    PICTURE.write_text(picture(session(shlex.quote(str(program)))), encoding="utf-8")
