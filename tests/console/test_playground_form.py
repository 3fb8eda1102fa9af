"""The playground's form, in a browser: what an assistant can be told there, and where that goes."""

import json
import shutil

import pytest

from assistctl.console.playground import fields
from assistctl.errors import AssistctlError
from assistctl.loading import load
from tests.console.conftest import SHOP
from tests.console.talking import done, plan_of, save, say, write

ORDERS = """\
name: Orders
instructions: You take orders.
tools:
  - type: function
    python: till:add  # sums
response_format:
  type: json_schema
  json_schema:
    name: order  # as the till has it
    schema: {type: object, properties: {rose: {type: integer}}}
run:
  # the model knows best
  tool_choice: auto
  max_completion_tokens: 512
"""
GUIDE = """\
instructions: You show {{ visitor }} the {{ place }}.
variables:
  visitor: dear guest
  place: greenhouse
"""


SCRIPT = """\
turns:
  - when: stock
    call:
      code_interpreter:
        code: print(open('/mnt/data/stock.csv').read().splitlines()[1])
    say: That is all.
  - say: Welcome.
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A shop with assistants that say more of themselves, and with prices."""
    root = tmp_path_factory.mktemp("form") / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in (("orders", ORDERS), ("guide", GUIDE)):
        (root / "assistants" / f"{name}.yaml").write_text(text)
        (root / "assistants" / f"{name}.script.yaml").write_text(SCRIPT)
    with (root / "assistctl.yaml").open("a") as top:
        top.write("prices: {gpt-6-luna: {input: 1000, output: 9000}}\n")
    return root


@pytest.fixture
def kept(shop):
    """What a test writes into the assistants' files is as before after it."""
    before = {path: path.read_bytes() for path in shop.root.glob("assistants/*")}
    before[shop.root / "assistctl.yaml"] = (shop.root / "assistctl.yaml").read_bytes()
    yield
    for path in {*shop.root.glob("assistants/*"), *before}:
        if path in before:
            path.write_bytes(before[path])
        else:
            path.unlink()


def run_of(shop, exchange):
    """The run of an answer, as the target has it."""
    thread = exchange.locator(".state code").inner_text()
    client = shop.client()
    (run,) = client.list(f"/threads/{thread}/runs")
    client.close()
    return run


# What the answers are, and which tool is called


def test_the_form_holds_what_is_declared_and_nothing_is_a_draft_of_it(shop, at):
    page = at("assistant/orders")
    assert page.get_by_label("Answers as").input_value() == "json_schema"
    assert json.loads(page.locator("textarea[name=json_schema]").input_value()) == {
        "name": "order",
        "schema": {"type": "object", "properties": {"rose": {"type": "integer"}}},
    }
    assert page.get_by_label("Tool choice").input_value() == "auto"
    assert page.get_by_label("Tool choice").locator("option").all_inner_texts() == [
        *("not said", "auto", "none", "required"),
        *("add", "code_interpreter", "file_search", "refund", "stuck", "wait"),
    ]
    assert done(say(page, "Hello?")).locator(".by").inner_text() == "As declared as it is at local"
    save(page)
    page.get_by_text("Nothing differs from what is declared.").wait_for()


def test_which_tool_is_called_is_told_to_the_runs_and_saved_where_it_is_declared(shop, at, kept):
    page = at("assistant/orders")
    page.get_by_label("Tool choice").select_option("add")
    exchange = done(say(page, "Hello?"))
    chosen = {"type": "function", "function": {"name": "add"}}
    assert run_of(shop, exchange)["tool_choice"] == chosen
    save(page)
    write(page)
    assert (shop.root / "assistants" / "orders.yaml").read_text() == ORDERS.replace(
        "tool_choice: auto\n",
        "tool_choice:\n    type: function\n    function: {name: add}\n",
    )
    assert load(shop.root).assistants["orders"].run["tool_choice"] == chosen
    assert not plan_of(shop, "orders")


def test_a_schema_is_edited_in_its_place_and_the_plan_shows_just_that(shop, at, kept):
    page = at("assistant/orders")
    schema = json.loads(page.locator("textarea[name=json_schema]").input_value())
    schema["strict"] = False
    schema["schema"]["properties"]["rose"]["type"] = "number"
    page.locator("textarea[name=json_schema]").fill(json.dumps(schema))
    exchange = done(say(page, "Hello?"))
    assert "not synced to" in exchange.locator(".by").inner_text()
    save(page)
    write(page)
    assert (shop.root / "assistants" / "orders.yaml").read_text() == ORDERS.replace(
        "{type: integer}}}\n", "{type: number}}}\n    strict: false\n"
    )
    (change,) = plan_of(shop, "orders").changes
    assert {it.field for it in change.fields} == {"response_format"}


