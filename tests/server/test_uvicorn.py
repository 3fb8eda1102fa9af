"""What the server takes from uvicorn that is no documented API, held against the uvicorn that is
installed: a new one that changes it is told here, and not first by a connection that hangs."""

import hashlib
import inspect
import json
import subprocess
import sys

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

# What `serving._Uvicorn` and `listening.Http` override, call, or read the attributes of.
WHERE = {it.__name__: it for it in (uvicorn.Server, H11Protocol, ServerState, RequestResponseCycle)}
READ = {
    "Server.serve": "112ef41af521",
    "Server._serve": "4575b7a50adf",
    "Server.startup": "2aa1d70a244b",
    "Server.main_loop": "afccb353a119",
    "Server.on_tick": "60ea49b06ccf",
    "Server.shutdown": "9b33c5056299",
    "Server.capture_signals": "e1bbcd4770d1",
    "Server.handle_exit": "553276efa26e",
    "H11Protocol.__init__": "ad1ed8e837b2",
    "H11Protocol.connection_made": "6efb565ff3d3",
    "H11Protocol.connection_lost": "dbb688fa2b38",
    "H11Protocol.data_received": "e03b145518ca",
    "H11Protocol.eof_received": "5652627579a0",
    "H11Protocol.handle_events": "e63a9d1492e3",
    "H11Protocol.send_400_response": "56937b748fc5",
    "H11Protocol.shutdown": "aaa6d607648b",
    "H11Protocol.on_response_complete": "1fbb8f48c6a1",
    "ServerState": "f2260fbf1015",
    "RequestResponseCycle": "b9327fce724d",
}


def digests() -> dict[str, str]:
    """What is installed, in words of READ."""

    def source(name: str) -> str:
        owner, _, of_it = name.partition(".")
        return inspect.getsource(getattr(WHERE[owner], of_it) if of_it else WHERE[owner])

    return {name: hashlib.sha256(source(name).encode()).hexdigest()[:12] for name in READ}


@pytest.fixture(scope="module")
def installed() -> dict[str, str]:
    """As a fresh Python has it: packages that other tests import put things of their own in."""
    code = (
        "import json; from tests.server.test_uvicorn import digests; print(json.dumps(digests()))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return dict(json.loads(result.stdout))


@pytest.mark.parametrize(("name", "read"), READ.items())
def test_what_the_server_rests_on_in_uvicorn_is_as_it_was_when_it_was_read(
    name: str, read: str, installed: dict[str, str]
) -> None:
    assert installed[name] == read, (
        f"uvicorn {uvicorn.__version__} changed {name}: read what it does now, see whether"
        " server/serving.py and server/http/listening.py still fit (test_listening.py,"
        " test_serving.py, test_stopping.py), then note the new digest here and raise the ceiling"
        " of uvicorn in pyproject.toml"
    )
