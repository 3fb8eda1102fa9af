"""What an attacker tries, and what comes of it; docs/console.md has the list."""

import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from assistctl.console import access, app, peers
from assistctl.console.access import (
    ATTEMPTS,
    IDLE_SECONDS,
    LINK_SECONDS,
    LONGEST_SECONDS,
    MOST_CLIENTS,
    MOST_OF_ONE,
    WINDOW_SECONDS,
    Attempts,
    Kept,
    Links,
    Sessions,
    foreign_origin,
)
from assistctl.console.downloads import lent
from assistctl.console.listening import configured
from assistctl.console.markdown import markdown
from assistctl.console.playground.table import Table
from assistctl.console.playground.turns import Item, Spoken, Turn
from assistctl.console.rendering import rendered
from assistctl.console.sharing import COPIES_OF_ONE, THREADS_OF_ONE
from assistctl.console.visit import Console
from assistctl.errors import Refused, RemoteError
from assistctl.events import Source
from assistctl.server.http import listening
from assistctl.state_directory import state_directory
from tests.console.conftest import Visitor, serving

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
CONSOLE = Path(__file__).parents[2] / "cli" / "assistctl" / "console"
EVIL = "http://evil.example"
HOUSE = Path(access.__file__).parent


class Hands:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self):
        return self.now


class NoReach:
    def __init__(self):
        self.closed = threading.Event()

    def close(self):
        self.closed.set()


@pytest.fixture
def stranger(console):
    """Somebody who knows the address and nothing else."""
    visitor = Visitor(console.address)
    with visitor.http:
        yield visitor


def where(answer):
    return answer.status_code, answer.headers.get("location")


# The link


def test_a_link_opens_the_console_once(console, stranger):
    token = console.links.new()
    assert where(stranger.raw_post("/console/enter", {"token": token})) == (303, "/console/")
    again = Visitor(console.address)
    with again.http:
        assert again.raw_post("/console/enter", {"token": token}).status_code == 403
        assert where(again.http.get("/console/workspace")) == (303, "/console/enter")


def test_looking_at_a_link_does_not_use_it_up(console, stranger):
    token = console.links.new()
    for _ in range(3):
        seen = stranger.http.get("/console/enter", params={"token": token})
        assert (seen.status_code, "set-cookie" in seen.headers) == (200, False)
    assert stranger.raw_post("/console/enter", {"token": token}).status_code == 303


def test_a_link_expires_and_is_replaced_by_a_newer_one():
    clock = Hands()
    links = Links(clock)
    first, second = links.new(), links.new()
    assert [links.take(first), links.take(second)] == [False, True]
    late = links.new()
    clock.now += LINK_SECONDS
    assert links.take(late) is False


def test_of_many_who_use_a_link_at_once_one_comes_in():
    links, came = Links(), []
    token, ready = links.new(), threading.Barrier(8)

    def use():
        ready.wait()
        came.append(links.take(token))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == [False] * 7 + [True]


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "é\x00", "../../etc/passwd"])
def test_what_is_no_token_opens_nothing(console, stranger, token):
    console.links.new()
    assert stranger.raw_post("/console/enter", {"token": token}).status_code == 403


def test_a_link_is_not_opened_by_another_site(console, stranger):
    answer = stranger.http.post(
        "/console/enter", data={"token": console.links.new()}, headers={"origin": EVIL}
    )
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


# The session


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/workspace",
        "/workspace/show?address=assistant/clerk",
        "/files",
        "/files/uses?file=file-1",
        "/files/file-1",
        "/files/file-1/content",
        "/stores",
        "/stores/vs_1?q=x",
        "/stores/vs_1/files/file-1",
        "/tests",
        "/tests/case?assistant=clerk",
        "/tests/runs/0",
        "/tests/runs/0/events",
    ],
)
def test_without_a_session_every_page_leads_to_the_way_in(stranger, path):
    assert where(stranger.http.get(f"/console{path}")) == (303, "/console/enter")


@pytest.mark.parametrize(
    "path",
    ["/workspace/apply", "/files", "/files/file-1/delete", "/stores/vs_1/files", "/tests/run"],
)
def test_without_a_session_nothing_is_changed(stranger, path):
    answer = stranger.raw_post(f"/console{path}", {"csrf": "", "fingerprint": "x"})
    assert where(answer) == (303, "/console/enter")