def test_the_form_of_answers_can_be_taken_away_and_the_schema_is_not_asked_for_then(shop, at, kept):
    page = at("assistant/orders")
    page.get_by_label("Answers as").select_option("not said")
    assert page.locator("textarea[name=json_schema]").is_hidden()
    save(page)
    write(page)
    written = (shop.root / "assistants" / "orders.yaml").read_text()
    assert written == ORDERS.partition("response_format")[0] + "run:" + ORDERS.partition("run:")[2]


def test_what_is_no_schema_is_told_beside_the_message(shop, at):
    page = at("assistant/clerk")
    page.get_by_text("Parameters").click()
    page.get_by_label("Answers as").select_option("json_schema")
    page.locator("textarea[name=json_schema]").fill('{"name": "order",\n}')
    page.get_by_role("textbox", name="Message").fill("Hello?")
    page.get_by_role("button", name="Send").click()
    page.locator("#trouble").get_by_text(
        "the schema of the answers is not JSON at line 2, column 1"
    ).wait_for()
    page.locator("textarea[name=json_schema]").fill('{"schema": {}}')
    page.get_by_role("button", name="Send").click()
    told = "name is missing in response_format.json_schema; add it"
    page.locator("#trouble").get_by_text(told).wait_for()
    page.get_by_role("button", name="Forget the draft").click()


def test_one_that_is_only_at_the_target_is_told_another_choice_and_saved_with_the_rest(
    shop, at, kept
):
    client = shop.client()
    form = {"type": "json_object"}
    body = {"name": "Porter", "model": "gpt-6-luna", "response_format": form}
    body |= {"temperature": 0.5, "tools": [{"type": "code_interpreter"}, {"type": "file_search"}]}
    made = client.create("/assistants", body)
    client.close()
    page = at("id/" + made["id"])
    assert page.get_by_label("Answers as").input_value() == "json_object"
    page.get_by_label("Tool choice").select_option("none")
    assert run_of(shop, done(say(page, "Hello?")))["tool_choice"] == "none"
    page.get_by_label("Answers as").select_option("text")
    page.get_by_role("textbox", name="Message").fill("Hello?")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("a run cannot be told another form of its answers").wait_for()
    page.get_by_label("Temperature").fill("")
    page.get_by_role("checkbox", name="file_search").uncheck()
    save(page)
    write(page)
    assert (shop.root / "assistants" / "porter.yaml").read_text() == (
        "name: Porter\nmodel: gpt-6-luna\ntools:\n  - type: code_interpreter\n"
        "response_format: {type: text}\nrun: {tool_choice: none}\n"
    )
    (change,) = plan_of(shop, "porter").changes
    assert {it.field for it in change.fields} == {"response_format", "temperature", "tools"}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"response_format": "auto", "tool_choice": "required"},
        {"response_format": {"type": "text"}, "tool_choice": {"type": "file_search"}},
        {"temperature": 1.0, "max_completion_tokens": 300, "instructions": " a \n"},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "é", "schema": {}}}},
        {"tool_choice": {"type": "function", "function": {"name": "add"}}},
    ],
)
def test_a_form_that_nobody_has_touched_says_what_it_was_made_of(settings):
    sent = {name: text.replace("\n", "\r\n") for name, text in fields.shown(settings).items()}
    assert fields.read(sent, settings) == settings
    assert fields.read(sent, {}) == settings


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", 'no object, such as {"name": "order", "schema": {"type": "object"}}'),
        ("[1]", 'no object, such as {"name": "order", "schema": {"type": "object"}}'),
        ('{"a": NaN}', "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("{", "not JSON at line 1, column 2"),
    ],
)
def test_a_schema_that_is_none_is_refused(text, told):
    with pytest.raises(AssistctlError) as refused:
        fields.read({"response_format": "json_schema", "json_schema": text}, {})
    assert str(refused.value) == f"the schema of the answers is {told}"


# Variables and what an answer costs


def test_variables_are_given_values_in_fields_of_their_own(shop, at):
    page = at("assistant/guide")
    assert page.get_by_label("Instructions").get_attribute("readonly") is not None
    assert page.get_by_label("place").get_attribute("placeholder") == "greenhouse"
    page.get_by_label("visitor").fill("Ada")
    exchange = done(say(page, "Hello?"))
    assert run_of(shop, exchange)["instructions"] == "You show Ada the greenhouse."
    page.reload()
    assert page.get_by_label("visitor").input_value() == "Ada"


def test_an_answer_says_what_it_has_cost(shop, at):
    exchange = done(say(at("assistant/orders"), "Hello?"))
    usage = run_of(shop, exchange)["usage"]
    cost = (usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 9000) / 1_000_000
    assert exchange.locator(".state").get_by_text("cost").inner_text() == f"cost {cost:.6f}"


