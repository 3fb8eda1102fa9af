"""Tools of MCP servers, called; the servers are real processes, most of which misbehave."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from assistctl import toolbox
from assistctl.errors import AssistctlError, Place
from assistctl.events import ToolCall
from assistctl.resources import Function, McpServer, McpTool
from assistctl.toolbox import mcp_servers
from tests.local_http import LocalServer

HERE = Path(__file__).parent / "mcp"
SCHEMA = {
    "type": "object",
    "properties": {"item": {"type": "string"}},
    "required": ["item"],
}


def odd(how, *arguments):
    command = (sys.executable, "-I", "-S", str(HERE / "odd.py"), how, *map(str, arguments))
    return McpServer("stock", Place("assistctl.yaml", 4, 3), command)


def count(server, **more):
    described = {"description": "How many there are.", "parameters": SCHEMA, **more}
    place = Place("assistants/clerk.yaml", 3, 5)
    return Function("stock__count", place, mcp=McpTool(server, "count"), **described)


@contextlib.contextmanager
def mounted(root, server, **more):
    with contextlib.closing(toolbox.mount(root, [count(server, **more)])) as tools:
        yield tools


def called(tools, arguments='{"item": "rose"}', **options):
    (returned,) = tools.call([ToolCall("call_1", "stock__count", arguments)], **options)
    return returned.output


def outcome(root, how, **more):
    with mounted(root, odd(how), **more) as tools:
        return called(tools)


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def await_end(pid):
    until = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < until, f"{pid} is still alive"
        time.sleep(0.05)


def test_a_tool_is_called_with_arguments_that_fit_the_locked_schema_only(tmp_path):
    with mounted(tmp_path, odd("well")) as tools:
        assert called(tools) == "7 of rose"
        assert json.loads(called(tools, '{"item": 7}'))["error"]["type"] == "invalid_arguments"


def test_a_person_is_asked_before_a_call_that_wants_approval(tmp_path):
    with mounted(tmp_path, odd("well"), approval="ask") as tools:
        assert json.loads(called(tools))["error"]["type"] == "not_approved"
        assert called(tools, approve=lambda call: True) == "7 of rose"


def test_what_is_no_text_is_named(tmp_path):
    assert (
        outcome(tmp_path, "blocks")
        == """\
A picture:
[image: image/png, 5 bytes]
[resource: a, file:///a.txt]
[resource: file:///b.txt]
b
[resource: file:///c, unknown type, 5 bytes]"""
    )


def test_a_result_that_is_only_structured_is_json(tmp_path):
    assert outcome(tmp_path, "structured") == '{"number": 7}'


def test_an_error_of_the_tool_is_told_to_the_model(tmp_path):
    assert json.loads(outcome(tmp_path, "error")) == {
        "error": {"type": "exception", "message": "sold out"}
    }


def test_a_long_result_is_cut(tmp_path):
    output = outcome(tmp_path, "long")
    assert 500 * 1024 < len(output.encode()) <= 512 * 1024


def test_a_server_that_writes_a_message_without_end_is_ended(tmp_path):
    message = "the MCP server stock: it ended: it wrote a message of more than 16 MB"
    output = json.loads(outcome(tmp_path, "endless"))
    assert output == {"error": {"type": "crashed", "message": message}}


def test_what_a_server_writes_to_stdout_beside_its_messages_does_no_harm(tmp_path):
    assert outcome(tmp_path, "junk") == "7 of rose"


def test_a_call_that_hangs_ends_in_time_and_its_server_with_the_toolbox(tmp_path):
    pids = tmp_path / "pids"
    with mounted(tmp_path, odd("hangs", pids), timeout=0.5) as tools:
        message = "no result within 0.5 s; the function may still be at work"
        assert json.loads(called(tools)) == {"error": {"type": "timeout", "message": message}}
    await_end(int(pids.read_text()))


def test_a_server_that_dies_in_a_call_says_why_and_is_started_again(tmp_path):
    pids = tmp_path / "pids"
    with mounted(tmp_path, odd("dies", pids)) as tools:
        message = "the MCP server stock: it ended: exit code 3: no more stock"
        for _ in range(2):
            assert json.loads(called(tools)) == {"error": {"type": "crashed", "message": message}}
    assert len(pids.read_text().split()) == 2


def test_a_server_that_is_killed_is_said_to_be(tmp_path):
    message = "the MCP server stock: it ended: SIGKILL"
    output = json.loads(outcome(tmp_path, "killed"))
    assert output == {"error": {"type": "crashed", "message": message}}


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("changed", "count (its description)"),
        ("gone", "count is gone"),
    ],
)
def test_a_server_whose_tools_are_not_as_locked_is_refused(tmp_path, how, what):
    with pytest.raises(AssistctlError) as raised, mounted(tmp_path, odd(how)):
        pass
    assert str(raised.value) == (
        f"assistctl.yaml:4:3: the MCP server stock has not the tools that are locked: {what}; see "
        "what is new with `assistctl mcp lock --check`, accept it with `assistctl mcp lock`"
    )