def test_the_cookie_is_out_of_reach_for_scripts_other_sites_and_other_paths(console, stranger):
    cookie = stranger.raw_post("/console/enter", {"token": console.links.new()}).headers[
        "set-cookie"
    ]
    port = console.address.rpartition(":")[2]
    assert re.fullmatch(
        rf"assistctl_console_{port}=[\w-]{{43}}; HttpOnly; Path=/console; SameSite=strict", cookie
    )


@pytest.mark.parametrize("forged", ["", "x", "x" * 43, "null", "\u00e9"])
def test_a_forged_session_is_none(console, forged):
    port = console.address.rpartition(":")[2]
    cookie = f"assistctl_console_{port}={forged}".encode()
    answer = httpx2.get(
        f"{console.address}/console/workspace", headers={"cookie": cookie}, verify=False
    )
    assert where(answer) == (303, "/console/enter")


def test_an_id_that_somebody_brings_along_is_not_made_a_session(console):
    """Else they could know it beforehand (session fixation)."""
    port = console.address.rpartition(":")[2]
    with httpx2.Client(base_url=console.address, verify=False) as http:
        http.cookies.set(f"assistctl_console_{port}", "planted", path="/console")
        answer = http.post(
            "/console/enter",
            data={"token": console.links.new()},
            headers={"origin": console.address},
        )
        assert "planted" not in answer.headers["set-cookie"]


def test_a_session_ends_unused_and_at_the_latest():
    clock = Hands()
    sessions = Sessions(clock)
    reach = NoReach()
    unused = sessions.begin(reach)
    clock.now += IDLE_SECONDS + 1
    assert sessions.find(unused) is None
    assert reach.closed.wait(10)
    used = sessions.begin(NoReach())
    for _ in range(int(LONGEST_SECONDS / IDLE_SECONDS) * 2):
        clock.now += IDLE_SECONDS / 2
        assert sessions.find(used) is not None
    clock.now += 1
    assert sessions.find(used) is None


def test_who_leaves_is_out_and_so_is_who_has_their_cookie(console, browse):
    cookies = dict(browse.http.cookies)
    assert browse.post("/logout").status_code == 303
    thief = httpx2.get(f"{console.address}/console/workspace", cookies=cookies, verify=False)
    assert where(thief) == (303, "/console/enter")


def test_nobody_waits_while_the_session_of_somebody_who_left_is_closed():
    """Closing takes requests, maybe to the server that would wait."""

    class Busy(NoReach):
        left = threading.Event()

        def close(self):
            assert self.left.wait(10)
            super().close()

    clock = Hands()
    sessions, gone, late, full = Sessions(clock), Busy(), Busy(), Busy()
    other, leaving = sessions.begin(NoReach()), sessions.begin(gone)
    sessions.end(leaving)
    assert sessions.find(other) is not None
    sessions.begin(late)
    clock.now += IDLE_SECONDS + 1
    assert sessions.find(other) is None
    sessions.begin(full)
    for _ in range(MOST_OF_ONE):
        sessions.begin(NoReach())
    assert [it.closed.is_set() for it in (gone, late, full)] == [False] * 3
    Busy.left.set()
    sessions.end_all()
    assert [it.closed.is_set() for it in (gone, late, full)] == [True] * 3


def test_what_is_kept_for_a_session_is_not_made_anew_after_its_end():
    kept = Kept()
    kept.of(NoReach)
    kept.close()
    with pytest.raises(Refused, match="this session has ended"):
        kept.of(NoReach)


def test_many_sessions_of_one_key_push_out_its_own_longest_unused_and_nobody_elses():
    clock = Hands()
    sessions = Sessions(clock)
    other = sessions.begin(NoReach(), "sk-other")
    own = [sessions.begin(NoReach(), "sk-own") for _ in range(MOST_OF_ONE)]
    assert sessions.find(own[0]) is not None
    newest = sessions.begin(NoReach(), "sk-own")
    assert [it for it in own if sessions.find(it) is None] == [own[1]]
    assert None not in (sessions.find(other), sessions.find(newest))


def test_of_too_many_sessions_the_longest_unused_gives_way(monkeypatch):
    monkeypatch.setattr(access, "MOST_SESSIONS", 3)
    sessions = Sessions(Hands())
    ids = [sessions.begin(NoReach(), f"sk-{number}") for number in range(3)]
    assert sessions.find(ids[0]) is not None
    ids.append(sessions.begin(NoReach(), "sk-3"))
    assert [sessions.find(it) is None for it in ids] == [False, True, False, False]


