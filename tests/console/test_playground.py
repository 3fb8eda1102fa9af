"""The playground, in a browser: talking, tools, approvals, drafts, and what models write."""

import asyncio
import re
import shutil
import threading
import time

import pytest

from assistctl.console.markdown import LONGEST_COMING, markdown
from assistctl.console.pages import playground
from assistctl.console.playground.turns import Turn
from assistctl.events import Finished
from assistctl.loading import load
from assistctl.record import store
from tests.console.conftest import SHOP
from tests.console.talking import done, plan_of, save, say

MORE = """\
turns:
  - when: markup
    say: |-
      # Roses

      <img src=x onerror="document.title='owned'"><script>document.title='owned'</script>

      [good](https://example.com/a?b=1&c=2) [bad](javascript:alert(1)) ![seen](https://example.com/p.png)

      | a | b |
      |--:|---|
      | 1 | **2** |
  - when: everything
    say: "*all* {LONG}"
  - when: odd name
    call:
      code_interpreter:
        code: |
          with open('/mnt/data/<b onclick=x>.csv', 'w') as file:
              file.write('<script>1</script>')
    say: Here it is.
"""
LONG = "word " * (LONGEST_COMING // 5)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A shop whose clerk has more to say."""
    root = tmp_path_factory.mktemp("playground") / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("__pycache__"))
    script = root / "assistants" / "clerk.script.yaml"
    script.write_text(script.read_text().replace("turns:\n", MORE.replace("{LONG}", LONG), 1))
    return root


def test_a_turn_is_shown_with_the_function_that_it_called_and_the_thread_goes_on(shop, at):
    page = at("assistant/clerk")
    first = done(say(page, "What is the sum?"))
    call = first.locator("details.call")
    assert call.get_by_label("arguments").inner_text() == '{"a": 1, "b": 2}'
    assert call.get_by_label("result").inner_text() == "3"
    assert "The sum is 3." in first.locator(".prose").inner_text()
    assert page.get_by_role("textbox", name="Message").input_value() == ""
    second = done(say(page, "Hello?"))
    assert "Hello!" in second.locator(".prose").inner_text()
    (thread,) = {it.inner_text() for it in page.locator(".state code").all()}
    known = next(it for it in store.threads(shop.root) if it.id == thread)
    assert [turn.message for turn in store.turns(shop.root, known)] == [
        "What is the sum?",
        "Hello?",
    ]
    page.reload()
    assert page.locator("article.exchange").count() == 2
    with page.expect_popup() as opened:
        page.get_by_role("link", name=thread).first.click()
    opened.value.get_by_text("The sum is 3.").wait_for()
    opened.value.close()


def test_a_call_that_asks_first_waits_for_a_click_and_is_made(shop, at):
    page = at("assistant/clerk")
    exchange = say(page, "I want a refund")
    ask = exchange.get_by_role("group", name="May refund be called?")
    ask.wait_for()
    assert not (shop.root / "refunded").exists()
    ask.get_by_role("button", name="Allow").click()
    done(exchange)
    assert (shop.root / "refunded").read_text() == "5.0"
    assert "allowed" in exchange.locator("details.call summary").inner_text()
    assert exchange.get_by_role("button", name="Allow").count() == 0
    (shop.root / "refunded").unlink()


def test_a_question_that_comes_under_the_pointer_is_not_allowed_by_a_click_meant_for_else(shop, at):
    """When it asks, and what the page looks like then, is the model's choice."""
    page = at("assistant/clerk")
    page.evaluate(
        """() => {
          const later = window.setTimeout;
          window.held = [];
          window.setTimeout = (then, ms) => (ms === 700 ? held.push(then) : later(then, ms));
        }"""
    )
    exchange = say(page, "I want a refund")
    allow = exchange.get_by_role("button", name="Allow")
    allow.wait_for()
    assert allow.is_disabled()
    assert exchange.get_by_role("button", name="Refuse").is_enabled()
    page.evaluate("() => held.forEach((then) => then())")
    assert allow.is_enabled()
    exchange.get_by_role("button", name="Refuse").click()
    done(exchange)
    assert not (shop.root / "refunded").exists()


