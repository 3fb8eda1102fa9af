"""SIGKILL at each request of a real `assistctl sync`: before the target gets it, after the target
has carried it out, after the client has been answered. The next sync heals whatever was left.

By default at a few requests, the three ways taking turns; ALL_FAULTS=1 kills at each, and in each
of the ways.
"""

import os
import signal
from dataclasses import replace

import pytest

from tests.apis.fault_proxy import Answer, spread
from tests.apis.florists import florists_at

pytestmark = pytest.mark.sweep

THOROUGH = "ALL_FAULTS" in os.environ
SOME = {"assistants": 3, "responses": 2, "agents": 2}
"""How many requests are tried where it is not each."""

THREE = ("assistants", "responses")
"""Where ALL_FAULTS=1 kills at each request in each way. Agents are written as assistants are, so
that there the ways take turns."""


def before(job):
    def fault(request, forward):
        job.kill()
        return Answer()

    return fault


def carried_out(job):
    def fault(request, forward):
        forward(request)
        job.kill()
        return Answer()

    return fault


def answered(job):
    return lambda request, forward: replace(forward(request), then=job.kill)


MOMENTS = {"before": before, "carried out": carried_out, "answered": answered}


@pytest.mark.parametrize("kind", ["first", "update"])
def test_a_sync_that_is_killed_at_any_request_is_healed_by_the_next(target, tmp_path, kind, api):
    tried, failures = 0, []
    with florists_at(target, api, tmp_path, kind) as florists:
        proxy = florists.proxy
        requests, moments = florists.requests(), list(MOMENTS)
        numbers = range(1, requests + 1) if THOROUGH else spread(requests, SOME[api.name])
        for turn, number in enumerate(numbers, kind == "update"):
            one = [moments[turn % len(moments)]]
            for moment in moments if THOROUGH and api.name in THREE else one:
                tried += 1
                florists.prepare()
                job = florists.job(*florists.sync)
                proxy.at(number, MOMENTS[moment](job))
                code = job.start().wait()
                broken, lost = proxy.last(number), florists.uploads()
                wrong = florists.wrong(lost)
                if code not in (0, -signal.SIGKILL):  # 0: there were fewer requests this time
                    wrong.append(f"exit code {code}: {job.said}")
                if wrong:
                    failures.append(f"{moment} {number}, {broken}: {wrong}")
    print(f"{kind}, {api.name}: crash points tried / healed: {tried} / {tried - len(failures)}")
    assert failures == []
