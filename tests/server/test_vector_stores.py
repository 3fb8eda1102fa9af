import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import wire
from assistctl.server.retrieval.text import Piece

Ask = Callable[..., Any]
PRICES = "花名,成本,售价\n红玫瑰,2,5\n郁金香,3,8\n百合,4,10\n向日葵,3,9\n"
AUTO = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}


def counts(**numbers: int) -> dict[str, int]:
    zero = dict.fromkeys(("in_progress", "completed", "failed", "cancelled"), 0)
    return {**zero, **numbers, "total": sum(numbers.values())}


@pytest.fixture
def upload(openai: OpenAI) -> Callable[[str, str | bytes], str]:
    def upload(name: str, content: str | bytes) -> str:
        raw = content.encode() if isinstance(content, str) else content
        return openai.files.create(file=(name, raw), purpose="assistants").id

    return upload


Upload = Callable[[str, str | bytes], str]


def test_a_new_store_is_empty_and_ready(openai: OpenAI) -> None:
    made = openai.vector_stores.create(name="手册", metadata={"k": "v"}).to_dict()
    assert re.fullmatch("vs_[A-Za-z0-9]{24}", str(made["id"]))
    assert made == {
        "id": made["id"],
        "object": "vector_store",
        "created_at": made["created_at"],
        "name": "手册",
        "description": None,
        "usage_bytes": 0,
        "file_counts": counts(),
        "status": "completed",
        "expires_at": None,
        "last_active_at": made["created_at"],
        "metadata": {"k": "v"},
    }
    assert openai.vector_stores.retrieve(str(made["id"])).to_dict() == made
    assert [store.to_dict() for store in openai.vector_stores.list()] == [made]


def test_a_store_changes_where_it_is_told_and_null_resets(openai: OpenAI) -> None:
    stores = openai.vector_stores
    made = stores.create(
        name="a",
        metadata={"k": "v"},
        expires_after={"anchor": "last_active_at", "days": 2},
    )
    assert made.expires_at == (made.last_active_at or 0) + 2 * 86_400
    changed = stores.update(made.id, name="b")
    assert (changed.name, changed.metadata, changed.expires_after) == (
        "b",
        {"k": "v"},
        made.expires_after,
    )
    reset = stores.update(made.id, name=None, metadata=None, expires_after=None)
    assert (reset.name, reset.metadata, reset.expires_after, reset.expires_at) == (
        "",
        {},
        None,
        None,
    )


def test_a_deleted_store_leaves_its_files_alone(openai: OpenAI, upload: Upload) -> None:
    file_id = upload("a.txt", "roses")
    store = openai.vector_stores.create(file_ids=[file_id])
    assert openai.vector_stores.delete(store.id).to_dict() == {
        "id": store.id,
        "object": "vector_store.deleted",
        "deleted": True,
    }
    assert openai.files.retrieve(file_id).id == file_id
    with pytest.raises(sdk.NotFoundError, match=f"No vector store found with id '{store.id}'"):
        openai.vector_stores.files.list(store.id)


def test_a_file_is_read_and_then_found(openai: OpenAI, upload: Upload) -> None:
    file_id = upload("flower_prices.csv", PRICES)
    store = openai.vector_stores.create()
    attached = openai.vector_stores.files.create(
        store.id, file_id=file_id, attributes={"year": 2026, "public": True}
    ).to_dict()
    assert attached == {
        "id": file_id,
        "object": "vector_store.file",
        "usage_bytes": 0,
        "created_at": attached["created_at"],
        "vector_store_id": store.id,
        "status": "in_progress",
        "last_error": None,
        "chunking_strategy": AUTO,
        "attributes": {"year": 2026, "public": True},
    }
    done = openai.vector_stores.files.poll(file_id, vector_store_id=store.id).to_dict()
    assert done == {
        **attached,
        "status": "completed",
        "usage_bytes": len(PRICES.encode()),
    }
    assert openai.vector_stores.retrieve(store.id).file_counts.to_dict() == counts(completed=1)
    page = openai.vector_stores.with_raw_response.search(store.id, query="红玫瑰多少钱？")
    [found] = page.http_response.json()["data"]
    assert page.http_response.json() == {
        "object": "vector_store.search_results.page",
        "search_query": ["红玫瑰多少钱？"],
        "data": [found],
        "has_more": False,
        "next_page": None,
    }
    assert found == {
        "file_id": file_id,
        "filename": "flower_prices.csv",
        "score": found["score"],
        "attributes": {"year": 2026, "public": True},
        "content": [{"type": "text", "text": PRICES}],
    }
    assert 0.5 < found["score"] <= 1


