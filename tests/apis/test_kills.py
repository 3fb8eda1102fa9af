"""SIGKILL at each request of a real `assistctl sync`: before the target gets it, after the target
has carried it out, after the client has been answered. The next sync heals whatever was left.

By default at every few requests; ALL_FAULTS=1 kills at each, in each of the three ways.
"""

import os
import signal
from dataclasses import replace

import pytest

from tests.apis.fault_proxy import Answer, proxy_to
from tests.apis.florists import Florists

pytestmark = pytest.mark.sweep

THOROUGH = "ALL_FAULTS" in os.environ
EVERY = 1 if THOROUGH else 11


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
    server, direct = target
    tried, failures = 0, []
    with proxy_to(server.base_url) as proxy:
        florists = Florists(tmp_path / "workspace", proxy, direct, kind, api)
        for number in range(1, florists.requests() + 1, EVERY):
            moments = list(MOMENTS)
            for moment in moments if THOROUGH else [moments[number // EVERY % len(moments)]]:
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
