import re
import time

import pytest

from assistctl.loading import load
from assistctl.sync import apply_plan, plan_sync
from tests.console.conftest import Visitor, opened_console, reached
from tests.console.reading import words


@pytest.fixture(scope="module")
def client(console):
    client = console.client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def handbook(console, client):
    """The declared store, at the target."""
    reach = reached(console.target)
    workspace = load(console.root)
    list(apply_plan(reach.surface, workspace, plan_sync(reach.surface, workspace)))
    reach.close()
    [store] = [it for it in client.list("/vector_stores") if it["name"] == "handbook"]
    return store["id"]


@pytest.fixture(scope="module")
def garden(console, client, tmp_path_factory):
    """A store of somebody's: what grows, one file that cannot be read, one without any text."""
    root = tmp_path_factory.mktemp("garden")
    texts = {
        "roses.md": b"Roses want sun and water in the morning.",
        "tulips.md": b"Tulips come up in April.",
        "broken.pdf": b"%PDF-1.4 nothing",
    }
    store = client.create("/vector_stores", {"name": "garden"})["id"]
    reach = reached(console.target)
    for name, text in texts.items():
        (root / name).write_bytes(text)
        file = reach.surface.upload(root / name, name)["id"]
        attributes = {"season": name.partition(".")[0]}
        client.create(f"/vector_stores/{store}/files", {"file_id": file, "attributes": attributes})
    reach.close()
    settle(client, store)
    return store


def settle(client, store):
    for _ in range(400):
        if not client.get(f"/vector_stores/{store}")["file_counts"]["in_progress"]:
            return
        time.sleep(0.05)
    raise AssertionError("the files are not read")


def member(client, store, name):
    names = {it["id"]: it["filename"] for it in client.list("/files")}
    [found] = [
        it["id"] for it in client.list(f"/vector_stores/{store}/files") if names[it["id"]] == name
    ]
    return found


def reasons(browse, store, **asked):
    page = browse.get(f"/stores/{store}", **asked).text
    listed = re.search(r'<ul class="reasons".*?</ul>', page, re.DOTALL)
    return [words(f"<main>{it}</main>") for it in re.findall(r"<li>(.*?)</li>", listed[0])]


def test_stores_are_listed_with_what_could_not_be_read(browse, handbook, garden):
    page = words(browse.get("/stores").text)
    assert page.startswith(
        "Vector stores at local Store Declared as Files Size Last used Id garden 3 1 failed "
    )
    assert "handbook vector_store/handbook 1 " in page


def test_a_store_shows_how_each_file_was_read_and_why_one_was_not(browse, client, garden):
    page = words(browse.get(f"/stores/{garden}").text)
    why = client.get(f"/vector_stores/{garden}/files/{member(client, garden, 'broken.pdf')}")
    assert f"broken.pdf failed {why['last_error']['message']}" in page
    assert "3 files 2 completed 1 failed File Status Size Chunks of Attached" in page
    assert "roses.md completed" in page
    only = words(browse.get(f"/stores/{garden}", status="failed").text)
    assert "broken.pdf" in only
    assert "roses.md" not in only


def test_a_search_shows_passages_with_their_scores(browse, garden):
    page = words(browse.get(f"/stores/{garden}", q="roses in the sun", limit="1").text)
    assert re.search(
        r"1 passage 1 file could not be read, and is never found roses.md [01]\.\d{3}"
        r" Roses want sun and water in the morning\.",
        page,
    )


def test_what_a_threshold_keeps_out_is_said_with_its_score(browse, garden):
    told = reasons(browse, garden, q="tulips", threshold="1")
    assert re.fullmatch(
        r"\d passages? (more )?would be found without the threshold of 1; the best of them has"
        r" 0\.\d{3} \((tulips|roses)\.md\) as it was read",
        told[1],
    )


def test_what_a_filter_keeps_out_is_said(browse, garden):
    condition = '{"type": "eq", "key": "season", "value": "roses"}'
    told = reasons(browse, garden, q="April", filters=condition, expected="tulips")
    assert told[1] == "without the filter there would be passages of tulips.md"
    assert re.fullmatch(
        r"tulips.md: its best passage has rank \d and score 0\.\d{3}, and the filter keeps it out:"
        r" its attributes are \{&#34;season&#34;: &#34;tulips&#34;\} as it was read",
        told[2],
    )


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("broken", r"broken\.pdf could not be read: .+ as it was read"),
        ("nowhere", r"no file at the target is called like &#39;nowhere&#39;"),
        ("prices", r"prices\.csv \(file-\w+\) is not in this store as it was read"),
        ("ROSES", r"roses\.md was found: it has the passage of rank 1 as it was read"),
    ],
)
def test_why_an_expected_file_was_not_found_is_said(browse, handbook, garden, expected, said):
    told = reasons(browse, garden, q="roses", limit="1", expected=expected)
    assert re.fullmatch(said, told[1])


def test_a_search_that_cannot_be_made_says_why_beside_the_form(browse, garden):
    for asked, said in (
        ({"threshold": "2"}, "the threshold is no number between 0 and 1: '2'"),
        ({"limit": "51"}, "the number of passages is no number between 1 and 50: '51'"),
        ({"filters": "[1]"}, "the filter is no object, such as"),
        ({"filters": "{"}, "the filter is no JSON"),
        ({"filters": '{"type": "near"}'}, "400"),
    ):
        page = browse.get(f"/stores/{garden}", q="roses", **asked)
        assert (page.status_code, said in page.text.replace("&#39;", "'")) == (200, True), asked


