"""SIGKILL at each request of a real `assistctl sync`: before the target gets it, after the target
has carried it out, after the client has been answered. The next sync heals whatever was left.

By default at every few requests; ALL_FAULTS=1 kills at each, and in each of the three ways.
"""

import os
import signal
from dataclasses import replace

import pytest

from tests.apis.fault_proxy import Answer
from tests.apis.florists import florists_at

pytestmark = pytest.mark.sweep

THOROUGH = "ALL_FAULTS" in os.environ
EVERY = {"assistants": 7, "responses": 11, "agents": 11}
"""Which requests are tried where it is not each."""

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
        every, all_ways = 1 if THOROUGH else EVERY[api.name], THOROUGH and api.name in THREE
        for number in range(1, florists.requests() + 1, every):
            moments = list(MOMENTS)
            for moment in moments if all_ways else [moments[number // every % len(moments)]]:
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