def test_a_call_that_is_refused_is_not_made_and_the_model_is_told(shop, at):
    exchange = say(at("assistant/clerk"), "I want a refund")
    exchange.get_by_role("button", name="Refuse").click()
    done(exchange)
    assert not (shop.root / "refunded").exists()
    assert "did not approve" in exchange.locator("details.call").inner_text()


def test_a_page_that_is_closed_refuses_what_it_was_asked_and_cancels_the_run(shop, at):
    page = at("assistant/clerk")
    exchange = say(page, "I want a refund")
    exchange.get_by_role("button", name="Allow").wait_for()
    thread = exchange.locator(".state code").inner_text()
    page.goto("about:blank")
    client = shop.client()
    for _ in range(100):
        (run,) = client.list(f"/threads/{thread}/runs")
        if run["status"] == "cancelled":
            break
        time.sleep(0.1)
    client.close()
    assert run["status"] == "cancelled"
    assert not (shop.root / "refunded").exists()


def test_a_turn_that_is_stopped_says_so_and_another_can_begin(shop, at):
    page = at("assistant/clerk")
    exchange = say(page, "Please wait")
    exchange.get_by_text("at work").wait_for()
    exchange.get_by_role("button", name="Stop").click()
    done(exchange, "cancelled")
    assert exchange.get_by_role("button", name="Stop").count() == 0
    assert "Hello!" in done(say(page, "Hello?")).inner_text()


def test_two_versions_answer_side_by_side_each_as_it_is_ready(shop, at):
    page = at("assistant/clerk")
    page.get_by_role("checkbox", name="add Add two numbers.").uncheck()
    page.get_by_label("Beside it").select_option("the same without the draft")
    exchange = done(say(page, "What is the sum?"))
    draft, declared = exchange.locator("section.turn").all()
    assert draft.locator(".by b").inner_text() == "Draft"
    assert "not synced to" in draft.locator(".by").inner_text()
    assert draft.locator(".state a").count() == 0
    assert declared.locator(".by").inner_text() == "As declared as it is at local"
    assert "there is no function 'add'" in draft.inner_text()
    assert declared.get_by_label("result").inner_text() == "3"
    assert load(shop.root).assistants["clerk"].functions[0].name == "add"


def test_what_a_run_can_be_told_is_told_to_the_runs_of_what_is_synced(shop, at):
    page = at("assistant/clerk")
    page.get_by_label("Model", exact=True).fill("gpt-6.1")
    page.get_by_label("Instructions").fill("You sell\nnothing.")
    exchange = done(say(page, "Hello?"))
    assert (
        "as it is at local, but each run is told its own instructions, model"
        in exchange.locator(".by").inner_text()
    )
    thread = exchange.locator(".state code").inner_text()
    client = shop.client()
    (run,) = client.list(f"/threads/{thread}/runs")
    client.close()
    assert (run["model"], run["instructions"]) == ("gpt-6.1", "You sell\nnothing.")
    page.get_by_role("button", name="Forget the draft").click()
    assert page.get_by_label("Model", exact=True).input_value() == "gpt-6-luna"


def test_what_is_wrong_is_told_beside_the_message_which_stays(shop, at):
    page = at("assistant/clerk")
    shop.edit("assistants/clerk.yaml", "name: Clerk", "nme: Clerk")
    try:
        page.get_by_role("textbox", name="Message").fill("Hello?")
        page.get_by_role("button", name="Send").click()
        trouble = page.locator("#trouble [role=alert]")
        trouble.wait_for()
    finally:
        shop.edit("assistants/clerk.yaml", "nme: Clerk", "name: Clerk")
    assert "assistants/clerk.yaml:1:1" in trouble.inner_text()
    assert page.get_by_role("textbox", name="Message").input_value() == "Hello?"
    done(say(page, "Hello?"))
    assert trouble.count() == 0