def test_who_comes_in_again_has_left_the_session_before(console, browse):
    before = dict(browse.http.cookies)
    browse.enter(console.links)
    assert dict(browse.http.cookies) != before
    thief = httpx2.get(f"{console.address}/console/workspace", cookies=before, verify=False)
    assert where(thief) == (303, "/console/enter")


# Others on this machine


class Ports(BaseHTTPRequestHandler):
    """What somebody else serves on a port of this machine; `heard` are the cookies that came."""

    heard: list[str]

    def do_GET(self):
        self.heard.append(self.headers.get("cookie", ""))
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<img src=/console/x>")

    def log_message(self, *args):
        pass


def test_the_cookie_that_a_browser_sends_to_other_ports_opens_nothing_for_other_users(
    console, new_page, monkeypatch
):
    page, heard = new_page(), []
    page.goto(f"{console.address}/console/enter?token={console.links.new()}")
    page.wait_for_url("**/console/workspace")
    other = ThreadingHTTPServer(("127.0.0.1", 0), type("Lure", (Ports,), {"heard": heard}))
    thread = threading.Thread(target=other.serve_forever)
    thread.start()
    try:
        page.goto(f"http://127.0.0.1:{other.server_port}/")
        page.wait_for_load_state("networkidle")
    finally:
        other.shutdown()
        thread.join()
        other.server_close()
    stolen = {"cookie": next(filter(None, heard))}
    assert (
        httpx2.get(f"{console.address}/console/workspace", headers=stolen, verify=False).status_code
        == 200
    )
    for uid in (os.geteuid() + 1, 0):
        monkeypatch.setattr(peers, "_trusted", lambda uid=uid: {uid})
        answer = httpx2.get(f"{console.address}/console/workspace", headers=stolen, verify=False)
        expected = (200, None) if uid == os.geteuid() else (303, "/console/enter")
        assert where(answer) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_process_of_another_user_comes_in_by_no_link_and_no_session(console, browse):
    """Which leaves the link to whom it is for."""
    token = console.links.new()
    cookie = "; ".join(f"{name}={value}" for name, value in browse.http.cookies.items())
    ask = (
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-H",
        f"Origin: {console.address}",
    )
    for more in (
        ("-d", f"token={token}", f"{console.address}/console/enter"),
        ("-H", f"Cookie: {cookie}", f"{console.address}/console/workspace"),
        (
            "-H",
            f"Cookie: {cookie}",
            "-d",
            f"csrf={browse.csrf}",
            f"{console.address}/console/logout",
        ),
    ):
        done = subprocess.run([*ask, *more], user=65534, capture_output=True, check=True, text=True)
        assert done.stdout in ("403", "303")
    assert browse.get("/workspace").status_code == 200
    assert browse.raw_post("/console/enter", {"token": token}).status_code == 303


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when ..."
LISTENS = (
    "   0: 0100007F:1FA4 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 77 1 0"
)


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("0100007F:C350 0100007F:1FA4 01 0:0 0:0 0  1000        0 78 1 0", True),
        ("0100007F:C350 0100007F:1FA4 01 0:0 0:0 0     0        0 78 1 0", True),
        ("0100007F:C350 0100007F:1FA4 01 0:0 0:0 0  1001        0 78 1 0", False),
        ("0100007F:C350 0100007F:1FA4 05 0:0 0:0 0  1000        0 78 1 0", True),
        ("0100007F:C350 0100007F:1FA4 05 0:0 0:0 0     0        0 0 1 0", False),
        ("0100007F:C351 0100007F:1FA4 01 0:0 0:0 0  1000        0 78 1 0", False),
        ("0100007F:1FA4 0100007F:C350 01 0:0 0:0 0  1000        0 78 1 0", False),
        (
            "0000000000000000FFFF00000100007F:C350 0000000000000000FFFF00000100007F:1FA4"
            " 01 0:0 0:0 0  1000        0 78 1 0",
            True,
        ),
    ],
    ids=["own", "root", "another", "half closed", "let go", "port", "our side", "as IPv6"],
)
@pytest.mark.skipif(sys.byteorder == "big", reason="the table is written as a small-endian has it")
def test_whose_a_connection_is_says_the_table_of_the_system(tmp_path, monkeypatch, line, ours):
    monkeypatch.setattr(peers, "_trusted", lambda: {0, 1000})
    table = tmp_path / "tcp"
    table.write_text("\n".join([HEAD, LISTENS, f"   1: {line}", ""]))
    ends = (("127.0.0.1", 50000), ("127.0.0.1", 8100))
    assert peers.is_ours(*ends, tables=[table, tmp_path / "none"]) is ours


