"""Every request of a sync fails once, in every way; the next sync heals whatever was left."""

import json
import os
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from assistctl.apis.assistants import Assistants
from assistctl.apis.client import Client
from assistctl.errors import AssistctlError, Place
from assistctl.resources import CodeInterpreter, FileSearch, Function, FunctionTool
from assistctl.server import EmbeddedServer, Settings
from tests.apis.bench import Bench
from tests.apis.fault_proxy import (
    FaultProxy,
    answer_cut,
    answer_empty,
    answer_half_json,
    answer_lost,
    answer_not_json,
    dropped,
    error,
    not_found,
    proxy_to,
)

PLACE = Place("assistctl.yaml", 1, 1)
SECONDS_UNTIL_HUNG = 60
NOT_CARRIED_OUT = {
    "dropped": dropped,
    "500": error(500),
    "503": error(503),
    "429": error(429, retry_after="0"),
    "408": error(408),
    "409": error(409),
    "404 for reads": not_found,
}
CARRIED_OUT = {
    "answer lost": answer_lost,
    "500 afterwards": error(500, carried_out=True),
    "answer cut": answer_cut,
    "answer not JSON": answer_not_json,
    "answer half JSON": answer_half_json,
    "answer empty": answer_empty,
}
FAULTS = NOT_CARRIED_OUT | CARRIED_OUT


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pauses are as short as they can be; nothing else is different from life."""
    monkeypatch.setattr("assistctl.apis.client._pause", lambda attempt, retry_after: 0.0)
    monkeypatch.setattr("assistctl.apis.assistants.execute.FIRST_PAUSE", 0.005, raising=False)
    monkeypatch.setattr("openai._base_client.BaseClient._calculate_retry_timeout", lambda *a: 0.0)


@dataclass
class Scene:
    """A workspace that syncs through a faulty proxy, and a look at the target past it."""

    bench: Bench
    proxy: FaultProxy
    direct: Client

    def declare(self, *, edited=False):
        bench = self.bench
        bench.assistants.clear()
        prices = bench.file("assistants/prices.csv", "rose,2" if edited else "rose,1")
        costs = bench.file("assistants/costs.csv", "rose,0.5")
        pages = [bench.file(f"docs/{name}.md", f"page {name}") for name in "ab"]
        save = FunctionTool(
            Function("save", PLACE, "Save.", {"type": "object", "properties": {}}, True)
        )
        bench.store("handbook", *pages)
        bench.store("shop.file_search", prices, implicit=True)
        bench.assistant(
            "shop", CodeInterpreter((prices, costs)), FileSearch("shop.file_search"), save
        )
        bench.assistant(
            "desk",
            CodeInterpreter((prices,)),
            FileSearch("handbook"),
            name="Desk",
            instructions="Be kind." if edited else "Be brief.",
        )
        bench.assistant("clerk", *([] if edited else [save]), metadata={"team": "a"})

    def start(self, *, edited):
        """An empty target or, before an edit, one that is in sync."""
        self.proxy.reset()
        self.wipe()
        self.declare()
        if edited:
            self.bench.sync()
            self.declare(edited=True)
        self.proxy.reset()

    def requests(self, *, edited):
        """How many requests an undisturbed sync makes."""
        self.start(edited=edited)
        self.bench.apply()
        return len(self.proxy.requests)

    def try_sync(self):
        """A sync that may fail, but neither with a traceback nor without an end."""
        with ThreadPoolExecutor(1) as pool:
            try:
                return pool.submit(self.bench.apply).result(SECONDS_UNTIL_HUNG)
            except AssistctlError as failure:
                return [str(failure)]

    def wipe(self):
        for path in ("/assistants", "/vector_stores", "/files"):
            for item in self.direct.list(path):
                self.direct.delete(f"{path}/{item['id']}")

    def owners(self, path):
        return sorted(item["metadata"].get("assistctl") for item in self.direct.list(path))

    def strays(self):
        """Uploads that nothing refers to, by name."""
        used = set()
        for store in self.direct.list("/vector_stores"):
            used |= {f["id"] for f in self.direct.list(f"/vector_stores/{store['id']}/files")}
        for assistant in self.direct.list("/assistants"):
            resources = assistant["tool_resources"] or {}
            used |= set((resources.get("code_interpreter") or {}).get("file_ids", []))
        return [f["filename"] for f in self.direct.list("/files") if f["id"] not in used]

    def content(self, file_id, api_key):
        request = urllib.request.Request(
            f"{self.proxy.upstream}/files/{file_id}/content",
            headers={"Authorization": f"Bearer {api_key}"},
        )
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()

    def wrong(self, strays=0):
        """What is not as declared after a sync without faults, in words."""
        self.proxy.reset()
        found = []
        try:
            if failures := self.bench.apply():
                found.append(f"the healing sync failed: {failures}")
            if plan := self.bench.plan():
                found.append(f"the plan is not empty: {plan}")
        except AssistctlError as failure:
            return [f"the healing sync was refused: {failure}"]
        if (owners := self.owners("/assistants")) != ["ws/clerk", "ws/desk", "ws/shop"]:
            found.append(f"assistants: {owners}")
        if (owners := self.owners("/vector_stores")) != ["ws/handbook", "ws/shop.file_search"]:
            found.append(f"stores: {owners}")
        if len(lost := self.strays()) > strays:
            found.append(f"strays: {lost}")
        return found + self.falsely_drifted()

    def falsely_drifted(self):
        """An edit of everything after the healing is no drift."""
        before = self.bench.assistants.copy()
        more = FunctionTool(Function("more", PLACE, "More.", {"type": "object", "properties": {}}))
        for key, assistant in before.items():
            settings = {"instructions": "Other.", "temperature": 0.1, "metadata": {"new": "x"}}
            self.bench.assistant(key, *assistant.tools, more, **settings)
        _, _, plan = self.bench.survey()
        self.bench.assistants = before
        return [f"false drift: {change}" for change in plan.drifted]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = Settings(tmp_path_factory.mktemp("target") / "local.db", model="scripted")
    with EmbeddedServer(settings) as server:
        yield server


@pytest.fixture
def scene(server, tmp_path):
    with proxy_to(server.base_url) as proxy:
        clients = Client(proxy.base_url, server.api_key), Client(server.base_url, server.api_key)
        bench = Bench(tmp_path / "workspace", Assistants(clients[0], "ws"))
        yield Scene(bench, proxy, clients[1])
        for client in clients:
            client.close()


def report(tried, failures):
    print(f"crash points tried / healed: {tried} / {tried - len(failures)}")
    assert failures == []


@pytest.mark.parametrize("edited", [False, True], ids=["first sync", "edit"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_request_heals(scene, edited, fault):
    failures, tried = [], scene.requests(edited=edited)
    for number in range(1, tried + 1):
        scene.start(edited=edited)
        scene.proxy.at(number, FAULTS[fault])
        reported = scene.try_sync()
        broken = scene.proxy.requests[number - 1] if number <= len(scene.proxy.requests) else None
        lost_upload = str(broken) == "POST /v1/files" and fault in CARRIED_OUT
        if wrong := scene.wrong(strays=int(lost_upload)):
            failures.append(f"{number} {broken}: {wrong}; reported {reported}")
    report(tried, failures)


@pytest.mark.parametrize("edited", [False, True], ids=["first sync", "edit"])
@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
def test_a_death_at_any_request_heals(scene, edited, carried_out):
    failures, tried = [], scene.requests(edited=edited)
    for number in range(1, tried + 1):
        scene.start(edited=edited)
        scene.proxy.dies_at(number, carried_out=carried_out)
        scene.try_sync()
        done = scene.proxy.requests[: number - (0 if carried_out else 1)]
        broken = scene.proxy.requests[min(number, len(scene.proxy.requests)) - 1]
        uploads = sum(str(request) == "POST /v1/files" for request in done)
        if wrong := scene.wrong(strays=uploads):
            failures.append(f"{number} {broken}: {wrong}")
    report(tried, failures)
