"""What the target does for an answer, at each API: code that it runs, searches, citations and files
that are made; told as it happens, once, whatever breaks."""

import re
import time
from dataclasses import replace

import pytest

from assistctl.conversation.turns import turn
from assistctl.events import (
    CodeCalled,
    CodeReturned,
    Hit,
    Notice,
    Searched,
    Source,
    TextDelta,
)
from assistctl.resources import CodeInterpreter, FileSearch
from assistctl.server import EmbeddedServer, Settings
from tests.apis.fault_proxy import cut_after, proxy_to
from tests.apis.talks import Echo, Shop

CODE = """\
open('/mnt/data/sums.csv', 'w').write('roses,7')
print(3 + 4)
"""
SLOW = "import time; time.sleep(0.5)"
SCRIPT = [
    {
        "when": "sum",
        "call": {"code_interpreter": {"code": CODE}},
        "say": "7: [sums](sandbox:/mnt/data/sums.csv).",
    },
    {
        "when": "care",
        "call": {"file_search": {"query": "watering roses"}},
        "say": "Daily【4:0†source】, says the book【4:0†source】. Not so【9:9†other】【重要】.",
    },
    {"when": "wrong", "call": {"code_interpreter": {"code": "1 / 0"}}},
    {"when": "misled", "call": {"file_search": {"q": "roses"}}, "say": "Found."},
    {"when": "slow", "call": {"code_interpreter": {"code": SLOW}}},
]
BOOK = "Water the roses daily."


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    settings = Settings(
        tmp_path_factory.mktemp("target") / "local.db",
        model="scripted",
        embeddings="none",
        scripts={"ws/shop": SCRIPT},
    )
    with EmbeddedServer(settings) as server:
        yield server, None


@pytest.fixture
def server(target):
    """The server as the tests before have left it."""
    return target[0]


@pytest.fixture
def shop(bench):
    bench.store("book", bench.file("book.md", BOOK))
    bench.assistant("shop", CodeInterpreter(), FileSearch("book"), instructions="Help.")
    assert bench.apply() == []
    return Shop(bench)


@pytest.fixture
def heard(shop):
    """All events of a turn, without what is different each time."""

    def hear(message):
        *events, last = turn(shop.talk(), Echo(), message)
        return [timeless(event) for event in events], last

    return hear


def timeless(event):
    return (
        replace(event, id="", seconds=None) if isinstance(event, CodeReturned | Searched) else event
    )


def kinds(events, *wanted):
    return [event for event in events if isinstance(event, wanted)]


def breaking_off(events):
    """Streams end after so many events; all else is as it is."""

    def fault(number, request):
        streams = request.method == "POST" or request.path.endswith("/events")
        return cut_after(events) if streams else None

    return fault


def numbered(events):
    """What people read."""
    deltas = kinds(events, TextDelta)
    return "".join(f"[{delta.source}]" if delta.source else delta.text for delta in deltas)


def test_code_is_told_when_it_begins_and_when_it_has_ended_and_its_file_is_named(heard):
    events, last = heard("sum?")
    begun, ended = kinds(events, CodeCalled, CodeReturned)
    assert (begun.code, ended) == (CODE, CodeReturned("", CODE, "7\n"))
    (step,) = last.steps
    assert step == replace(ended, id=begun.id, seconds=step.seconds)
    assert 0 < step.seconds < 60
    (file,) = last.files
    assert (file.name, file.size) == ("sums.csv", 7)
    assert last.text == "7: [sums](sandbox:/mnt/data/sums.csv)."


def test_code_is_shown_before_it_runs_and_timed_while_it_does(shop):
    moments = {}
    for event in turn(shop.talk(), Echo(), "slow?"):
        moments[type(event)] = time.monotonic(), event
    (begun, called), (ended, returned) = moments[CodeCalled], moments[CodeReturned]
    assert called.code == SLOW
    assert ended - begun >= 0.45
    assert 0.45 <= returned.seconds <= ended - begun + 0.5


def test_code_that_fails_says_so(heard, api):
    events, _ = heard("wrong?")
    (ended,) = kinds(events, CodeReturned)
    raised = "ZeroDivisionError: division by zero"
    assert ended.error == ("exit code 1" if api.name == "agents" else raised)


def test_a_search_that_failed_says_so_where_the_api_does_and_is_followed_by_no_say(heard, api):
    events, last = heard("misled?")
    (found,) = kinds(events, Searched)
    error = {
        "assistants": None,
        "responses": "the call is failed",
        "agents": 'the arguments must be {"query": "…"}',
    }[api.name]
    assert (found.hits, found.error) == ((), error)
    assert last.text.startswith("A tool call failed: ")


