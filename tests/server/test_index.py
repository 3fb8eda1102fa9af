import pytest

from assistctl.server import index
from assistctl.server.store import Store

HANDBOOK = {
    "file-1": "Red roses are cut at dawn and kept in cold water overnight.",
    "file-2": "Opening hours: Monday to Saturday, nine to six. Closed on Sundays.",
    "file-3": "红玫瑰每支进价2元，售价5元；百合售价10元。",
    "file-4": "退货政策：鲜花售出后二十四小时内可以退换。",
    "file-5": "Deliveries leave the shop at noon; the courier is paid by the customer.",
    "file-6": "员工每周休息两天，节假日另行安排。",
}


@pytest.fixture
def handbook(store: Store) -> Store:
    with store.write() as tx:
        for file_id, text in HANDBOOK.items():
            index.add(tx, "vs_A", file_id, index.prepare([text]))
        index.add(tx, "vs_B", "file-9", index.prepare(["roses of another store"]))
    return store


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
    handbook: Store, query: str, best: str
) -> None:
    with handbook.read() as tx:
        found = index.search(tx, {"vs_A": None}, [query], limit=3)
    assert found[0].file_id == best
    assert found[0].text == HANDBOOK[best]
    assert 0 < found[-1].score <= found[0].score <= 1


def test_a_chunk_that_holds_every_word_scores_more_than_one_that_holds_some(store: Store) -> None:
    with store.write() as tx:
        chunks = index.prepare(["red roses and tulips", "red tulips", "nothing of that"])
        index.add(tx, "vs_A", "file-1", chunks)
        found = index.search(tx, {"vs_A": None}, ["red roses"], limit=2)
        assert [hit.position for hit in found] == [0, 1]
        assert found[0].score > 0.9
        assert found[1].score < 0.6
        assert index.search(tx, {"vs_A": None}, ["red roses"], limit=2, threshold=0.9) == found[:1]


def test_where_everything_fits_everything_is_found(handbook: Store) -> None:
    with handbook.read() as tx:
        found = index.search(tx, {"vs_A": None}, ["courier"], limit=6)
        assert [(hit.file_id, hit.score > 0) for hit in found] == [
            ("file-5", True),
            *((file_id, False) for file_id in HANDBOOK if file_id != "file-5"),
        ]
        assert [hit.file_id for hit in index.search(tx, {"vs_A": None}, ["courier"], limit=5)] == [
            "file-5"
        ]
        assert index.search(tx, {"vs_A": None}, ["no such word"], limit=5) == []


def test_any_of_several_queries_may_find(handbook: Store) -> None:
    with handbook.read() as tx:
        found = index.search(tx, {"vs_A": None}, ["courier", "百合", "dawn"], limit=3)
    assert {hit.file_id for hit in found} == {"file-1", "file-3", "file-5"}


def test_only_the_stores_and_files_that_are_asked_are_searched(handbook: Store) -> None:
    with handbook.read() as tx:
        found = index.search(tx, {"vs_A": {"file-2"}, "vs_B": None}, ["roses"], limit=1)
        assert [(hit.store_id, hit.file_id) for hit in found] == [("vs_B", "file-9")]
        assert index.search(tx, {}, ["roses"], limit=1) == []
        assert index.search(tx, {"vs_A": set()}, ["roses"], limit=1) == []


def test_what_is_removed_is_not_found(handbook: Store) -> None:
    with handbook.write() as tx:
        index.remove(tx, "vs_A", "file-1")
        found = index.search(tx, {"vs_A": None, "vs_B": None}, ["roses"], limit=5)
        assert [hit.file_id for hit in found] == ["file-9"]
        assert tx.execute("SELECT count(*) FROM chunks") == tx.execute(
            "SELECT count(*) FROM chunk_words"
        )


@pytest.mark.parametrize(
    "query", ["", "?!", '"', "AND OR NOT", "a*", "x:y", "(", "²", "-", "NEAR("]
)
def test_no_query_breaks_the_index(handbook: Store, query: str) -> None:
    with handbook.read() as tx:
        index.search(tx, {"vs_A": None}, [query], limit=3)
