"""Files that are too large for one request: the Uploads API, with small sizes."""

import json
import random
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler

import pytest

from assistctl.apis.transport.client import Client, Sizes
from assistctl.apis.transport.failures import LostAnswer
from assistctl.apis.transport.files import download, upload
from assistctl.errors import RemoteError
from assistctl.resources import FILE, CodeInterpreter
from tests.apis.bench import Bench
from tests.apis.fault_proxy import answer_lost, dropped, error
from tests.apis.surfaces import ASSISTANTS
from tests.local_http import LocalServer

pytestmark = pytest.mark.only_at(
    "assistants", because="files go to a target in one way, whatever holds assistants"
)

CONTENT = random.Random(4).randbytes(250_000)
OPENED, COMPLETED = "POST /v1/uploads", "POST /v1/uploads/…/complete"
PART, CANCELLED = "POST /v1/uploads/…/parts", "POST /v1/uploads/…/cancel"


@pytest.fixture
def large(proxy, server, monkeypatch):
    """A client for which 100,000 bytes are large."""
    monkeypatch.setattr("assistctl.apis.transport.pacing.pause", lambda attempt, asked: 0.0)
    settings = {"sizes": Sizes(100_000, 100_000)}
    with closing(Client(proxy.base_url, server.api_key, **settings)) as client:
        yield client


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "花.bin"
    path.write_bytes(CONTENT)
    return path


def content(client, file, to):
    download(client, file, to)
    return to.read_bytes()


def requests(proxy):
    told = []
    for request in proxy.requests:
        method, _, path = str(request).partition(" ")
        parts = path.split("/")
        told.append(f"{method} " + "/".join("…" if "upload_" in part else part for part in parts))
    return told


def test_a_large_file_goes_in_parts_and_arrives_whole(large, client, proxy, path, tmp_path):
    sent = []
    file = upload(large, path, path.name, "assistants", sent.append)
    assert requests(proxy) == [OPENED, PART, PART, PART, COMPLETED]
    opening, *_, closing = (request.body for request in proxy.requests)
    assert json.loads(opening) == {
        "filename": "花.bin",
        "purpose": "assistants",
        "bytes": 250_000,
        "mime_type": "application/octet-stream",
    }
    assert len(json.loads(closing)["md5"]) == 32
    assert (file["filename"], file["bytes"]) == ("花.bin", 250_000)
    assert content(client, file, tmp_path / "back") == CONTENT
    assert sent[-1] == 250_000
    assert sent == sorted(sent)


def test_a_file_of_just_the_largest_size_goes_at_once(large, proxy, path):
    path.write_bytes(CONTENT[:100_000])
    upload(large, path, path.name, "assistants")
    assert requests(proxy) == ["POST /v1/files"]


@pytest.mark.parametrize("fault", [dropped, answer_lost, error(503), error(429)])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_whatever_fails_once_is_repeated(large, client, proxy, path, tmp_path, number, fault):
    proxy.at(number, fault)
    file = upload(large, path, path.name, "assistants")
    assert len(proxy.requests) == 6
    assert content(client, file, tmp_path / "back") == CONTENT
    assert [item["id"] for item in client.list("/files")] == [file["id"]]


def test_what_cannot_be_finished_is_cancelled(large, client, proxy, path):
    proxy.fault = lambda number, request: error(500) if number > 2 and number < 8 else None
    with pytest.raises(LostAnswer, match=r"/parts: 500 fault 500; sent 5 times"):
        upload(large, path, path.name, "assistants")
    assert requests(proxy) == [OPENED, PART, PART, PART, PART, PART, PART, CANCELLED]
    assert list(client.list("/files")) == []


def test_bytes_that_change_on_their_way_are_refused(large, client, proxy, path):
    def swapped(request, forward):
        at = request.body.index(CONTENT[:50])
        body = request.body[:at] + bytes(50) + request.body[at + 50 :]
        return forward(type(request)(request.method, request.path, body, request.headers))

    proxy.at(2, swapped)
    with pytest.raises(RemoteError, match="The md5 of the uploaded bytes is"):
        upload(large, path, path.name, "assistants")
    assert requests(proxy)[-1] == CANCELLED
    assert list(client.list("/files")) == []


def test_a_sync_sends_a_large_file_in_parts(large, tmp_path):
    bench = Bench(tmp_path / "workspace", ASSISTANTS, large)
    bench.assistant("shop", CodeInterpreter((bench.file("assistants/all.bin", CONTENT),)))
    bench.sync()
    assert bench.only(FILE)["bytes"] == 250_000


SENDER = """
import resource, sys
from pathlib import Path
from assistctl.apis.transport.client import Client, Sizes
from assistctl.apis.transport.files import download, upload
client = Client(sys.argv[1], "key", sizes=Sizes(at_once=int(sys.argv[3])))
path = Path(sys.argv[2])
client.get("/warm")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
upload(client, path, path.name, "assistants")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
client.close()
"""


@pytest.mark.parametrize("largest_at_once", [2**20, 2**30])
def test_memory_stays_flat_however_large_a_file_is(tmp_path, largest_at_once):
    path = tmp_path / "sparse.bin"
    with path.open("wb") as handle:
        handle.truncate(200 * 2**20)
    received = []

    class Swallow(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            left = int(self.headers.get("content-length") or 0)
            received.append(left)
            while left:
                left -= len(self.rfile.read(min(left, 2**20)))
            answer = b'{"id": "x", "file": {"id": "file-1"}}'
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *about):
            pass

    with LocalServer(("127.0.0.1", 0), Swallow) as target:
        threading.Thread(target=target.serve_forever, kwargs={"poll_interval": 0.01}).start()
        url = f"http://127.0.0.1:{target.server_address[1]}/v1"
        arguments = [sys.executable, "-c", SENDER, url, str(path), str(largest_at_once)]
        grown = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        target.shutdown()
    assert sum(received) > 200 * 2**20
    assert int(grown) < 16 * 1024  # kilobytes
