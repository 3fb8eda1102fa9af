"""Targets that give the id of a call again, in a later round of the same turn: it is another call.

The embedded server never does, so that a proxy before it has all calls bear one id."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from assistctl.apis.responses.converse import NOT_CALLED
from assistctl.conversation.turns import turn
from assistctl.events import ActionRequired, ToolCall
from assistctl.server import EmbeddedServer, Settings
from assistctl.surface import Called
from tests.apis.fault_proxy import broken_off
from tests.apis.talks import FUNCTIONS, Echo, Shop
from tests.server.chat_endpoint import call, chat_endpoint_running, say

ONLY = b"call_1"
_ID = re.compile(rb"call_[0-9A-Za-z]{20,}")
ROUNDS = ('{"total": 1}', '{"total": 2}', '{"total": 2}')


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with chat_endpoint_running() as endpoint:
        settings = Settings(
            tmp_path_factory.mktemp("target") / "local.db",
            model={"base_url": endpoint.url},
            embeddings="none",
            late_calls=0.05,
        )
        with EmbeddedServer(settings) as server:
            yield server, endpoint


@pytest.fixture
def server(target):
    return target[0]


@pytest.fixture
def endpoint(target):
    """A model that calls in three rounds, twice the same."""
    target[1].answer(*(call(("c", "save_bill", told)) for told in ROUNDS), say("Saved."))
    return target[1]


class OneId:
    """A fault that lets each call bear the same id. `then` is what befalls an answer besides."""

    def __init__(self) -> None:
        self._known = [ONLY]
        self.then = lambda request, answer: answer

    def __call__(self, number, request):
        return self._asked

    def _asked(self, request, forward):
        answer = forward(replace(request, body=request.body.replace(ONLY, self._known[-1])))
        if answer.events is not None:
            answer = replace(answer, events=map(self._hide, answer.events))
        else:
            answer = replace(answer, body=self._hide(answer.body))
        return self.then(request, answer)

    def _hide(self, told: bytes) -> bytes:
        self._known += [each for each in _ID.findall(told) if each not in self._known]
        return _ID.sub(ONLY, told)


@pytest.fixture
def ids(proxy, endpoint) -> OneId:
    proxy.fault = OneId()
    return proxy.fault


@pytest.fixture
def shop(bench, proxy) -> Iterator[Shop]:
    """At the proxy."""
    bench.assistant("shop", *FUNCTIONS, model="gpt-6-luna", instructions="Sell.")
    bench.apply()
    with Shop(bench).at(proxy.base_url) as shop:
        yield shop


def outcome(talk):
    finished = list(turn(talk, Echo(), "3 roses sold"))[-1]
    return finished.status, finished.text, [it.output for it in finished.tool_calls]


ALL = ("completed", "Saved.", [f"got {told}" for told in ROUNDS])


def test_a_call_of_a_later_round_is_made_though_its_id_was_answered_before(ids, shop):
    talk = shop.talk()
    assert outcome(talk) == ALL
    past = shop.bench.surface.turns(talk.thread)
    assert [[it.output for it in turn.finished.tool_calls] for turn in past] == [ALL[2]]


def test_it_is_made_once_where_streams_break_off(ids, shop, monkeypatch):
    monkeypatch.setattr("assistctl.apis.transport.pacing.pause", lambda attempt, asked: 0.0)
    ids.then = lambda request, answer: broken_off(answer, 2) if answer.events else answer
    assert outcome(shop.talk()) == ALL


@pytest.mark.only_at("responses", because="elsewhere a turn that waits is cancelled first")
def test_of_calls_that_were_left_open_one_that_bears_the_id_of_an_answered_one_is_answered_too(
    ids, endpoint, shop
):
    endpoint.answer(*(call(("c", "save_bill", told)) for told in ROUNDS[:2]), say("Hello."))
    talk = shop.talk()
    first = list(talk.send("3 roses sold"))[-1]
    assert isinstance(first, ActionRequired)
    assert list(talk.submit([*Echo().call(first.calls)]))[-1] == ActionRequired(
        (ToolCall("call_1", "save_bill", ROUNDS[1]),)
    )
    again = shop.talk(talk.thread)
    assert list(again.send("hi"))[-1].text == "Hello."
    told = shop.bench.surface.read_thread(talk.thread).entries
    assert [it.output for it in told if isinstance(it, Called)] == [
        'got {"total": 1}',
        NOT_CALLED,
    ]
