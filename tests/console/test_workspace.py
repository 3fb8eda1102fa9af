import re
import shutil

import pytest

from assistctl.console.pages import workspace
from assistctl.server import EmbeddedServer, Settings
from tests.console.conftest import SHOP, opened_console, visiting
from tests.console.reading import words


def fingerprint(browse, path="/workspace"):
    return re.findall(r'name="fingerprint" value="([^"]+)"', browse.get(path).text)[0]


def apply(browse, **fields):
    sent = {"fingerprint": fingerprint(browse), **fields}
    return browse.post("/workspace/apply", sent)


def test_what_is_declared_and_not_there_is_created_from_the_page(console, browse):
    page = words(browse.get("/workspace").text)
    assert page.startswith(
        "shop at local Plan for local: 5 to create, 0 to update, 0 to delete. What there "
        "is Address Status Id vector_store/handbook missing assistant/clerk missing"
    )
    assert "Apply 5 changes to local" in page
    done = apply(browse)
    assert done.status_code == 200
    assert words(done.text).startswith("Applied Synced local: 5 changes. Change Id Seconds")
    client = console.client()
    assert sorted(str(it["name"]) for it in client.list("/assistants")) == ["Clerk", "None"]
    client.close()
    after = words(browse.get("/workspace").text)
    assert after.startswith("shop at local No changes. local is as declared. What there is")
    assert "Plan Nothing to do. Snapshots None yet" in after
    assert "Apply" not in after


def test_a_prompt_that_changed_is_shown_word_by_word(console, browse):
    apply(browse) if "Apply" in browse.get("/workspace").text else None
    console.edit("assistants/clerk.yaml", "You sell flowers.", "You sell fresh flowers.")
    page = browse.get("/workspace").text
    assert "<del>You sell flowers.</del>" in page
    assert "<ins>You sell <b>fresh </b>flowers.</ins>" in page
    assert "<div>Be brief.</div>" in page
    assert words(apply(browse).text).startswith("Applied Synced local: 1 change.")
    assert "assistant/clerk" in words(browse.get("/workspace").text).partition("Snapshots")[2]


@pytest.fixture
def shop(tmp_path):
    """A workspace in sync with its local target, of the test's own, and its console."""
    root = tmp_path / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("__pycache__"))
    with opened_console(root) as opened, visiting(opened) as visitor:
        apply(visitor)
        yield opened, visitor


def test_what_has_changed_since_the_plan_was_shown_is_not_applied(shop):
    opened, visitor = shop
    opened.edit("assistants/clerk.yaml", "Be brief.", "Be kind.")
    seen = fingerprint(visitor)
    opened.edit("assistants/clerk.yaml", "Be kind.", "Be rude.")
    answer = visitor.post("/workspace/apply", {"fingerprint": seen})
    assert answer.status_code == 409
    assert "has changed since this plan was shown; nothing was changed" in answer.text
    assert clerk(opened)["instructions"] == "You sell flowers.\nBe brief.\n"


def test_edits_at_the_target_are_shown_and_stay_or_go_as_it_is_said(shop):
    opened, visitor = shop
    client = opened.client()
    client.post(f"/assistants/{clerk(opened)['id']}", {"instructions": "You sell flours.\n"})
    client.close()
    page = visitor.get("/workspace").text
    assert "changed at the target since the last sync" in page
    assert "<del>You sell <b>flours</b>.</del>" in page
    unsaid = apply(visitor)
    assert (unsaid.status_code, "nothing was changed" in unsaid.text) == (409, True)
    assert "Synced local: 0 changes." in words(apply(visitor, drift="keep").text)
    assert clerk(opened)["instructions"] == "You sell flours.\n"
    assert "Synced local: 1 change." in words(apply(visitor, drift="overwrite").text)
    assert clerk(opened)["instructions"] == "You sell flowers.\nBe brief.\n"


def test_what_is_declared_no_longer_is_deleted_only_where_that_is_ticked(shop):
    opened, visitor = shop
    (opened.root / "assistants" / "greeter.yaml").unlink()
    (opened.root / "assistants" / "greeter.script.yaml").unlink()
    page = words(visitor.get("/workspace").text)
    assert "No longer declared, left alone assistant/greeter" in page
    assert "<code>assistctl sync --prune</code> deletes" in visitor.get("/workspace").text
    seen = fingerprint(visitor, "/workspace?prune=1")
    assert "Delete assistant/greeter Apply 1 change" in words(
        visitor.get("/workspace?prune=1").text
    )
    sent = {"fingerprint": seen, "prune": "1"}
    assert visitor.post("/workspace/apply", sent).status_code == 409
    assert names(opened) == ["Clerk", "None"]
    done = visitor.post("/workspace/apply", {**sent, "deletes": "1"})
    assert "Synced local: 1 change." in words(done.text)
    assert names(opened) == ["Clerk"]