# Files of tools


def test_lists_of_files_are_edited_where_they_stand_and_comments_are_kept(shop, at, kept):
    top = shop.root / "assistctl.yaml"
    file = shop.root / "assistants" / "clerk.yaml"
    (shop.root / "assistants" / "stock.csv").write_text("flower,number\nrose,7\n")
    (shop.root / "handbook" / "hours.txt").write_text("Open from 10 to 18.\n")
    page = at("assistant/clerk")
    code, store = page.get_by_label("Files for the code"), page.get_by_label("Files of handbook")
    assert (code.input_value(), store.input_value()) == ("prices.csv", "handbook/*.md")
    code.fill("stock.csv\nprices.csv\n\n")
    store.fill("handbook/*.md\nhandbook/*.txt")
    exchange = done(say(page, "Hello?"))
    assert "not synced to" in exchange.locator(".by").inner_text()
    save(page)
    before = top.read_text(), file.read_text()
    write(page, 2)
    assert file.read_text() == before[1].replace("[prices.csv]", "[prices.csv, stock.csv]")
    assert top.read_text() == before[0].replace(
        '["handbook/*.md"]', "[handbook/*.md, handbook/*.txt]"
    )
    changes = {str(it.address): it.action for it in plan_of(shop).changes}
    assert changes == {
        "assistant/clerk": "update",
        "file/assistants/stock.csv": "create",
        "file/handbook/hours.txt": "create",
        "vector_store/handbook": "update",
    }


def test_files_are_what_the_code_finds_before_they_are_declared(shop, at):
    (shop.root / "assistants" / "stock.csv").write_text("flower,number\nrose,7\n")
    page = at("assistant/orders")
    page.get_by_role("checkbox", name="code_interpreter").check()
    page.get_by_label("Files for the code").fill("stock.csv")
    exchange = done(say(page, "What is in stock?"))
    assert exchange.get_by_label("output").inner_text() == "rose,7\n"
    page.get_by_role("button", name="Forget the draft").click()


def test_another_store_is_searched_or_files_of_its_own(shop, at, kept):
    file = shop.root / "assistants" / "clerk.yaml"
    before = file.read_text()
    page = at("assistant/clerk")
    own = page.locator('[name="files.file_search"]')
    assert own.is_hidden()
    page.get_by_label("Searches").select_option("files of its own")
    own.fill("../handbook/care.md")
    assert page.get_by_label("Files of handbook").is_hidden()
    save(page)
    write(page)
    assert file.read_text() == before.replace(
        "    vector_store: handbook\n", "    files: [../handbook/care.md]\n"
    )
    page.get_by_role("link", name="Back to the playground").click()
    page.get_by_label("Searches").select_option("handbook")
    save(page)
    write(page)
    assert file.read_text() == before
    assert not plan_of(shop, "clerk")


def test_a_new_assistant_gets_its_tools_with_their_files(shop, at, kept):
    page = at("new")
    page.get_by_role("checkbox", name="code_interpreter").check()
    page.get_by_label("Files for the code").fill("*.csv")
    page.get_by_role("checkbox", name="file_search").check()
    page.get_by_label("Searches").select_option("handbook")
    save(page)
    page.get_by_label("Key").fill("keeper")
    write(page)
    assert (shop.root / "assistants" / "keeper.yaml").read_text() == (
        "model: gpt-6-luna\n"
        "tools:\n"
        "  - type: code_interpreter\n"
        '    files: ["*.csv"]\n'
        "  - type: file_search\n"
        "    vector_store: handbook\n"
    )


def test_files_that_are_not_there_are_told_with_their_place(shop, at):
    page = at("assistant/clerk")
    page.get_by_label("Files for the code").fill("prices.csv\nlost.csv")
    page.get_by_role("textbox", name="Message").fill("Hello?")
    page.get_by_role("button", name="Send").click()
    trouble = page.locator("#trouble [role=alert]")
    trouble.wait_for()
    assert "assistants/clerk.yaml:7:25" in trouble.inner_text()
    assert "lost.csv" in trouble.inner_text()
    page.get_by_role("button", name="Forget the draft").click()


def test_what_comes_from_the_defaults_is_shown_and_not_edited(shop, browse, kept):
    shop.edit("assistctl.yaml", "gpt-6-luna}", "gpt-6-luna, tools: [{type: file_search}]}")
    page = browse.get("/playground/table", **{"with": "assistant/guide"}).text
    assert 'value="file_search" checked' in page
    assert 'name="files.file_search"' not in page
    assert 'name="files.code_interpreter"' in page
