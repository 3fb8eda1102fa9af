"""Files that an assistant has made, by names that a target gives."""

from dataclasses import replace

import pytest

from assistctl.conversation.saving import harmless, save
from assistctl.errors import RemoteError
from assistctl.events import MadeFile


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("chart.png", "chart.png"),
        ("花 账单.csv", "花 账单.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.exe", "x.exe"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        (".bashrc", "bashrc"),
        ("--force", "force"),
        ("a\x1b[31m\n\u202eb.txt", "a[31mb.txt"),
        ("\ud800.txt", "txt"),
        ("a:b|c?.csv", "a_b_c_.csv"),
        ("nul.txt", "file-nul.txt"),
        ("x" * 300 + ".csv", "x" * 116 + ".csv"),
        ("花" * 100 + ".csv", "花" * 38 + ".csv"),
    ],
)
def test_a_name_is_one_part_of_a_path_and_does_no_harm(name, saved):
    assert harmless(name) == saved


def test_a_download_that_fails_leaves_nothing_and_the_others_are_saved(tmp_path):
    def download(file, to):
        to.write_text("half")
        if file.id == "file-1":
            raise RemoteError("it has expired")

    files = [MadeFile("file-1", "a.csv"), MadeFile("file-2", "a.csv")]
    lost, kept = save(files, tmp_path / "new", download)
    assert lost == replace(files[0], error="it has expired")
    assert kept == replace(files[1], saved=str(tmp_path / "new" / "a.csv"))
    assert [path.read_text() for path in (tmp_path / "new").iterdir()] == ["half"]
