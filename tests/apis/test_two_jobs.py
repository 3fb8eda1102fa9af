"""Two CI jobs that sync the same workspace to the same server at the same time.

ALL_FAULTS=1 has more rounds, and starts the second job a little later in each.
"""

import os
import shutil
import time
from dataclasses import replace

import pytest

from assistctl.resources import ASSISTANT
from tests.apis.florists import OWNERS, florists_at

pytestmark = pytest.mark.sweep

ROUNDS = {"assistants": 2, "responses": 1, "agents": 1}
if "ALL_FAULTS" in os.environ:
    ROUNDS = {"assistants": 20, "responses": 5, "agents": 5}


@pytest.mark.parametrize("kind", ["first", "update"])
def test_two_jobs_at_the_same_time_are_put_in_order_by_the_next(target, api, tmp_path, kind):
    doubled, failures = 0, []
    with florists_at(target, api, tmp_path / "one", kind) as florists:
        for number in range(rounds := ROUNDS[api.name]):
            florists.prepare()
            other = replace(florists, root=tmp_path / "two" / "workspace")
            shutil.copytree(florists.root, other.root, dirs_exist_ok=True)
            jobs = []
            for checkout in (florists, other):
                jobs.append(checkout.job(*florists.sync).start())
                time.sleep(number * 0.02)
            ends = [(job.wait(), job.said) for job in jobs]
            doubled += len(florists.there.at(ASSISTANT)) > len(OWNERS[kind][ASSISTANT])
            lost = florists.uploads() if any(code for code, _ in ends) else 0
            if wrong := florists.wrong(lost):
                failures.append(f"round {number}: {[code for code, _ in ends]}: {wrong}")
    right = rounds - len(failures)
    print(f"{kind}, {api.name}: rounds / right: {rounds} / {right}; doubled: {doubled}")
    assert failures == []
