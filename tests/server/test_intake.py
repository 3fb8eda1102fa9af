"""What comes in with a request, however it is packed."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest

from assistctl.server import EmbeddedServer
from assistctl.server.http import intake

Ask = Callable[..., Any]
packed = partial(gzip.compress, mtime=0)

BODY = json.dumps({"metadata": {"shop": "花店"}}).encode()
FORM = (
    b'--cut\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--cut\r\n'
    b'Content-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n%b\r\n--cut--\r\n'
)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, "identity"),
        (packed(BODY), "gzip"),
        (packed(BODY), "X-GZIP"),
        (b"\xef\xbb\xbf" + BODY, "identity"),
        (packed(b"\xef\xbb\xbf" + BODY), "gzip"),
    ],
)
def test_json_may_be_packed_and_begin_with_the_mark_of_utf_8(
    ask: Ask, body: bytes, encoding: str
) -> None:
    answer = ask("POST", "/threads", body, {"content-encoding": encoding})
    assert (answer.status, answer.body.get("metadata")) == (200, {"shop": "花店"}), answer.body


def test_a_form_may_be_packed_too(ask: Ask) -> None:
    content = os.urandom(3 * 2**20)
    headers = {
        "content-type": "multipart/form-data; boundary=cut",
        "content-encoding": "gzip",
    }
    answer = ask("POST", "/files", packed(FORM % content), headers)
    assert (answer.status, answer.body["bytes"]) == (200, len(content))


@pytest.mark.parametrize(
    ("body", "encoding", "status", "message"),
    [
        (
            BODY,
            "br",
            415,
            "The Content-Encoding 'br' is not supported: send the body as it is, or packed with"
            " gzip.",
        ),
        (
            BODY,
            "gzip",
            400,
            "The body of your request is not what its Content-Encoding says: gzip.",
        ),
        (
            packed(BODY * 99)[:-9],
            "gzip",
            400,
            "The body of your request is not what its Content-Encoding says: gzip.",
        ),
        (
            packed(BODY) + b"x",
            "gzip",
            400,
            "The body of your request is not what its Content-Encoding says: gzip.",
        ),
        (
            packed(BODY) + packed(b" "),
            "gzip",
            400,
            "The body of your request is not what its Content-Encoding says: gzip.",
        ),
        (
            packed(b" " * (intake.JSON_BYTES + 1)),
            "gzip",
            413,
            "The request is too large. At most 16777216 bytes are accepted.",
        ),
    ],
)
def test_what_cannot_be_unpacked_or_would_be_too_large_is_refused(
    ask: Ask, body: bytes, encoding: str, status: int, message: str
) -> None:
    answer = ask("POST", "/threads", body, {"content-encoding": encoding})
    assert (answer.status, answer.body["error"]["message"]) == (status, message)


def test_what_is_packed_counts_too_though_it_unpacks_to_nothing(server: EmbeddedServer) -> None:
    empty_blocks = b"\x00\x00\x00\xff\xff" * (2**20 // 5)
    answer = httpx2.post(
        f"{server.base_url}/threads",
        content=iter([packed(b"")[:10], *[empty_blocks] * 17]),
        headers={"authorization": f"Bearer {server.api_key}", "content-encoding": "gzip"},
        trust_env=False,
        verify=False,
    )
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        413,
        "The request is too large. At most 16777216 bytes are accepted.",
    )