@pytest.mark.parametrize("told", [None, HEAD], ids=["no table", "a table of nothing"])
def test_where_the_system_does_not_tell_whose_a_connection_is_anybody_with_the_link_comes_in(
    tmp_path, told
):
    table = tmp_path / "tcp"
    if told:
        table.write_text(told)
    assert peers.is_ours(("127.0.0.1", 50000), ("127.0.0.1", 8100), tables=[table])


def test_a_browser_of_the_windows_around_comes_in_though_no_table_has_it(tmp_path, monkeypatch):
    monkeypatch.setattr(peers.platform, "release", lambda: "6.6.87.2-microsoft-standard-WSL2")
    table = tmp_path / "tcp"
    table.write_text(f"{HEAD}\n{LISTENS}\n")
    assert peers.is_ours(("127.0.0.1", 50000), ("127.0.0.1", 8100), tables=[table])


def test_a_proxy_that_speaks_for_somebody_is_no_other_process(console, browse):
    """Anybody may say so, and name the connection of the browser."""
    told = {"x-forwarded-for": "127.0.0.1:1", "x-forwarded-proto": "http"}
    seen = []

    async def asked(scope, receive, send):
        seen.append((scope["client"], scope["state"]["connection"]["peer"][1]))
        await PlainTextResponse("")(scope, receive, send)

    config = configured(asked)
    config.proxy_headers = True
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        with httpx2.Client(verify=False) as http:
            answer = http.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", headers=told)
            own = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
        server.should_exit = True
        thread.join()
    assert seen == [(("127.0.0.1", 1), own)]


def test_what_is_kept_on_the_disk_for_somebody_is_read_by_nobody_else(tmp_path):
    before = os.umask(0)
    try:
        table, state = Table("new"), state_directory(tmp_path)
        copies = []
        lent("a.txt", copies.append, lambda path: None)
    finally:
        os.umask(before)
    modes = [it.stat().st_mode & 0o077 for it in (table.directory, state, *copies)]
    assert modes == [0, 0, 0]
    table.close()
    copies[0].unlink()


def test_whoever_connects_and_says_nothing_is_let_go(console, monkeypatch):
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.1)
    name, _, port = console.address.removeprefix("http://").partition(":")
    for said in (b"", b"GET /console/enter HTTP/1.1\r\nX: "):
        with socket.create_connection((name, int(port)), timeout=20) as connection:
            connection.sendall(said)
            assert connection.recv(1000) == b""


def test_headers_without_an_end_are_not_kept(console):
    name, _, port = console.address.removeprefix("http://").partition(":")
    with socket.create_connection((name, int(port)), timeout=20) as connection:
        with suppress(OSError):
            connection.sendall(b"GET /console/enter HTTP/1.1\r\nX: " + b"x" * 1_000_000)
        with suppress(ConnectionError):
            assert connection.recv(12) == b"HTTP/1.1 431"


@pytest.mark.parametrize("planted", ["junk", ""])
def test_a_cookie_that_is_planted_beside_ours_keeps_nobody_out(console, browse, planted):
    """A page of another port can, with whatever path."""
    ((name, own),) = browse.http.cookies.items()
    for said in (f"{name}={own}; {name}={planted}", f"{name}={planted}; {name}={own}"):
        answer = httpx2.get(
            f"{console.address}/console/workspace", headers={"cookie": said}, verify=False
        )
        assert answer.status_code == 200