def test_a_draft_that_no_assistant_can_be_is_refused_with_what_is_wrong(browse):
    sent = {"with": "assistant/clerk", "message": "Hello?", "model": "m", "temperature": "3"}
    page = browse.post("/playground/say", sent)
    assert page.status_code == 422
    assert "assistants/clerk.yaml" in page.text
    assert "temperature" in page.text


def test_an_answer_that_holds_html_is_shown_as_text(at):
    page = at("assistant/clerk")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    prose = done(say(page, "Give me markup")).locator(".prose")
    assert "<img src=x onerror=\"document.title='owned'\">" in prose.inner_text()
    assert prose.locator("img, script").count() == 0
    assert page.title() == "Clerk · assistctl"
    assert [it.get_attribute("href") for it in prose.locator("a").all()] == [
        "https://example.com/a?b=1&c=2"
    ]
    assert "bad [picture: seen]" in prose.inner_text()
    assert prose.locator("td").all_inner_texts() == ["1", "2"]
    assert prose.locator("h4").inner_text() == "Roses"
    assert not any("example.com" in url for url in asked)


def test_a_file_whose_name_is_html_is_text_and_is_never_run(shop, at, browser):
    page = at("assistant/clerk")
    exchange = done(say(page, "An odd name, please"))
    link = exchange.get_by_label("Files").get_by_role("link").first
    assert link.inner_text() == "<b onclick=x>.csv"
    answer = page.request.get(f"{shop.address}{link.get_attribute('href')}")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text() == "<script>1</script>"
    saved = page.request.get(f"{shop.address}{link.get_attribute('href')}?save=1")
    assert saved.headers["content-disposition"].startswith("attachment")


def test_a_table_of_an_answer_has_its_headings_in_a_narrow_window_too(shop, at):
    page = at("assistant/clerk")
    table = done(say(page, "markup")).locator(".prose table")
    wide = page.viewport_size
    try:
        page.set_viewport_size({"width": 390, "height": 800})
        assert table.inner_text().split() == ["a", "b", "1", "2"]
        assert table.locator("th").first.bounding_box()["height"] > 10
    finally:
        page.set_viewport_size(wide)


def test_a_file_is_given_with_a_message(shop, at, tmp_path):
    (tmp_path / "roses.csv").write_text("a,b\n")
    page = at("assistant/clerk")
    page.locator("input[type=file]").set_input_files(tmp_path / "roses.csv")
    exchange = done(say(page, "Hello?"))
    assert exchange.locator(".said").inner_text().split() == ["Hello?", "roses.csv"]
    thread = exchange.locator(".state code").inner_text()
    client = shop.client()
    said = next(client.list(f"/threads/{thread}/messages", order="asc"))
    client.close()
    assert len(said["attachments"]) == 1
    assert page.locator("input[type=file]").input_value() == ""


def test_without_javascript_the_answer_is_on_the_page_that_follows(shop, browse):
    page = browse.post("/playground/say", {"with": "assistant/clerk", "message": "Hello?"})
    assert page.status_code == 303
    text = browse.get("/playground/table", **{"with": "assistant/clerk"}).text
    assert "<p>Hello!</p>" in text