def test_the_text_of_a_stores_file_can_be_read(openai: OpenAI, upload: Upload) -> None:
    file_id = upload("a.html", "<h1>Roses</h1><p>are &quot;red&quot;</p><script>x</script>")
    store = openai.vector_stores.create(file_ids=[file_id])
    [piece] = openai.vector_stores.files.content(file_id, vector_store_id=store.id)
    assert piece.to_dict() == {"type": "text", "text": '# Roses\nare "red"'}


def test_what_cannot_be_read_fails_and_says_why(openai: OpenAI, upload: Upload) -> None:
    store = openai.vector_stores.create()
    errors = {}
    for name, content in {
        "a.pdf": b"%PDF-1.7 ...",
        "a.bin": b"a\x00b",
        "a.txt": b" \n ",
    }.items():
        file = openai.vector_stores.files.create_and_poll(
            upload(name, content), vector_store_id=store.id
        )
        assert (file.status, file.usage_bytes) == ("failed", 0)
        assert file.last_error is not None
        errors[name] = file.last_error.to_dict()
        with pytest.raises(sdk.BadRequestError, match=file.last_error.message):
            openai.vector_stores.files.content(file.id, vector_store_id=store.id)
    assert errors == {
        "a.pdf": {
            "code": "invalid_file",
            "message": "The PDF is damaged.",
        },
        "a.bin": {
            "code": "unsupported_file",
            "message": "The file is not text in UTF-8, UTF-16, GB18030, Big5 or Windows-1252.",
        },
        "a.txt": {"code": "invalid_file", "message": "The file holds no text."},
    }
    assert openai.vector_stores.retrieve(store.id).file_counts.to_dict() == counts(failed=3)
    failed = openai.vector_stores.files.list(store.id, filter="failed")
    assert len(failed.data) == 3
    assert openai.vector_stores.files.list(store.id, filter="completed").data == []


def test_a_file_attached_again_is_read_again(openai: OpenAI, upload: Upload) -> None:
    file_id = upload("a.txt", "红玫瑰 " * 200)
    store = openai.vector_stores.create()
    openai.vector_stores.files.create_and_poll(file_id, vector_store_id=store.id)
    again = openai.vector_stores.files.create_and_poll(
        file_id,
        vector_store_id=store.id,
        chunking_strategy={
            "type": "static",
            "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0},
        },
    )
    assert again.status == "completed"
    assert openai.vector_stores.retrieve(store.id).file_counts.total == 1
    found = openai.vector_stores.search(store.id, query="玫瑰", max_num_results=50).data
    assert len(found) == 6


def test_a_detached_file_is_not_found_any_more_and_stays_a_file(
    openai: OpenAI, upload: Upload
) -> None:
    file_id = upload("a.txt", "roses")
    store = openai.vector_stores.create()
    openai.vector_stores.files.create_and_poll(file_id, vector_store_id=store.id)
    assert openai.vector_stores.files.delete(file_id, vector_store_id=store.id).to_dict() == {
        "id": file_id,
        "object": "vector_store.file.deleted",
        "deleted": True,
    }
    assert openai.vector_stores.search(store.id, query="roses").data == []
    assert openai.files.retrieve(file_id).id == file_id
    with pytest.raises(
        sdk.NotFoundError, match=f"with id '{file_id}' in vector store '{store.id}'"
    ):
        openai.vector_stores.files.retrieve(file_id, vector_store_id=store.id)