def test_of_two_sessions_in_one_browser_neither_is_taken_and_who_comes_in_ends_both(
    console, browse
):
    """Else somebody would work in that of whoever has planted it."""
    other = Visitor(console.address)
    with other.http:
        other.enter(console.links)
        ((name, planted),) = other.http.cookies.items()
        both = {"cookie": f"{name}={planted}; {name}={browse.http.cookies[name]}"}
        assert where(
            httpx2.get(f"{console.address}/console/workspace", headers=both, verify=False)
        ) == (
            303,
            "/console/enter",
        )
        sent = {"data": {"token": console.links.new()}}
        headers = {**both, "origin": console.address}
        assert httpx2.post(
            f"{console.address}/console/enter", **sent, headers=headers, verify=False
        ).cookies
        assert where(other.http.get("/console/workspace")) == (303, "/console/enter")


# Pages of other origins


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "dest"),
    [("no-cors", "image"), ("no-cors", "script"), ("navigate", "iframe"), ("cors", "empty")],
)
def test_what_a_page_of_another_origin_has_a_browser_ask_for_is_not_looked_up(
    browse, site, mode, dest
):
    """It would learn from the time that a search takes whether there is such a thread."""
    headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
    assert browse.http.get("/console/threads?q=rose", headers=headers).status_code == 403
    headers["sec-fetch-site"] = "same-origin"
    assert browse.http.get("/console/threads?q=rose", headers=headers).status_code == 200


def test_a_link_from_elsewhere_still_leads_here(browse):
    headers = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    assert browse.http.get("/console/workspace", headers=headers).status_code == 200


# Forms of other sites


@pytest.mark.parametrize("csrf", ["", "x", "0" * 43])
def test_a_form_without_the_sessions_token_does_nothing(browse, csrf):
    answer = browse.raw_post("/console/workspace/apply", {"csrf": csrf, "fingerprint": "x"})
    assert answer.status_code == 409
    assert "this form is not of your session" in answer.text


def test_the_token_of_another_session_does_nothing(console, browse):
    other = Visitor(console.address)
    with other.http:
        other.enter(console.links)
        browse.csrf = other.csrf
        assert browse.post("/workspace/apply", {"fingerprint": "x"}).status_code == 409


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL},
        {"origin": "null"},
        {},
        {"origin": "https://127.0.0.1"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://localhost"},
        {"origin": "http://["},
    ],
    ids=str,
)
def test_a_form_that_is_sent_from_elsewhere_does_nothing(browse, headers):
    answer = browse.http.post(
        "/console/workspace/apply", data={"csrf": browse.csrf, "fingerprint": "x"}, headers=headers
    )
    assert answer.status_code == 403


def test_a_page_of_another_scheme_is_another_site():
    """Whoever stands in the way of http could make one for the console that is reached by https."""
    host = {"host": "console.example"}
    told = {
        (scheme, origin): foreign_origin(scheme, {**host, "origin": f"{origin}://console.example"})
        for scheme in ("http", "https")
        for origin in ("http", "https")
    }
    assert told == {
        ("http", "http"): None,
        ("https", "https"): None,
        ("https", "http"): "http://console.example",
        ("http", "https"): "https://console.example, though by http: a proxy has to tell"
        " X-Forwarded-Proto",
    }


def test_a_form_is_not_sent_by_an_address(browse):
    """What changes something is no GET, which an image of another site could make."""
    assert browse.http.get("/console/workspace/apply").status_code == 405
    assert browse.http.get("/console/logout").status_code == 405


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(browse, method):
    answer = browse.http.request(method, "/console/workspace", headers={"origin": browse.address})
    assert answer.status_code == 405


# Names of others that point here


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[", "a b"]
)
def test_a_name_that_was_pointed_here_is_told_nothing(console, browse, host):
    answer = browse.http.get("/console/workspace", headers={"host": host})
    assert answer.status_code in (400, 403)
    assert "Clerk" not in answer.text


def test_every_name_of_this_machine_is_answered(console, stranger):
    port = console.address.rpartition(":")[2]
    for name in ("localhost", "127.0.0.1", "[::1]"):
        answer = stranger.http.get("/console/enter", headers={"host": f"{name}:{port}"})
        assert answer.status_code == 200


@pytest.mark.parametrize("name", ["origin", "host"])
def test_whoever_is_refused_does_not_command_the_terminal_that_shows_the_log(
    stranger, caplog, name
):
    evil = b"http://e\x1b]0;owned\x07\x9b31m" + b"x" * 5000
    answer = stranger.http.post("/console/enter", headers=[(name.encode(), evil)])
    told = [it.getMessage() for it in caplog.records if it.name == "assistctl.console"]
    if answer.status_code == 403:
        assert [(len(it) < 300, it.isprintable()) for it in told] == [(True, True)]
        assert "\\x1b]0;owned" in told[0]
    else:
        assert (answer.status_code, told) == (400, [])


