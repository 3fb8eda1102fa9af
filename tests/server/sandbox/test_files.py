"""/mnt/data: what the conversation's files look like to code, and what comes back."""

from __future__ import annotations

import base64
import hashlib
import sys

import pytest

from assistctl.server.sandbox import Given, Produced

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def given(name: str, *parts: bytes, key: str = "file-1") -> Given:
    return Given(name, key, lambda: parts)


def test_files_are_readable_under_their_names(run):
    files = [given("prices.csv", b"rose,", b"3\n"), given("花/价格.txt", "玫瑰".encode(), key="2")]
    told = run("print(open('/mnt/data/prices.csv').read(), open('花/价格.txt').read())", files)
    assert (told.output, told.files) == ("rose,3\n 玫瑰\n", ())


def test_an_empty_and_a_large_file_arrive_whole(run):
    parts = [bytes([n]) * 700_000 for n in range(5)]
    told = run(
        "import hashlib, os; hashlib.md5(open('big', 'rb').read()).hexdigest(), os.stat('none')[6]",
        [given("big", *parts, key="1"), given("none", key="2")],
    )
    assert told.output == f"{(hashlib.md5(b''.join(parts)).hexdigest(), 0)}\n"


def test_a_file_is_sent_once(run):
    sent: list[str] = []

    def parts(name: str):
        sent.append(name)
        yield b"1"

    first = Given("a", "file-1", lambda: parts("first"))
    second = Given("a", "file-2", lambda: parts("second"))
    for file in (first, first, second, second):
        assert run("open('a').read()", [file]).output == "'1'\n"
    assert sent == ["first", "second"]


def test_a_file_that_the_code_has_rewritten_is_not_overwritten(run):
    run("open('a', 'w').write('mine')", [given("a", b"given")])
    assert run("open('a').read()", [given("a", b"stored", key="file-2")]).output == "'mine'\n"


def test_a_file_for_which_there_is_no_room_is_reported(run):
    huge = given("huge", *[bytes(2**20)] * 6, key="1")
    told = run("import os; os.listdir()", [huge, given("small", b"1", key="2")])
    assert told.output == ("[huge could not be put into /mnt/data: File too large]\n['small']\n")


@pytest.mark.parametrize("name", ["", "/etc/x", "../x", "a/../b", "a//b", ".", "a\nb", "x" * 256])
def test_a_name_that_is_none_is_the_callers_mistake(run, name):
    with pytest.raises(ValueError, match="cannot be the name of a file in /mnt/data"):
        run("1", [given(name, b"")])


def test_a_file_that_cannot_be_read_is_the_callers_and_harms_nothing(run):
    def parts():
        yield b"half"
        raise KeyError("deleted meanwhile")

    run("x = 1")
    with pytest.raises(KeyError):
        run("1", [Given("a", "file-1", parts)])
    assert run("import os; os.listdir()").output == "[]\n"


def test_what_the_code_writes_comes_back(run):
    run("open('same.txt', 'w').write('1')", [given("given.csv", b"a")])
    told = run("""
import os
os.makedirs("out/deep")
open("out/deep/new.csv", "w").write("a,b\\n")
open("given.csv", "a").write("b")
open("empty", "w").close()
""")
    assert told.files == (
        Produced("empty", b"", None),
        Produced("given.csv", b"ab", None),
        Produced("out/deep/new.csv", b"a,b\n", None),
    )


def test_images_are_known_by_their_bytes(run):
    told = run(f"open('a.txt', 'wb').write({PNG!r}); open('b.png', 'w').write('no image')")
    assert told.files == (
        Produced("a.txt", PNG, "image/png"),
        Produced("b.png", b"no image", None),
    )


def test_files_that_are_too_large_together_stay(run):
    told = run("for name in 'abc': x = open(name, 'wb').write(bytes(900_000))")
    assert [file.name for file in told.files] == ["a", "b"]
    assert told.output == "[Not handed back, but still in /mnt/data: c.]\n"


def test_countless_files_are_told_in_short(run):
    told = run("for n in range(100): open(f'{n:03}' + 'x' * 240, 'w').close()")
    assert len(told.files) == 3
    assert told.output.endswith(f"052{'x' * 197}, 47 more.]\n")


def test_files_written_before_an_error_come_back(run):
    told = run("open('a', 'w').write('1')\n1 / 0")
    assert told.error == "ZeroDivisionError: division by zero"
    assert [file.name for file in told.files] == ["a"]


def test_a_value_that_is_a_picture_is_shown(run):
    told = run(f"""
class Picture:
    def __repr__(self): return "<picture>"
    def _repr_png_(self): return {PNG!r}
Picture()
""")
    assert (told.output, told.pictures) == (
        "<picture>\n",
        (Produced("figure-1.png", PNG, "image/png"),),
    )


PYPLOT = """
import sys, types
class Figure:
    def savefig(self, file, **options): file.write(PICTURE)
pyplot = types.ModuleType("matplotlib.pyplot")
pyplot.numbers = [1, 2]
pyplot.get_fignums = lambda: list(pyplot.numbers)
pyplot.figure = lambda number: Figure()
pyplot.close = lambda which: pyplot.numbers.clear()
sys.modules["matplotlib.pyplot"] = pyplot
"""


def test_figures_left_open_are_shown_and_closed(run):
    """With a stand-in for matplotlib, which need not be installed."""
    told = run(PYPLOT.replace("PICTURE", repr(PNG)))
    assert [picture.name for picture in told.pictures] == ["figure-1.png", "figure-2.png"]
    assert run("1").pictures == ()


def test_a_figure_that_cannot_be_drawn_is_an_error_to_read(run):
    told = run(PYPLOT.replace("PICTURE", "1 / 0"))
    assert told.pictures == ()
    assert told.output.endswith("ZeroDivisionError: division by zero\n")


TABLE = """
import pandas as pd, numpy as np
table = pd.read_csv("/mnt/data/prices.csv")
table["margin"] = np.round(table["售价"] - table["成本"], 2)
table.to_excel("/mnt/data/margins.xlsx", index=False)
print(table.groupby("花名")["margin"].sum())
pd.read_excel("margins.xlsx", engine="openpyxl").shape
"""


@pytest.mark.parametrize("python", ["beside the server", "named"])
def test_a_table_and_a_figure_by_the_libraries_of_the_extra_interpreter(opened, python):
    sandboxes = opened(None if python == "beside the server" else sys.prefix, memory_bytes=2**30)
    if missing := {"pandas", "matplotlib", "openpyxl"} - set(sandboxes.packages()):
        pytest.skip(f"not installed: {', '.join(sorted(missing))}")
    prices = given("prices.csv", "花名,成本,售价\n红玫瑰,2,5.5\n郁金香,3,8\n红玫瑰,2,6\n".encode())
    told = sandboxes.execute("t", TABLE, [prices])
    assert told.output == (
        "花名\n红玫瑰    7.5\n郁金香    5.0\nName: margin, dtype: float64\n(3, 4)\n"
    )
    assert [file.name for file in told.files] == ["margins.xlsx"]
    told = sandboxes.execute(
        "t",
        "import matplotlib.pyplot as plt\nbars = plt.bar(['a', 'b'], table['margin'][:2])\n"
        "plt.savefig('bars.png')\nplt.show()",
    )
    assert (told.output, [picture.media_type for picture in told.pictures]) == ("", ["image/png"])
    assert [(file.name, file.media_type) for file in told.files] == [("bars.png", "image/png")]
