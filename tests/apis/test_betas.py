"""Which `OpenAI-Beta` goes with which request."""

from contextlib import suppress

from assistctl.apis.transport.client import Client
from assistctl.errors import RemoteError
from tests.apis.fault_proxy import proxy_to


def test_the_header_of_a_request_is_that_of_its_path_whatever_is_asked_besides(server):
    with proxy_to(server.base_url) as proxy:
        client = Client(proxy.base_url, server.api_key)
        for path in ("/agents", "/assistants", "/vector_stores", "/files", "/models"):
            list(client.list(path))
        client.delete("/vector_stores/vs_1/files/file-1")
        client.delete("/agents/agent_1")
        client.create("/threads", {})
        with suppress(RemoteError):
            client.get("/conversations/conv_1")
        with suppress(RemoteError), client.stream("/agents/sessions", {}):
            pass
        client.close()
    sent = [(str(it), it.headers.get("openai-beta")) for it in proxy.requests]
    assert sent == [
        ("GET /v1/agents", "agents=v1"),
        ("GET /v1/assistants", "assistants=v2"),
        ("GET /v1/vector_stores", "assistants=v2"),
        ("GET /v1/files", None),
        ("GET /v1/models", None),
        ("DELETE /v1/vector_stores/vs_1/files/file-1", "assistants=v2"),
        ("DELETE /v1/agents/agent_1", "agents=v1"),
        ("POST /v1/threads", "assistants=v2"),
        ("GET /v1/conversations/conv_1", None),
        ("POST /v1/agents/sessions", "agents=v1"),
    ]
