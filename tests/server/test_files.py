import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer, Settings, files
from assistctl.server.storage.database import Database

Ask = Callable[..., Any]


def test_a_file_comes_back_byte_by_byte(openai: OpenAI, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000 + b"end"  # more than two parts of the database
    path = tmp_path / "价格 表.bin"
    path.write_bytes(content)
    with path.open("rb") as handle:
        made = openai.files.create(file=handle, purpose="assistants").to_dict()
    assert re.fullmatch("file-[A-Za-z0-9]{24}", str(made["id"]))
    assert made == {
        "id": made["id"],
        "object": "file",
        "bytes": len(content),
        "created_at": made["created_at"],
        "filename": "价格 表.bin",
        "purpose": "assistants",
        "status": "processed",
    }
    assert openai.files.retrieve(str(made["id"])).to_dict() == made
    assert openai.files.content(str(made["id"])).content == content


def test_an_empty_file_is_a_file(openai: OpenAI) -> None:
    made = openai.files.create(file=("empty.txt", b""), purpose="assistants")
    assert made.bytes == 0
    assert openai.files.content(made.id).content == b""


def test_a_download_bears_the_name_and_is_never_shown_by_a_browser(openai: OpenAI) -> None:
    made = openai.files.create(file=("花 <b>.html", b"<script>"), purpose="assistants")
    headers = openai.files.with_raw_response.content(made.id).headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == (
        "attachment; filename*=UTF-8''%E8%8A%B1%20%3Cb%3E.html"
    )
    assert headers["x-content-type-options"] == "nosniff"


def test_a_name_is_no_path(openai: OpenAI) -> None:
    for given in ("../../etc/passwd", "C:\\Users\\me\\passwd"):
        assert openai.files.create(file=(given, b"x"), purpose="assistants").filename == "passwd"


def test_files_are_listed_by_purpose_and_in_pages(openai: OpenAI) -> None:
    ids = [openai.files.create(file=(f"{n}.txt", b"x"), purpose="assistants").id for n in range(3)]
    seen = openai.files.create(file=("a.png", io.BytesIO(b"x")), purpose="vision").id
    assert [file.id for file in openai.files.list()] == [seen, *ids[::-1]]
    assert [file.id for file in openai.files.list(purpose="vision")] == [seen]
    assert [file.id for file in openai.files.list(order="asc", limit=2)] == [*ids, seen]


def test_a_deleted_file_is_gone_with_its_bytes(openai: OpenAI, ask: Ask) -> None:
    made = openai.files.create(file=("a.txt", b"x"), purpose="assistants")
    assert openai.files.delete(made.id).to_dict() == {
        "id": made.id,
        "object": "file",
        "deleted": True,
    }
    for method, path, name in (
        ("GET", f"/files/{made.id}", made.id),
        ("GET", f"/files/{made.id}/content", made.id),
        ("DELETE", "/files/foobar", "foobar"),
    ):
        answer = ask(method, path)
        error = answer.body["error"]
        told = f"No such File object: {name}"
        assert (answer.status, error["message"], error["param"]) == (404, told, "id")


def test_a_file_may_expire(openai: OpenAI, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lasting = openai.files.create(file=("a.txt", b"x"), purpose="assistants")
    passing = openai.files.create(
        file=("a.txt", b"x"),
        purpose="assistants",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert passing.expires_at == passing.created_at + 3600
    for hour, left in ((3500, [passing.id, lasting.id]), (3700, [lasting.id])):
        monkeypatch.setattr(files, "now", lambda late=hour: passing.created_at + late)
        files.delete_expired(db)
        assert [file.id for file in openai.files.list()] == left


def test_files_for_batches_expire_after_30_days_unless_told_otherwise(openai: OpenAI) -> None:
    line = ("a.jsonl", b"{}")
    usual = openai.files.create(file=line, purpose="batch")
    assert usual.expires_at == usual.created_at + 30 * 86_400
    told = openai.files.create(
        file=line, purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert told.expires_at == told.created_at + 3600
    assert openai.files.create(file=line, purpose="user_data").expires_at is None


def test_the_expiry_may_be_one_field_of_json(ask: Ask) -> None:
    fields = ('name="file"; filename="a.txt"\r\n\r\nx', 'name="purpose"\r\n\r\nvision')
    for written, seconds in (('{"anchor": "created_at", "seconds": 3600}', 3600), ("null", None)):
        expiry = f'name="expires_after"\r\n\r\n{written}'
        made = ask("POST", "/files", *form(*fields, expiry)).body
        assert made.get("expires_at") == (seconds and made["created_at"] + seconds)


def form(*parts: str) -> tuple[bytes, dict[str, str]]:
    body = "".join(f"--cut\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    return f"{body}--cut--\r\n".encode(), {"content-type": "multipart/form-data; boundary=cut"}


WRONG: list[tuple[tuple[str, ...], str, str | None]] = [
    (('name="purpose"\r\n\r\nassistants',), "Missing required parameter: 'file'.", "file"),
    (
        ('name="file"; filename="a.txt"\r\n\r\nx',),
        "Missing required parameter: 'purpose'.",
        "purpose",
    ),
    (
        ('name="file"\r\n\r\nx', 'name="purpose"\r\n\r\nassistants'),
        "Missing required parameter: 'file'.",
        "file",
    ),
    (
        ('name="file"; filename="a.txt"\r\n\r\nx', 'name="purpose"\r\n\r\nfun'),
        "Invalid value: 'fun'. Supported values are: 'assistants', 'batch', 'fine-tune',"
        " 'vision', 'user_data', and 'evals'.",
        "purpose",
    ),
    (
        (
            'name="file"; filename="a.txt"\r\n\r\nx',
            'name="purpose"\r\n\r\nvision',
            'name="expires_after[anchor]"\r\n\r\ncreated_at',
            'name="expires_after[seconds]"\r\n\r\n60',
        ),
        "Invalid 'expires_after.seconds': integer below minimum value."
        " Expected a value >= 3600, but got 60 instead.",
        "expires_after.seconds",
    ),
    (
        (
            'name="file"; filename="a.txt"\r\n\r\nx',
            'name="purpose"\r\n\r\nvision',
            'name="expires_after"\r\n\r\nan hour',
        ),
        "Invalid type for 'expires_after': expected an object, but got a string instead.",
        "expires_after",
    ),
]


@pytest.mark.parametrize(("parts", "message", "param"), WRONG)
def test_a_wrong_form_is_told_what_is_wrong(
    ask: Ask, parts: tuple[str, ...], message: str, param: str | None
) -> None:
    answer = ask("POST", "/files", *form(*parts))
    assert (answer.status, answer.body["error"]["message"], answer.body["error"]["param"]) == (
        400,
        message,
        param,
    )


def test_what_is_no_form_is_told_so(ask: Ask) -> None:
    answer = ask("POST", "/files", {"purpose": "assistants"})
    assert (answer.status, answer.body["error"]["message"]) == (
        400,
        "Invalid content type. Expected 'multipart/form-data' with a part 'file'.",
    )
    answer = ask("POST", "/files", b"--x", {"content-type": "multipart/form-data"})
    assert answer.status == 400
    assert answer.body["error"]["type"] == "invalid_request_error"


def test_files_outlive_the_server(
    database: Path, connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    with EmbeddedServer(Settings(database)) as server:
        made = connect(server).files.create(file=("a.txt", b"kept"), purpose="assistants")
    with EmbeddedServer(Settings(database)) as server:
        assert connect(server).files.content(made.id).content == b"kept"