# What answers bear


@pytest.mark.parametrize(
    "path",
    ["/console/workspace", "/console/enter", "/console/nowhere", "/console/assets/console.js"],
)
def test_every_answer_says_what_may_be_done_with_it(browse, path):
    headers = browse.http.get(path).headers
    kept = "no-cache" if "assets" in path else "no-store"
    assert {
        name: headers[name]
        for name in (
            "content-security-policy",
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "cache-control",
        )
    } == {
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cache-control": kept,
    }


def test_no_template_has_a_script_or_style_or_handler_in_it():
    templates = HOUSE / "templates"
    found = [
        (path.name, line)
        for path in templates.rglob("*.html")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"<script(?![^>]*src=)|<style|\bstyle=|\bon\w+=|javascript:|hx-on", line)
    ]
    assert found == []


def test_no_template_takes_anything_for_markup():
    templates = HOUSE / "templates"
    found = [
        path.name
        for path in templates.rglob("*.html")
        if re.search(r"\|\s*safe|autoescape|https?://", path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_nothing_is_loaded_from_elsewhere():
    assets = HOUSE / "assets"
    css = (assets / "console.css").read_text(encoding="utf-8")
    assert re.findall(r"url\((.*?)\)", css) == ['"chevron.svg"', '"check.svg"', '"minus.svg"']
    for name in ("console.css", "console.js", "playground.css", "playground.js"):
        assert "http" not in (assets / name).read_text(encoding="utf-8"), name
    assert "url(" not in (assets / "playground.css").read_text(encoding="utf-8")


# Paths, sizes, shapes


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/../app.py",
        "/console/assets/%2e%2e/app.py",
        "/console/assets/..%2fapp.py",
        "/console/assets//etc/passwd",
        "/console/assets/",
        "/console/assets/%00",
    ],
)
def test_nothing_but_assets_is_served_as_one(stranger, path):
    assert stranger.http.get(path).status_code == 404


def test_a_body_that_is_too_long_is_not_read(browse):
    answer = browse.post("/workspace/apply", {"fingerprint": "x" * 3_000_000})
    assert answer.status_code == 413


def test_a_body_without_an_end_is_not_read(browse):
    answer = browse.http.post(
        "/console/enter", content=iter([b"token=x"]), headers={"origin": browse.address}
    )
    assert answer.status_code == 411


def test_what_strangers_send_is_small(stranger):
    assert stranger.raw_post("/console/enter", {"token": "x" * 10_000}).status_code == 413


