"""What an attacker tries, and what comes of it; docs/console.md has the list."""

import re
import socket
import threading
from pathlib import Path

import httpx2
import pytest

from assistctl.console import access, app
from assistctl.console.access import (
    ATTEMPTS,
    ATTEMPTS_OF_ALL,
    IDLE_SECONDS,
    LINK_SECONDS,
    LONGEST_SECONDS,
    MOST_OF_ONE,
    WINDOW_SECONDS,
    Attempts,
    Kept,
    Links,
    Sessions,
    foreign_origin,
)
from assistctl.console.markdown import markdown
from assistctl.console.visit import Console
from assistctl.errors import Refused, RemoteError
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
    answer = httpx2.get(f"{console.address}/console/workspace", headers={"cookie": cookie})
    assert where(answer) == (303, "/console/enter")


def test_an_id_that_somebody_brings_along_is_not_made_a_session(console):
    """Else they could know it beforehand (session fixation)."""
    port = console.address.rpartition(":")[2]
    with httpx2.Client(base_url=console.address) as http:
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
    thief = httpx2.get(f"{console.address}/console/workspace", cookies=cookies)
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
    thief = httpx2.get(f"{console.address}/console/workspace", cookies=before)
    assert where(thief) == (303, "/console/enter")


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


# Texts


@pytest.mark.parametrize("mark", ["&#x202e;", "&#8238;", "&rlm;", "<http://a/%E2%80%AE%1b>"])
@pytest.mark.parametrize("around", ["{}", "**{}**", "![{}](x)", "[{}](x)", "|{}|b|\n|-|-|\n|{}|c|"])
def test_no_mark_that_turns_writing_comes_back_by_another_spelling(mark, around):
    shown = str(markdown(around.replace("{}", f"a{mark}b")))
    assert not set(shown) & set("\u202e\u200f\x1b"), shown


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
        with httpx2.Client(timeout=30) as http:
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


def test_keys_that_are_tried_from_many_addresses_are_paced_too():
    attempts = Attempts(Hands())
    for number in range(ATTEMPTS_OF_ALL):
        assert attempts.begin(f"192.0.2.{number}") == 0
    assert attempts.begin("198.51.100.1") == WINDOW_SECONDS
