import io

import pytest

from assistctl.render.progress import Progress, shown_progress


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


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


def test_a_terminal_has_a_living_line_that_is_gone_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen()
    with pytest.raises(KeyboardInterrupt), shown_progress(screen, 2) as progress:
        progress.uploading("file/花.csv", 999, None)
        progress.uploading("file/花.csv", 1_234_567, 2_000_000)
        progress.uploading("file/b.csv", 0, 3)
        progress.failed("file/花.csv", "lost")
        raise KeyboardInterrupt
    assert screen.getvalue().split("\r\x1b[2K") == [
        "",
        "0 of 2",
        "0 of 2 · file/花.csv 999 B",
        "0 of 2 · file/花.csv 1.2 MB of 2.0 MB",
        "0 of 2 · file/花.csv 1.2 MB of 2.0 MB …",
        "\x1b[31m✗\x1b[0m file/花.csv: lost\n",
        "1 of 2 · file/b.csv 0 B of 3 B",
        "",
    ]
