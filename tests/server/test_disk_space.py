"""A disk that is full: a real one, a small file system in memory of a process of its own."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from assistctl.server.storage.disk_space import is_lacking

SMALL_DISK = ["bwrap", "--dev-bind", "/", "/", "--size", str(12 * 2**20), "--tmpfs", "/mnt"]
SCRIPT = """
import json, logging, time
from pathlib import Path
import httpx2
from assistctl.server import EmbeddedServer, Settings, lack_of_room
from assistctl.server.storage.database import Database, DatabaseError

logging.disable()
folder, seen = Path("/mnt"), {}
settings = Settings(
    folder / "local.db", "scripted", {"s": [{"say": "Good day."}]}, embeddings="none"
)
words = b"Roses are red. " * 20_000
with EmbeddedServer(settings) as server:
    health = server.base_url.removesuffix("/v1") + "/healthz"
    key = {"authorization": f"Bearer {server.api_key}"}
    with httpx2.Client(
        base_url=server.base_url, headers=key, trust_env=False, timeout=60
    ) as http:

        def looked(kind):
            answer = http.get(health)
            listed = http.get("/assistants").json()["data"]
            seen[kind] = [answer.status_code, answer.json(), len(listed)]

        def post(path, body):
            return http.post(path, json=body)

        assistant = post("/assistants", {"model": "m", "metadata": {"assistctl": "s"}}).json()["id"]
        store = post("/vector_stores", {}).json()["id"]
        looked("before")
        with (folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(65536))
            except OSError:
                pass
        refusals = []
        for _ in range(100):
            message = {"role": "user", "content": "x" * 200_000}
            answer = post("/threads", {"messages": [message]})
            if answer.status_code != 200:
                refusals.append([answer.status_code, answer.json()["error"]])
                if len(refusals) == 3:
                    break
        seen["refusals"] = refusals
        file = http.post(
            "/files", data={"purpose": "assistants"}, files={"file": ("a.txt", words)}
        )
        seen["upload"] = file.status_code
        try:
            Database(folder / "another.db")
        except DatabaseError as error:
            seen["another"] = str(error)
        seen["fault"] = lack_of_room(folder / "local.db")
        seen["found"] = post(f"/vector_stores/{store}/search", {"query": "roses"}).status_code
        looked("full")
        (folder / "ballast").unlink()
        looked("after")
        body = {"assistant_id": assistant, "thread": {"messages": [message]}}
        run = post("/threads/runs", body).json()
        while run["status"] in ("queued", "in_progress"):
            time.sleep(0.05)
            run = http.get(f"/threads/{run['thread_id']}/runs/{run['id']}").json()
        seen["run"] = run["status"]
        file = http.post(
            "/files", data={"purpose": "assistants"}, files={"file": ("a.txt", words)}
        ).json()["id"]
        post(f"/vector_stores/{store}/files", {"file_id": file})
        while True:
            attached = http.get(f"/vector_stores/{store}/files/{file}").json()
            if attached["status"] != "in_progress":
                break
            time.sleep(0.05)
        seen["file"] = attached["status"]
print(json.dumps(seen))
"""


FULL_TMP = ["--ro-bind", "/", "/", "--tmpfs", "/mnt", "--size", str(2**21), "--tmpfs", "/tmp"]
for ours in (str(Path(__file__).parents[2]), sys.prefix):  # which may lie in /tmp themselves
    FULL_TMP += ["--ro-bind", ours, ours]
LOOKS = """
import json, tempfile
from pathlib import Path
from assistctl.server import lack_of_room

seen = [lack_of_room(Path("/mnt/local.db"))]
with open("/tmp/ballast", "wb", buffering=0) as ballast:
    try:
        while True:
            ballast.write(bytes(4096))
    except OSError:
        pass
seen.append(lack_of_room(Path("/mnt/local.db")))
tempfile.tempdir = None  # as in a process that begins now
seen.append(lack_of_room(Path("/mnt/local.db")))
seen.append(lack_of_room(Path("/tmp/local.db")))
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen() -> Any:
    return within(SMALL_DISK, SCRIPT)


def within(disks: list[str], script: str) -> Any:
    """What a process prints that has such disks."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap, which makes the small disk, is not installed")
    tried = subprocess.run([*disks, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"a small disk cannot be made here: {tried.stderr}")
    done = subprocess.run(
        [*disks, sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "cli")},
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_full_disk_is_told_in_words_and_what_is_there_can_be_read(seen: Any) -> None:
    assert seen["before"] == [200, {"status": "ok"}, 1]
    error = {
        "message": "The server's disk is full, so your request had no effect. Whoever runs the"
        " server has to make room; then it goes on by itself.",
        "type": "server_error",
        "param": None,
        "code": "disk_full",
    }
    assert seen["refusals"] == [[507, error]] * 3
    assert (seen["upload"], seen["found"]) == (507, 200)
    reason = "the disk of the database is full (/mnt)"
    assert seen["full"] == [503, {"status": "failing", "reason": reason}, 1]
    assert seen["another"] == "cannot use the database /mnt/another.db: its disk is full"
    assert seen["fault"] == reason


def test_it_heals_when_there_is_room_again(seen: Any) -> None:
    assert seen["after"] == [200, {"status": "ok"}, 1]
    assert (seen["run"], seen["file"]) == ("completed", "completed")


def test_the_disk_of_the_database_is_looked_at_before_that_of_temporary_files() -> None:
    before, full, from_the_start, both = within(["bwrap", *FULL_TMP], LOOKS)
    assert (before, full) == (None, "the disk of the temporary files is full (/tmp)")
    assert from_the_start.startswith("no temporary file can be written: No usable temporary")
    assert both == "the disk of the database is full (/tmp)"


def test_what_fails_for_other_reasons_does_not_lack_room() -> None:
    assert is_lacking(OSError(errno.ENOSPC, "full"))
    assert not is_lacking(OSError(errno.EIO, "broken"))
    with closing(sqlite3.connect(":memory:")) as connection:
        with pytest.raises(sqlite3.OperationalError) as other:
            connection.execute("SELECT * FROM nothing")
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE a (b)")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("INSERT INTO a VALUES (zeroblob(100000))")
    assert not is_lacking(other.value)
    assert is_lacking(full.value)
