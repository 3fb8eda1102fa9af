"""docs/seen.md shows what the flower shop really does."""

import re
import shutil
from pathlib import Path

import yaml

from assistctl.resources import Price
from assistctl.spec import load
from tests.commands.conftest import Shop, same

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "seen.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def block(language: str) -> str:
    (text,) = [text for name, text in BLOCKS if name == language]
    return text


def test_the_flower_shop_is_seen_as_it_is_shown(tmp_path: Path) -> None:
    for name in ("assistants", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "assistctl.yaml", tmp_path)
    shop = Shop(tmp_path)
    assert shop("sync", "--yes").code == 0
    command, *arguments = block("sh").split()
    assert command == "assistctl"
    with shop.on_terminal(*arguments) as terminal:
        assert terminal.end() == 0
    assert same(terminal.shown) == same(block("text"))
    saved = shop(*arguments, "--save", "made")
    assert saved.code == 0, saved.err
    made = (tmp_path / "made" / "利润率.csv").read_text(encoding="utf-8").splitlines()
    assert {"向日葵,0.6", "康乃馨,0.6"} < set(made)


def test_the_prices_are_those_of_a_workspace(tmp_path: Path) -> None:
    top = {"version": 1, "workspace": "w", **yaml.safe_load(block("yaml"))}
    (tmp_path / "assistctl.yaml").write_text(yaml.safe_dump(top), encoding="utf-8")
    (tmp_path / "assistants").mkdir()
    workspace, problems = load(tmp_path, environ={})
    assert [str(problem) for problem in problems if "no assistant" not in str(problem)] == []
    assert workspace.prices == {"gpt-6-luna": Price(0.25, 2, 0.025)}
