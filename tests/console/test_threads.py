import json
import re
from dataclasses import replace

import pytest

from assistctl.apis import connect
from assistctl.apis.transport.client import Client
from assistctl.console.access import Links
from assistctl.console.app import create_app
from assistctl.console.reach import Reach
from assistctl.console.timeline import at_target
from assistctl.console.visit import Console
from assistctl.events import PastMessage
from assistctl.loading import load
from assistctl.record import store
from assistctl.record.threads import Turn
from tests.console.conftest import Visitor, opened_console, serving
from tests.console.dump import HOSTILE, long_thread, seeded, shop_threads
from tests.console.reading import words

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf"
    "c0f01f0005000101ff9d9f0d3a0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def console(workshop):
    """One whose server has threads already."""
    seeded(workshop, workshop / "dump.jsonl", [*shop_threads(), *long_thread(240)])
    with opened_console(workshop) as opened:
        yield opened


@pytest.fixture(scope="module")
def upload(console):
    """Uploads a file to the target; its id."""
    client = console.client()

    def send(name, content):
        path = console.root / "upload"
        path.write_bytes(content)
        with path.open("rb") as file:
            return client.send("/files", "file", name, file, {"purpose": "assistants"})["id"]

    yield send
    client.close()


def listed(browse, **asked):
    return re.findall(r"<code>(thread_\w+)</code>", browse.get("/threads", **asked).text)


def told(browse, thread, **asked):
    return words(browse.get(f"/threads/{thread}", **asked).text).partition(" As objects")[0]


def test_what_the_target_lists_is_found_by_words_assistant_and_metadata(browse):
    everything = ["thread_long", "thread_evil", "thread_failed", "thread_sale"]
    assert listed(browse, of="target") == everything
    assert listed(browse, of="target", q="谢谢") == ["thread_sale"]
    assert listed(browse, of="target", q="roses ANGLE") == ["thread_sale"]
    assert listed(browse, of="target", metadata="user=43") == ["thread_failed"]
    assert listed(browse, of="target", assistant="asst_nobody") == []
    assert "Nothing was found." in browse.get("/threads", of="target", q="nothing").text


def test_a_list_says_of_each_thread_what_it_is_about(browse):
    page = words(browse.get("/threads", of="target", q="谢谢").text)
    assert page.partition("Find ")[2] == (
        "What did we take today, and how are roses cut? 2026-11-18 11:07 UTC · thread_sale ·"
        " asst_dumpedclerk · 4 messages · completed · user=42 shop=北"
    )


def test_a_thread_is_a_timeline_of_messages_and_runs_with_their_steps(browse):
    assert told(browse, "thread_sale") == (
        "What did we take today, and how are roses cut? thread_sale"
        " user 2026-11-18 11:06 UTC msg_sale1 What did we take today, and how are roses cut?"
        " run completed 2026-11-18 11:06 UTC run_sale1 asst_dumpedclerk gpt-6-luna 3.00 s"
        " 1,234 tokens (1,200 in, 34 out)"
        " code_interpreter import pandas as pd print(pd.read_csv(&#39;prices.csv&#39;))"
        " flower price 0 rose 5"
        " file_search: 1 passage care.md score 0.812 Cut roses at an angle."
        " add {&#34;a&#34;: 30, &#34;b&#34;: 7.5} 37.5"
        " assistant 2026-11-18 11:06 UTC msg_sale2 37.5, and roses are cut at an angle [1]."
        " file-care"
        " user 2026-11-18 11:06 UTC msg_sale3 谢谢！"
        " run completed 2026-11-18 11:07 UTC run_sale2 asst_dumpedclerk gpt-6-luna 3.00 s"
        " 1,234 tokens (1,200 in, 34 out)"
        " assistant 2026-11-18 11:07 UTC msg_sale4 不客气。"
    )


def test_a_run_that_failed_without_a_word_stands_where_it_began_and_says_why(browse):
    assert told(browse, "thread_failed") == (
        "Are you there? thread_failed user 2026-11-18 11:08 UTC msg_failed1 Are you there?"
        " run failed 2026-11-18 11:08 UTC run_failed1 asst_dumpedclerk gpt-6-luna 4.00 s"
        " server_error: the endpoint said nothing for 60 s"
    )