def test_a_server_that_cannot_start_says_why(tmp_path):
    with pytest.raises(AssistctlError) as raised, mounted(tmp_path, odd("broken")):
        pass
    assert str(raised.value).replace("\x1b", "^") == (
        "assistctl.yaml:4:3: the MCP server stock: it ended: exit code 1: there is no database^[31m"
    )


def test_a_program_that_does_not_exist_is_named(tmp_path):
    server = McpServer("stock", Place("assistctl.yaml", 4, 3), ("./no-such-program",))
    with pytest.raises(AssistctlError) as raised, mounted(tmp_path, server):
        pass
    assert str(raised.value) == (
        "assistctl.yaml:4:3: the MCP server stock: it ended: ./no-such-program cannot be started: "
        "no such file or directory"
    )


def test_a_server_that_hangs_at_its_start_is_given_up_and_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(mcp_servers, "START", 1.0)
    with pytest.raises(AssistctlError) as raised, mounted(tmp_path, odd("at-start")):
        pass
    assert str(raised.value) == (
        "assistctl.yaml:4:3: the MCP server stock: it did not answer within 1 s"
    )


@pytest.mark.parametrize("how", ["at-end", "child"])
def test_a_server_that_does_not_end_is_killed_with_what_it_has_started(tmp_path, how):
    pids = tmp_path / "pids"
    with mounted(tmp_path, odd(how, pids)) as tools:
        assert called(tools) == "7 of rose"
        (pid,) = map(int, pids.read_text().split())
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
        ).stdout.split()
        assert len(children) == (how == "child")
    for each in [pid, *map(int, children)]:
        await_end(each)


def test_a_server_gets_a_few_variables_and_those_that_are_declared(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server = odd("environment")
    server = McpServer(server.name, server.place, server.command, env={"STOCK": "7"})
    with mounted(tmp_path, server) as tools:
        names = json.loads(called(tools))
    assert "STOCK" in names
    assert not {"OPENAI_API_KEY", "PYTHONPATH"} & set(names)


def test_servers_do_not_outlive_a_process_that_is_killed(tmp_path):
    pids = tmp_path / "pids"
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tests.toolbox.test_mcp_servers import mounted, odd\n"
        f"with mounted(Path({str(tmp_path)!r}), odd('at-end', {str(pids)!r})):\n"
        "    print('ready', flush=True); time.sleep(600)\n"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=root)
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        os.kill(process.pid, signal.SIGKILL)
    await_end(int(pids.read_text()))


@pytest.fixture
def port():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(HERE / "stock.py"), str(number)], stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number)):
                break
            assert time.monotonic() < until
            time.sleep(0.1)
        yield number
    finally:
        process.kill()
        process.wait()


def listed(server, root):
    found, failures = mcp_servers.tools_of(root, [server])
    assert failures == []
    return found["stock"]


def test_a_server_of_the_sdk_is_called_over_http(tmp_path, port):
    server = McpServer("stock", Place("assistctl.yaml", 4, 3), url=f"http://127.0.0.1:{port}/mcp")
    tools = listed(server, tmp_path)
    assert sorted(tools) == ["count", "order/new"]
    with mounted(tmp_path, server, parameters=tools["count"]["parameters"]) as box:
        assert called(box) == "7 of rose"


def test_a_server_of_the_sdk_is_called_over_stdio(tmp_path):
    command = (sys.executable, str(HERE / "stock.py"))
    server = McpServer("stock", Place("assistctl.yaml", 4, 3), command)
    tools = listed(server, tmp_path)
    assert sorted(tools) == ["count", "order/new"]
    order = Function(
        "stock__order", Place("a.yaml"), mcp=McpTool(server, "order/new"), **tools["order/new"]
    )
    with contextlib.closing(toolbox.mount(tmp_path, [order])) as box:
        (returned,) = box.call([ToolCall("call_1", "stock__order", '{"item": "rose"}')])
    error = json.loads(returned.output)["error"]
    assert error["type"] == "exception"
    assert error["message"].startswith("Error executing tool order/new")