@pytest.mark.parametrize("body", [b"", b"token="], ids=["nothing", "a part"])
def test_a_body_that_never_comes_is_not_waited_for(console, monkeypatch, body):
    monkeypatch.setattr(app, "BODY_SECONDS", 0.2)
    host = console.address.removeprefix("http://")
    name, _, port = host.partition(":")
    head = (
        f"POST /console/enter HTTP/1.1\r\nHost: {host}\r\nOrigin: {console.address}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n"
    )
    with socket.create_connection((name, int(port)), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
        while connection.recv(1000):
            pass  # until it is closed


@pytest.mark.parametrize("part", ["%2e%2e", "%2e", "%252e%252e"])
def test_an_id_leads_to_nothing_but_what_has_it(browse, part):
    for path in (f"/files/{part}", f"/threads/{part}/objects/assistants", f"/stores/{part}"):
        answer = browse.http.get(f"/console{path}")
        assert answer.status_code in (400, 404, 502) or "has no such view of it" in answer.text
        assert "bug" not in answer.text


# What those who are in may have of the machine


class Slow:
    """A target, by key, that gives files away which nobody reads quickly; `copies` are those that
    were made, and `waits` holds everything that is asked up."""

    def __init__(self):
        self.copies, self.asked, self.waits = [], [], threading.Event()
        self.waits.set()

    def reach(self, key):
        return SimpleNamespace(
            client=SimpleNamespace(get=partial(self.get, key), page=partial(self.get, key)),
            surface=SimpleNamespace(download=self.download),
            close=lambda: None,
        )

    def get(self, key, *_, **__):
        self.asked.append(key)
        assert key != "sk-slow" or self.waits.wait(20)
        return {"id": "file-1", "filename": "big.bin", "data": []}

    def download(self, file, path):
        os.truncate(path, 50_000_000)
        self.copies.append(path)


@pytest.fixture
def slow():
    """A console with keys, beside such a target: who comes in with a key."""
    target = Slow()

    def login(key):
        visitor = Visitor(address)
        visitors.append(visitor)
        visitor.login(key)
        return visitor

    visitors = []
    with serving(app.create_app(Console("far", target.reach))) as address:
        yield target, login
        target.waits.set()
        for visitor in visitors:
            visitor.http.close()


def until(holds):
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it never was so")


def asking(visitor, path, length=None):
    """A connection on which something was asked for, and nothing is read."""
    name, _, port = visitor.address.removeprefix("http://").partition(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect((name, int(port)))
    ((cookie, session),) = visitor.http.cookies.items()
    head = [
        f"{'GET' if length is None else 'POST'} /console{path} HTTP/1.1",
        f"Host: {name}:{port}",
        f"Origin: {visitor.address}",
        f"Cookie: {cookie}={session}",
        "Content-Type: multipart/form-data; boundary=x",
        f"Content-Length: {length or 0}",
    ]
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    return connection


def test_copies_of_files_that_nobody_reads_do_not_fill_the_disk(slow):
    target, login = slow
    visitor, other = login("sk-one"), login("sk-other")
    path = "/files/file-1/content"
    connections = []
    for number in range(COPIES_OF_ONE + 2):  # one when the one before is on its way, too
        connections.append(asking(visitor, path))
        until(lambda number=number: len(target.copies) >= min(number + 1, COPIES_OF_ONE))
    connections.append(asking(other, path))
    until(lambda: len(target.copies) == COPIES_OF_ONE + 1)
    threading.Event().wait(0.2)
    assert len(target.copies) == COPIES_OF_ONE + 1
    assert sum(it.exists() for it in target.copies) == COPIES_OF_ONE + 1
    for connection in connections:
        connection.close()
    until(lambda: len(target.copies) == COPIES_OF_ONE + 3)
    until(lambda: not any(it.exists() for it in target.copies))


def test_who_has_a_key_asks_so_much_at_once_that_others_wait_only_for_themselves(slow):
    target, login = slow
    target.waits.clear()
    visitor, other = login("sk-slow"), login("sk-other")
    connections = [asking(visitor, "/files") for _ in range(3 * THREADS_OF_ONE)]
    until(lambda: target.asked.count("sk-slow") == THREADS_OF_ONE)
    assert other.get("/files").status_code == 200
    assert login("sk-third").get("/files").status_code == 200
    assert target.asked.count("sk-slow") == THREADS_OF_ONE
    target.waits.set()
    until(lambda: target.asked.count("sk-slow") == 3 * THREADS_OF_ONE)
    for connection in connections:
        connection.close()


def test_a_console_that_only_looks_reads_no_body_of_what_would_write(slow):
    _, login = slow
    visitor = login("sk-one")
    for path in ("/files", "/stores/vs_1/files", "/files/file-1/delete"):
        with asking(visitor, path, 1_000_000) as connection:
            assert connection.recv(12) == b"HTTP/1.1 409"


def test_every_form_writes_but_those_that_only_talk():
    posts = [it for page in app.SECTIONS for it in page.ENDPOINTS if it.method == "POST"]
    assert {it.path for it in posts if not it.writes} == {
        "/playground/say",
        "/playground/anew",
        "/playground/reset",
        "/playground/keep",
        "/playground/turns/{turn}/stop",
        "/playground/turns/{turn}/answer",
    }


def test_a_form_without_files_is_no_longer_because_others_have_files(browse):
    answer = browse.post("/playground/say", {"with": "new", "message": "x" * 3_000_000})
    assert answer.status_code == 413


# Texts


@pytest.mark.parametrize("mark", ["&#x202e;", "&#8238;", "&rlm;", "<http://a/%E2%80%AE%1b>"])
@pytest.mark.parametrize("around", ["{}", "**{}**", "![{}](x)", "[{}](x)", "|{}|b|\n|-|-|\n|{}|c|"])
def test_no_mark_that_turns_writing_comes_back_by_another_spelling(mark, around):
    shown = str(markdown(around.replace("{}", f"a{mark}b")))
    assert not set(shown) & set("\u202e\u200f\x1b"), shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "https://a.example/?q=1&b=\u202e",
            '<a href="https://a.example/?q=1&amp;b=\\u202e" target="_blank"'
            ' rel="noopener noreferrer">https://a.example/?q=1&amp;b=\\u202e</a>',
        ),
        ("javascript:alert(1)", "<bdi>javascript:alert(1)</bdi>"),
        ("https:", "<bdi>https:</bdi>"),
        (
            "https://a.example>\n\n# [b](https://b.example)",
            '<a href="https://a.example&gt;\n\n# [b](https://b.example)" target="_blank"'
            ' rel="noopener noreferrer">https://a.example&gt;\n\n# [b](https://b.example)</a>',
        ),
    ],
)
def test_the_address_of_a_source_is_an_address_and_no_text_with_a_shape(url, shown):
    page = rendered(
        "_news.html",
        {
            "root": "/console",
            "turn": Turn(Spoken(""), lambda: None),
            "news": [Item(0, "sources", [Source(1, None, None, None, url)], 1, 1)],
            "since": 0,
        },
    )
    (told,) = re.findall(r'<li value="1">(.*?)</li>', bytes(page.body).decode(), re.DOTALL)
    assert told == shown


