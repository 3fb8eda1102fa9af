"""A target for each test: the embedded server on a real socket, and workspaces made of values."""

from dataclasses import replace

import pytest

from assistctl.apis.transport.client import Client
from assistctl.server import EmbeddedServer, Settings
from tests.apis.bench import Bench, wipe
from tests.apis.surfaces import assistants


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


@pytest.fixture
def server(target):
    """The server, empty."""
    server, client = target
    wipe(client)
    return server


@pytest.fixture
def client(server):
    client = Client(server.base_url, server.api_key)
    yield client
    client.close()


@pytest.fixture
def bench(client, tmp_path):
    return Bench(tmp_path / "workspace", assistants(client, "ws"))


@pytest.fixture
def other(bench, client):
    """A second workspace at the same target."""
    return replace(
        bench,
        surface=assistants(client, "other"),
        namespace="other",
        assistants={},
        stores={},
    )
