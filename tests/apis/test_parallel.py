"""How many requests a command sends at the same time."""

import pytest

from tests.apis.fault_proxy import proxy_to
from tests.apis.florists import Florists


@pytest.mark.parametrize("parallel", [1, 3])
def test_reads_and_writes_alike_keep_to_what_was_asked_for(target, api, tmp_path, parallel):
    server, direct = target
    with proxy_to(server.base_url) as proxy:
        florists = Florists(tmp_path / "workspace", proxy, direct, "first", api)
        florists.prepare()
        for command in (("sync", "--yes"), ("plan",)):
            code, said = florists.run(*command, "--parallel", str(parallel))
            assert code == 0, said
        assert proxy.most_at_once == parallel


@pytest.mark.parametrize("parallel", ["0", "65", "many"])
def test_a_number_that_makes_no_sense_is_refused(target, api, tmp_path, parallel):
    server, direct = target
    with proxy_to(server.base_url) as proxy:
        florists = Florists(tmp_path / "workspace", proxy, direct, "first", api)
        florists.prepare()
        code, said = florists.run("plan", "--parallel", parallel)
        assert (code, proxy.requests) == (64, [])
        assert "--parallel" in said
