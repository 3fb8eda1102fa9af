"""Every request of a sync fails once, or is the last one; the next sync heals whatever was left.

By default each way to fail is tried once, in one of the scenarios, and it dies at a few requests;
ALL_FAULTS=1 tries every way at every request.
"""

import multiprocessing
import os
import signal
from importlib import import_module

import pytest

from tests.apis.bench import Bench
from tests.apis.fault_proxy import (
    answer_cut,
    answer_empty,
    answer_half_json,
    answer_lost,
    answer_not_json,
    dropped,
    error,
    hanging,
    not_found,
    proxy_to,
    spread,
)
from tests.apis.scene import SCENARIOS, UPLOAD, Scene, sync_from
from tests.apis.states import States
from tests.apis.surfaces import ASSISTANTS

pytestmark = pytest.mark.sweep
ENGINE = pytest.mark.only_at(
    "assistants", because="what dies in the middle is the same engine; test_kills.py kills at each"
)

SLOW = 1.5
"""Seconds after which the client gives up waiting."""


def refusing(request, forward):
    """Replaced by the door of the proxy that is used."""
    raise AssertionError


READS = "404 for reads"
"""The first three requests are some."""

NOT_CARRIED_OUT = {
    "dropped": dropped,
    "500": error(500),
    "503": error(503),
    "429": error(429, retry_after="0"),
    "refused": refusing,
    "no answer in time": hanging(SLOW + 0.3, carried_out=False),
    "408": error(408),
    "409": error(409),
    READS: not_found,
}
CARRIED_OUT = {
    "answer lost": answer_lost,
    "500 afterwards": error(500, carried_out=True),
    "answer cut": answer_cut,
    "answer not JSON": answer_not_json,
    "answer half JSON": answer_half_json,
    "answer empty": answer_empty,
    "409 afterwards": error(409, carried_out=True),
    "429 afterwards": error(429, carried_out=True),
    "no answer in time": hanging(SLOW + 0.3, carried_out=True),
}


THOROUGH = "ALL_FAULTS" in os.environ
EVERY = 1 if THOROUGH else 8
SELDOM = 2
"""At other APIs than the one that was first: the same engine writes other objects."""

SHARES = {
    ("first sync", "assistants"): slice(0, None, 3),
    ("edit", "assistants"): slice(1, None, 3),
    ("first sync", "responses"): slice(2, 3),
    ("edit", "responses"): slice(5, 6),
    ("first sync", "agents"): slice(8, 9),
    ("edit", "agents"): slice(4, 5),
}
"""Which ways are tried where, if not all are."""


def tried(requests, scenario, api, ways):
    """At which request which way."""
    if not THOROUGH:
        share = ways[SHARES[scenario, api.name]]
        numbers = spread(requests, len(share))
        return [(2 if way == READS else it, way) for it, way in zip(numbers, share, strict=True)]
    if api is ASSISTANTS:
        return [(number, way) for number in range(1, requests + 1) for way in ways]
    numbers = range(1, requests + 1, SELDOM)
    return [(number, ways[number // SELDOM % len(ways)]) for number in numbers]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pauses are as short as they can be; nothing else is different from life."""
    monkeypatch.setattr("assistctl.apis.transport.pacing.pause", lambda attempt, asked: 0.01)
    monkeypatch.setattr(import_module("assistctl.apis.managed.send"), "FIRST_PAUSE", 0.005)


@pytest.fixture
def scene(target, api, tmp_path):
    server, direct = target
    with proxy_to(server.base_url) as proxy:
        client = api.client(proxy.base_url, server.api_key, timeout=SLOW)
        bench = Bench(tmp_path / "workspace", api, client)
        yield Scene(bench, proxy, direct, States(server, tmp_path))
        client.close()


def report(scene, tried, failures):
    print(f"{scene.bench.api.name}: crash points tried / healed: {tried} / {tried - len(failures)}")
    assert failures == []


@pytest.mark.parametrize("faults", [NOT_CARRIED_OUT, CARRIED_OUT], ids=["before", "after"])
@pytest.mark.parametrize("scenario", ["first sync", "edit"])
def test_a_fault_at_any_request_heals(scene, scenario, faults):
    about, failures = SCENARIOS[scenario], []
    points = tried(about.requests(scene), scenario, scene.bench.api, list(faults))
    for number, fault in points:
        about.start(scene)
        door = scene.proxy.door.refuse(0.02)
        scene.proxy.at(number, door if fault == "refused" else faults[fault])
        reported = scene.try_sync(**about.options)
        broken = scene.proxy.last(number)
        lost_upload = broken == UPLOAD and faults is CARRIED_OUT
        if wrong := scene.wrong(about, uploads_lost=int(lost_upload)):
            failures.append(f"{fault} at {number}, {broken}: {wrong}; reported {reported}")
    report(scene, len(points), failures)


@ENGINE
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_death_after_any_request_heals(scene, scenario):
    die_everywhere(scene, SCENARIOS[scenario], first=1 + list(SCENARIOS).index(scenario) % EVERY)


@ENGINE
def test_a_death_heals_where_the_old_has_to_make_room_for_the_new(scene, monkeypatch):
    monkeypatch.setattr(import_module("assistctl.apis.managed.compile"), "STORE_FILES", 0)
    die_everywhere(scene, SCENARIOS["edit"])


def die_everywhere(scene, scenario, first=1):
    """To die after a request is what it is to die before the next one."""
    failures = []
    points = range(first, scenario.requests(scene) + 1, EVERY)
    for number in points:
        scenario.start(scene)
        scene.proxy.dies_after(number)
        scene.try_sync(**scenario.options)
        done = scene.proxy.requests[:number]
        uploads = sum(str(request) == UPLOAD for request in done)
        if wrong := scene.wrong(scenario, uploads_lost=uploads):
            failures.append(f"{number}, {scene.proxy.last(number)}: {wrong}")
    report(scene, len(points), failures)


@ENGINE
@pytest.mark.parametrize("scenario", ["first sync", "edit"])
def test_a_killed_process_heals(scene, scenario):
    """The same with a real process and SIGKILL, at some of the points."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.apis.scene"])
    about = SCENARIOS[scenario]
    points, failures = range(3, about.requests(scene) + 1, 3 if THOROUGH else 12), []
    for number in points:
        about.start(scene)
        url, key = scene.proxy.base_url, scene.direct._client.api_key
        process = context.Process(target=sync_from, args=(scene.bench.root, url, key, scenario))
        scene.proxy.at(
            number, lambda request, forward, it=process: (it.kill(), forward(request))[1]
        )
        others = scene.proxy.door.inside
        process.start()
        process.join()
        scene.proxy.door.wait_until_left(others)
        assert process.exitcode in (-signal.SIGKILL, 0)
        broken = scene.proxy.last(number)
        uploads = sum(str(request) == UPLOAD for request in scene.proxy.requests)
        if wrong := scene.wrong(about, uploads_lost=uploads):
            failures.append(f"{number}, {broken}: {wrong}")
    report(scene, len(points), failures)