def test_an_edit_is_saved_where_it_is_declared_and_the_plan_shows_just_that(shop, at):
    file = shop.root / "assistants" / "clerk.yaml"
    before = file.read_text()
    file.write_text(before.replace("name: Clerk", "name: Clerk  # at the counter"))
    page = at("assistant/clerk")
    page.get_by_role("textbox", name="Instructions").fill("You sell flowers.\nBe kind.\n")
    page.get_by_text("Parameters").click()
    page.get_by_label("Temperature").fill("0.5")
    page.get_by_role("checkbox", name="wait Take longer than anybody waits.").uncheck()
    save(page)
    assert page.locator(".diff ins").all_inner_texts() == ["  Be kind.", "temperature: 0.5"]
    page.get_by_role("button", name="Write 1 file").click()
    page.get_by_role("status").get_by_text("1 file written:").wait_for()
    assert file.read_text() == before.replace(
        "name: Clerk", "name: Clerk  # at the counter"
    ).replace("Be brief.", "Be kind.").replace(
        "  - type: function\n    python: till:wait\n", ""
    ) + ("temperature: 0.5\n")
    (change,) = plan_of(shop, "clerk").changes
    assert sorted(it.path for it in change.fields) == [
        "instructions",
        "temperature",
        "tools[wait]",
    ]
    page.get_by_role("link", name="Back to the playground").click()
    assert page.get_by_label("Temperature").input_value() == "0.5"
    file.write_text(before)


def test_a_new_assistant_is_tried_and_then_gets_a_file_of_its_own(shop, at):
    page = at("new")
    page.get_by_role("textbox", name="Instructions").fill("You add.\nNothing else.")
    page.get_by_role("checkbox", name="add Add two numbers.").check()
    exchange = done(say(page, "Hello?"))
    assert "not synced to" in exchange.locator(".by").inner_text()
    save(page)
    page.get_by_label("Key").fill("adder")
    page.get_by_role("button", name="Write 1 file").click()
    page.get_by_role("status").wait_for()
    file = shop.root / "assistants" / "adder.yaml"
    assert file.read_text() == (
        "model: gpt-6-luna\n"
        "instructions: |-\n"
        "  You add.\n"
        "  Nothing else.\n"
        "tools:\n"
        "  - type: function\n"
        "    python: till:add\n"
    )
    (change,) = plan_of(shop, "adder").changes
    assert change.action == "create"
    file.unlink()


def test_one_that_was_only_at_the_target_is_saved_and_the_plan_shows_just_the_edit(shop, at):
    client = shop.client()
    body = {"name": "Gardener", "model": "gpt-6-luna", "instructions": "You water.\nDaily."}
    made = client.create("/assistants", body)
    client.close()
    page = at("id/" + made["id"])
    assert "at local" in done(say(page, "Hello?")).locator(".by").inner_text()
    assert page.get_by_role("textbox", name="Instructions").input_value() == "You water.\nDaily."
    save(page)
    assert page.locator("h2 code").all_inner_texts() == [
        "assistants/gardener.yaml",
        "assistants/gardener.md",
    ]
    page.get_by_role("button", name="Write 2 files").click()
    page.get_by_role("status").wait_for()
    assert not plan_of(shop, "gardener")
    for name in ("gardener.yaml", "gardener.md"):
        (shop.root / "assistants" / name).unlink()


def test_what_was_edited_of_one_that_was_only_at_the_target_is_all_that_the_plan_shows(shop, at):
    client = shop.client()
    body = {"name": "Porter", "model": "gpt-6-luna", "instructions": "You carry."}
    made = client.create("/assistants", body)
    client.close()
    page = at("id/" + made["id"])
    page.get_by_role("textbox", name="Instructions").fill("You carry flowers.")
    save(page)
    page.get_by_text("comes into these files last").wait_for()
    page.get_by_label("Key").fill("carrier")
    page.get_by_role("button", name="Write 1 file").click()
    page.get_by_role("status").wait_for()
    file = shop.root / "assistants" / "carrier.yaml"
    assert "instructions: You carry flowers.\n" in file.read_text()
    (change,) = plan_of(shop, "carrier").changes
    assert [(it.path, it.before, it.after) for it in change.fields] == [
        ("instructions", "You carry.", "You carry flowers.")
    ]
    file.unlink()