def test_a_target_that_wants_it_confirmed_wants_its_name(tmp_path, monkeypatch):
    root = tmp_path / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("__pycache__"))
    with EmbeddedServer(Settings(tmp_path / "prod.db", model="scripted")) as server:
        monkeypatch.setenv("STAGING_URL", server.base_url)
        monkeypatch.setenv("STAGING_KEY", server.api_key)
        declared = (root / "assistctl.yaml").read_text(encoding="utf-8")
        confirmed = declared.replace("${STAGING_KEY}", "${STAGING_KEY}\n    confirm: true")
        (root / "assistctl.yaml").write_text(confirmed, encoding="utf-8")
        with opened_console(root, at="staging") as opened, visiting(opened) as visitor:
            assert "type the target's name" in visitor.get("/workspace").text
            for typed in ("", "prod", "STAGING"):
                answer = apply(visitor, confirm=typed)
                assert (answer.status_code, "nothing was changed" in answer.text) == (409, True)
            assert names(opened) == []
            done = apply(visitor, confirm="staging")
            assert "Synced staging: 5 changes." in words(done.text)


def test_without_write_nothing_can_be_applied(workshop):
    with opened_console(workshop, write=False) as opened, visiting(opened) as visitor:
        opened.edit("assistants/clerk.yaml", "Be brief.", "Be quiet.")
        page = words(visitor.get("/workspace").text)
        assert "This page only looks." in page
        assert "<form" not in page
        answer = visitor.post("/workspace/apply", {"fingerprint": "x"})
        assert (answer.status_code, "without --write" in answer.text) == (409, True)
        opened.edit("assistants/clerk.yaml", "Be quiet.", "Be brief.")


def test_what_is_wrong_with_the_workspace_is_said_with_its_places(shop):
    opened, visitor = shop
    opened.edit("assistants/clerk.yaml", "name: Clerk", "nmae: <b>Clerk</b>")
    answer = visitor.get("/workspace")
    assert answer.status_code == 422
    assert words(answer.text).startswith("The workspace is wrong assistants/clerk.yaml:1:1 ")


def test_each_thing_is_shown_as_declared_and_as_it_is(shop):
    opened, visitor = shop
    opened.edit("assistants/clerk.yaml", "name: Clerk", 'name: "<i>Clerk</i>"')
    answer = visitor.get("/workspace/show", address="assistant/clerk").text
    assert "&lt;i&gt;Clerk&lt;/i&gt;" in answer
    assert "<i>" not in answer
    page = words(answer)
    assert page.startswith("assistant/clerk changed")
    assert "What a sync would do" in page
    assert "As declared" in page.partition("At the target")[0]
    assert '<a href="/console/playground/table?with=assistant%2Fclerk">Talk with it</a>' in answer
    nothing = visitor.get("/workspace/show", address="assistant/nobody")
    assert (nothing.status_code, "neither declared nor at the target" in nothing.text) == (
        409,
        True,
    )


def test_a_file_that_is_there_leads_to_its_upload_and_a_store_to_its_search(shop):
    _, visitor = shop
    apply(visitor) if "Apply" in visitor.get("/workspace").text else None
    file = visitor.get("/workspace/show", address="file/handbook/care.md").text
    assert re.search(r'It is an upload: <a href="/console/files/file-\w+">its text', file)
    store = visitor.get("/workspace/show", address="vector_store/handbook").text
    assert re.search(r'<a href="/console/stores/vs_\w+">Search it</a>', store)


def clerk(opened):
    client = opened.client()
    (found,) = (it for it in client.list("/assistants") if it["name"] == "Clerk")
    client.close()
    return found


def names(opened):
    client = opened.client()
    found = sorted(str(it["name"]) for it in client.list("/assistants"))
    client.close()
    return found


def test_of_very_many_files_the_first_are_named_and_the_others_counted(tmp_path, monkeypatch):
    root = tmp_path / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("__pycache__"))
    for number in range(10):
        (root / "handbook" / f"page-{number}.md").write_text(f"Page {number}.\n")
    monkeypatch.setattr(workspace, "MOST_FILES", 3)
    with opened_console(root) as opened, visiting(opened) as visitor:
        page = words(visitor.get("/workspace").text)
        assert "12 files, 12 missing These are 3 of them; assistctl list has all." in page
        assert page.count("+ handbook/") == 3
        assert "+ 8 more files" in page
        assert page.count("+ file/") == 3
        assert "And 9 files more to upload; assistctl plan names all." in page
        assert "Apply 15 changes to local" in page
