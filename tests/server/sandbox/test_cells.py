"""Code run as a notebook does, here without a sandbox: the code is this file's own."""

from __future__ import annotations

import sys

import pytest

from assistctl.server.sandbox.inside.cells import Notebook
from assistctl.server.sandbox.inside.folder import Folder


@pytest.fixture
def notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return Notebook()


@pytest.mark.parametrize(
    ("code", "output", "error"),
    [
        ("1 + 1", "2\n", None),
        ("x = 1\nx", "1\n", None),
        ("for n in range(2): n", "", None),
        ("'a'; 'b'", "'b'\n", None),
        ("__name__", "'__main__'\n", None),
        ("raise SystemExit", "", None),
        ("raise SystemExit('so')", "", "SystemExit: so"),
    ],
)
def test_the_last_expression_is_shown(notebook, capsys, code, output, error):
    assert notebook.run(code) == error
    assert capsys.readouterr() == (output, "")


def test_an_error_is_told_without_our_own_lines(notebook, capsys):
    assert notebook.run("def f():\n    raise KeyError('a')\nf()") == "KeyError: 'a'"
    told = [line for line in capsys.readouterr().err.splitlines() if line.strip(" ~^")]
    assert told == [
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 3, in <module>',
        "    f()",
        '  File "<cell 1>", line 2, in f',
        "    raise KeyError('a')",
        "KeyError: 'a'",
    ]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("raise ValueError('one\\ntwo')", "ValueError: one"),
        ("e = ValueError('a'); e.add_note('b'); raise e", "ValueError: a"),
        ("raise ExceptionGroup('g', [KeyError()])", "ExceptionGroup: g (1 sub-exception)"),
        ("1 +", "SyntaxError: invalid syntax"),
        (
            "class E(Exception):\n    def __str__(self): raise self\nraise E",
            "E: <exception str() failed>",
        ),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise ValueError", "ValueError"),
        ("raise ValueError('x' * 999)", "ValueError: " + "x" * 488),
    ],
)
def test_an_error_in_one_line(notebook, code, error):
    assert notebook.run(code) == error


@pytest.mark.parametrize("code", ["1 +", "x = '", "\0", "return", "(" * 1000, "nonlocal x"])
def test_what_is_no_python_is_an_error_like_any(notebook, capsys, code):
    error = notebook.run(code)
    assert error is not None
    assert "server/sandbox" not in capsys.readouterr().err


def test_a_folder_sees_regular_files_only(tmp_path):
    folder = Folder(str(tmp_path))
    folder.put("sub/a.txt", b"1", True)
    folder.put("sub/a.txt", b"2", False)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "link").symlink_to("sub/a.txt")
    assert list(folder.seen()) == ["sub/a.txt"]
    assert list(folder.parts("sub/a.txt", 1)) == [b"1", b"2"]
    folder.put("sub/a.txt", b"3", True)
    assert (tmp_path / "sub" / "a.txt").read_bytes() == b"3"


@pytest.mark.parametrize("name", ["link", "sub", "none"])
def test_what_is_no_regular_file_is_not_read(tmp_path, name):
    (tmp_path / "sub").mkdir()
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(OSError):
        list(Folder(str(tmp_path)).parts(name, 1))
