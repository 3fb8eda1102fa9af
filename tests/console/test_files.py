import html
import re
import socket
import tempfile
import time

import pytest

from assistctl.loading import load
from assistctl.sync import apply_plan, plan_sync
from tests.console.conftest import Visitor, opened_console, reached
from tests.console.reading import words


@pytest.fixture(scope="module", autouse=True)
def synced(console):
    """What is declared is at the target."""
    reach = reached(console.target)
    workspace = load(console.root)
    list(apply_plan(reach.surface, workspace, plan_sync(reach.surface, workspace)))
    reach.close()


@pytest.fixture
def client(console):
    client = console.client()
    yield client
    client.close()


def id_of(client, name):
    [found] = [it["id"] for it in client.list("/files") if it["filename"] == name]
    return found


def upload(browse, name, content, **fields):
    return browse.post("/files", fields, files={"file": (name, content)})


def test_files_are_listed_with_what_uses_them_and_what_they_are_declared_as(browse, client):
    page = browse.get("/files").text
    assert words(page).startswith(
        "Files at local Name Purpose any assistants user_data vision batch fine-tune evals"
        " assistants_output Find File Size Used by Declared as Purpose Uploaded"
    )
    [asked] = re.findall(r'hx-get="(/console/files/uses\?[^"]+)"', page)
    told = browse.http.get(html.unescape(asked)).text
    care, prices = id_of(client, "care.md"), id_of(client, "prices.csv")
    store = next(iter(client.list("/vector_stores")))["id"]
    assert sorted(re.findall(r'<span id="([^"]+)" hx-swap-oob="true">', told)) == sorted(
        f"{part}-{it}" for part in ("uses", "declared") for it in (care, prices)
    )
    assert f'<a href="/console/stores/{store}"><bdi>vector_store/handbook</bdi></a>' in told
    assert "<bdi>assistant/clerk</bdi>" in told
    assert "address=file/handbook/care.md" in told
    assert "address=file/assistants/prices.csv" in told


def test_an_assistant_that_is_there_by_two_apis_is_named_once(browse, client):
    prices = id_of(client, "prices.csv")
    owner = next(iter(client.list("/assistants")))["metadata"]["assistctl"]
    metadata = {"assistctl": owner.replace("/", "/assistant/"), "assistctl_uploads": prices}
    other = client.create("/vector_stores", {"metadata": metadata})["id"]
    try:
        told = browse.get("/files/uses", file=prices).text
        page = words(browse.get(f"/files/{prices}").text)
    finally:
        client.delete(f"/vector_stores/{other}")
    assert told.count("<bdi>assistant/clerk</bdi>") == 1
    _, used, deleted = re.split("Used by|though it is declared", page)
    assert (used.count("assistant/clerk"), deleted.count("assistant/clerk")) == (1, 1)


def test_without_a_script_the_same_is_looked_up_by_a_link(browse):
    page = browse.get("/files")
    assert 'href="/console/files?uses=1"' in page.text
    assert "vector_store/handbook file/handbook/care.md" in words(
        browse.get("/files", uses="1").text
    )


def test_a_file_shows_its_text_and_can_be_saved(browse, client):
    care = id_of(client, "care.md")
    page = words(browse.get(f"/files/{care}").text)
    assert page.startswith(f"care.md Id {care} Size ")
    assert "Used by vector_store/handbook ( as it was read )" in page
    assert "Declared as file/handbook/care.md" in page
    saved = browse.get(f"/files/{care}/content")
    assert saved.headers["content-disposition"] == 'attachment; filename="care.md"'
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.text in browse.get(f"/files/{care}").text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "It is no text in UTF-8; it can be saved."),
        (b"a\0b", "It is no text; it can be saved."),
        (b"x" * (1024 * 1024 + 1), "It is too long to be shown here; it can be saved."),
    ],
    ids=["not-utf-8", "binary", "long"],
)
def test_what_is_no_text_to_read_is_said_to_be_none(browse, content, said):
    answer = upload(browse, "odd.txt", content, purpose="user_data")
    assert said in words(browse.http.get(answer.headers["location"]).text)


def test_names_and_texts_of_files_are_never_markup(browse):
    name = '<img src=x onerror="alert(1)">.txt'
    answer = upload(browse, name, b"<script>alert(1)</script>", purpose="user_data")
    shown = browse.http.get(answer.headers["location"]).text + browse.get("/files").text
    assert "<img src=x" not in shown
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_a_file_that_is_uploaded_is_there_with_its_purpose(browse, client):
    answer = upload(browse, "note.txt", b"Roses on Monday.", purpose="user_data")
    assert answer.status_code == 303
    file = client.get(answer.headers["location"].removeprefix("/console"))
    assert (file["filename"], file["purpose"], file["bytes"]) == ("note.txt", "user_data", 16)
    assert "Roses on Monday." in browse.http.get(answer.headers["location"]).text


def test_uploads_without_a_file_or_with_a_strange_purpose_are_refused(browse):
    assert "no file was chosen" in browse.post("/files", {"purpose": "vision"}).text
    assert "there is no purpose" in upload(browse, "a.txt", b"a", purpose="spying").text


def test_files_are_found_by_a_part_of_their_names(browse):
    upload(browse, "Ledger 2026.txt", b"1", purpose="user_data")
    page = words(browse.get("/files", q="ledger").text)
    assert "Ledger 2026.txt" in page
    assert "care.md" not in page
    assert "Nothing was found." in words(browse.get("/files", q="nowhere").text)
    assert "care.md" not in words(browse.get("/files", purpose="user_data").text)


