"""How many requests a command sends at the same time."""

import pytest

from tests.apis.florists import florists_at


@pytest.mark.parametrize("parallel", [1, 3])
def test_reads_and_writes_alike_keep_to_what_was_asked_for(target, api, tmp_path, parallel):
    with florists_at(target, api, tmp_path) as florists:
        florists.prepare()
        for command in (("sync", "--yes"), ("plan",)):
            code, said = florists.called(*command, "--parallel", str(parallel))
            assert code == 0, said
        assert florists.proxy.most_at_once == parallel


@pytest.mark.parametrize("parallel", ["0", "65", "many"])
def test_a_number_that_makes_no_sense_is_refused(target, api, tmp_path, parallel):
    with florists_at(target, api, tmp_path) as florists:
        florists.prepare()
        code, said = florists.called("plan", "--parallel", parallel)
        assert (code, florists.proxy.requests) == (64, [])
        assert "--parallel" in said
