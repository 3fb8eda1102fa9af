"""What only runs have: defaults, and an end that a target may be late to tell of."""

import re
import time
from contextlib import closing
from dataclasses import replace

import pytest

from assistctl.apis.assistants.converse import Conversation
from assistctl.apis.transport.client import Client
from assistctl.errors import Place, RemoteError
from assistctl.events import RunStarted
from assistctl.resources import Assistant
from tests.commands.middleman import staging

SHOP = Assistant("shop", Place("assistants/shop.yaml", 1, 1), {})
pytestmark = pytest.mark.only_at("assistants", because="what only a run has")


def test_a_run_that_never_ends_is_not_asked_after_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("assistctl.apis.answers.WAIT_SECONDS", 0.5)

    def stuck(method, path, ask):
        status, body = ask()
        if method == "POST" and path.endswith("/runs"):
            return status, b""
        return status, body.replace(b'"completed"', b'"in_progress"')

    with staging(tmp_path, stuck) as (direct, environ):
        assistant = direct.create("/assistants", {"model": "gpt-4.1"})
        client = Client(environ["STAGING_URL"], environ["STAGING_KEY"])
        talk = Conversation(client, SHOP, assistant["id"], "ws/shop")
        with closing(client), pytest.raises(RemoteError) as caught:
            list(talk.send("hi"))
        assert str(caught.value) == (
            f"run {talk.run} is in_progress still, 0 s after its stream broke off; "
            "end it with --cancel-active"
        )


def test_a_run_expires_by_our_clock_whatever_the_targets_says(tmp_path):
    def an_hour_late(method, path, ask):
        def hour_ago(found):
            return found[1] + str(int(found[2]) - 3600).encode()

        status, body = ask()
        return status, re.sub(rb'("(?:created|expires)_at": ?)(\d+)', hour_ago, body)

    with staging(tmp_path, an_hour_late) as (direct, environ):
        assistant = direct.create("/assistants", {"model": "gpt-4.1"})
        client = Client(environ["STAGING_URL"], environ["STAGING_KEY"])
        talk = Conversation(client, SHOP, assistant["id"], "ws/shop")
        with closing(client):
            before = time.monotonic()
            events = talk.send("hi")
            while not isinstance(next(events), RunStarted):
                assert talk.deadline is None
            assert before + 600 <= talk.deadline <= time.monotonic() + 600
            events.close()


def test_defaults_are_sent_with_every_run(bench):
    bench.assistant("shop")
    bench.sync()
    assistant = replace(
        bench.assistants["shop"], run={"tool_choice": "none", "max_completion_tokens": 300}
    )
    talk = bench.surface.converse(assistant, bench.held("shop")["id"], None)
    list(talk.send("hi"))
    run = bench.client.get(f"/threads/{talk.thread}/runs/{talk.run}")
    assert (run["tool_choice"], run["max_completion_tokens"]) == ("none", 300)
