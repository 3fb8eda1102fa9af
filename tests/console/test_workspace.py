import re

from tests.console.reading import words


def fingerprint(browse, path="/workspace"):
    return re.findall(r'name="fingerprint" value="([^"]+)"', browse.get(path).text)[0]


def apply(browse, **fields):
    sent = {"fingerprint": fingerprint(browse), **fields}
    return browse.post("/workspace/apply", sent)


def test_what_is_declared_and_not_there_is_created_from_the_page(console, browse):
    page = words(browse.get("/workspace").text)
    assert page.startswith(
        "shop at local Plan for local: 5 to create, 0 to update, 0 to delete. Declared "
        "Address Status Id vector_store/handbook missing assistant/clerk missing"
    )
    assert "Apply 5 changes to local" in page
    done = apply(browse)
    assert done.status_code == 200
    assert words(done.text).startswith("Applied Synced local: 5 changes. Change Id Seconds")
    client = console.client()
    assert sorted(str(it["name"]) for it in client.list("/assistants")) == ["Clerk", "None"]
    client.close()
    after = words(browse.get("/workspace").text)
    assert after.startswith("shop at local No changes. local is as declared. Declared")
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