def test_a_deleted_file_leaves_every_store(openai: OpenAI, upload: Upload) -> None:
    gone, kept = upload("a.txt", "roses"), upload("b.txt", "roses")
    stores = [openai.vector_stores.create(file_ids=[gone, kept]).id for _ in range(2)]
    for store_id in stores:
        for file_id in (gone, kept):
            openai.vector_stores.files.poll(file_id, vector_store_id=store_id)
    openai.files.delete(gone)
    for store_id in stores:
        assert [file.id for file in openai.vector_stores.files.list(store_id)] == [kept]
        found = openai.vector_stores.search(store_id, query="roses").data
        assert [chunk.file_id for chunk in found] == [kept]


def test_attributes_change_and_filter_the_search(openai: OpenAI, upload: Upload) -> None:
    old, new = upload("old.txt", "roses cost 3"), upload("new.txt", "roses cost 5")
    store = openai.vector_stores.create()
    for file_id, year in ((old, 2025), (new, 2026)):
        openai.vector_stores.files.create_and_poll(
            file_id, vector_store_id=store.id, attributes={"year": year, "shop": "north"}
        )

    def found(**filters: Any) -> list[str]:
        hits = openai.vector_stores.search(store.id, query="roses", filters=filters)  # type: ignore[arg-type]
        return sorted(hit.filename for hit in hits)

    assert found(type="gt", key="year", value=2025) == ["new.txt"]
    assert found(type="in", key="year", value=[2024, 2025]) == ["old.txt"]
    openai.vector_stores.files.update(
        old, vector_store_id=store.id, attributes={"year": 2027, "shop": "south"}
    )
    south = {"type": "eq", "key": "shop", "value": "south"}
    late = {"type": "gte", "key": "year", "value": 2026}
    assert found(**late) == ["new.txt", "old.txt"]
    assert found(type="and", filters=[south, late]) == ["old.txt"]
    assert found(type="or", filters=[south, {**late, "value": 2028}]) == ["old.txt"]


def test_a_batch_counts_its_own_files(openai: OpenAI, upload: Upload) -> None:
    alone, good, bad = upload("a.txt", "a"), upload("b.txt", "b"), upload("c.bin", b"\x00")
    store = openai.vector_stores.create(file_ids=[alone])
    batch = openai.vector_stores.file_batches.create_and_poll(
        store.id, file_ids=[good, bad, good], attributes={"k": "v"}
    ).to_dict()
    assert re.fullmatch("vsfb_[A-Za-z0-9]{24}", str(batch["id"]))
    assert batch == {
        "id": batch["id"],
        "object": "vector_store.files_batch",
        "created_at": batch["created_at"],
        "vector_store_id": store.id,
        "status": "completed",
        "file_counts": counts(completed=1, failed=1),
    }
    batches = openai.vector_stores.file_batches
    listed = batches.list_files(str(batch["id"]), vector_store_id=store.id, order="asc")
    assert [(file.id, file.status, file.attributes) for file in listed] == [
        (good, "completed", {"k": "v"}),
        (bad, "failed", {"k": "v"}),
    ]
    failed = batches.list_files(str(batch["id"]), vector_store_id=store.id, filter="failed")
    assert [file.id for file in failed] == [bad]
    assert batches.cancel(str(batch["id"]), vector_store_id=store.id).to_dict() == batch


def test_the_files_of_a_batch_may_each_have_their_own_settings(
    openai: OpenAI, upload: Upload, ask: Ask
) -> None:
    one, two = upload("a.txt", "a"), upload("b.txt", "b")
    store = openai.vector_stores.create()
    static = {
        "type": "static",
        "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
    }
    body = {
        "files": [
            {"file_id": one, "attributes": {"n": 1}},
            {"file_id": two, "chunking_strategy": static},
        ]
    }
    assert ask("POST", f"/vector_stores/{store.id}/file_batches", body).status == 200
    listed = openai.vector_stores.files.list(store.id, order="asc")
    assert [(file.id, file.attributes, file.to_dict()["chunking_strategy"]) for file in listed] == [
        (one, {"n": 1}, AUTO),
        (two, {}, static),
    ]


def test_a_file_that_is_not_there_stops_the_whole_batch(openai: OpenAI, upload: Upload) -> None:
    store = openai.vector_stores.create()
    with pytest.raises(sdk.NotFoundError, match="No file found with id 'file-missing'"):
        openai.vector_stores.file_batches.create(
            store.id, file_ids=[upload("a.txt", "a"), "file-missing"]
        )
    assert openai.vector_stores.files.list(store.id).data == []


