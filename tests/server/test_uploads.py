import hashlib
import io
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.files import uploads
from assistctl.server.files_api import upload_routes
from assistctl.server.http import intake
from assistctl.server.storage import contents
from assistctl.server.storage.database import Database

Ask = Callable[..., Any]

CONTENT = bytes(range(256)) * 9_000  # 2.3 MB: several parts, each more than one row


def begin(openai: OpenAI, size: int = 6, **fields: Any) -> str:
    given = {"filename": "a.txt", "purpose": "assistants", "mime_type": "text/plain", **fields}
    return openai.uploads.create(bytes=size, **given).id


def send(openai: OpenAI, upload_id: str, *parts: bytes) -> list[str]:
    return [openai.uploads.parts.create(upload_id, data=part).id for part in parts]


def swept(db: Database) -> dict[str, int]:
    contents.sweep(db)
    return rows(db)


def rows(db: Database) -> dict[str, int]:
    """How many rows the tables of contents have."""
    with db.read() as tx:
        return {
            table: tx.execute(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
            for table in ("contents", "unreferenced_contents", "assembled_contents")
        }


def test_a_file_sent_in_parts_is_put_together_in_the_order_asked_for(openai: OpenAI) -> None:
    upload = openai.uploads.create(
        bytes=6, filename="花.txt", purpose="assistants", mime_type="text/plain"
    )
    assert re.fullmatch("upload_[A-Za-z0-9]{24}", upload.id)
    assert upload.to_dict() == {
        "id": upload.id,
        "object": "upload",
        "bytes": 6,
        "created_at": upload.created_at,
        "expires_at": upload.created_at + 3600,
        "filename": "花.txt",
        "purpose": "assistants",
        "status": "pending",
        "file": None,
    }
    part = openai.uploads.parts.create(upload.id, data=b"def")
    assert re.fullmatch("part_[A-Za-z0-9]{24}", part.id)
    assert part.to_dict() == {
        "id": part.id,
        "object": "upload.part",
        "created_at": part.created_at,
        "upload_id": upload.id,
    }
    [first] = send(openai, upload.id, b"abc")
    done = openai.uploads.complete(upload.id, part_ids=[first, part.id])
    assert done.file is not None
    assert done.to_dict() == {
        **upload.to_dict(),
        "status": "completed",
        "file": {
            "id": done.file.id,
            "object": "file",
            "bytes": 6,
            "created_at": done.file.created_at,
            "filename": "花.txt",
            "purpose": "assistants",
            "status": "processed",
        },
    }
    assert openai.files.retrieve(done.file.id) == done.file
    assert openai.files.content(done.file.id).content == b"abcdef"


def test_the_helper_of_the_sdk_sends_a_file_in_parts(openai: OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "prices.bin"
    path.write_bytes(CONTENT)
    done = openai.uploads.upload_file_chunked(
        file=path,
        mime_type="application/octet-stream",
        purpose="assistants",
        part_size=1_000_000,
        md5=hashlib.md5(CONTENT).hexdigest(),
    )
    assert done.file is not None
    assert done.file.filename == "prices.bin"
    assert openai.files.content(done.file.id).content == CONTENT


def test_a_file_that_was_put_together_is_searched_like_any_other(openai: OpenAI) -> None:
    upload_id = begin(openai, len(words := b"Roses cost 5 euros."))
    part_ids = send(openai, upload_id, words[:7], words[7:])
    file = openai.uploads.complete(upload_id, part_ids=part_ids).file
    assert file is not None
    db = openai.vector_stores.create()
    openai.vector_stores.files.create_and_poll(file.id, vector_store_id=db.id)
    [found] = openai.vector_stores.search(db.id, query="roses").data
    assert found.content[0].text == "Roses cost 5 euros."


def test_a_completion_whose_answer_was_lost_may_be_sent_again(openai: OpenAI) -> None:
    upload_id = begin(openai)
    part_ids = send(openai, upload_id, b"abc", b"def")
    done = openai.uploads.complete(upload_id, part_ids=part_ids)
    assert openai.uploads.complete(upload_id, part_ids=part_ids) == done
    assert len(openai.files.list().data) == 1


def test_nothing_of_an_upload_is_left_when_its_file_is_deleted(
    openai: OpenAI, db: Database
) -> None:
    upload_id = begin(openai, len(CONTENT))
    used, _, again = send(openai, upload_id, CONTENT[:9], b"sent twice", CONTENT[9:])
    done = openai.uploads.complete(upload_id, part_ids=[used, again])
    assert swept(db) == {"contents": 4, "unreferenced_contents": 0, "assembled_contents": 2}
    assert done.file is not None
    openai.files.delete(done.file.id)
    assert swept(db) == {"contents": 0, "unreferenced_contents": 0, "assembled_contents": 0}


def test_a_file_made_of_parts_may_expire(openai: OpenAI) -> None:
    upload_id = begin(openai, 3, expires_after={"anchor": "created_at", "seconds": 7200})
    done = openai.uploads.complete(upload_id, part_ids=send(openai, upload_id, b"abc"))
    assert done.file is not None
    assert done.file.expires_at == done.file.created_at + 7200


def test_an_empty_upload_makes_an_empty_file(openai: OpenAI) -> None:
    done = openai.uploads.complete(begin(openai, 0), part_ids=[])
    assert done.file is not None
    assert openai.files.content(done.file.id).content == b""


def test_a_cancelled_upload_takes_its_parts_along(openai: OpenAI, db: Database) -> None:
    upload_id = begin(openai)
    send(openai, upload_id, b"abc")
    cancelled = openai.uploads.cancel(upload_id)
    assert cancelled.status == "cancelled"
    assert openai.uploads.cancel(upload_id) == cancelled
    assert swept(db)["contents"] == 0


def test_an_upload_ends_after_an_hour(
    openai: OpenAI, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = begin(openai)
    part_ids = send(openai, upload_id, b"abc", b"def")
    created = uploads.now()
    uploads.expire(db)
    assert rows(db)["contents"] == 2
    monkeypatch.setattr(uploads, "now", lambda: created + 3601)
    attempts: list[Callable[[], Any]] = [
        lambda: openai.uploads.complete(upload_id, part_ids=part_ids),
        lambda: send(openai, upload_id, b"ghi"),
        lambda: openai.uploads.cancel(upload_id),
    ]
    for ended in (False, True):
        for attempt in attempts:
            with pytest.raises(sdk.BadRequestError) as caught:
                attempt()
            assert message(caught) == (
                f"Upload {upload_id} is expired; only a pending upload can be changed."
            )
        uploads.expire(db)
        assert swept(db)["contents"] == 0, ended


def test_an_upload_is_forgotten_a_day_after_its_end_and_its_file_is_not(
    openai: OpenAI, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, cancelled = begin(openai), begin(openai)
    file = openai.uploads.complete(done, part_ids=send(openai, done, b"abc", b"def")).file
    openai.uploads.cancel(cancelled)
    kept = "SELECT kind FROM documents ORDER BY kind"
    created = uploads.now()
    monkeypatch.setattr(uploads, "now", lambda: created + 24 * 3_600)
    uploads.forget_old(db)
    with db.read() as tx:
        kinds = ["file", "upload", "upload", "upload.part", "upload.part"]
        assert [kind for (kind,) in tx.execute(kept)] == kinds
    monkeypatch.setattr(uploads, "now", lambda: created + 25 * 3_600 + 1)
    uploads.forget_old(db)
    with db.read() as tx:
        assert tx.execute(kept) == [("file",)]
    assert file is not None
    assert openai.files.content(file.id).content == b"abcdef"


def test_what_is_over_cannot_be_changed(openai: OpenAI) -> None:
    upload_id = begin(openai, 3)
    part_ids = send(openai, upload_id, b"abc")
    openai.uploads.complete(upload_id, part_ids=part_ids)
    attempts: list[Callable[[], Any]] = [
        lambda: openai.uploads.complete(upload_id, part_ids=[]),
        lambda: send(openai, upload_id, b"ghi"),
        lambda: openai.uploads.cancel(upload_id),
    ]
    for attempt in attempts:
        with pytest.raises(sdk.BadRequestError) as caught:
            attempt()
        assert message(caught) == (
            f"Upload {upload_id} is completed; only a pending upload can be changed."
        )


def test_a_completion_names_every_byte_once(openai: OpenAI) -> None:
    upload_id, other = begin(openai), begin(openai)
    one, two = send(openai, upload_id, b"abc", b"def")
    [foreign] = send(openai, other, b"def")
    wrong = {
        (one,): "The parts have 3 bytes together, but the upload was created for 6 bytes.",
        (one, one): f"Invalid 'part_ids[1]': the part '{one}' is named twice.",
        (one, foreign): (
            f"Invalid 'part_ids[1]': the part '{foreign}' does not belong to the upload"
            f" {upload_id}."
        ),
    }
    for part_ids, words in wrong.items():
        with pytest.raises(sdk.BadRequestError) as caught:
            openai.uploads.complete(upload_id, part_ids=part_ids)
        assert message(caught) == words
    with pytest.raises(sdk.BadRequestError) as caught:
        openai.uploads.complete(upload_id, part_ids=[two, one], md5="0" * 32)
    assert message(caught) == (
        f"The md5 of the uploaded bytes is {hashlib.md5(b'defabc').hexdigest()}, not '{'0' * 32}'."
    )
    assert openai.uploads.complete(upload_id, part_ids=[one, two]).status == "completed"


@pytest.mark.parametrize(
    ("fields", "words", "param"),
    [
        ({"filename": None}, "Invalid type for 'filename': expected a string", "filename"),
        ({"purpose": "fun"}, "Invalid value: 'fun'. Supported values are:", "purpose"),
        ({"bytes": -1}, "Invalid 'bytes': integer below minimum value.", "bytes"),
        ({"bytes": 2**33 + 1}, "Invalid 'bytes': integer above maximum value.", "bytes"),
        ({"expires_after": {"anchor": "created_at"}}, "Missing required", "expires_after.seconds"),
    ],
)
def test_a_wrong_upload_is_told_what_is_wrong(
    ask: Ask, fields: dict[str, Any], words: str, param: str
) -> None:
    good = {"filename": "a", "purpose": "vision", "bytes": 1, "mime_type": "image/png"}
    answer = ask("POST", "/uploads", {**good, **fields})
    assert (answer.status, answer.body["error"]["param"]) == (400, param)
    assert answer.body["error"]["message"].startswith(words)


def test_parts_have_limits(openai: OpenAI, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    upload_id = begin(openai)
    monkeypatch.setattr(uploads, "MOST_BYTES", 7)
    send(openai, upload_id, b"abc", b"def")
    with pytest.raises(sdk.BadRequestError) as caught:
        send(openai, upload_id, b"gh")
    assert message(caught) == "The parts of an upload can have at most 7 bytes."
    answer = ask("POST", f"/uploads/{upload_id}/parts", {"data": "x"})
    assert answer.body["error"]["message"] == (
        "Invalid content type. Expected 'multipart/form-data' with a part 'data'."
    )
    form = b'--cut\r\nContent-Disposition: form-data; name="data"\r\n\r\nx\r\n--cut--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=cut"}
    answer = ask("POST", f"/uploads/{upload_id}/parts", form, kind)
    assert answer.body["error"]["message"] == "Missing required parameter: 'data'."
    [endpoint] = [e for e in upload_routes.ENDPOINTS if e.form]
    assert endpoint.form is not None
    assert endpoint.form.most_bytes == 64 * 2**20


def test_a_part_that_is_too_large_is_refused_even_while_it_is_being_sent(
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "_FORM_OVERHEAD", -(64 * 2**20) + 5_000_000)
    openai = connect(start())
    upload_id = begin(openai)
    with pytest.raises(sdk.APIStatusError) as caught:
        send(openai, upload_id, bytes(30_000_000))
    assert caught.value.status_code == 413
    assert message(caught) == "The request is too large. At most 5000000 bytes are accepted."
    assert openai.uploads.cancel(upload_id).status == "cancelled"


def test_what_a_dead_process_had_begun_to_store_is_removed(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.write() as tx:
        tx.execute("INSERT INTO unreferenced_contents VALUES ('part_x', 4600)")
        for part in range(9):
            tx.execute("INSERT INTO contents VALUES ('part_x', ?, 'half')", (part,))
    for moment, left in ((4600, 9), (4601, 0)):
        monkeypatch.setattr(contents, "now", lambda moment=moment: moment)
        contents.sweep(db)
        assert rows(db)["contents"] == left
    assert rows(db)["unreferenced_contents"] == 0


def test_what_could_not_be_given_up_is_removed_by_the_next_sweep(
    database: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_GIVE_UP_SECONDS", 0.0)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        with (
            pytest.raises(ZeroDivisionError),
            contents.staged(db, "file-1", io.BytesIO(CONTENT)),
        ):
            other.execute("BEGIN IMMEDIATE")
            raise ZeroDivisionError
        other.execute("ROLLBACK")
    assert rows(db) == {"contents": 3, "unreferenced_contents": 1, "assembled_contents": 0}
    assert swept(db) == {"contents": 0, "unreferenced_contents": 0, "assembled_contents": 0}


def message(caught: pytest.ExceptionInfo[sdk.APIStatusError]) -> str:
    body: Any = caught.value.body
    return str(body["message"])
