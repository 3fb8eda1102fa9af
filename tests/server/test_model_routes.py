"""/models: which names there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from threading import Thread

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from tests.local_http import LocalServer

Start = Callable[..., EmbeddedServer]
Connect = Callable[[EmbeddedServer], OpenAI]

LISTED = b'{"object": "list", "data": [{"id": "gpt-6-luna"}, {"id": "qwen3"}]}'
ONE = b'{"id": "shop/alias", "object": "model"}'


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """An endpoint with these answers by path, and 404 for everything else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = request.param.get(self.path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None:
            pass

    with LocalServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/v1"
        http.shutdown()
        thread.join()


def known(client: OpenAI, *names: str) -> dict[str, bool]:
    found = {}
    for name in names:
        try:
            found[name] = client.models.retrieve(name).id == name
        except sdk.NotFoundError as error:
            assert (error.code, error.param) == ("model_not_found", "model")
            assert error.body["message"] == (  # type: ignore[index]
                f"The model '{name}' does not exist or you do not have access to it."
            )
            found[name] = False
    return found


def test_without_an_endpoint_a_model_is_one_that_an_assistant_or_agent_uses(openai: OpenAI) -> None:
    openai.beta.assistants.create(model="gpt-6-luna")
    openai.beta.assistants.create(model="my model/of 2026")
    openai.beta.agents.create(model="gpt-6.1")
    assert known(openai, "gpt-6-luna", "gpt-6.1", "my model/of 2026", "zzz") == {
        "gpt-6-luna": True,
        "gpt-6.1": True,
        "my model/of 2026": True,
        "zzz": False,
    }
    assert [model.id for model in openai.models.list()] == [
        "gpt-6-luna",
        "gpt-6.1",
        "my model/of 2026",
    ]


@pytest.mark.parametrize(
    "endpoint", [{"/v1/models": LISTED, "/v1/models/shop%2Falias": ONE}], indirect=True
)
def test_what_the_endpoint_lists_or_has_is_a_model_and_so_is_what_is_declared(
    start: Start, connect: Connect, endpoint: str
) -> None:
    declared = {"gpt-4o": "qwen3", "old": "gone"}
    client = connect(start(model={"base_url": endpoint, "models": declared}))
    client.beta.assistants.create(model="in use")
    assert known(client, "gpt-6-luna", "shop/alias", "gpt-4o", "old", "in use", "zzz") == {
        "gpt-6-luna": True,
        "shop/alias": True,
        "gpt-4o": True,
        "old": True,
        "in use": True,
        "zzz": False,
    }


@pytest.mark.parametrize("endpoint", [{}, {"/v1/models": b"no JSON"}], indirect=True)
def test_an_endpoint_that_does_not_say_what_it_has_is_believed(
    start: Start, connect: Connect, endpoint: str
) -> None:
    client = connect(start(model={"base_url": endpoint}))
    assert known(client, "anything") == {"anything": True}


def test_an_endpoint_that_is_not_there_is_believed_too(start: Start, connect: Connect) -> None:
    with LocalServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as gone:
        port = gone.server_port
    client = connect(start(model={"base_url": f"http://127.0.0.1:{port}/v1"}))
    assert known(client, "anything") == {"anything": True}
