"""Real `assistctl sync` processes against a target that fails, or answers in its own way: the sync
ends right or says clearly why not, with a non-zero exit code, and the next one ends right.

By default each way to fail is tried once, at one of the APIs; ALL_FAULTS=1 tries three ways at each
request. (test_faults.py tries every way at every request, without processes.)
"""

import json
import os
from urllib.parse import parse_qs, urlsplit

import pytest

from assistctl.resources import ASSISTANT
from tests.apis.fault_proxy import (
    Answer,
    Request,
    answer_cut,
    answer_empty,
    answer_half_json,
    answer_lost,
    answer_not_json,
    dropped,
    error,
    hanging,
    spread,
    unseen,
)
from tests.apis.florists import florists_at
from tests.apis.jobs import TIMEOUT
from tests.apis.scene import opinionated
from tests.apis.surfaces import ASSISTANTS

pytestmark = pytest.mark.sweep
PAGES = pytest.mark.only_at(
    "assistants", because="pages are read in one way, and only this API has servers of many makers"
)

THOROUGH = "ALL_FAULTS" in os.environ
WAYS = 3
SELDOM = 4
"""At other APIs than the one that was first: the same engine writes other objects."""

FAULTS = {
    "refused": lambda proxy: proxy.door.refuse(0.03),
    "dropped": lambda proxy: dropped,
    "answer lost": lambda proxy: answer_lost,
    "no answer in time": lambda proxy: hanging(TIMEOUT + 0.5, carried_out=False),
    "carried out, no answer in time": lambda proxy: hanging(TIMEOUT + 0.5, carried_out=True),
    "408": lambda proxy: error(408),
    "409": lambda proxy: error(409),
    "429": lambda proxy: error(429, retry_after="1"),
    "carried out, 429": lambda proxy: error(429, carried_out=True, retry_after_ms="10"),
    "500": lambda proxy: error(500),
    "carried out, 500": lambda proxy: error(500, carried_out=True),
    "401": lambda proxy: error(401),
    "answer cut": lambda proxy: answer_cut,
    "answer half JSON": lambda proxy: answer_half_json,
    "answer not JSON": lambda proxy: answer_not_json,
    "answer empty": lambda proxy: answer_empty,
}
SHARES = {
    ("first", "assistants"): slice(0, None, 4),
    ("update", "assistants"): slice(2, None, 4),
    ("first", "responses"): slice(1, None, 8),
    ("update", "responses"): slice(3, None, 8),
    ("first", "agents"): slice(5, None, 8),
    ("update", "agents"): slice(7, None, 8),
}
"""Which of them are tried where, if not all are."""


