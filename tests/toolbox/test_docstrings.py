"""Docstrings in the styles that people write, and in none."""

from __future__ import annotations

import ast

import pytest

from assistctl.toolbox.docstrings import Documentation, read, split

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
    text: str,
) -> None:
    found = split(text)
    # An example was written for whoever calls, and stays; what comes back is of no use to them.
    example = "\n\nExample:\n    save(1)" if "Example" in text else ""
    assert found.text == f"保存账单。\n\nIt is kept for ever.{example}"
    assert found.names == {
        "cost": "成本, in yuan.",
        "income": "What came in.",
        "more": "The rest.",
    }


@pytest.mark.parametrize("text", ["", "  \n "])
def test_no_docstring_says_nothing(text: str) -> None:
    assert split(text) == Documentation(None, {})


def test_a_plain_docstring_is_all_text() -> None:
    text = "Save: a bill.\n\n    indented\n\nnot indented"
    assert split(text) == Documentation(text, {})


def test_one_sphinx_field_is_enough() -> None:
    assert split("Save.\n\n:param cost: The cost.") == Documentation("Save.", {"cost": "The cost."})


BOTH = {"number": "The n.", "carrier": "Who."}

STYLES = {
    "no blank line above": "Say.\nArgs:\n    number: The n.\n    carrier: Who.\nReturns:\n    x",
    "a blank line below": "Say.\n\nArgs:\n\n    number: The n.\n\n    carrier: Who.\n\nRaises:\n\n"
    "    E",
    "a space before the colon": "Say.\n\nArgs :\n    number (str) : The n.\n    carrier : Who.",
    "two dashes": "Say.\n\nArguments:\n    number -- The n.\n    carrier (str) -- Who.",
    "a dash": "Say.\n\nParams:\n    number - The n.\n    carrier (str, optional) - Who.",
    "a list": "Say.\n\nParameters:\n  - number: The n.\n  * `carrier` (str): Who.",
    "a list that is not indented": "Say.\n\nArgs:\n- number: The n.\n- carrier: Who.",
    "a numbered list": "Say.\n\nArgs:\n    1. number: The n.\n    2. carrier: Who.",
    "Markdown": "Say.\n\n**Args:**\n- **number**: The n.\n- **carrier** (str): Who.",
    "entries that are not indented": "Say.\n\nArgs:\nnumber: The n.\ncarrier: Who.",
    "tabs": "Say.\n\nArgs:\n\tnumber: The n.\n\tcarrier: Who.",
    "lines of their own": "Say.\n\nArgs:\n    number (str):\n        The n.\n    carrier:\n"
    "        Who.",
    "types with brackets": "Say.\n\nArgs:\n    number (dict[str, tuple(int)]): The n.\n"
    "    carrier [str]: Who.",
    "Chinese": "Say.\n\n参数:\n    number: The n.\n    carrier：Who.",
    "French": "Say.\n\nParamètres :\n    number : The n.\n    carrier : Who.",
    "NumPy without blank lines": "Say.\nParameters\n----------\nnumber : str\n    The n.\n"
    "carrier\n    Who.\nReturns\n-------\nint\n    x",
    "NumPy with blank lines": "Say.\n\nParameters\n----------\n\nnumber : str\n\n    The n.\n\n"
    "carrier : {'a', 'b'}, optional\n    Who.",
    "Sphinx": "Say.\n:param number: The n.\n:type number: str\n:param str carrier: Who.\n"
    ":rtype: int",
    "Epytext": "Say.\n\n@param number: The n.\n@param carrier: Who.\n@return: x",
}


@pytest.mark.parametrize("style", STYLES)
def test_parameters_are_found_however_they_are_written(style: str) -> None:
    assert split(STYLES[style], ["number", "carrier"]) == Documentation("Say.", BOTH)


def test_the_title_may_be_the_first_line_of_all() -> None:
    node = ast.parse('def f(number):\n    """Args:\n        number: The n.\n    """').body[0]
    assert isinstance(node, ast.FunctionDef)
    assert read(node, ["number"]) == Documentation(None, {"number": "The n."})


@pytest.mark.parametrize(
    ("text", "kept", "said"),
    [
        (
            "Refund.\n\nImportant:\n    Only after: yes.\n\nArgs:\n    number: The n.",
            "Refund.\n\nImportant:\n    Only after: yes.",
            "The n.",
        ),
        (
            "Refund.\n\nNote:\n    Careful.\nArgs:\n    number: The n.\nBye.",
            "Refund.\n\nNote:\n    Careful.\n\nBye.",
            "The n.",
        ),
        (
            "记一笔账。\n\n参数:\n    number: 金额\n\n返回:\n    账单编号",
            "记一笔账。\n\n返回:\n    账单编号",
            "金额",
        ),
        (
            "Refund.\n\nArgs:\n    Give what there is.\n    number: One of:\n        - a: first\n"
            "    bogus: B\n      more",
            "Refund.\n\nGive what there is.\nbogus: B\n  more",
            "One of: - a: first",
        ),
        ("Refund.\n\nArgs:\n    number: One,\n    and two.\n", "Refund.", "One, and two."),
        (
            "Refund.\n\n.. note:: Careful.\n\n:param number: The n\n  goes on.\n:raises E: no\n\n"
            "Example::\n\n    code",
            "Refund.\n\n.. note:: Careful.\n\nExample::\n\n    code",
            "The n goes on.",
        ),
        ("Save.\n\n:param bogus: b\n:param number: n", "Save.\n\n:param bogus: b", "n"),
        (
            "Say.\n\nParameters\n----------\nnumber: The number that is meant.\n\n"
            "Notes\n-----\nSlow.",
            "Say.\n\nNotes\n-----\nSlow.",
            "The number that is meant.",
        ),
        ("Say.\n\nArgs:\n    None.\n", "Say.", None),
        (
            "Say this: it is\n    indented number: x\nand goes on.",
            "Say this: it is\n    indented number: x\nand goes on.",
            None,
        ),
    ],
)
def test_nothing_that_is_said_of_no_parameter_is_lost(
    text: str, kept: str, said: str | None
) -> None:
    assert split(text, ["number"]) == Documentation(kept, {"number": said} if said else {})
