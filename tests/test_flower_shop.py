"""The story that must always work, as a newcomer types it, in a copy of this repository."""

import csv
import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests import forking

ROOT = Path(__file__).parent.parent
SALE = {"红玫瑰": 3, "郁金香": 2, "百合": 6}
MORE = {"向日葵": 2}


@pytest.fixture
def shop(tmp_path_factory):
    """A copy of this repository's workspace, never synced."""
    directory = tmp_path_factory.mktemp("shop")
    for name in ("assistants", "tools"):
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "assistctl.yaml", directory)
    return directory


def assistctl(shop, *arguments, **more):
    environment = {key: os.environ[key] for key in os.environ if key != "OPENAI_API_KEY"}
    return forking.run(
        ["-m", "assistctl", *arguments], cwd=shop, env=environment, encoding="utf-8", **more
    )


def sums(sale):
    """Cost and income of a sale by the price list."""
    with (ROOT / "assistants" / "flower_prices.csv").open(encoding="utf-8", newline="") as file:
        prices = {row["花名"]: row for row in csv.DictReader(file)}
    cost = sum(float(prices[name]["成本"]) * number for name, number in sale.items())
    income = sum(float(prices[name]["售价"]) * number for name, number in sale.items())
    return cost, income


def bills(shop):
    with closing(sqlite3.connect(shop / "bills.db")) as book:
        return book.execute("SELECT total_cost, total_income FROM bills ORDER BY id").fetchall()


@pytest.mark.parametrize("target", ["local", "agents", "responses"])
def test_the_declared_cases_pass_before_anything_is_synced(shop, target):
    done = assistctl(shop, "test", "--target", target, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert [case["outcome"] for case in report["cases"]] == ["passed", "passed", "passed"]
    assert not (shop / "bills.db").exists()


@pytest.mark.parametrize("target", ["local", "agents", "responses"])
def test_the_whole_story(shop, target):
    there = ("-t", target)
    pending = assistctl(shop, "plan", "--detailed-exitcode", *there)
    assert (pending.returncode, pending.stderr) == (2, "")
    assert pending.stdout.endswith(f"Plan for {target}: 4 to create, 0 to update, 0 to delete.\n")

    synced = assistctl(shop, "sync", "--yes", *there)
    assert synced.returncode == 0
    assert synced.stderr.endswith(f"Synced {target}: 4 changes.\n")

    nothing = assistctl(shop, "plan", "--detailed-exitcode", *there)
    assert nothing.returncode == 0
    assert nothing.stdout.endswith(f"No changes. {target} is as declared.\n")

    first = assistctl(shop, "run", "flower-shop", "今天卖出红玫瑰3支、郁金香2支、百合6支", *there)
    assert first.returncode == 0
    assert first.stdout == (
        "账单已保存：红玫瑰 3 支、郁金香 2 支、百合 6 支，总成本 37.5 元，总收入 75 元，"
        "利润 37.5 元。\n"
    )
    assert '→ save_bill {"totalCost": 37.5, "totalIncome": 75}\n' in first.stderr
    assert bills(shop) == [sums(SALE)]

    follow_up = ("--continue", "再加两支向日葵", "--format", "json")
    more = assistctl(shop, "run", "flower-shop", *follow_up, *there)
    assert more.returncode == 0
    answer = json.loads(more.stdout)
    assert answer["status"] == "completed"
    assert answer["thread"] in first.stderr
    assert bills(shop) == [sums(SALE), sums(MORE)]


def test_the_second_assistant_calls_a_function_whose_schema_was_derived(shop):
    done = assistctl(shop, "run", "delivery-desk", "30 stems, 12 km away", "--format", "json")
    assert done.returncode == 0
    (call,) = json.loads(done.stdout)["tool_calls"]
    assert call["name"] == "quote_delivery"
    assert json.loads(call["output"]) == {"fee": 29.0, "currency": "CNY"}


def test_the_script_knows_the_sums_of_the_price_list():
    turns = script()
    for turn, sale in zip(turns[:2], (SALE, MORE), strict=True):
        cost, income = sums(sale)
        assert turn["call"] == {"save_bill": {"totalCost": cost, "totalIncome": income}}
    cost, income = sums(SALE | MORE)
    assert f"两笔合计：总成本 {cost:g} 元，总收入 {income:g} 元" in turns[1]["say"]


@pytest.mark.parametrize(
    "message",
    [
        "今天卖出红玫瑰3支、郁金香2支、百合6支，请计算并保存账单。",
        "百合6支,红玫瑰 3支 和郁金香：2 支",
        "卖了3支红玫瑰,2支郁金香,6支百合",
        "红玫瑰三支、郁金香两支、百合六支",
        "红玫瑰3支郁金香2支百合6支",
        "红玫瑰×3，郁金香×2，百合×6",
        "红玫瑰: 3\n郁金香: 2\n百合: 6",
        "红玫瑰卖了3支，郁金香卖掉2支，还有百合一共6支",
        "Sold today: 红玫瑰 (3支), 郁金香 (2支), 百合 (6支)!",
    ],
)
def test_the_script_finds_the_first_sale_under_any_wording(message):
    assert re.search(script()[0]["when"], message)


@pytest.mark.parametrize(
    "message",
    [
        "红玫瑰13支、郁金香2支、百合6支",
        "红玫瑰3支、郁金香20支、百合6支",
        "红玫瑰2支、郁金香3支、百合6支",
        "红玫瑰3支、百合6支",
    ],
)
def test_the_script_does_not_take_another_sale_for_the_first(message):
    assert not re.search(script()[0]["when"], message)


@pytest.mark.parametrize(
    "message",
    ["再加两支向日葵", "向日葵再加2支", "还有 2 支向日葵，请加到账单", "又卖出2支金色的向日葵。"],
)
def test_the_script_finds_two_more_sunflowers_under_any_wording(message):
    turns = script()
    assert re.search(turns[1]["when"], message)
    assert not re.search(turns[0]["when"], message)


def script():
    path = ROOT / "assistants" / "flower-shop.script.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))["turns"]
