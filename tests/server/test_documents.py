from typing import Any

import pytest

from assistctl.server.storage import documents
from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.documents import Collection, Page
from assistctl.server.wire import ASSISTANT, MESSAGE, RUN, STEP, THREAD, ApiError

SHELF = Collection(ASSISTANT, "default")
ALL = ["asst_1", "asst_2", "asst_3", "asst_4", "asst_5"]


@pytest.fixture
def five(db: Database) -> Database:
    with db.write() as tx:
        for identity in ALL:
            documents.insert(tx, SHELF, {"id": identity, "name": identity[-1] + "!"})
    return db


PAGES: list[tuple[dict[str, Any], list[int], bool]] = [
    ({}, [5, 4, 3, 2, 1], False),
    ({"order": "asc"}, [1, 2, 3, 4, 5], False),
    ({"limit": 2}, [5, 4], True),
    ({"limit": 5}, [5, 4, 3, 2, 1], False),
    ({"limit": 2, "after": "asst_4"}, [3, 2], True),
    ({"limit": 2, "after": "asst_3"}, [2, 1], False),
    ({"after": "asst_1"}, [], False),
    ({"limit": 2, "order": "asc", "after": "asst_2"}, [3, 4], True),
    ({"limit": 2, "before": "asst_2"}, [4, 3], True),
    ({"limit": 3, "before": "asst_2"}, [5, 4, 3], False),
    ({"limit": 2, "order": "asc", "before": "asst_4"}, [2, 3], True),
    ({"before": "asst_2", "after": "asst_5"}, [4, 3], False),
]


@pytest.mark.parametrize(("asked", "numbers", "more"), PAGES)
def test_a_page_has_what_was_asked_for_in_order(
    five: Database, asked: dict[str, Any], numbers: list[int], more: bool
) -> None:
    with five.read() as tx:
        page = documents.list_page(tx, SHELF, Page(**asked))
    ids = [f"asst_{number}" for number in numbers]
    assert page == {
        "object": "list",
        "data": [{"id": identity, "name": identity[-1] + "!"} for identity in ids],
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": more,
    }


def test_a_client_that_deletes_while_it_pages_goes_on(five: Database) -> None:
    with five.write() as tx:
        documents.remove(tx, SHELF, "asst_3")
        assert _ids(tx, Page(after="asst_3")) == ["asst_2", "asst_1"]


def test_a_cursor_that_was_never_in_the_list_is_an_error(five: Database) -> None:
    with five.read() as tx, pytest.raises(ApiError) as caught:
        documents.list_page(tx, SHELF, Page(before="asst_9"))
    assert str(caught.value) == "Invalid 'before': no assistant with id 'asst_9' is in this list."


def test_a_changed_document_keeps_its_place_and_a_missing_one_is_not_made(five: Database) -> None:
    with five.write() as tx:
        assert documents.update(tx, SHELF, "asst_2", {"name": "x"}) == {"id": "asst_2", "name": "x"}
        assert _ids(tx, Page()) == ALL[::-1]
        with pytest.raises(ApiError, match="No assistant found with id 'asst_9'"):
            documents.save(tx, SHELF, {"id": "asst_9"})
        with pytest.raises(ApiError, match="No assistant found with id 'asst_9'"):
            documents.remove(tx, SHELF, "asst_9")


def test_fields_select_one_value_or_any_of_several(five: Database) -> None:
    with five.write() as tx:
        documents.update(tx, SHELF, "asst_1", {"status": "queued"})
        documents.update(tx, SHELF, "asst_2", {"status": "done"})
        found = documents.select(tx, SHELF, {"status": ("queued", "done")})
        assert [document["id"] for document in found] == ["asst_1", "asst_2"]
        found = documents.select(tx, SHELF, {"name": "2!", "status": "done"})
        assert [document["id"] for document in found] == ["asst_2"]
        assert documents.select(tx, SHELF, {"name": "2!", "status": "queued"}) == []


def test_projects_do_not_see_each_other(five: Database) -> None:
    other = Collection(ASSISTANT, "other")
    with five.write() as tx:
        assert documents.find(tx, other, "asst_1") is None
        assert documents.select(tx, other) == []
        documents.insert(tx, other, {"id": "asst_1"})
        documents.remove(tx, other, "asst_1")
        assert _ids(tx, Page()) == ALL[::-1]


def test_what_stands_below_a_document_goes_with_it(db: Database) -> None:
    collections = [
        Collection(MESSAGE, "default", "thread_1"),
        Collection(RUN, "default", "thread_1"),
        Collection(STEP, "default", "run_1"),
    ]
    with db.write() as tx:
        documents.insert(tx, Collection(THREAD, "default"), {"id": "thread_1"})
        for collection, identity in zip(collections, ("msg_1", "run_1", "step_1"), strict=True):
            documents.insert(tx, collection, {"id": identity})
        documents.insert(tx, Collection(MESSAGE, "other", "thread_1"), {"id": "msg_1"})
        documents.remove(tx, Collection(THREAD, "default"), "thread_1")
        assert tx.execute("SELECT project, id FROM documents") == [("other", "msg_1")]


def test_the_servers_own_fields_are_kept_but_not_listed(db: Database) -> None:
    document = {"id": "asst_1", "_secret": 1}
    with db.write() as tx:
        documents.insert(tx, SHELF, document)
        assert documents.fetch(tx, SHELF, "asst_1") == document
        assert documents.list_page(tx, SHELF, Page())["data"] == [{"id": "asst_1"}]


def _ids(tx: Transaction, page: Page) -> list[str]:
    found, _ = documents.select_page(tx, SHELF, page)
    return [document["id"] for document in found]