def test_a_long_thread_is_read_part_by_part_from_its_end(browse):
    path, seen, parts = "/threads/thread_long", [], 0
    while path and parts < 9:
        page = browse.get(path).text
        found = re.findall(r'<p class="text" dir="auto">((?:question|answer) \d+)</p>', page)
        seen = found + seen
        older = re.search(r'<a href="/console([^"]+)" rel="prev">', page)
        path, parts = older and older[1].replace("&amp;", "&"), parts + 1
    expected = [f"{kind} {turn}" for turn in range(120) for kind in ("question", "answer")]
    assert (seen, parts) == (expected, 5)


def test_a_thread_is_shown_as_the_objects_of_each_api(browse):
    def shown(kind):
        html = browse.get(f"/threads/thread_sale/objects/{kind}").text
        return re.findall(r"<h3>(\w+)", html), html

    assert shown("assistants")[0] == ["thread", "messages", "runs"]
    names, html = shown("responses")
    assert names == ["conversation", "items"]
    assert "code_interpreter_call" in html
    assert "has no such view of it" in shown("agents")[1]
    assert browse.get("/threads/thread_sale/objects/other").status_code == 400


def test_what_means_harm_is_shown_as_it_is(browse, new_page, console):
    page = browse.get("/threads/thread_evil").text
    assert HOSTILE not in page
    assert "<script>" not in page
    assert page.count("&lt;img src=x onerror=") == 10  # with the title, and the heading
    assert "invoice\\u202efdp.exe \\x1b[31m &lt;/pre&gt;" in page
    real = new_page()
    real.goto(f"{console.address}/console/enter?token={console.links.new()}")
    real.wait_for_url("**/console/workspace")
    for path in ("threads?of=target", "threads/thread_evil"):
        real.goto(f"{console.address}/console/{path}")
        real.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
        real.wait_for_load_state("networkidle")
        assert real.evaluate("document.images.length") == 0
        assert not real.title().startswith(("1", "2"))


def test_objects_are_loaded_when_they_are_opened(browser, console):
    browser.goto(f"{console.address}/console/threads/thread_sale")
    browser.get_by_text("Responses: conversation, items").click()
    browser.get_by_role("heading", name="conversation").wait_for()


def test_a_thread_that_is_nowhere_is_said_to_be(browse):
    answer = browse.get("/threads/thread_nowhere")
    assert answer.status_code == 404
    assert "No thread found with id" in answer.text


def test_a_page_that_there_is_not_leads_back_to_those_that_there_are(browse):
    answer = browse.get("/nowhere/at-all")
    told = "There is no such page in this console; it begins at /console/\n"
    assert (answer.status_code, answer.text) == (404, told)


# What was recorded here