def test_more_files_than_a_page_holds_come_page_by_page(browse, client):
    for number in range(51):
        upload(browse, f"page {number}.txt", b"x", purpose="batch")
    first = browse.get("/files", purpose="batch").text
    assert first.count("<tr>") == 51
    [following] = re.findall(r'href="(/console/files[^"]+)" rel="next"', first)
    second = browse.http.get(html.unescape(following)).text
    assert second.count("<tr>") == 2
    assert "page 0.txt" in second
    assert 'rel="next"' not in second


def test_a_file_is_deleted_once_somebody_is_sure(browse, client):
    where = upload(browse, "old.txt", b"x", purpose="user_data").headers["location"]
    path = where.removeprefix("/console")
    refused = browse.post(f"{path}/delete")
    assert (refused.status_code, "it was not said" in refused.text) == (409, True)
    assert browse.post(f"{path}/delete", {"sure": "1"}).status_code == 303
    assert "old.txt" not in {it["filename"] for it in client.list("/files")}


def test_what_is_declared_or_in_use_is_not_deleted_unless_that_was_said(browse, client):
    care = id_of(client, "care.md")
    page = words(browse.get(f"/files/{care}").text)
    assert (
        "though it is declared, so that the next sync uploads it again, and though"
        " vector_store/handbook uses it" in page
    )
    store = next(iter(client.list("/vector_stores")))["id"]
    unseen = browse.post(f"/files/{care}/delete", {"sure": "1", "used": "1"})
    assert "vector_store/handbook uses this file, which the page did not show" in unseen.text
    unsaid = browse.post(f"/files/{care}/delete", {"sure": "1", "seen": f"{store} "})
    assert (unsaid.status_code, "that something uses" in unsaid.text) == (409, True)
    assert client.get(f"/files/{care}")["id"] == care


def test_a_console_that_only_looks_uploads_and_deletes_nothing(workshop, client):
    with opened_console(workshop, write=False) as looking, Visitor(looking.address).http as http:
        browse = Visitor(looking.address)
        browse.http = http
        browse.enter(looking.links)
        page = browse.get("/files").text
        assert "This page only looks" in page
        assert "multipart" not in page
        care = id_of(client, "care.md")
        assert "This file is to be deleted" not in browse.get(f"/files/{care}").text
        for answer in (
            upload(browse, "a.txt", b"a", purpose="user_data"),
            browse.post(f"/files/{care}/delete", {"sure": "1", "used": "1"}),
        ):
            assert (answer.status_code, "it was started without --write" in answer.text) == (
                409,
                True,
            )


def test_a_form_that_is_too_long_is_not_taken(browse):
    with socket.create_connection(("127.0.0.1", int(browse.address.rpartition(":")[2]))) as raw:
        raw.sendall(
            f"POST /console/files HTTP/1.1\r\nHost: {browse.address[7:]}\r\n"
            f"Origin: {browse.address}\r\nContent-Length: {600 * 1024 * 1024}\r\n\r\n".encode()
        )
        assert raw.recv(12) == b"HTTP/1.1 413"


def test_a_browser_shows_how_far_each_upload_is_and_what_uses_a_file(console, browser, tmp_path):
    paths = [tmp_path / "first.txt", tmp_path / "second.txt"]
    for path in paths:
        path.write_text(f"the {path.stem} one" * 1000)
    browser.goto(f"{console.address}/console/files?purpose=assistants")
    browser.get_by_role("cell", name="vector_store/handbook", exact=True).wait_for()
    browser.get_by_label("Choose files").set_input_files([str(it) for it in paths])
    browser.get_by_role("button", name="Upload").click()
    for path in paths:
        browser.get_by_role("listitem").filter(has_text=f"{path.name} ").filter(
            has_text="uploaded"
        ).wait_for()
    browser.get_by_role("link", name="second.txt").click()
    browser.get_by_text("the second one").wait_for()


def test_a_browser_shows_why_nobody_can_say_what_uses_a_file(console, browser):
    broken = console.root / "assistants" / "broken.yaml"
    broken.write_text("a: 1\n")
    try:
        browser.goto(f"{console.address}/console/files")
        browser.get_by_role("alert").filter(has_text="unknown key a").wait_for()
    finally:
        broken.unlink()


def test_the_pages_of_files_fit_into_400_pixels(console, new_page):
    page = new_page(viewport={"width": 400, "height": 800})
    page.goto(f"{console.address}/console/enter?token={console.links.new()}")
    page.wait_for_url("**/console/workspace")
    page.goto(f"{console.address}/console/files?purpose=assistants")
    page.get_by_role("link", name=re.compile("care.md")).first.wait_for()
    beyond = "document.documentElement.scrollWidth - window.innerWidth"
    assert page.evaluate(beyond) <= 0
    cells = "Math.max(...[...document.querySelectorAll('td')].map(it => it.scrollWidth))"
    assert 0 < page.evaluate(cells) <= 400  # no column is beyond the edge
    assert "Used by: " in page.locator("td[data-label='Used by']").first.evaluate(
        "it => getComputedStyle(it, '::before').content"
    )
    page.get_by_role("link", name="care.md", exact=True).click()
    page.get_by_role("heading", name="care.md").wait_for()
    assert page.evaluate(beyond) <= 0


@pytest.mark.parametrize(
    ("wanted", "status"),
    [("", 200), ("bytes=0-3", 206), ("bytes=9999999-", 416), ("bytes=x", 400), ("bytes=3-1", 400)],
)
def test_however_a_download_ends_no_copy_of_it_stays(
    browse, client, tmp_path, monkeypatch, wanted, status
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = f"/console/files/{id_of(client, 'care.md')}/content"
    answer = browse.http.get(path, headers={"range": wanted} if wanted else {})
    assert answer.status_code == status
    for _ in range(100):  # it goes when the last byte has gone
        left = list(tmp_path.iterdir())
        if not left:
            break
        time.sleep(0.05)
    assert left == []