def test_a_file_of_a_store_shows_what_was_read_of_it(browse, client, garden):
    roses = member(client, garden, "roses.md")
    page = words(browse.get(f"/stores/{garden}/files/{roses}").text)
    assert page.startswith("roses.md completed in garden , the file itself Id")
    assert "season roses As it was read 40 characters Roses want sun" in page
    broken = member(client, garden, "broken.pdf")
    assert "It could not be read:" in words(browse.get(f"/stores/{garden}/files/{broken}").text)


def test_a_file_is_read_anew_with_its_attributes_and_a_declared_store_stays_as_declared(
    console, browse, client, handbook
):
    care = member(client, handbook, "care.md")
    before = client.get(f"/vector_stores/{handbook}/files/{care}")
    assert browse.post(f"/stores/{handbook}/files/{care}/again").status_code == 303
    settle(client, handbook)
    after = client.get(f"/vector_stores/{handbook}/files/{care}")
    assert {**after, "created_at": 0} == {**before, "created_at": 0}
    reach = reached(console.target)
    assert not plan_sync(reach.surface, load(console.root)).plan.changes
    reach.close()


def test_files_are_uploaded_into_a_store_attached_by_id_and_taken_out_again(browse, client, garden):
    answer = browse.post(f"/stores/{garden}/files", files={"file": ("lilies.md", b"Lilies smell.")})
    assert answer.headers["location"] == f"/console/stores/{garden}"
    lilies = member(client, garden, "lilies.md")
    path = f"/stores/{garden}/files/{lilies}"
    assert browse.post(f"{path}/detach").status_code == 409
    assert browse.post(f"{path}/detach", {"sure": "1"}).status_code == 303
    assert lilies not in {it["id"] for it in client.list(f"/vector_stores/{garden}/files")}
    assert browse.post(f"/stores/{garden}/files", {"file_id": lilies}).status_code == 303
    told = browse.http.post(
        f"/console/stores/{garden}/files",
        files={"file": ("torn.pdf", b"%PDF-1.4 torn")},
        headers={"hx-request": "true", "x-csrf-token": browse.csrf, "origin": browse.address},
    )
    torn = member(client, garden, "torn.pdf")
    assert f'<a href="/console/stores/{garden}/files/{torn}">how it was read</a>' in told.text
    browse.post(f"/stores/{garden}/files/{torn}/detach", {"sure": "1"})
    assert member(client, garden, "lilies.md") == lilies
    browse.post(f"{path}/detach", {"sure": "1"})


def test_a_console_that_only_looks_changes_no_store(workshop, client, garden):
    with opened_console(workshop, write=False) as looking:
        browse = Visitor(looking.address)
        with browse.http:
            browse.enter(looking.links)
            roses = member(client, garden, "roses.md")
            shown = browse.get(f"/stores/{garden}").text
            shown += browse.get(f"/stores/{garden}/files/{roses}").text
            assert shown.count('method="post"') == 2  # to leave
            for answer in (
                browse.post(f"/stores/{garden}/files", {"file_id": roses}),
                browse.post(f"/stores/{garden}/files/{roses}/again"),
                browse.post(f"/stores/{garden}/files/{roses}/detach", {"sure": "1"}),
            ):
                assert answer.status_code == 409


def test_a_page_of_a_store_costs_a_page_of_its_files(browse, client, handbook):
    store = client.create("/vector_stores", {"name": "many"})["id"]
    for number in range(51):
        browse.post(
            f"/stores/{store}/files", files={"file": (f"{number}.txt", b"word %d" % number)}
        )
    first = browse.get(f"/stores/{store}").text
    assert first.count("<tr>") == 51
    [following] = re.findall(r'href="(/console/stores/[^"]+)" rel="next"', first)
    second = browse.http.get(following.replace("&amp;", "&")).text
    assert second.count("<tr>") == 2
    assert "0.txt" in second
    client.delete(f"/vector_stores/{store}")


def test_passages_and_names_are_never_markup(browse, client):
    store = client.create("/vector_stores", {"name": "<i>odd</i>"})["id"]
    browse.post(
        f"/stores/{store}/files",
        files={"file": ("<b>x</b>.md", b"<script>alert(1)</script> lilac")},
    )
    settle(client, store)
    page = browse.get(f"/stores/{store}", q="lilac <u>", expected="<s>").text
    for piece in ("<script>alert", "<b>x", "<i>odd", "<u>", "<s>"):
        assert piece not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; lilac" in page
    client.delete(f"/vector_stores/{store}")


def test_in_a_browser_a_search_box_is_reached_by_a_key_and_fits_400_pixels(
    console, new_page, garden
):
    page = new_page(viewport={"width": 400, "height": 800})
    page.goto(f"{console.address}/console/enter?token={console.links.new()}")
    page.wait_for_url("**/console/workspace")
    page.goto(f"{console.address}/console/stores")
    page.get_by_role("link", name="garden").click()
    page.get_by_role("heading", name="garden").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("roses")
    page.keyboard.press("Enter")
    page.get_by_text("Roses want sun").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
