"""Stores are added to assistctl.yaml without touching a line of it that was there."""

import re
from pathlib import Path

import pytest

from assistctl.errors import AssistctlError
from assistctl.spec.additions import defaults, with_stores

STORES = {"faq": {"name": "FAQ", "files": ["vector_stores/faq/a.md"]}}


def added(text: str) -> str:
    return with_stores(text, STORES, {("faq",): "Found at the target."})


BLOCK = """\
  # Found at the target.
  faq:
    name: FAQ
    files: [vector_stores/faq/a.md]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1\n", f"version: 1\n\nvector_stores:\n{BLOCK}"),
        ("version: 1", f"version: 1\n\nvector_stores:\n{BLOCK}"),
        ("version: 1\n\n# The end.\n", f"version: 1\n\n# The end.\n\nvector_stores:\n{BLOCK}"),
        ("\ufeffversion: 1\n", f"\ufeffversion: 1\n\nvector_stores:\n{BLOCK}"),
        ("vector_stores:\nversion: 1\n", f"vector_stores:\n{BLOCK}version: 1\n"),
        ("vector_stores: {} # none\nversion: 1\n", f"vector_stores: # none\n{BLOCK}version: 1\n"),
        ("vector_stores: null\nversion: 1\n", f"vector_stores:\n{BLOCK}version: 1\n"),
        (
            "vector_stores:\n  a: {files: [x]} # one\n\n# Then:\nversion: 1\n",
            f"vector_stores:\n  a: {{files: [x]}} # one\n{BLOCK}\n# Then:\nversion: 1\n",
        ),
        ("vector_stores:\n  a:\n  # nothing\n", f"vector_stores:\n  a:\n{BLOCK}  # nothing\n"),
        (
            "vector_stores:\n  a:\n    files:\n    - x\n    - y",
            f"vector_stores:\n  a:\n    files:\n    - x\n    - y\n{BLOCK}",
        ),
        (
            "vector_stores:\n  a:\n    name: |\n      text\nversion: 1\n",
            f"vector_stores:\n  a:\n    name: |\n      text\n{BLOCK}version: 1\n",
        ),
        (
            "a: &a {files: [x]}\nvector_stores:\n  a: *a\nversion: 1\n",
            f"a: &a {{files: [x]}}\nvector_stores:\n  a: *a\n{BLOCK}version: 1\n",
        ),
        (
            "version: 1\r\nvector_stores:\r\n  a: {}\r\n",
            f"version: 1\r\nvector_stores:\r\n  a: {{}}\r\n{BLOCK}".replace("\r\n", "\n").replace(
                "\n", "\r\n"
            ),
        ),
        (
            "  version: 1\n",
            "  version: 1\n\n  vector_stores:\n" + re.sub("^", "  ", BLOCK[:-1], flags=re.M) + "\n",
        ),
    ],
)
def test_lines_are_added_where_a_person_would(text: str, expected: str) -> None:
    assert added(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{version: 1}\n",
        "vector_stores: {a: {}}\n",
        "vector_stores: [a]\n",
        "vector_stores: a\n",
        "version: 1\n...\n",
        "vector_stores: &none\ndefaults: *none\n",
    ],
)
def test_a_file_that_takes_no_lines_is_left_alone(text: str) -> None:
    with pytest.raises(AssistctlError, match=r"^no lines can be added to `vector_stores` in"):
        added(text)


def test_defaults_are_what_takes_effect(tmp_path: Path) -> None:
    (tmp_path / "assistctl.yaml").write_text(
        "version: 1\nworkspace: shop\ndefaults: {model: '${MODEL}', top_p: null, temperature: 0}\n"
    )
    assert defaults(tmp_path, environ={"MODEL": "gpt"}) == {"model": "gpt", "temperature": 0}
