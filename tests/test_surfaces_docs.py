"""Every example of docs/surfaces.md is read as the file that it is a part of."""

import re
from pathlib import Path

import pytest
import yaml

from assistctl.spec import load
from assistctl.spec.grammar import APIS

TEXT = (Path(__file__).parent.parent / "docs" / "surfaces.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^ *```yaml\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)
ENVIRON = {"OPENAI_API_KEY": "sk-test", "STOCK_TOKEN": "t"}
TOP = "version: 1\nworkspace: shop\ndefaults: {model: gpt-6-luna}\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: " ".join(text.split())[:40])
def test_an_example_is_valid(example, tmp_path):
    (tmp_path / "assistants").mkdir()
    is_top = "targets" in yaml.safe_load(example)
    (tmp_path / "assistctl.yaml").write_text(TOP if not is_top else f"{TOP}{_flush(example)}")
    (tmp_path / "assistants" / "shop.yaml").write_text("name: Shop\n" if is_top else example)
    targets = yaml.safe_load(example)["targets"] if is_top else ("local",)
    for target in targets:
        _, problems = load(tmp_path, target=target, environ=ENVIRON)
        # The first example only shows how something is asked for, and leaves the key out.
        assert [it for it in problems if "wants an `api_key`" not in it.what] == []


def test_what_each_api_has_alone_is_shown():
    shown = {name for example in EXAMPLES for name in yaml.safe_load(example)}
    assert shown == {"targets", *APIS}


def _flush(text):
    """Without the indentation of a list's item."""
    indent = len(text) - len(text.lstrip(" "))
    return "".join(line[indent:] for line in text.splitlines(keepends=True))
