import signal
import time
from contextlib import contextmanager

import httpx2

from assistctl.apis.transport.client import Client
from assistctl.server import EmbeddedServer, Settings

CLERK = {"with": "assistant/clerk"}
FUNCTIONS = ("add", "stuck", "wait", "refund")


def test_it_prints_a_link_that_opens_the_workspace_until_ctrl_c(synced):
    with synced.started("console") as console:
        link = console.wait_for("Console: ").split()[-1]
        address, _, token = link.partition("/console/enter?token=")
        with httpx2.Client(base_url=address, follow_redirects=True) as http:
            page = http.post(
                "/console/enter", data={"token": token}, headers={"origin": address}
            ).text
        assert "No changes. local is as declared." in page
        assert "Theme: auto" in page
        console.process.send_signal(signal.SIGINT)
        told = f"Console: {link}\n  the link opens it once, within 10 minutes\n"
        assert console.result() == (0, "", told.replace(address, "http://127.0.0.1:…"))


def test_a_port_that_is_taken_is_said(synced):
    with synced.started("console") as first:
        port = first.wait_for("Console: ").partition("127.0.0.1:")[2].partition("/")[0]
        again = synced("console", "--port", port)
    assert again == (
        1,
        "",
        f"error: cannot serve on 127.0.0.1:{port} (Address already in use); choose another "
        "--port\n",
    )


def test_on_a_terminal_enter_prints_another_link(synced):
    with synced.on_terminal("console", "--no-browser") as terminal:
        terminal.wait_for("press Enter for another one")
        terminal.type("\n")
        terminal.wait_for("Console: http://127.0.0.1:")
        terminal.interrupt("^C")
        assert terminal.end() == 0


def test_what_is_wrong_with_the_workspace_is_said_before_anything_is_served(shop):
    shop.edit("assistants/clerk.yaml", "name: Clerk", "nmae: Clerk")
    result = shop("console")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("assistants/clerk.yaml:1:1: ")


def test_what_a_target_elsewhere_refuses_is_told_with_what_to_do(shop, tmp_path):
    with EmbeddedServer(Settings(tmp_path / "remote.db", model="scripted")) as server:
        environ = {"STAGING_URL": server.base_url, "STAGING_KEY": "sk-of-somebody-else"}
        with shop.started("console", "-t", "staging", **environ) as console:
            link = console.wait_for("Console: ").split()[-1]
            address, _, token = link.partition("/console/enter?token=")
            with httpx2.Client(base_url=address, follow_redirects=True) as http:
                sent = {"data": {"token": token}, "headers": {"origin": address}}
                page = http.post("/console/enter", **sent)
        assert (page.status_code, "401 Incorrect API key provided; the target is" in page.text) == (
            502,
            True,
        )
        assert "to a key that may read here" in page.text


# serve --console


@contextmanager
def visiting(url):
    """A browser at the console beside an API, and how it sends a form."""
    address = url.removesuffix("/v1")
    with httpx2.Client(base_url=address, follow_redirects=True, timeout=60) as http:

        def send(path, **fields):
            return http.post(f"/console{path}", data=fields, headers={"origin": address})

        yield http, send


def test_beside_an_api_without_keys_it_is_opened_by_a_link_and_shows_the_workspace(synced):
    with synced.started("serve", "-q", "--port", "0", "--console") as server:
        url = server.wait_for("Serving ").split()[-1]
        token = server.wait_for("Console: ").strip().partition("token=")[2]
        with visiting(url) as (http, send):
            assert "No changes. local is as declared." in send("/enter", token=token).text
            assert "This page only looks" not in http.get("/console/workspace").text
            assert http.get("/console/threads?of=target").status_code == 200
            evil = {"host": "evil.example"}
            assert http.get("/console/enter", headers=evil).status_code == 403
            assert http.get("/v1/assistants").json()["object"] == "list"


def test_who_leaves_while_a_function_is_at_work_is_out_and_the_run_is_cancelled(synced):
    """By a request to the same server, which answers others meanwhile."""
    tools = ["code_interpreter", "file_search", *map("function:{}".format, FUNCTIONS)]
    with synced.started("serve", "-q", "--port", "0", "--console") as server:
        url = server.wait_for("Serving ").split()[-1]
        token = server.wait_for("Console: ").strip().partition("token=")[2]
        client = Client(url, "none")
        with visiting(url) as (http, send):
            page = send("/enter", token=token).text
            csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
            http.headers["hx-request"] = "true"  # as a page asks that listens, and needs no answer
            send("/playground/say", csrf=csrf, message="Please wait", tools=tools, **CLERK)
            until((synced.root / "waiting").exists)
            cookies = dict(http.cookies)
            send("/logout", csrf=csrf)
            again = httpx2.get(url.replace("/v1", "/console/workspace"), cookies=cookies)
            assert again.headers["location"] == "/console/enter"
            [thread] = client.page("/threads")["data"]
            runs = f"/threads/{thread['id']}/runs"
            until(lambda: client.page(runs)["data"][0]["status"] == "cancelled")
        client.close()


