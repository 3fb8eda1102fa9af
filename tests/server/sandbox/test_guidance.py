"""What code is told that tries what models are used to from elsewhere, and what cannot be here."""

from __future__ import annotations

import sys

import pytest

from assistctl.server.sandbox.inside.guidance import advice

PLAIN = (
    "[This is plain Python, not IPython: lines that begin with ! or % do not work, and nothing can"
    " be installed.]\n"
)


@pytest.mark.parametrize("code", ["!pip install pandas", "x = 1\n%matplotlib inline", "  !ls"])
def test_a_line_for_ipython_is_answered_with_what_this_is(run, code):
    told = run(code)
    assert told.error is not None and told.error.startswith(("SyntaxError", "IndentationError"))
    assert told.output.endswith(f"\n{PLAIN}")


def test_an_ordinary_syntax_error_gets_no_advice(run):
    assert run("x = 1 +").output.endswith("SyntaxError: invalid syntax\n")


def test_a_package_that_is_not_there_is_answered_with_those_that_are(opened):
    sandboxes = opened()
    there = ", ".join(sandboxes.packages()) or "none"
    advised = f"[Nothing can be installed here. Packages beyond the standard library: {there}.]\n"
    for code in ("import requests", "from torch.nn import Module"):
        assert sandboxes.execute("t", code).output.endswith(f"\n{advised}")


def test_a_package_that_misses_another_is_answered_in_the_same_way():
    try:
        try:
            raise ModuleNotFoundError("No module named 'nowhere'", name="nowhere")
        except ModuleNotFoundError:
            raise ImportError("pip install nowhere") from None
    except ImportError as error:
        told = advice(error, ["pandas", "numpy"])
    assert told == (
        "Nothing can be installed here. Packages beyond the standard library: pandas, numpy."
    )


@pytest.mark.parametrize("name", ["tkinter", "json.nothing", "pytest.nothing"])
def test_a_part_of_what_is_there_is_no_package(name):
    assert advice(ModuleNotFoundError("no", name=name), []) is None
    assert "pytest" in sys.modules


def test_event_loops_still_have_their_pairs_of_sockets(run):
    assert run("import asyncio; asyncio.run(asyncio.sleep(0, 5))").output == "5\n"
