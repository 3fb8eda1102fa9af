"""Docstrings in three styles, and in none."""

from __future__ import annotations

import logging

import pytest

from assistctl.toolbox.docstrings import Documentation, split

GOOGLE = """保存账单。

It is kept for ever.

Args:
    cost (float): 成本,
        in yuan.
    income: What came in.
    **more: The rest.

Returns:
    The number.

Example:
    save(1)
"""

NUMPY = """保存账单。

It is kept for ever.

Parameters
----------
cost : float
    成本,
    in yuan.
income
    What came in.

Other Parameters
----------------
**more
    The rest.

Returns
-------
int
    The number.
"""

SPHINX = """保存账单。

It is kept for ever.

:param float cost: 成本,
    in yuan.
:param income: What came in.
:type income: float
:param \\**more: The rest.
:returns: The number.
"""


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_a_docstring_is_split_into_text_and_parameters(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        found = split(text)
    assert found.text == "保存账单。\n\nIt is kept for ever."
    assert {name.lstrip("\\*"): said for name, said in found.names.items()} == {
        "cost": "成本, in yuan.",
        "income": "What came in.",
        "more": "The rest.",
    }
    assert caplog.records == []


@pytest.mark.parametrize("text", [None, "", "  \n "])
def test_no_docstring_says_nothing(text: str | None) -> None:
    assert split(text) == Documentation(None, {})


def test_a_plain_docstring_is_all_text() -> None:
    text = "Save: a bill.\n\n    indented\n\nnot indented"
    assert split(text) == Documentation(text, {})


def test_one_sphinx_field_is_enough() -> None:
    assert split("Save.\n\n:param cost: The cost.") == Documentation("Save.", {"cost": "The cost."})
