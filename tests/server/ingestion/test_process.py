"""Reading by a process of its own: the same answers, and its death is one failed file."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest

from assistctl.server.retrieval.ingestion import (
    SourceFile,
    Stopped,
    UnreadableFile,
    pieces,
    process,
    process_limits,
)
from assistctl.server.retrieval.text import Piece
from tests.server import office_files as office


@pytest.fixture
def kept() -> Iterator[Callable[[bytes], BinaryIO]]:
    files: list[BinaryIO] = []

    def keep(content: bytes) -> BinaryIO:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        file.write(content)
        files.append(file)
        return file

    yield keep
    for file in files:
        file.close()


Keep = Callable[[bytes], BinaryIO]


def text(file: SourceFile) -> str:
    return "".join(piece.text[piece.new_from :] for piece in pieces(file, 800, 400))


def test_a_parsed_file_is_read_elsewhere_with_the_same_result(kept: Keep) -> None:
    page = "<h1>价目</h1><table><tr><th>花<th>价</tr>" + "<tr><td>玫瑰<td>5</tr>" * 100 + "</table>"
    file = SourceFile("page.html", kept(page.encode()))
    assert text(file) == "# 价目\n花 | 价" + "\n玫瑰 | 5" * 100
    cut = list(pieces(file, 100, 50))
    assert cut[0] == Piece("# 价目\n花 | 价" + "\n玫瑰 | 5" * 23 + "\n")
    assert cut[1].text.startswith("# 价目\n花 | 价\n玫瑰 | 5\n")
    assert "".join(piece.text[piece.new_from :] for piece in cut) == text(file)


def test_a_large_text_is_read_elsewhere_too(kept: Keep) -> None:
    words = "roses are red\n" * 30_000
    assert text(SourceFile("a.txt", kept(words.encode()))) == words


def test_the_reason_comes_back(kept: Keep) -> None:
    with pytest.raises(UnreadableFile, match=r"^The PDF is damaged\.$") as caught:
        list(pieces(SourceFile("a.pdf", kept(b"%PDF-1.7 nothing")), 800, 400))
    assert caught.value.code == "invalid_file"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is not limited")
def test_a_file_that_eats_memory_fails_alone(kept: Keep, caplog: pytest.LogCaptureFixture) -> None:
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
    )
    bomb = office.xlsx({"a": []}, {"xl/worksheets/sheet1.xml": sheet})
    with pytest.raises(UnreadableFile) as caught:
        text(SourceFile("bomb.xlsx", kept(bomb)))
    assert caught.value.code == "invalid_file"
    assert str(caught.value) == "The file could not be read; it may be damaged."
    assert "reading 'bomb.xlsx' ended with" in caplog.text


def test_a_damaged_file_says_no_more_than_a_line_in_the_log(
    kept: Keep, caplog: pytest.LogCaptureFixture
) -> None:
    content = bytearray(office.docx(office.paragraph("rose" * 100)))
    content[60] ^= 255
    with pytest.raises(UnreadableFile, match=r"^The file could not be read; it may be damaged\.$"):
        text(SourceFile("a.docx", kept(bytes(content))))
    [record] = caplog.records
    assert record.getMessage().startswith("reading 'a.docx' ended with 1: zlib.error: Error -3")


def test_a_file_that_takes_too_long_is_given_up(
    kept: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_limits, "SECONDS", 0)
    monkeypatch.setattr(process, "_POLL_SECONDS", 0)
    with pytest.raises(UnreadableFile, match=r"^Reading the file took more than 0 seconds\.$"):
        text(SourceFile("a.html", kept(b"<p>x")))


def test_a_server_that_stops_does_not_wait(kept: Keep) -> None:
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(Stopped):
        text(SourceFile("a.html", kept(b"<p>x"), stopping))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere calls are not filtered")
def test_the_process_has_nobody_to_talk_to() -> None:
    filter_ = process._calls()
    if not filter_:
        pytest.skip("there is no filter for this machine")
    trying = f"""
import os, socket
from assistctl.server.retrieval.ingestion import process_limits
process_limits.apply(bytes.fromhex({filter_.hex()!r}))
for attempt in (socket.socket, os.fork):
    try:
        print(attempt())
    except OSError as error:
        print(type(error).__name__)
"""
    path = os.pathsep.join(filter(None, sys.path))
    result = subprocess.run(
        [sys.executable, "-c", trying],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["PermissionError", "PermissionError"]


def test_the_process_knows_no_secrets(kept: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    started: list[dict[str, str]] = []
    popen = subprocess.Popen

    def watched(*args: object, env: dict[str, str], **options: object) -> object:
        started.append(env)
        return popen(*args, env=env, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(process.subprocess, "Popen", watched)
    assert text(SourceFile("a.html", kept(b"<p>x"))) == "x"
    [environment] = started
    assert "sk-secret" not in environment.values()
    assert set(environment) <= {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR", "SYSTEMROOT"}
    assert "OPENAI_API_KEY" in os.environ