def test_a_store_holds_only_so_many_files(
    openai: OpenAI, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistctl.server.retrieval.vector_stores.STORE_FILES", 1)
    one, two = upload("a.txt", "a"), upload("b.txt", "b")
    store = openai.vector_stores.create(file_ids=[one])
    openai.vector_stores.files.create(store.id, file_id=one)
    with pytest.raises(sdk.BadRequestError, match="cannot hold more than 1 files"):
        openai.vector_stores.files.create(store.id, file_id=two)
    assert [file.id for file in openai.vector_stores.files.list(store.id)] == [one]


def test_a_batch_that_is_cancelled_leaves_the_rest_unread(
    openai: OpenAI, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slow(*args: object) -> Iterator[Piece]:
        reading.set()
        assert go_on.wait(10)
        yield Piece("roses")

    monkeypatch.setattr("assistctl.server.retrieval.indexing.pieces", slow)
    files = [upload("a.txt", "a"), upload("b.txt", "b")]
    store = openai.vector_stores.create()
    batches = openai.vector_stores.file_batches
    batch = batches.create(store.id, file_ids=files)
    assert (batch.status, batch.file_counts.to_dict()) == ("in_progress", counts(in_progress=2))
    assert openai.vector_stores.retrieve(store.id).status == "in_progress"
    assert reading.wait(10)
    cancelled = batches.cancel(batch.id, vector_store_id=store.id)
    go_on.set()
    assert (cancelled.status, cancelled.file_counts.to_dict()) == ("cancelled", counts(cancelled=2))
    assert openai.vector_stores.search(store.id, query="roses").data == []


WRONG: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("", {"file_ids": ["file-x"] * 501}, "file_ids", "array_above_max_length"),
    (
        "",
        {"expires_after": {"anchor": "last_active_at", "days": 366}},
        "expires_after.days",
        "integer_above_max_value",
    ),
    ("/files", {"file_id": "file-x", "attributes": {"a": []}}, "attributes.a", "invalid_type"),
    (
        "/files",
        {"file_id": "file-x", "attributes": {str(n): n for n in range(17)}},
        "attributes",
        "object_above_max_properties",
    ),
    ("/file_batches", {"file_ids": ["file-x"] * 2001}, "file_ids", "array_above_max_length"),
    ("/file_batches", {}, "file_ids", None),
    (
        "/search",
        {"query": "x", "max_num_results": 51},
        "max_num_results",
        "integer_above_max_value",
    ),
    ("/search", {"query": []}, "query", "empty_array"),
    (
        "/search",
        {"query": "x", "filters": {"type": "like", "key": "a", "value": "b"}},
        "filters.type",
        "invalid_value",
    ),
]


@pytest.mark.parametrize(("path", "body", "param", "code"), WRONG)
def test_what_is_beyond_the_limits_is_refused(
    openai: OpenAI, ask: Ask, path: str, body: dict[str, Any], param: str, code: str | None
) -> None:
    base = f"/vector_stores/{openai.vector_stores.create().id}" if path else "/vector_stores"
    answer = ask("POST", base + path, body)
    assert (answer.status, answer.body["error"]["param"], answer.body["error"]["code"]) == (
        400,
        param,
        code,
    )


def test_a_store_expires_when_it_is_not_used(
    openai: OpenAI, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = upload("a.txt", "roses")
    store = openai.vector_stores.create(
        expires_after={"anchor": "last_active_at", "days": 1}, file_ids=[file_id]
    )
    openai.vector_stores.files.poll(file_id, vector_store_id=store.id)
    clock = wire.now()
    for module in ("retrieval.vector_stores", "wire"):
        monkeypatch.setattr(f"assistctl.server.{module}.now", lambda: clock)

    clock += 86_000
    openai.vector_stores.search(store.id, query="roses")  # a use, which moves the day
    clock += 86_000
    assert openai.vector_stores.retrieve(store.id).status == "completed"
    clock += 86_400
    assert openai.vector_stores.retrieve(store.id).status == "expired"
    with pytest.raises(sdk.BadRequestError, match=f"Vector store {store.id} is expired"):
        openai.vector_stores.search(store.id, query="roses")
