"""Finding by words alone; with vectors too in test_finding_meaning.py."""

import pytest

from assistctl.server.retrieval import vector_stores
from assistctl.server.retrieval.search import Hit, Query, Searcher
from assistctl.server.retrieval.words import index_words
from assistctl.server.storage import chunks, documents
from assistctl.server.storage.chunks import NewChunk
from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.documents import Collection
from assistctl.server.wire import FILE, STORE_FILE, VECTOR_STORE

PROJECT = "default"
HANDBOOK = {
    "file-1": "Red roses are cut at dawn and kept in cold water overnight.",
    "file-2": "Opening hours: Monday to Saturday, nine to six. Closed on Sundays.",
    "file-3": "红玫瑰每支进价2元，售价5元；百合售价10元。",
    "file-4": "退货政策：鲜花售出后二十四小时内可以退换。",
    "file-5": "Deliveries leave the shop at noon; the courier is paid by the customer.",
    "file-6": "员工每周休息两天，节假日另行安排。",
}


def put(tx: Transaction, store_id: str, file_id: str, *texts: str) -> None:
    """A file that was read, with its chunks, in a store that is made if need be."""
    stores, held = Collection(VECTOR_STORE, PROJECT), Collection(STORE_FILE, PROJECT, store_id)
    if documents.find(tx, stores, store_id) is None:
        documents.insert(tx, stores, {"id": store_id, "expires_at": None})
    if documents.find(tx, Collection(FILE, PROJECT), file_id) is None:
        documents.insert(
            tx, Collection(FILE, PROJECT), {"id": file_id, "filename": f"{file_id}.txt"}
        )
    documents.insert(tx, held, {"id": file_id, "attributes": {"n": file_id}})
    ingestion = chunks.begin(tx, store_id, file_id)
    assert chunks.add(tx, ingestion, [NewChunk(text, 0, index_words(text)) for text in texts])
    chunks.finish(tx, ingestion)


@pytest.fixture
def searcher(db: Database) -> Searcher:
    return Searcher(db, None)


@pytest.fixture
def handbook(db: Database) -> Database:
    with db.write() as tx:
        for file_id, text in HANDBOOK.items():
            put(tx, "vs_A", file_id, text)
        put(tx, "vs_B", "file-9", "roses of another store")
    return db


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("When do you cut the rose?", "file-1"),
        ("what are your opening hours", "file-2"),
        ("玫瑰多少钱", "file-3"),
        ("百合的售价", "file-3"),
        ("怎么退货？", "file-4"),
        ("who pays the courier", "file-5"),
        ("员工哪天休息", "file-6"),
    ],
)
def test_questions_in_two_languages_find_their_chunk(
    handbook: Database, searcher: Searcher, query: str, best: str
) -> None:
    found = searcher.search(PROJECT, ["vs_A"], Query([query], limit=3))
    assert found[0] == Hit(best, f"{best}.txt", found[0].score, {"n": best}, HANDBOOK[best])
    assert 0 < found[-1].score <= found[0].score <= 1


def test_a_chunk_that_holds_every_word_scores_more_than_one_that_holds_some(
    db: Database, searcher: Searcher
) -> None:
    with db.write() as tx:
        put(tx, "vs_A", "file-1", "red roses and tulips", "red tulips", "nothing of that")
    query = Query(["red roses"], limit=2)
    found = searcher.search(PROJECT, ["vs_A"], query)
    assert [chunk.text for chunk in found] == ["red roses and tulips", "red tulips"]
    assert found[0].score > 0.9
    assert found[1].score < 0.6
    assert searcher.search(PROJECT, ["vs_A"], Query(["red roses"], 2, threshold=0.9)) == found[:1]


def test_where_everything_fits_everything_is_found(handbook: Database, searcher: Searcher) -> None:
    found = searcher.search(PROJECT, ["vs_A"], Query(["courier"], limit=6))
    assert [(chunk.file_id, chunk.score > 0) for chunk in found] == [
        ("file-5", True),
        *((file_id, False) for file_id in HANDBOOK if file_id != "file-5"),
    ]
    few = searcher.search(PROJECT, ["vs_A"], Query(["courier"], limit=5))
    assert [chunk.file_id for chunk in few] == ["file-5"]
    assert searcher.search(PROJECT, ["vs_A"], Query(["no such word"], limit=5)) == []


def test_any_of_several_wordings_may_find(handbook: Database, searcher: Searcher) -> None:
    query = Query(["courier", "百合", "dawn"], limit=3)
    found = searcher.search(PROJECT, ["vs_A"], query)
    assert {chunk.file_id for chunk in found} == {"file-1", "file-3", "file-5"}


def test_only_the_stores_and_files_that_are_asked_are_searched(
    handbook: Database, searcher: Searcher
) -> None:
    def files(store_ids: list[str], condition: dict[str, str] | None = None) -> list[str]:
        query = Query(["roses"], limit=1, condition=condition)
        return [chunk.file_id for chunk in searcher.search(PROJECT, store_ids, query)]

    second = {"type": "eq", "key": "n", "value": "file-9"}
    assert files(["vs_A", "vs_B"], second) == ["file-9"]
    assert files(["vs_A"], second) == []
    assert files([]) == []


def test_several_stores_answer_as_one(handbook: Database, searcher: Searcher) -> None:
    found = searcher.search(PROJECT, ["vs_B", "vs_A"], Query(["roses"], limit=3))
    assert [chunk.file_id for chunk in found] == ["file-9", "file-1"]
    with handbook.write() as tx:
        put(tx, "vs_B", "file-1", HANDBOOK["file-1"])
    found = searcher.search(PROJECT, ["vs_B", "vs_A"], Query(["dawn"], limit=3))
    assert [chunk.file_id for chunk in found] == ["file-1"]


def test_what_is_removed_is_not_found(handbook: Database, searcher: Searcher) -> None:
    with handbook.write() as tx:
        vector_stores.detach(tx, PROJECT, "vs_A", "file-1")
    found = searcher.search(PROJECT, ["vs_A", "vs_B"], Query(["roses"], limit=5))
    assert [chunk.file_id for chunk in found] == ["file-9"]


@pytest.mark.parametrize(
    "query", ["", "?!", '"', "AND OR NOT", "a*", "x:y", "(", "²", "-", "NEAR("]
)
def test_no_query_breaks_the_index(handbook: Database, searcher: Searcher, query: str) -> None:
    searcher.search(PROJECT, ["vs_A"], Query([query], limit=3))
