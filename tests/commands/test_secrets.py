"""A target that echoes the key it was sent in every error, text and header: nobody sees it."""

import json
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from assistctl.apis.transport.client import Client
from assistctl.errors import RemoteError
from assistctl.server import EmbeddedServer, Settings
from tests.apis.fault_proxy import Answer, proxy_to
from tests.apis.jobs import START

KEY = "hidden/key+of~the=target"
COMMANDS = (
    ("plan", "-v", "--out", "saved.plan"),
    ("plan", "--format", "json"),
    ("plan", "--format", "markdown"),
    ("sync", "--yes", "-v"),
    ("sync", "--yes", "--format", "json"),
    ("list", "--format", "json"),
    ("show", "greeter"),
    ("run", "greeter", "Hello"),
    ("import", "--all", "--no-adopt"),
)


def echo(request, status):
    """An error of a careless server: what it was sent is in it."""
    sent = request.headers["authorization"]
    message = f"refused {sent} ({sent.partition(' ')[2]}), headers {request.headers}"
    error = {"message": message, "type": sent, "param": sent, "code": sent}
    headers = (*Answer.headers, ("x-request-id", sent), ("www-authenticate", sent))
    return Answer(status, json.dumps({"error": error}).encode(), headers)


def page(request):
    return Answer(200, f"<html>{request.headers}</html>".encode(), (("content-type", "text/html"),))


def half(request):
    return Answer(200, json.dumps({"sent": request.headers}).encode()[:-1])


@pytest.fixture
def careless(shop, tmp_path):
    """The shop's staging target; `fault` of the proxy says what is refused, and how."""
    settings = Settings(tmp_path / "staging.db", model="scripted")
    with EmbeddedServer(settings) as server, proxy_to(server.base_url) as proxy:

        def let_in(request, forward):
            headers = {**request.headers, "authorization": f"Bearer {server.api_key}"}
            return forward(replace(request, headers=headers))

        proxy.let_in = let_in
        proxy.fault = lambda number, request: let_in
        proxy.environ = {"STAGING_URL": proxy.base_url, "STAGING_KEY": KEY}
        with closing(Client(server.base_url, server.api_key)) as proxy.client:
            yield proxy


def traces(root):
    """What in the workspace holds the key."""
    return [
        str(path) for path in root.rglob("*") if path.is_file() and KEY in path.read_text("latin-1")
    ]


def said(shop, careless, *command, **more):
    result = shop.raw(*command, "-t", "staging", **careless.environ, **more)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_the_key_that_an_error_echoes(shop, careless, command):
    careless.fault = lambda number, request: lambda request, forward: echo(request, 401)
    code, text = said(shop, careless, *command, ASSISTCTL_DEBUG="1")
    assert (code, "Traceback" in text, KEY[:8] in text) == (1, True, False), text
    assert "refused Bearer [redacted] ([redacted]), headers {" in text
    assert traces(shop.root) == []


@pytest.mark.parametrize("answer", [page, half])
def test_what_cannot_be_read_shows_no_key(shop, careless, answer):
    careless.fault = lambda number, request: lambda request, forward: answer(request)
    hurried = ("-c", START)  # it is asked again, after ever longer pauses
    code, text = said(shop, careless, "plan", "-v", program=hurried, ASSISTCTL_DEBUG="1")
    assert (code, "Traceback" in text, KEY[:8] in text) == (1, True, False), text


def test_what_is_done_in_part_shows_no_key_either(shop, careless):
    def fault(number, request):
        if request.method == "POST" and "/assistants" in request.path:
            return lambda request, forward: echo(request, 400)
        return careless.let_in

    careless.fault = fault
    for command in (("sync", "--yes", "--format", "json", "-v"), ("plan", "--out", "saved.plan")):
        code, text = said(shop, careless, *command, ASSISTCTL_DEBUG="1")
        assert KEY[:8] not in text
        if command[0] == "sync":
            assert code == 1
            assert "refused Bearer [redacted] ([redacted])" in text
    assert (shop.root / "saved.plan").exists()
    assert traces(shop.root) == []


def test_a_key_that_somebody_wrote_into_an_object_is_shown_by_no_plan(shop, careless):
    assert said(shop, careless, "sync", "--yes", "-q")[0] == 0
    path = f"/assistants/{shop.id_of('greeter', careless.client)}"
    there = careless.client.get(path)
    theirs = "sk-abcdef0123456789abcd"
    metadata = {**there["metadata"], "note": KEY}
    careless.client.post(path, {"instructions": f"Send {theirs}.", "metadata": metadata})
    shop.edit("assistants/greeter.yaml", "any language", "basic internationalization")
    for command in (("plan", "-v", "--out", "saved.plan"), *COMMANDS[1:3], ("show", "greeter")):
        code, text = said(shop, careless, *command)
        assert (code, KEY in text, theirs in text) == (0, False, False), text
        assert "Send [redacted]" in text
        assert "basic internationalization" in text
    assert traces(shop.root) == []
    code, _ = said(shop, careless, "sync", "--yes", "--on-drift", "overwrite")
    assert code == 0
    assert careless.client.get(path)["instructions"] == "Greet in basic internationalization."


def test_the_last_error_of_a_file_or_a_run_shows_no_key(shop, careless):
    """As of a target that hands on what its own model or index has answered."""

    def rewrite(request, body):
        for item in body.get("data", [body]):
            error = {"code": "server_error", "message": f"Bearer {KEY} / sk-abcdef0123456789abcd"}
            if item.get("object") == "vector_store.file":
                item |= {"status": "failed", "last_error": error}
            if item.get("object") == "vector_store.files_batch":
                item["file_counts"] |= {"completed": 0, "failed": 1}
            if item.get("object") == "thread.run":
                item |= {"status": "failed", "last_error": error}
        return body

    careless.rewrite = rewrite
    code, text = said(shop, careless, "sync", "--yes", "--format", "json")
    assert code == 1
    assert "Bearer [redacted] / [redacted]" in text
    code, more = said(shop, careless, "plan", "--format", "json")
    assert "Bearer [redacted] / [redacted]" in more
    assert KEY not in text + more
    assert "abcdef0123456789" not in text + more


def test_the_log_of_a_server_shows_no_key(synced):
    keys = {"ASSISTCTL_API_KEYS": "the-key-that-opens"}
    with synced.started("serve", "--port", "0", "-v", **keys) as server:
        url = server.wait_for("Serving ").split()[-1]
        for key in ("the-key-that-opens", KEY):
            with closing(Client(url, key)) as client, suppress(RemoteError):
                list(client.list("/assistants"))
        server.process.terminate()
        _, out, err = server.result()
    assert err.count("GET") == 2
    assert "the-key-that-opens" not in out + err
    assert KEY not in out + err
