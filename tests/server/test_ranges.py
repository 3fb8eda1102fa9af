"""Parts of files: which are meant, and that they are what was uploaded."""

from __future__ import annotations

import os

import httpx2
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.http.ranges import Unsatisfiable, asked

CONTENT = os.urandom(2 * 2**20 + 10)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", range(1)),
        ("bytes=2-4", range(2, 5)),
        ("Bytes = 2 - 4 ", range(2, 5)),
        ("bytes=2-", range(2, 10)),
        ("bytes=2-99", range(2, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("bytes=4-2", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("lines=1-2", None),
    ],
)
def test_a_range_is_read_as_it_is_meant(header: str | None, expected: range | None) -> None:
    assert asked(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-11", "bytes=-0"])
def test_a_part_that_is_not_there_cannot_be_had(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        asked(header, 10)


def test_a_download_goes_on_where_it_broke_off(server: EmbeddedServer, openai: OpenAI) -> None:
    file = openai.files.create(file=("a.bin", CONTENT), purpose="assistants")
    url = f"{server.base_url}/files/{file.id}/content"
    key = {"authorization": f"Bearer {server.api_key}"}
    size = len(CONTENT)
    with httpx2.Client(trust_env=False, headers=key, verify=False) as http:
        whole = http.get(url)
        assert (whole.status_code, whole.content) == (200, CONTENT)
        assert whole.headers["accept-ranges"] == "bytes"
        tag = whole.headers["etag"]
        for header, part in {
            f"bytes={2**20 - 3}-{2**20 + 3}": range(2**20 - 3, 2**20 + 4),
            "bytes=5-": range(5, size),
            "bytes=-7": range(size - 7, size),
        }.items():
            answer = http.get(url, headers={"range": header, "if-range": tag})
            assert (answer.status_code, answer.content) == (206, CONTENT[part.start : part.stop])
            shown = f"bytes {part.start}-{part.stop - 1}/{size}"
            assert answer.headers["content-range"] == shown
        another = http.get(url, headers={"range": "bytes=5-", "if-range": '"another"'})
        assert (another.status_code, another.content) == (200, CONTENT)
        beyond = http.get(url, headers={"range": f"bytes={size}-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
        assert beyond.json()["error"]["message"] == (
            f"The file has {size} bytes: none are at 'bytes={size}-'."
        )
