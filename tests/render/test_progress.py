import io
import re
from concurrent.futures import ThreadPoolExecutor

import click
import pytest

from assistctl.render.progress import Progress, shown_progress
from assistctl.render.terminal import width


class Screen(io.StringIO):
    """A terminal that obeys what moves the cursor from line to line, or clears one."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """What a person sees, without colours, each bar as one ━."""
        return [re.sub("[━╸╺]+", "━", line).rstrip() for line in self.drawn()]

    def drawn(self) -> list[str]:
        """The same with bars as they are."""
        lines, row = [""], 0
        for code, text in re.findall(r"\x1b\[([?\d;]*[A-Za-z])|([^\x1b]+)", self.getvalue()):
            if code.endswith("A"):
                row -= int(code[:-1])
            elif code == "2K":
                lines[row] = ""
            for part in re.findall(r"\r|\n|[^\r\n]+", text):
                if part == "\n":
                    row += 1
                    lines += [""] * (row == len(lines))
                elif part != "\r":  # the line is always cleared after it
                    lines[row] += part
        while len(lines) > 1 and not lines[-1] and not lines[-2]:
            lines.pop()
        return lines


@pytest.fixture(autouse=True)
def a_common_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def sync(progress: Progress) -> None:
    progress.uploading("file/花.csv", 1_234_567, 2_000_000)
    progress.done("file/花.csv", "created", "file-abc", 0.23)
    progress.done("assistant/a", "updated", "", 12.34)
    progress.done("assistant/b", "adopted", "asst_1", 0)
    progress.done("assistant/c", "deleted", "asst_2", 0)
    progress.failed("assistant/d", "no such\nmodel \x1b[2J")


LINES = r"""+ created file/花.csv (file-abc)  0.2 s
~ updated assistant/a  12.3 s
= adopted assistant/b (asst_1)  0.0 s
- deleted assistant/c (asst_2)  0.0 s
✗ assistant/d: no such model \x1b[2J
"""


def test_each_finished_change_is_one_line() -> None:
    stderr = io.StringIO()
    with shown_progress(stderr, 5) as progress:
        sync(progress)
    assert stderr.getvalue() == LINES


def test_quiet_leaves_the_failures() -> None:
    stderr = io.StringIO()
    with shown_progress(stderr, 5, quiet=True) as progress:
        sync(progress)
    assert stderr.getvalue() == LINES.splitlines(keepends=True)[-1]


def test_a_terminal_has_one_bar_with_its_count_that_is_gone_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    screen = Screen()
    with pytest.raises(KeyboardInterrupt), shown_progress(screen, 3) as progress:
        progress.uploading("file/花.csv", 999, None)
        progress.uploading("file/花.csv", 1_234_567, 2_000_000)
        progress.uploading("file/[b].csv", 40, 100)
        progress.done("assistant/a", "created", "asst_1", 0.2)
        assert screen.lines() == [
            "+ created assistant/a (asst_1)  0.2 s",
            "changes ━ 1 of 3  2 uploads 1.2 MB of 2.0 MB",
        ]
        progress.failed("file/花.csv", "lost")
        assert screen.lines() == [
            "+ created assistant/a (asst_1)  0.2 s",
            "✗ file/花.csv: lost",
            "changes ━ 2 of 3  file/[b].csv 40 bytes of 100 bytes",
        ]
        raise KeyboardInterrupt
    assert screen.lines() == ["+ created assistant/a (asst_1)  0.2 s", "✗ file/花.csv: lost", ""]


def test_bars_leave_room_for_what_the_terminal_echoes_on_ctrl_c(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    screen = Screen()
    with shown_progress(screen, 1) as progress:
        progress.uploading("file/" + "花" * 30, 1, 2)
        progress.done("assistant/a", "created", "", 0)
        assert max(map(width, screen.drawn()[1:])) == 30 - len("^C")


def test_colours_come_unless_nobody_wants_them() -> None:
    for color, painted in ((None, True), (False, False)):
        screen = Screen()
        context = click.Context(click.Command("sync"), color=color)
        with context, shown_progress(screen, 1) as progress:
            progress.done("assistant/a", "created", "", 0)
        assert ("\x1b[32m+ created\x1b[0m assistant/a" in screen.getvalue()) is painted
        assert "+ created" in screen.getvalue()


def test_a_terminal_that_obeys_nothing_gets_lines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen()
    with click.Context(click.Command("sync"), color=False), shown_progress(screen, 5) as progress:
        sync(progress)
    assert screen.getvalue() == LINES


def test_bars_that_would_have_nothing_to_show_are_not_shown() -> None:
    for total, quiet in ((0, False), (3, True)):
        screen = Screen()
        with shown_progress(screen, total, quiet=quiet) as progress:
            progress.uploading("file/a.csv", 1, 2)
        assert screen.getvalue() == ""


def test_many_threads_may_tell_of_uploads_at_once() -> None:
    screen = Screen()
    with shown_progress(screen, 40) as progress, ThreadPoolExecutor(8) as pool:

        def upload(number: int) -> None:
            for sent in range(20):
                progress.uploading(f"file/{number}.csv", sent, 20)
            progress.done(f"file/{number}.csv", "created", "", 0)

        list(pool.map(upload, range(40)))
    lines = sorted(screen.lines())
    assert lines == ["", *sorted(f"+ created file/{n}.csv  0.0 s" for n in range(40))]