def tried(requests, kind, api):
    """At which request which fault."""
    names = list(FAULTS)
    if not THOROUGH:
        share = names[SHARES[kind, api.name]]
        return list(zip(spread(requests, len(share)), share, strict=True))
    every, ways = (1, WAYS) if api is ASSISTANTS else (SELDOM, 1)
    return [
        (number, names[(number // every + way * len(names) // ways) % len(names)])
        for number in range(1, requests + 1, every)
        for way in range(ways)
    ]


def shared(targets, kind):
    """Those targets that are tried with this kind of sync; all with both, or half with each."""
    names = list(targets) if THOROUGH else list(targets)[kind == "update" :: 2]
    return {name: targets[name] for name in names}


@pytest.fixture(params=["first", "update"])
def florists(request, target, api, tmp_path):
    with florists_at(target, api, tmp_path, request.param) as florists:
        yield florists


def unclear(code, said):
    """What is wrong with how a sync ended."""
    if code == 0:
        return []
    is_clear = code in (1, 3) and "error: " in said and "bug" not in said and "Traceb" not in said
    return [] if is_clear else [f"it ended with {code}: {said}"]


def report(florists, cases, failures):
    print(f"{florists.kind}, {florists.api.name}: cases / right: {cases} / {cases - len(failures)}")
    assert failures == []


def test_whatever_fails_once_is_survived_or_said(florists):
    failures, cases = [], tried(florists.requests(), florists.kind, florists.api)
    for number, name in cases:
        florists.prepare()
        florists.proxy.at(number, FAULTS[name](florists.proxy))
        code, said = florists.run(*florists.sync)
        broken, lost = florists.proxy.last(number), florists.uploads()
        if wrong := unclear(code, said) + florists.wrong(lost):
            failures.append(f"{name} at {number}, {broken}: {code}, {said}: {wrong}")
    report(florists, len(cases), failures)


def paging(page):
    """A target with its own idea of pages: `page(items, after)` says what it answers."""

    def fault(number, request):
        url = urlsplit(request.path)
        query = parse_qs(url.query)
        if request.method != "GET" or "limit" not in query:
            return None

        def answer(request, forward):
            path = f"{url.path}?limit=100&order={query['order'][0]}"
            whole = forward(Request("GET", path, b"", request.headers))
            if whole.status != 200:
                return whole
            items = json.loads(whole.body)["data"]
            ids = [item["id"] for item in items]
            after = query.get("after", [None])[0]
            body = page(items, ids.index(after) + 1 if after in ids else 0)
            return Answer(200, json.dumps({"object": "list", **body}).encode(), whole.headers)

        return answer

    return fault


def one_by_one(items, start):
    return {"data": items[start : start + 1], "has_more": start + 1 < len(items)}


def everything_at_once(items, start):
    return {"data": items[start:], "has_more": False}


def everything_always(items, start):
    return {"data": items}


def always_the_first(items, start):
    return {"data": items[:1], "has_more": len(items) > 1}


def in_a_circle(items, start):
    start %= max(1, len(items))
    return {"data": items[start : start + 1], "has_more": len(items) > 1}


def overlapping(items, start):
    start = max(0, start - 1)
    return {"data": items[start : start + 2], "has_more": start + 2 < len(items)}


def silent(items, start):
    return {"data": items[start : start + 2]}


def as_it_is(request, body):
    return body


def without_metadata(request, body):
    for item in body.get("data", [body]):
        if "metadata" in item:
            item["metadata"] = {}
    return body


FAITHFUL = {
    "one item a page": {"fault": paging(one_by_one)},
    "all items on a page": {"fault": paging(everything_at_once)},
    "all items whatever is asked": {"fault": paging(everything_always)},
    "pages that overlap": {"fault": paging(overlapping)},
    "pages that do not tell whether there are more": {"fault": paging(silent)},
    "other order, defaults filled in, fields dropped": {"rewrite": opinionated},
}
UNUSABLE = {
    "no metadata": {"rewrite": without_metadata},
    "the first page for ever": {"fault": paging(always_the_first)},
    "pages in a circle": {"fault": paging(in_a_circle)},
}


@PAGES
def test_targets_of_their_own_kind_are_served(florists):
    cases, failures = 0, []
    for name, about in shared(FAITHFUL, florists.kind).items():
        cases += 1
        florists.proxy.rewrite = about.get("rewrite", as_it_is)
        florists.prepare()
        florists.proxy.fault = about.get("fault", lambda number, request: None)
        code, said = florists.run(*florists.sync)
        if not code:
            code, said = florists.called("plan", "--detailed-exitcode")
        if wrong := ([f"{code}, {said}"] if code else []) + florists.wrong(0):
            failures.append(f"{name}: {wrong}")
    report(florists, cases, failures)


def test_what_was_just_made_may_be_unknown_to_the_target_for_a_while(florists):
    florists.prepare()
    florists.proxy.fault = unseen(2)
    code, said = florists.run(*florists.sync)
    assert code == 0, said
    assert florists.wrong(0) == []


def unusable(kind):
    """Pages of their own kind are found out where there is something to be listed."""
    if THOROUGH:
        return UNUSABLE
    return {
        name: it for name, it in UNUSABLE.items() if (name == "no metadata") == (kind == "first")
    }


@PAGES
def test_targets_that_cannot_be_used_are_said_to_be_so_and_nothing_is_lost(florists):
    cases, failures = 0, []
    for name, about in unusable(florists.kind).items():
        cases += 1
        florists.prepare()
        before = florists.there.at(ASSISTANT)
        florists.proxy.rewrite = about.get("rewrite", as_it_is)
        florists.proxy.fault = about.get("fault", lambda number, request: None)
        code, said = florists.run(*florists.sync)
        wrong = unclear(code, said)
        if name == "no metadata" or florists.kind == "update":
            wrong += ["it passed"] if code == 0 else []
            wrong += [] if florists.there.at(ASSISTANT) == before else ["assistants were written"]
        florists.proxy.rewrite = as_it_is
        if wrong := wrong + florists.wrong(0):
            failures.append(f"{name}: {code}, {said}: {wrong}")
    report(florists, cases, failures)
