"""The console beside an API with keys, in a browser: files and stores of one's own project only."""

import time

import pytest

from assistctl.apis.transport.client import Client
from assistctl.apis.transport.files import upload
from tests.console.conftest import chromium, new_page  # noqa: F401 - fixtures

KEYS = "mine:sk-mine-1234,theirs:sk-theirs-1234"


def filled(url, key, directory, name, text):
    """A file and a store that has it, in the project of a key; their ids."""
    client = Client(url, key)
    (directory / name).write_text(text)
    file = upload(client, directory / name, name, "assistants")["id"]
    store = client.create("/vector_stores", {"name": f"about {name}", "file_ids": [file]})["id"]
    while client.get(f"/vector_stores/{store}")["file_counts"]["in_progress"]:
        time.sleep(0.05)
    client.close()
    return file, store


@pytest.fixture
def served(synced, tmp_path):
    """The address of the console, and what each project has."""
    with synced.started("serve", "-q", "--port", "0", "--console", ASSISTCTL_API_KEYS=KEYS) as it:
        url = it.wait_for("Serving ").split()[-1]
        mine = filled(url, "sk-mine-1234", tmp_path, "roses.md", "Roses want water at dawn.")
        theirs = filled(url, "sk-theirs-1234", tmp_path, "secret.md", "Water the secret garden.")
        yield url.removesuffix("/v1") + "/console", mine, theirs


def test_files_and_stores_are_looked_at_and_searched_with_a_key_and_none_of_others_are_there(
    served,
    new_page,  # noqa: F811
):
    address, (_, store), (other_file, other_store) = served
    page = new_page()
    page.goto(f"{address}/files")
    page.get_by_label("API key").fill("sk-mine-1234")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/console/**")
    page.goto(f"{address}/files")
    assert page.locator("tbody td:first-child").all_inner_texts() == ["roses.md"]
    page.get_by_text("about roses.md").wait_for()  # what uses it is looked up meanwhile
    page.get_by_role("link", name="roses.md", exact=True).click()
    assert page.locator("pre").inner_text() == "Roses want water at dawn."
    page.goto(f"{address}/stores")
    assert page.locator("tbody td:first-child").all_inner_texts() == ["about roses.md"]
    page.get_by_role("link", name="about roses.md").click()
    page.get_by_role("searchbox", name="Query").fill("water")
    page.get_by_label("Which file should have been found?").fill("secret")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("1 passage").wait_for()
    page.get_by_text("no file at the target is called like 'secret'").wait_for()
    assert page.locator(".passages .text").all_inner_texts() == ["Roses want water at dawn."]
    for path in (
        f"/files/{other_file}",
        f"/files/{other_file}/content",
        f"/stores/{other_store}",
        f"/stores/{other_store}?q=water",
        f"/stores/{other_store}/files/{other_file}",
        f"/stores/{store}/files/{other_file}",
        "/files?q=secret",
        f"/files/uses?file={other_file}",
    ):
        answer = page.request.get(f"{address}{path}")
        assert (path, "garden" in answer.text(), "secret.md" in answer.text()) == (
            path,
            False,
            False,
        )


def test_with_a_key_nothing_is_uploaded_attached_or_deleted(served, new_page):  # noqa: F811
    """Whatever a key may do by the API, the console beside it only looks."""
    address, (file, store), _ = served
    page = new_page()
    page.goto(f"{address}/login")
    page.get_by_label("API key").fill("sk-mine-1234")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/console/**")
    for path in ("/files", f"/files/{file}", f"/stores/{store}", f"/stores/{store}/files/{file}"):
        page.goto(f"{address}{path}")
        assert (path, page.locator("main form[method=post]").count()) == (path, 0)
    csrf = page.locator("input[name=csrf]").first.input_value()
    origin = {"origin": address.removesuffix("/console")}
    sent = {"csrf": csrf, "sure": "1", "used": "1", "seen": store, "file_id": file}
    for path in (
        "/files",
        f"/files/{file}/delete",
        f"/stores/{store}/files",
        f"/stores/{store}/files/{file}/again",
        f"/stores/{store}/files/{file}/detach",
    ):
        answer = page.request.post(f"{address}{path}", multipart=sent, headers=origin)
        assert (path, answer.status) == (path, 409)
    page.goto(f"{address}/stores/{store}")
    page.get_by_text("1 file", exact=True).wait_for()
