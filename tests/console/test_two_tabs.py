"""Two tabs, two clicks, a file that is edited while a page shows it, and a console that only looks:
whoever is in does what they were shown, once, and nothing else."""

import html
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from assistctl.apis import connect
from assistctl.console import app
from assistctl.console.pages import playground
from assistctl.console.playground import turns
from assistctl.console.visit import Console
from assistctl.errors import RemoteError
from assistctl.loading import load
from assistctl.sync import apply_plan, plan_sync
from tests.console.conftest import Visitor, opened_console, serving, visiting

CLERK = {"with": "assistant/clerk"}


@pytest.fixture(scope="module", autouse=True)
def synced(console):
    surface, workspace = connect(console.target), load(console.root)
    list(apply_plan(surface, workspace, plan_sync(surface, workspace)))
    surface.close()


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """However slow a machine is, a turn waits for what a test does next."""
    monkeypatch.setattr(turns, "LEFT_SECONDS", 60.0)


def at_once(*works):
    with ThreadPoolExecutor(len(works)) as pool:
        return [it.result() for it in [pool.submit(work) for work in works]]


def hidden(page, name):
    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page)[1])


def test_the_token_of_a_session_that_has_ended_does_nothing_in_the_next(console, browse):
    before = browse.csrf
    browse.post("/logout")
    browse.enter(console.links)
    answer = browse.raw_post("/console/workspace/apply", {"csrf": before, "fingerprint": "x"})
    assert (answer.status_code, "not of your session" in answer.text) == (409, True)


def test_a_plan_that_is_applied_twice_at_once_is_applied_once(console, browse):
    console.edit("assistants/greeter.yaml", "any language", "all languages")
    try:
        sent = {"fingerprint": hidden(browse.get("/workspace").text, "fingerprint")}
        answers = at_once(*[lambda: browse.post("/workspace/apply", sent)] * 2)
        assert sorted(it.status_code for it in answers) == [200, 409]
        (refused,) = [it.text for it in answers if it.status_code == 409]
        assert "has changed since this plan was shown" in refused
    finally:
        console.edit("assistants/greeter.yaml", "all languages", "any language")


def test_a_file_that_was_edited_while_a_page_showed_it_is_not_written_over(console, browse):
    file = console.root / "assistants" / "greeter.yaml"
    before = file.read_text()
    edited = {"with": "assistant/greeter", "instructions": "Greet."}
    shown = browse.post("/playground/keep", edited, follow_redirects=True).text
    try:
        file.write_text("# Mind the tone.\n" + before)
        sent = {"with": "assistant/greeter", "fingerprint": hidden(shown, "fingerprint")}
        answer = browse.post("/playground/save", sent)
        assert (answer.status_code, "nothing was written" in answer.text) == (409, True)
        assert file.read_text() == "# Mind the tone.\n" + before
        shown = browse.get("/playground/saving", **{"with": "assistant/greeter"}).text
        sent["fingerprint"] = hidden(shown, "fingerprint")
        answers = at_once(*[lambda: browse.post("/playground/save", sent)] * 2)
        assert sorted(it.status_code for it in answers) == [200, 409]
        assert file.read_text() == "# Mind the tone.\ninstructions: Greet.\n"
    finally:
        file.write_text(before)


def begun(browse):
    """The path of a turn that will ask."""
    page = browse.get("/playground/table", **CLERK).text
    tools = re.findall(r'name="tools" value="([^"]+)"', page)
    instructions = re.search(r'name="instructions"[^>]*>([^<]*)<', page)[1]
    sent = {**CLERK, "csrf": browse.csrf, "message": "I want a refund", "tools": tools}
    headers = {"origin": browse.address, "hx-request": "true"}
    sent |= {"instructions": instructions, "model": "gpt-6-luna"}
    said = browse.http.post("/console/playground/say", data=sent, headers=headers).text
    return "/playground" + re.findall(r"/turns/\w+(?=/events)", said)[-1]


def question(lines):
    """The number of what is asked, of what a page is told."""
    for line in lines:
        if found := re.search(r'name="item" value="(\d+)"', line):
            return found[1]
    raise AssertionError("nothing was asked")


def asked(browse):
    """A turn that waits for a word, and the number of what it asks."""
    path = begun(browse)
    with browse.http.stream("GET", f"/console{path}/events") as told:
        return path, question(told.iter_lines())


def test_a_call_that_is_allowed_in_two_tabs_at_once_is_made_once(console, browse):
    path, item = asked(browse)
    sent = {"item": item, "allow": "1"}
    answers = at_once(*[lambda: browse.post(f"{path}/answer", sent)] * 2)
    assert sorted(it.status_code for it in answers) == [204, 400]
    assert "event: close" in browse.get(f"{path}/events").text
    page = browse.get("/playground/table", **CLERK).text
    assert page.count('aria-label="result">refunded') == 1
    (console.root / "refunded").unlink()