@pytest.fixture(scope="module")
def record(console):
    """Two threads that were talked on from here, of which the target knows one."""
    for thread, message in (("thread_sale", "What did we take today?"), ("thread_gone", "Hi 你好")):
        turn = Turn("clerk", "2026-11-28T10:00:00+00:00", message, ("bill.pdf",))
        number = store.begin(console.root, "local", thread, turn)
        items = (
            {
                "type": "tool",
                "name": "add",
                "arguments": "{}",
                "output": "3",
                "seconds": 0.5,
                "error": None,
            },
            {
                "type": "code_returned",
                "id": "c",
                "code": "1/0",
                "output": "ZeroDivisionError",
                "files": [],
                "seconds": None,
                "error": "ZeroDivisionError",
            },
            {
                "type": "searched",
                "id": "s",
                "queries": ["roses"],
                "seconds": None,
                "error": None,
                "hits": [{"file_name": "care.md", "file_id": None, "score": 0.5, "text": None}],
            },
            {"type": "notice", "text": "the scripted model answered"},
            {"type": "text", "text": "3 it is."},
        )
        done = Turn(
            "clerk",
            turn.at,
            message,
            turn.attachments,
            items,
            "run_1",
            "completed",
            None,
            {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            None,
            1.5,
        )
        store.end(console.root, number, thread, done)
    return console


def test_what_was_recorded_is_listed_and_found(record, browse):
    assert listed(browse) == ["thread_gone", "thread_sale"]
    assert listed(browse, q="你好") == ["thread_gone"]
    assert listed(browse, q="scripted MODEL") == ["thread_gone", "thread_sale"]
    assert listed(browse, assistant="nobody") == []


def test_of_a_thread_that_the_target_has_not_the_record_is_shown(record, browse):
    page = told(browse, "thread_gone")
    assert page.partition("This is what was recorded here. ")[2] == (
        "user 2026-11-28 10:00 UTC Hi 你好 bill.pdf"
        " run completed 2026-11-28 10:00 UTC run_1 clerk 1.50 s 3 tokens (1 in, 2 out)"
        " add 0.50 s {} 3"
        " code_interpreter ZeroDivisionError 1/0 ZeroDivisionError"
        " file_search roses : 1 passage care.md score 0.500"
        " notice the scripted model answered"
        " assistant 3 it is. All threads"
    )


def test_a_thread_can_be_looked_at_either_way(record, browse):
    assert "msg_sale1" in told(browse, "thread_sale", of="target")
    assert "3 it is." in told(browse, "thread_sale", of="here")


# Files


def test_a_file_is_saved_under_a_name_that_harms_nobody(browse, upload):
    answer = browse.get(
        f"/files/{upload('../../a <b>/in:voice.html', b'<script>1</script>')}/content"
    )
    assert (answer.status_code, answer.content) == (200, b"<script>1</script>")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="invoice.html"'
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_only_what_is_a_picture_is_shown_as_one(browse, upload):
    shown = browse.get(f"/files/{upload('chart.html', PNG)}/picture")
    assert (shown.headers["content-type"], shown.content) == ("image/png", PNG)
    for name, content in (
        ("a.png", b"<script>alert(1)</script>"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ):
        refused = browse.get(f"/files/{upload(name, content)}/picture")
        assert (refused.status_code, "no picture" in refused.text) == (400, True)


def test_pictures_of_a_message_are_seen_in_a_browser(browser, console, upload):
    client = console.client()
    content = [{"type": "image_file", "image_file": {"file_id": upload("rose.png", PNG)}}]
    made = client.create("/threads", {"messages": [{"role": "user", "content": content}]})
    client.close()
    browser.goto(f"{console.address}/console/threads/{made['id']}")
    picture = browser.get_by_role("img", name="rose.png")
    picture.scroll_into_view_if_needed()
    browser.wait_for_function("document.images[0].complete")
    assert picture.evaluate("it => it.naturalWidth") == 1


def test_a_file_that_is_not_there_is_said_to_be(browse):
    answer = browse.get("/files/file-nowhere/content")
    assert answer.status_code == 404
    assert json.dumps(answer.text)


# Targets that are read in other ways


def test_where_a_target_has_no_threads_of_assistants_its_turns_are_shown(console):
    client = console.client()
    items = [
        {"type": "message", "role": role, "content": text}
        for turn in range(60)
        for role, text in (("user", f"question {turn}"), ("assistant", f"answer {turn}"))
    ]
    made = client.create("/conversations", {"items": items[:20]})
    for begin in range(20, len(items), 20):
        path = f"/conversations/{made['id']}/items"
        client.submit(path, {"items": items[begin : begin + 20]})
    elsewhere = Client(console.target.base_url.replace("/v1", "/none"), console.target.api_key)
    reach = Reach(connect(replace(console.target, api="responses")), elsewhere)
    try:
        last = at_target(reach, made["id"])
        before = at_target(reach, made["id"], last.older)
        texts = [
            [it.text if isinstance(it, PastMessage) else it.parts[-1].text for it in part.entries]
            for part in (before, last)
        ]
        assert texts[0] + texts[1] == [it["content"] for it in items]
        assert [len(some) for some in texts] == [20, 100]
        assert before.older is None
    finally:
        reach.close()
        client.close()


def test_a_target_that_lists_no_threads_says_so(console, workshop):
    links = Links()
    nowhere = Client(console.target.base_url.replace("/v1", "/none"), console.target.api_key)
    reach = Reach(connect(console.target), nowhere)
    console = Console(
        "far",
        lambda key: reach,
        lambda: load(workshop),
        links=links,
        root=workshop,
        told=lambda error: f"{error.status} of the target",
    )
    app = create_app(console)
    with serving(app) as address:
        visitor = Visitor(address)
        with visitor.http:
            visitor.enter(links)
            page = words(visitor.get("/threads", of="target").text)
    app.state.sessions.end_all()  # which closes the connections
    assert "far does not list its threads (404 of the target)" in page
    assert "What was said from here is recorded here" in page


def test_a_session_of_an_agent_has_its_view(browse, console):
    client = console.client()
    session = client.create(
        "/agents/sessions",
        {"agent": {"model": "gpt-6-luna"}, "environment": {"type": "none"}, "input": "Hello"},
    )
    client.close()
    html = browse.get(f"/threads/thread_{session['id'][5:]}/objects/agents").text
    assert re.findall(r"<h3>(\w+)", html) == ["session", "items"]
