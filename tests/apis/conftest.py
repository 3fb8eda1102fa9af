"""A target for each test: the embedded server on a real socket, and workspaces made of values."""

from dataclasses import replace

import pytest

from assistctl.apis.assistants import Assistants
from assistctl.apis.client import Client
from assistctl.server import EmbeddedServer, Settings
from tests.apis.bench import Bench


@pytest.fixture
def server(tmp_path):
    settings = Settings(tmp_path / "local.db", model="scripted")
    with EmbeddedServer(settings) as server:
        yield server


@pytest.fixture
def client(server):
    client = Client(server.base_url, server.api_key)
    yield client
    client.close()


@pytest.fixture
def bench(client, tmp_path):
    return Bench(tmp_path / "workspace", Assistants(client, "ws"))


@pytest.fixture
def other(bench, client):
    """A second workspace at the same target."""
    return replace(
        bench,
        surface=Assistants(client, "other"),
        namespace="other",
        assistants={},
        stores={},
    )
