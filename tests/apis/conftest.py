"""A target for each test: the embedded server on a real socket, and workspaces made of values.
What is tried, is tried at each API surface; the run ends with a table of that."""

from dataclasses import replace

import pytest

from assistctl.apis.transport.client import Client
from assistctl.server import EmbeddedServer, Settings
from tests import surface_table
from tests.apis.bench import Bench, wipe
from tests.apis.fault_proxy import proxy_to
from tests.apis.states import States
from tests.apis.surfaces import APIS


def pytest_generate_tests(metafunc):
    if "api" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("only_at")
        names = surface_table.named(mark) if mark else APIS
        metafunc.parametrize("api", names, indirect=True)


def pytest_collection_modifyitems(items):
    for item in items:
        surface_table.note(item)


@pytest.fixture
def api(request):
    """The API of a test: each of the three in turn."""
    return APIS[request.param]


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A server for all tests of a module, and a client that looks at it directly."""
    settings = Settings(
        tmp_path_factory.mktemp("target") / "local.db", model="scripted", embeddings="none"
    )
    with EmbeddedServer(settings) as server:
        client = Client(server.base_url, server.api_key)
        yield server, client
        client.close()


@pytest.fixture(scope="module")
def states(target, tmp_path_factory):
    return States(target[0], tmp_path_factory.mktemp("states"))


@pytest.fixture
def server(target, states):
    """The server, empty."""
    server, client = target
    states.again("empty", lambda: wipe(client))
    return server


@pytest.fixture
def client(server, api):
    client = api.client(server.base_url, server.api_key)
    yield client
    client.close()


@pytest.fixture
def proxy(server):
    """The way to the server, on which requests are seen and can be hindered."""
    with proxy_to(server.base_url) as proxy:
        yield proxy


@pytest.fixture
def bench(client, api, tmp_path):
    return Bench(tmp_path / "workspace", api, client)


@pytest.fixture
def other(bench):
    """A second workspace at the same target."""
    return replace(bench, namespace="other", assistants={}, stores={})