def test_a_call_that_is_allowed_once_its_turn_was_stopped_is_not_made(console, browse):
    path, item = asked(browse)
    assert browse.post(f"{path}/stop").status_code == 204
    answer = browse.post(f"{path}/answer", {"item": item, "allow": "1"})
    assert (answer.status_code, "nothing waits for an answer" in answer.text) == (400, True)
    assert "event: close" in browse.get(f"{path}/events").text
    assert not (console.root / "refunded").exists()


def test_a_call_is_not_allowed_by_another_session(console, browse):
    path, item = asked(browse)
    with visiting(console) as other:
        answer = other.post(f"{path}/answer", {"item": item, "allow": "1"})
        assert (answer.status_code, "is not known here" in answer.text) == (400, True)
    assert not (console.root / "refunded").exists()
    assert browse.post(f"{path}/stop").status_code == 204


def test_a_turn_goes_on_while_one_of_its_tabs_is_there(console, browse, monkeypatch):
    monkeypatch.setattr(turns, "LEFT_SECONDS", 0.2)
    monkeypatch.setattr(playground, "_ALIVE_SECONDS", 0.1)
    path = begun(browse)
    with (
        httpx2.Client(base_url=console.address, cookies=browse.http.cookies, verify=False) as tab,
        tab.stream("GET", f"/console{path}/events") as told,
    ):
        lines = told.iter_lines()
        item = question(lines)
        with browse.http.stream("GET", f"/console{path}/events") as other:
            assert question(other.iter_lines()) == item
        time.sleep(1)  # until it is known that the first tab is gone
        assert browse.post(f"{path}/answer", {"item": item, "allow": "1"}).status_code == 204
        assert any("event: close" in line for line in lines)
    assert (console.root / "refunded").exists()
    (console.root / "refunded").unlink()


def kept(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith("local.db") and path.suffix != ".pyc"
    }


def test_a_console_that_only_looks_changes_nothing_by_any_page_that_can_be_reached(console):
    """Nor by drafts, and by how they would be saved."""
    with opened_console(console.root, write=False) as looking, visiting(looking) as visitor:
        client = looking.client()
        objects = [
            it["id"]
            for path in ("/assistants", "/files", "/vector_stores", "/threads")
            for it in client.list(path)
        ]
        before = kept(looking.root)
        edited = {"with": "assistant/greeter", "instructions": "Greet.", "model": "gpt-6.1"}
        visitor.post("/playground/keep", edited)
        visitor.post("/playground/keep", {"with": "new", "instructions": "Add."})
        waits, seen = ["/console/workspace", "/console/playground/saving?with=new"], set()
        waits += ["/console/playground/saving?with=assistant/greeter"]
        while waits:
            path = waits.pop()
            if path not in seen:
                seen.add(path)
                page = visitor.http.get(path)
                assert page.status_code in (200, 303), path
                found = re.findall(r'(?:href|src|hx-get)="(/console/[^"#]+)', page.text)
                waits += [html.unescape(it) for it in found if "/assets/" not in it]
        assert len(seen) > 25
        assert kept(looking.root) == before
        assert objects == [
            it["id"]
            for path in ("/assistants", "/files", "/vector_stores", "/threads")
            for it in client.list(path)
        ]
        client.close()


def test_a_session_shows_nothing_with_a_key_that_opens_nothing_any_more():
    """It is asked with the key each time; nothing was kept."""
    opens = threading.Event()
    opens.set()

    class Target:
        def page(self, *_, **__):
            if not opens.is_set():
                raise RemoteError("this key opens nothing", status=401)
            return {"data": [{"id": "file-1", "filename": "secret.txt"}]}

        def close(self):
            pass

    target = Target()
    target.client = target
    with serving(app.create_app(Console("far", lambda key: target))) as address:
        visitor = Visitor(address)
        with visitor.http:
            visitor.login("sk-one")
            assert "secret.txt" in visitor.get("/files").text
            opens.clear()
            answer = visitor.get("/files")
            assert (answer.status_code, "secret.txt" in answer.text) == (502, False)
            cookies = visitor.http.cookies
    with serving(app.create_app(Console("far", lambda key: target))) as address:
        port = address.rpartition(":")[2]
        (old,) = cookies.values()
        again = httpx2.get(
            f"{address}/console/files",
            headers={"cookie": f"assistctl_console_{port}={old}"},
            verify=False,
        )
        assert again.headers["location"] == "/console/login"