# Keys


def test_after_many_wrong_keys_an_address_waits_and_others_do_not():
    clock = Hands()
    attempts = Attempts(clock)
    for _ in range(ATTEMPTS):
        assert attempts.begin("192.0.2.1") == 0
    assert attempts.begin("192.0.2.1") == WINDOW_SECONDS
    assert attempts.begin("192.0.2.2") == 0
    clock.now += WINDOW_SECONDS
    assert attempts.begin("192.0.2.1") == 0


def test_keys_that_are_right_do_not_count():
    attempts = Attempts(Hands())
    for _ in range(ATTEMPTS * 2):
        assert attempts.begin("192.0.2.1") == 0
        attempts.take_back("192.0.2.1")


def test_wrong_keys_that_are_tried_at_once_are_no_more_than_one_after_the_other():
    """None of them is known to be wrong yet when the last one is asked about."""
    looked_at, release = [], threading.Event()

    def reach(key):
        looked_at.append(key)
        assert release.wait(20)
        raise RemoteError("wrong", status=401)

    def try_key(number):
        with httpx2.Client(timeout=30, verify=False) as http:
            sent = {"key": f"sk-{number}"}
            answer = http.post(f"{address}/console/login", data=sent, headers={"origin": address})
            statuses.append(answer.status_code)
            if answer.status_code == 429 and statuses.count(429) == 5:
                release.set()

    statuses = []
    with serving(app.create_app(Console("far", reach))) as address:
        threads = [threading.Thread(target=try_key, args=(it,)) for it in range(ATTEMPTS + 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(looked_at) == ATTEMPTS
    assert sorted(statuses) == [403] * ATTEMPTS + [429] * 5


def test_wrong_keys_from_many_addresses_keep_nobody_else_out():
    clock = Hands()
    attempts = Attempts(clock)
    for number in range(1000):
        assert attempts.begin(f"192.0.{number // 250}.{number % 250}") == 0
    assert attempts.begin("198.51.100.1") == 0
    assert len(attempts._tried) == 1001
    clock.now += WINDOW_SECONDS
    attempts.begin("198.51.100.1")
    assert len(attempts._tried) == 1
    for number in range(MOST_CLIENTS):
        assert attempts.begin(f"10.0.{number // 250}.{number % 250}") == 0
    assert len(attempts._tried) == MOST_CLIENTS
    assert "198.51.100.1" not in attempts._tried


def test_all_addresses_of_a_network_of_ipv6_are_one_as_an_address_of_ipv4_is_however_spelled():
    attempts = Attempts(Hands())
    for number in range(ATTEMPTS):
        assert attempts.begin(f"2001:db8:0:1::{number:x}%eth0") == 0
        assert attempts.begin(("::ffff:192.0.2.1", "192.0.2.1")[number % 2]) == 0
    assert attempts.begin("2001:db8:0:1:ffff::") == WINDOW_SECONDS
    assert attempts.begin("192.0.2.1") == WINDOW_SECONDS
    assert attempts.begin("2001:db8:0:2::") == 0
    assert attempts.begin("::ffff:192.0.2.2") == 0