def until(holds):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def test_beside_an_api_with_keys_it_shows_each_key_its_own_project(synced):
    keys = "mine:sk-mine-1234,theirs:sk-theirs-1234"
    with synced.started("serve", "-q", "--port", "0", "--console", ASSISTCTL_API_KEYS=keys) as it:
        url = it.wait_for("Serving ").split()[-1]
        assert it.wait_for("console: ").endswith("/console, opened by a key\n")
        mine = Client(url, "sk-mine-1234")
        made = mine.create("/threads", {"messages": [{"role": "user", "content": "my secret"}]})
        mine.close()
        with visiting(url) as (http, send), visiting(url) as (other, send_other):
            page = send("/login", key="sk-mine-1234")
            assert "my secret" in page.text
            assert "Workspace" not in page.text
            for path in ("/workspace", "/workspace/show?address=assistant/clerk"):
                assert http.get(f"/console{path}").status_code == 404
            cookie = str(dict(http.cookies))
            assert "sk-mine" not in cookie + page.text
            assert "my secret" not in send_other("/login", key="sk-theirs-1234").text
            for path in (f"/threads/{made['id']}", "/threads?q=secret"):
                assert "my secret" not in other.get(f"/console{path}").text
            assert other.get(f"/console/threads/{made['id']}").status_code == 404
            # What is another's and what is nowhere are told alike.
            own, none = made["id"].partition("_")[2], "x" * len(made["id"].partition("_")[2])
            for path in (
                "/threads/thread_{}",
                "/threads/thread_{}/objects/assistants",
                "/threads/thread_{}/objects/responses",
                "/threads/thread_{}/objects/agents",
                "/threads?of=target&after=thread_{}",
            ):
                theirs, nobodys = (other.get(f"/console{path.format(it)}") for it in (own, none))
                assert theirs.status_code == nobodys.status_code
                assert theirs.text.replace(own, none) == nobodys.text
            for path in ("/playground", "/tests", "/tests/runs/x/events"):
                assert other.get(f"/console{path}").status_code == 404


def test_behind_a_proxy_that_speaks_tls_the_cookie_is_for_https_only(synced):
    keys = {"ASSISTCTL_API_KEYS": "sk-right-1234"}
    with synced.started("serve", "-q", "--port", "0", "--console", **keys) as server:
        url = server.wait_for("Serving ").split()[-1]
        forwarded = {
            "host": "console.example",
            "origin": "https://console.example",
            "x-forwarded-proto": "https",
        }
        answer = httpx2.post(
            url.replace("/v1", "/console/login"), data={"key": "sk-right-1234"}, headers=forwarded
        )
        assert answer.status_code == 303
        assert "HttpOnly; Path=/console; SameSite=strict; Secure" in answer.headers["set-cookie"]


def test_wrong_keys_open_nothing_and_are_soon_not_looked_at(synced):
    keys = {"ASSISTCTL_API_KEYS": "sk-right-1234"}
    with synced.started("serve", "--port", "0", "--console", **keys) as server:
        url = server.wait_for("Serving ").split()[-1]
        with visiting(url) as (http, send):
            assert http.get("/console/threads").url.path == "/console/login"
            for wrong in ("", "x", "sk-right-123", "é", "a\r\nb", *"abcde"):
                assert (wrong, send("/login", key=wrong).status_code) == (wrong, 403)
            late = send("/login", key="sk-right-1234")
            assert late.status_code == 429
            assert int(late.headers["retry-after"]) <= 60
        server.process.send_signal(signal.SIGINT)
        told = server.result().err
        assert told.count("a key was refused (client 127.0.0.1)") == 10
        assert "sk-right" not in told


def test_unless_it_is_asked_for_there_is_none(synced):
    with synced.started("serve", "-q", "--port", "0") as server:
        url = server.wait_for("Serving ").split()[-1]
        with visiting(url) as (http, _):
            answer = http.get("/console/")
            assert (answer.status_code, answer.json()["error"]["message"]) == (
                404,
                "Invalid URL (GET /console/)",
            )
