"""Forms as clients write them: what each calls its file, the server calls it, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer

Ask = Callable[..., Any]

NAME = "价格.csv"
QUOTED = "%E4%BB%B7%E6%A0%BC.csv"
WORD = "=?utf-8?B?5Lu35qC8LmNzdg==?="
PURPOSE = 'Content-Disposition: form-data; name="purpose"\r\n\r\nassistants'


def form(
    *parts: str, before: str = "", kind: str = "multipart/form-data; boundary=cut"
) -> tuple[bytes, dict[str, str]]:
    body = "".join(f"--cut\r\n{part}\r\n" for part in parts)
    return f"{before}{body}--cut--\r\n".encode(), {"content-type": kind}


def named(disposition: str) -> str:
    return f"Content-Disposition: form-data; {disposition}\r\nContent-Type: text/csv\r\n\r\n花,价\n"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (f'name="file"; filename="{NAME}"', NAME),
        (f"name=\"file\"; filename*=utf-8''{QUOTED}", NAME),
        (f"name=file; filename*=UTF-8'zh'{QUOTED}", NAME),
        (f"name=file; filename=\"{WORD}\"; filename*=utf-8''{QUOTED}", NAME),
        (f"name=file; filename*=utf-8''{QUOTED}; filename=\"prices.csv\"", NAME),
        (f'name=file; filename="{WORD}"', NAME),
        ('name=file; filename="=?utf-8?Q?=E4=BB=B7=E6=A0=BC.csv?="', NAME),
        ('name=file; filename="=?utf-8?B?5Lu3?= =?utf-8?B?5qC8LmNzdg==?="', NAME),
        ("name=file; filename*=gbk''%BC%DB%B8%F1.csv", NAME),
        ('name=file; filename="=?no-such-letters?B?5Lu3?="', "=?no-such-letters?B?5Lu3?="),
        ('name=file; filename="=?utf-8?B?5?="', "=?utf-8?B?5?="),
        ('NAME="file"; FileName="a.csv"', "a.csv"),
        ('name="file"; filename="say \\"rose\\"; 5 = 5%.csv"', 'say "rose"; 5 = 5%.csv'),
        ('name="file"; filename="C:\\\\shop\\\\a.csv"', "a.csv"),
        ("name=\"file\"; filename*=utf-8''..%2F..%2Fa.csv", "a.csv"),
        ('name="file"; filename=""', "upload"),
    ],
)
def test_a_file_has_the_name_that_its_client_meant(ask: Ask, disposition: str, name: str) -> None:
    answer = ask("POST", "/files", *form(PURPOSE, named(disposition)))
    assert answer.status == 200, answer.body
    assert (answer.body["filename"], answer.body["bytes"]) == (name, 8)
    assert ask("GET", f"/files/{answer.body['id']}").body["filename"] == name


@pytest.mark.parametrize(
    "given",
    [
        form(
            PURPOSE, named('name="file"; filename="a"'), before="This is a multipart message.\r\n"
        ),
        form(PURPOSE, named('name="file"; filename="a"'), before="\r\n"),
        form(PURPOSE, named('name="file"; filename="a"'), kind="Multipart/Form-Data; Boundary=cut"),
        form(
            PURPOSE, named('name="file"; filename="a"'), kind='multipart/form-data;boundary="cut"'
        ),
    ],
)
def test_a_form_may_begin_with_a_preamble_and_be_written_in_any_case(
    ask: Ask, given: tuple[bytes, dict[str, str]]
) -> None:
    answer = ask("POST", "/files", *given)
    assert (answer.status, answer.body.get("bytes")) == (200, 8), answer.body


def test_a_field_that_is_no_file_is_not_taken_for_one(ask: Ask) -> None:
    answer = ask("POST", "/files", *form(PURPOSE, named('name="file"')))
    assert answer.body["error"]["message"] == "Missing required parameter: 'file'."


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b"--cut", "multipart/form-data", "its Content-Type names no boundary"),
        (b"", "multipart/form-data; boundary=cut", "it does not begin with its boundary"),
        (b"x" * 70_000, "multipart/form-data; boundary=cut", "it does not begin with its boundary"),
        (
            b"--cut\r\nbad header\r\n\r\nx\r\n--cut--",
            "multipart/form-data; boundary=cut",
            "its parts do not stand between its boundaries",
        ),
        (
            b"--cut\r\nContent-Disposition: form-data\r\n\r\nx\r\n--cut--",
            "multipart/form-data; boundary=cut",
            "a part has no name in its Content-Disposition",
        ),
        (
            b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf',
            "multipart/form-data; boundary=cut",
            "it ends before its last boundary",
        ),
        (
            form(*1001 * [PURPOSE])[0],
            "multipart/form-data; boundary=cut",
            "it has more than 1000 parts",
        ),
        (
            form(PURPOSE + "x" * 2**20)[0],
            "multipart/form-data; boundary=cut",
            "its field 'purpose' has more than 1048576 bytes",
        ),
    ],
)
def test_what_is_no_form_is_told_so(ask: Ask, body: bytes, kind: str, why: str) -> None:
    answer = ask("POST", "/files", body, {"content-type": kind})
    assert (answer.status, answer.body["error"]["message"]) == (
        400,
        f"We could not read the multipart form of your request: {why}.",
    )


SCRIPT = [
    {
        "when": "list",
        "call": {"code_interpreter": {"code": "import os; os.listdir('/mnt/data')"}},
        "say": "There it is.",
    },
    {"call": {"file_search": {"query": "花"}}, "say": "It is 价\u30100:0\u2020source\u3011."},
]


def test_the_name_is_the_same_in_mnt_data_and_in_citations(
    start: Callable[..., EmbeddedServer], connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    server = start(scripts={"s": SCRIPT})
    client = connect(server)
    body, headers = form(
        PURPOSE, named(f"name=file; filename=\"{WORD}\"; filename*=utf-8''{QUOTED}")
    )
    key = {"authorization": f"Bearer {server.api_key}"}
    with httpx2.Client(trust_env=False, verify=False) as http:
        made = http.post(f"{server.base_url}/files", content=body, headers=headers | key).json()
    store = client.vector_stores.create()
    client.vector_stores.files.create_and_poll(made["id"], vector_store_id=store.id)
    assistant = client.beta.assistants.create(
        model="m",
        metadata={"assistctl": "s"},
        tools=[{"type": "code_interpreter"}, {"type": "file_search"}],
        tool_resources={
            "code_interpreter": {"file_ids": [made["id"]]},
            "file_search": {"vector_store_ids": [store.id]},
        },
    )
    shown = {}
    for said in ("search", "list"):
        run = client.beta.threads.create_and_run_poll(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": said}]}
        )
        steps = client.beta.threads.runs.steps.list(run_id=run.id, thread_id=run.thread_id)
        details = steps.data[-1].to_dict()["step_details"]
        [shown[said]] = details["tool_calls"]  # type: ignore[index]
    assert shown["search"]["file_search"]["results"][0]["file_name"] == NAME
    logs = json.dumps(shown["list"]["code_interpreter"], ensure_ascii=False)
    assert NAME in logs or "not available" in logs