@pytest.mark.only_at("assistants", "responses", because="where file_search is not emulated")
def test_a_search_tells_what_it_found_and_marks_become_numbers_of_sources(heard, api, shop):
    events, last = heard("care?")
    (found,) = kinds(events, Searched)
    file_id = shop.bench.at("file")[0]["id"]
    queries = {"assistants": (), "responses": ("watering roses",)}[api.name]
    assert found == Searched("", queries, (Hit("book.md", file_id, found.hits[0].score, BOOK),))
    assert 0 < found.hits[0].score <= 1
    assert last.steps == (replace(found, id=last.steps[0].id, seconds=last.steps[0].seconds),)
    assert "".join(delta.text for delta in kinds(events, TextDelta)) == last.text
    assert numbered(events) == "Daily[1], says the book[1]. Not so[2]【重要】."
    assert last.sources == (Source(1, "book.md", file_id), Source(2))
    unmarked = SCRIPT[1]["say"].replace("【4:0†source】", "")
    assert last.text == {"assistants": SCRIPT[1]["say"], "responses": unmarked}[api.name]
    assert [note["type"] for note in last.annotations] == ["file_citation"] * 2


@pytest.mark.parametrize("events", range(3, 24, 4))
def test_a_stream_that_broke_off_loses_nothing_and_repeats_nothing(shop, server, events):
    whole = list(turn(shop.talk(), Echo(), "sum?"))[-1]
    with proxy_to(server.base_url) as proxy, shop.at(proxy.base_url) as far:
        proxy.fault = breaking_off(events)
        broken = list(turn(far.talk(), Echo(), "sum?"))
    last = broken[-1]
    assert [(step.code, step.output) for step in last.steps] == [(CODE, "7\n")]
    assert [(file.name, file.size) for file in last.files] == [("sums.csv", 7)]
    assert last.text == whole.text == "".join(it.text for it in kinds(broken, TextDelta))
    assert len(kinds(broken, CodeCalled)) == len(kinds(broken, CodeReturned)) == 1


@pytest.mark.only_at("assistants", "responses", because="where file_search is not emulated")
@pytest.mark.parametrize("events", [2, 9, 20])
def test_citations_are_numbered_where_they_stand_also_after_a_stream_broke_off(
    shop, server, events
):
    with proxy_to(server.base_url) as proxy, shop.at(proxy.base_url) as far:
        proxy.fault = breaking_off(events)
        *heard, last = turn(far.talk(), Echo(), "care?")
    assert kinds(heard, Notice)[-1].text.startswith("the stream broke off")
    assert numbered(heard) == "Daily[1], says the book[1]. Not so[2]【重要】."
    assert len(kinds(heard, Searched)) == 1
    assert len(last.annotations) == 2


@pytest.mark.only_at("responses", because="only responses can be a chain without a conversation")
def test_a_chain_of_responses_is_told_again_turn_by_turn_with_what_each_has_used(shop):
    client, before, used = shop.bench.client, None, []
    code = {"type": "code_interpreter", "container": {"type": "auto"}}
    for message in ("sum?", "wrong?"):
        body = {"model": "gpt-6-luna", "metadata": {"assistctl": "ws/shop"}, "tools": [code]}
        link = {"previous_response_id": before} if before else {}
        response = client.create("/responses", {**body, **link, "input": message})
        before = response["id"]
        used.append(response["usage"]["total_tokens"])
    first, second = shop.bench.surface.turns(before)
    assert (first.message, first.shown) == ("sum?", "7: [sums](sandbox:/mnt/data/sums.csv).")
    (step,) = first.finished.steps
    assert (step.code, step.output, step.seconds) == (CODE, "7\n", None)
    assert (second.message, second.finished.run) == ("wrong?", before)
    assert [turn.finished.usage["total_tokens"] for turn in (first, second)] == used


def test_what_is_read_beyond_the_stream_is_read_after_the_answer(shop, server, api):
    asked, before = [], []
    with proxy_to(server.base_url) as proxy, shop.at(proxy.base_url) as far:
        talk = far.talk()
        proxy.fault = lambda number, request: asked.append(plain(str(request)))
        for event in turn(talk, Echo(), "sum?"):
            before = before or (isinstance(event, TextDelta) and list(asked))
    after = asked[len(before) :]
    assert (before, after) == {
        "assistants": (
            ["POST /v1/threads", "POST /v1/threads/…/messages", "POST /v1/threads/…/runs"],
            ["GET /v1/files/…"],
        ),
        "responses": (
            ["POST /v1/conversations", "GET /v1/vector_stores/…", "POST /v1/responses"],
            ["GET /v1/containers/…/files"],
        ),
        "agents": (
            ["GET /v1/agents/…", "POST /v1/agents/sessions"],
            ["GET /v1/agents/sessions/…/artifacts"],
        ),
    }[api.name]


def plain(request):
    return re.sub(r"[a-z]+[_-][A-Za-z0-9]{16,}", "…", request)
