"""A target whose address lacks the /v1 at its end, as it is written again and again, or that does
not accept the key."""

from threading import Thread

import pytest

from assistctl.server import EmbeddedServer, Settings
from tests.local_http import LocalServer, Page

TARGETS = """\
targets:
  assistants: {{base_url: "{url}"}}
  agents: {{api: agents, base_url: "{url}", emulate: [file_search]}}
  responses: {{api: responses, base_url: "{url}"}}
"""


def declare(shop, url):
    shop.edit("assistctl.yaml", "targets:\n", TARGETS.format(url=url))


@pytest.mark.parametrize("api", ["assistants", "agents", "responses"])
def test_it_is_asked_about_where_the_api_is_not_found(api, shop, tmp_path):
    with EmbeddedServer(Settings(tmp_path / "remote.db", model="scripted")) as server:
        bare = server.base_url.removesuffix("/v1")
        declare(shop, bare)
        for command in (["plan"], ["sync", "--yes"], ["run", "greeter", "hello"], ["list"]):
            failed = shop.raw(*command, "-t", api)
            assert failed.returncode == 1
            assert failed.stderr.endswith(f"; is {bare}/v1 meant, with /v1 at its end?\n")
            assert "404 Invalid URL" in failed.stderr


def test_it_is_asked_about_where_a_web_page_answers(shop):
    with LocalServer(("127.0.0.1", 0), Page) as pages:
        thread = Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        bare = f"http://127.0.0.1:{pages.server_address[1]}"
        declare(shop, bare)
        failed = shop.raw("plan", "-t", "assistants")
        pages.shutdown()
        thread.join()
    assert failed.returncode == 1
    assert failed.stderr.endswith(f"; is {bare}/v1 meant, with /v1 at its end?\n")


def test_where_the_key_is_not_accepted_it_is_said_what_to_set(shop, tmp_path):
    with EmbeddedServer(Settings(tmp_path / "remote.db", model="scripted")) as server:
        environ = {"STAGING_URL": server.base_url, "STAGING_KEY": "sk-of-somebody-else"}
        assert shop("plan", "-t", "staging", **environ) == (
            1,
            "",
            "error: GET /assistants: 401 Incorrect API key provided; the target is staging, "
            "http://127.0.0.1:…/v1 (assistctl.yaml:6:3); set the variable that `api_key` names to "
            "a key that may read here\n",
        )