def test_an_http_server_that_does_not_answer_is_said_to_be_unreachable(tmp_path):
    server = McpServer("stock", Place("assistctl.yaml", 4, 3), url="http://127.0.0.1:9/mcp")
    with pytest.raises(AssistctlError) as raised, mounted(tmp_path, server):
        pass
    assert str(raised.value) == (
        "assistctl.yaml:4:3: the MCP server stock: All connection attempts failed"
    )


CHANGED = (
    "the tools of the MCP server stock are not as locked: count (its description); stock__count "
    "was not called"
)


def test_tools_that_change_in_the_middle_of_a_run_are_not_called_any_more(tmp_path):
    with mounted(tmp_path, odd("changes")) as tools:
        assert called(tools) == "7 of rose"
        until = time.monotonic() + 20  # it may be asked again before it was heard
        while (output := called(tools)) == "7 of rose":
            assert time.monotonic() < until
        refused = {"error": {"type": "changed", "message": CHANGED}}
        assert json.loads(output) == json.loads(called(tools)) == refused


def test_a_server_that_comes_back_with_other_tools_is_not_called(tmp_path):
    with mounted(tmp_path, odd("comes-back-changed", tmp_path / "pids")) as tools:
        assert json.loads(called(tools))["error"]["type"] == "crashed"
        for _ in range(2):
            assert json.loads(called(tools)) == {"error": {"type": "changed", "message": CHANGED}}


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        (
            "promises",
            "invalid_result",
            "Invalid structured content returned by tool count: 'seven' is not of type 'integer'",
        ),
        (
            "promises-more",
            "invalid_result",
            "Tool count has an output schema but did not return structured content",
        ),
        ("refuses", "exception", "?"),
    ],
)
def test_a_server_that_does_not_do_what_it_says_goes_on_and_the_model_is_told(
    tmp_path, how, kind, message
):
    with mounted(tmp_path, odd(how)) as tools:
        for _ in range(2):
            error = json.loads(called(tools))["error"]
            assert error["type"] == kind
            assert error["message"].startswith(f"the MCP server stock: {message}")


class Plain(BaseHTTPRequestHandler):
    """An MCP server whose answers are plain JSON, that of a call as long as anybody listens."""

    protocol_version = "HTTP/1.1"
    packed = False
    sent = 0

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        version = asked.get("params", {}).get("protocolVersion")
        server = {"serverInfo": {"name": "plain", "version": "1"}, "capabilities": {"tools": {}}}
        tool = {"name": "count", "description": "How many there are.", "inputSchema": SCHEMA}
        answers = {
            "initialize": {**server, "protocolVersion": version},
            "tools/list": {"tools": [tool]},
            "tools/call": {"content": [{"type": "text", "text": "…"}]},
        }
        if (found := answers.get(asked["method"])) is None:
            error = {"code": -32601, "message": "?"}
            self._answer({"jsonrpc": "2.0", "id": asked.get("id"), "error": error}, 202)
            return
        body = {"jsonrpc": "2.0", "id": asked["id"], "result": found}
        self._answer(body) if asked["method"] != "tools/call" else self._without_end(body)

    def do_GET(self):
        self.send_error(405)

    do_DELETE = do_GET  # noqa: N815 - http.server's name

    def log_message(self, *words):
        pass

    def _answer(self, body, status=200):
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def _without_end(self, body):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        if type(self).packed:
            self.send_header("content-encoding", "gzip")
        self.end_headers()
        piece = b" " * 100_000
        with contextlib.suppress(OSError):
            while type(self).sent < 1_000_000_000:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                type(self).sent += len(piece)
        self.close_connection = True


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (False, "it wrote a message of more than 16 MB"),
        (True, "it packs its answers unasked"),
    ],
)
def test_a_plain_answer_over_http_is_read_no_further_than_a_message_may_be(
    tmp_path, monkeypatch, packed, why
):
    monkeypatch.setattr(Plain, "packed", packed)
    monkeypatch.setattr(Plain, "sent", 0)
    with LocalServer(("127.0.0.1", 0), Plain) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{served.server_port}/mcp"
        with mounted(tmp_path, McpServer("stock", Place("assistctl.yaml", 4, 3), url=url)) as box:
            output = called(box)
        served.shutdown()
    message = f"the MCP server stock: Failed to parse JSON response: {why}"
    assert json.loads(output) == {"error": {"type": "invalid_result", "message": message}}
    assert Plain.sent < 100_000_000
