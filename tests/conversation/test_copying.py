"""Copies of threads that break at any request, at each API: nothing is left, or it is said what and
the next copy deletes it first."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from functools import partial

import pytest

from assistctl.conversation import copying
from assistctl.conversation.sessions import session
from assistctl.errors import AssistctlError
from assistctl.loading import load
from assistctl.record import copies
from assistctl.record.threads import Thread
from assistctl.server import EmbeddedServer, Settings
from assistctl.surface import Attached, Called, Message, Transcript
from tests.apis.fault_proxy import Answer, error, proxy_to
from tests.commands.conftest import Shop

APIS = ("assistants", "responses", "agents")
UNKNOWN = {
    "POST /v1/threads": "thread",
    "POST /v1/conversations": "thread",
    "POST /v1/agents/sessions": "thread",
    "POST /v1/files": "file",
}
"""What nobody can look for whose answer was lost."""

CARE = Attached("care.md", "care.md", ("code_interpreter", "file_search"))
SAID = (
    Message("user", "How are roses watered?", (CARE,)),
    Called("add", '{"a": 1}', "1"),
    Message("assistant", "Daily."),
)
SOURCE = Thread(1, "thread_source", "elsewhere", "clerk", "Roses", "", "", 1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("assistctl.apis.agents.converse.UNSEEN_SECONDS", 0.3)
    monkeypatch.setattr("assistctl.apis.transport.pacing.pause", lambda attempt, asked: 0.0)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A server, a proxy to it, and a workspace that is in sync with it by every API."""
    database = tmp_path_factory.mktemp("target") / "target.db"
    settings = Settings(database, model="scripted", embeddings="none")
    with EmbeddedServer(settings) as server, proxy_to(server.base_url) as proxy:
        shop = Shop(tmp_path_factory.mktemp("shop"))
        (shop.root / "assistants").mkdir()
        (shop.root / "assistants" / "clerk.yaml").write_text("tools: [{type: code_interpreter}]\n")
        (shop.root / "care.md").write_text("Water them daily.\n")
        (shop.root / ".env").write_text(f"PROXY={proxy.base_url}\nKEY={server.api_key}\n")
        address = 'base_url: "${PROXY}", api_key: "${KEY}"'
        targets = "".join(f"  {api}: {{{address}, api: {api}}}\n" for api in APIS)
        (shop.root / "assistctl.yaml").write_text(
            f"version: 1\nworkspace: shop\ndefaults: {{model: gpt-6-luna}}\ntargets:\n{targets}"
        )
        for api in APIS:
            result = shop("sync", "-t", api, "--yes")
            assert result.code == 0, result.err
        yield shop.root, proxy, database


def copied(root, api, breaks=lambda: None):
    """What a copy comes to, or why it failed; it breaks from its first request on."""
    with session(load(root, api), "clerk") as talk:
        original = copying.Original(SOURCE, Transcript(SAID), {"care.md": root / "care.md"})
        breaks()
        try:
            return copying.write(original, talk)
        except AssistctlError as error:
            return str(error)


def there(database):
    """How many threads, of whatever API, and files the target has."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT kind, count(*) FROM documents WHERE kind IN ('thread', 'file') GROUP BY kind"
        ).fetchall()
    return Counter(dict(rows))


def measured(target, api):
    """How many requests a copy makes, and what it adds to the target."""
    root, proxy, database = target
    before = there(database)
    assert isinstance(copied(root, api, proxy.reset), copying.Copied)
    return len(proxy.requests), there(database) - before


@pytest.mark.parametrize("api", APIS)
def test_where_a_request_is_refused_nothing_is_left_at_the_target(target, api):
    root, proxy, database = target
    requests, adds = measured(target, api)
    for number in range(1, requests + 1):
        for status in (400, 500):
            before = there(database)
            told = copied(root, api, partial(proxy.at, number, error(status)))
            broken = f"{status} for {proxy.last(number)}"
            left = there(database) - before
            assert left == (adds if isinstance(told, copying.Copied) else Counter()), broken


@pytest.mark.parametrize("api", APIS)
def test_what_a_copy_that_died_has_left_is_told_and_deleted_by_the_next_one(target, api):
    root, proxy, database = target
    requests, adds = measured(target, api)
    for number in range(1, requests + 1):
        before = there(database)
        told = copied(root, api, partial(proxy.dies_after, number))
        broken = proxy.last(number)
        proxy.reset()
        lost = Counter([UNKNOWN[broken]] if broken in UNKNOWN else [])
        left = there(database) - before - lost
        assert told.count("thread_") + told.count("conv_") >= left["thread"], broken
        assert ("the next copy of this thread to it deletes that first" in told) is bool(left)
        assert isinstance(copied(root, api), copying.Copied)
        assert there(database) - before == adds + lost, broken


def test_a_copy_that_is_killed_is_not_doubled_by_the_next_one(target):
    root, proxy, database = target
    shop = Shop(root)
    thread = json.loads(shop.raw("run", "-t", "agents", "clerk", "Hi", "--format", "json").stdout)
    copy = ("threads", "copy", thread["thread"], "--to", "assistants")
    before = there(database)
    with shop.started(*copy) as started:

        def kills(request, forward):
            started.process.kill()
            return Answer()

        proxy.fault = lambda count, request: (
            kills if request.path.endswith("/messages") and request.method == "POST" else None
        )
        started.process.wait(60)
    proxy.reset()
    assert there(database) - before == Counter(thread=1)
    assert shop(*copy).code == 0
    assert there(database) - before == Counter(thread=1)
    assert list((root / ".assistctl" / "copies").iterdir()) == []


def test_a_thread_is_copied_to_a_target_once_at_a_time(target):
    root, *_ = target
    with copies.begun(root, SOURCE.target, SOURCE.id, "responses"):
        assert copied(root, "responses") == (
            "thread_source is being copied to responses by another command"
        )