def test_what_is_saved_can_be_downloaded_and_is_not_written(shop, browse):
    sent = {"with": "assistant/greeter", "model": "gpt-6.1"}
    page = browse.post("/playground/keep", sent)
    assert page.status_code == 303
    answer = browse.get("/playground/download", **{"with": "assistant/greeter"})
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''greeter.yaml"
    assert answer.text == "instructions: Greet in any language.\nmodel: gpt-6.1\n"
    assert "model" not in (shop.root / "assistants" / "greeter.yaml").read_text()


def test_a_long_answer_is_formatted_once_it_is_there_and_not_anew_with_each_piece(shop, browse):
    sent = {"csrf": browse.csrf, "with": "assistant/clerk", "message": "Tell me everything"}
    headers = {"origin": browse.address, "hx-request": "true"}
    page = browse.http.post("/console/playground/say", data=sent, headers=headers).text
    turn = re.findall(r"/turns/(\w+)/events", page)[0]
    told = browse.get(f"/playground/turns/{turn}/events").text.split("event: close")[0]
    assert "<p><em>all</em> word" in told.strip().split("\n\n")[-1]
    assert str(markdown(f"*all* {LONG}", coming=True)).startswith('<p class="text">*all* word')


def test_the_longer_it_takes_to_show_an_answer_the_less_often_that_is_done(
    shop, browse, monkeypatch
):
    """Or a model that words it so keeps a processor busy for as long as it streams."""
    rested, show, hear = threading.Event(), playground._news, Turn._hear
    rests = []

    def slowly(*args):
        time.sleep(0.05)
        return show(*args)

    async def rest(turn, seconds):
        rests.append(seconds)
        if seconds:
            rested.set()
        await asyncio.sleep(0)

    def held(turn, event):  # or a slow machine shows all of it at once, when it is over
        if isinstance(event, Finished):
            rested.wait(20)
        hear(turn, event)

    monkeypatch.setattr(playground, "_news", slowly)
    monkeypatch.setattr(playground, "_rest", rest)
    monkeypatch.setattr(Turn, "_hear", held)
    sent = {"csrf": browse.csrf, "with": "assistant/clerk", "message": "Hello?"}
    headers = {"origin": browse.address, "hx-request": "true"}
    page = browse.http.post("/console/playground/say", data=sent, headers=headers).text
    turn = re.findall(r"/turns/(\w+)/events", page)[0]
    assert "Hello!" in browse.get(f"/playground/turns/{turn}/events").text
    assert max(rests) >= 4 * 0.05


def test_who_leaves_while_somebody_is_made_ready_leaves_no_server_behind(shop, browse):
    def servers():
        return sum(it.name == "assistctl-server" for it in threading.enumerate())

    before = servers()
    sent = {"csrf": browse.csrf, "with": "new", "message": "Hello?", "model": "gpt-6-luna"}
    headers = {"origin": browse.address, "hx-request": "true"}
    assert browse.http.post("/console/playground/say", data=sent, headers=headers).is_success
    browse.post("/logout")
    leaving = [it for it in threading.enumerate() if it.name in ("leaving", "turn")]
    for thread in leaving:
        thread.join(20)
    assert servers() == before


@pytest.mark.parametrize("number", ["\u00b2", "-1", "9" * 5000, "x"])
def test_what_is_no_number_is_nobodys_bug(shop, browse, number):
    sent = {"csrf": browse.csrf, "with": "assistant/clerk", "message": "Hello?"}
    headers = {"origin": browse.address, "hx-request": "true"}
    page = browse.http.post("/console/playground/say", data=sent, headers=headers).text
    turn = re.findall(r"/turns/(\w+)/events", page)[0]
    path = f"/playground/turns/{turn}"
    assert "event: close" in browse.get(f"{path}/events", after=number).text
    for answer in (
        browse.get(f"{path}/files/{number}"),
        browse.post(f"{path}/answer", {"item": number, "allow": "1"}),
    ):
        assert answer.status_code == 400
        assert "bug" not in answer.text
    assert browse.get("/threads", **{"of": "here", "from": number}).status_code == 200
