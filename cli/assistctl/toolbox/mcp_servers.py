"""The MCP servers whose tools are called: started, held against the lock file, asked, ended."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from assistctl.errors import AssistctlError
from assistctl.resources import Function, Json, McpServer, McpTool, digest
from assistctl.toolbox.calls import timed_out
from assistctl.toolbox.outputs import ErrorType, Refusal, cut

if TYPE_CHECKING:
    from assistctl.toolbox.mcp_client import Live

START = 60.0
"""Seconds that a server has to start and to list its tools; some are downloaded first."""
_END = 8.0
_REASON = 400


class Failed(Exception):
    """A server that did not do as it should; in words, what became of it."""


class Wrong(Failed):
    """A server that goes on, but has answered what is no answer. `kind` is what a model is told."""

    def __init__(self, error: BaseException) -> None:
        from mcp_types import PARSE_ERROR

        super().__init__(_in_words(error))
        code = getattr(error, "code", PARSE_ERROR)
        self.kind: ErrorType = "invalid_result" if code == PARSE_ERROR else "exception"


class Late(Exception):
    """A server that did not answer in time."""


class Changed(Exception):
    """A server whose tools are not those that are locked; in words, which."""


@dataclass(frozen=True)
class _Open:
    """A server that is being started, or has been."""

    task: Future[None]
    ready: Future[Live]
    said: IO[str]


class McpServers:
    """Connections in an event loop of its own thread. `functions` are those that may be called, as
    they are locked; what has died is started again when it is next called."""

    def __init__(self, root: Path, functions: Iterable[Function]) -> None:
        try:
            from anyio.from_thread import start_blocking_portal

            from assistctl.toolbox import mcp_client
        except ImportError as error:
            raise AssistctlError(
                f"MCP servers need a package that is not installed ({error.name}): "
                "pip install 'assistctl[mcp]'"
            ) from error
        self._client = mcp_client
        self._root = root
        self._locked = [each for each in functions if each.mcp]
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal())

    def begin(self, servers: Iterable[McpServer]) -> None:
        """Start them, all at once; the first question to each waits for it."""
        for each in servers:
            self._opened(each)

    def tools(self, server: McpServer) -> dict[str, dict[str, Json]]:
        """What a server says of its tools now: `{name: {"description"?, "parameters"}}`. Raises
        Failed."""
        try:
            live = self._live(server, START)
            live.stale = False
            found: dict[str, dict[str, Json]] = self._ask(
                server, START, self._client.listed, live.client
            )
            return found
        except Late:
            self._drop(server)
            raise Failed(f"it did not answer within {START:.0f} s") from None

    def check(self, server: McpServer) -> None:
        """Raises Changed if its tools are not as locked, and Failed. Those are looked at again
        before any further call."""
        ours = [each for each in self._locked if each.mcp and each.mcp.server == server]
        if differences := _differences(ours, self.tools(server)):
            self._live(server, START).stale = True
            raise Changed(", ".join(differences))

    def call(
        self, tool: McpTool, function: str, arguments: Mapping[str, Json], seconds: float
    ) -> str:
        """The text that a call comes to. Raises Refusal."""
        if not seconds:
            raise timed_out(seconds)
        server, until = tool.server, time.monotonic() + seconds
        try:
            with self._lock:
                is_new = server.name not in self._open
            if is_new or self._live(server, seconds).stale:
                self.check(server)
            live = self._live(server, until - time.monotonic())
            left = max(until - time.monotonic(), 0.01)
            result = self._ask(server, left, live.client.call_tool, tool.name, dict(arguments))
        except Late:
            raise timed_out(seconds) from None
        except Changed as error:
            what = f"the tools of the MCP server {server.name} are not as locked: {error}"
            raise Refusal("changed", f"{what}; {function} was not called") from None
        except Failed as error:
            kind = error.kind if isinstance(error, Wrong) else "crashed"
            raise Refusal(kind, f"the MCP server {server.name}: {error}") from None
        text = self._client.text_of(result)
        if result.is_error:
            raise Refusal("exception", text or "the tool failed, and says nothing of it")
        return text

    def close(self) -> None:
        """End all servers; those that do not end are killed."""
        with self._lock:
            found, self._open = list(self._open.values()), {}
        for each in found:
            self._stop(each)
        until = time.monotonic() + _END
        for each in found:
            self._await_end(each, until - time.monotonic())
            each.said.close()
        self._stack.close()

    def _opened(self, server: McpServer) -> _Open:
        with self._lock:
            if server.name not in self._open:
                said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
                ready: Future[Live] = Future()
                task = self._portal.start_task_soon(
                    self._client.live, server, self._root, said, ready
                )
                self._open[server.name] = _Open(task, ready, said)
            return self._open[server.name]

    def _live(self, server: McpServer, seconds: float) -> Live:
        """Raises Late and Failed."""
        opened = self._opened(server)
        try:
            return opened.ready.result(seconds)
        except TimeoutError as error:
            if not opened.ready.done():
                raise Late from None
            raise self._failed(server, error) from error
        except (Exception, CancelledError) as error:
            raise self._failed(server, error) from error

    def _ask(
        self,
        server: McpServer,
        seconds: float,
        question: Callable[..., Coroutine[Any, Any, Any]],
        *arguments: Any,
    ) -> Any:
        """Raises Late, in which case nobody listens any more, and Failed."""
        asked = self._portal.start_task_soon(question, *arguments)
        try:
            return asked.result(seconds)
        except TimeoutError as error:
            if asked.cancel() or not asked.done():
                raise Late from None
            raise Wrong(error) from error
        except BaseException as error:
            asked.cancel()
            if not isinstance(error, Exception | CancelledError):
                raise
            if self._is_over(server, error):
                raise self._failed(server, error) from error
            raise Wrong(error) from error

    def _is_over(self, server: McpServer, error: BaseException) -> bool:
        """Whether nothing more can be asked on this connection."""
        from mcp_types import CONNECTION_CLOSED

        opened = self._open.get(server.name)
        return (
            getattr(error, "code", None) == CONNECTION_CLOSED
            or type(error).__module__.startswith("anyio")
            or opened is None
            or opened.task.done()
        )

    def _failed(self, server: McpServer, error: BaseException) -> Failed:
        """What is said of a connection that has failed, which is dropped."""
        words = self._drop(server)
        return Failed(words or _in_words(error))

    def _drop(self, server: McpServer) -> str:
        """End a connection; returns what the program said at its end."""
        with self._lock:
            opened = self._open.pop(server.name, None)
        if opened is None:
            return ""
        self._stop(opened)
        self._await_end(opened, _END)
        opened.said.seek(0)
        how, _, said = opened.said.read(100_000).partition("\n")
        opened.said.close()
        last = " / ".join(said.strip().splitlines()[-3:])
        return cut(f"it ended: {how}" + (f": {last}" if last else ""), _REASON) if how else ""

    def _stop(self, opened: _Open) -> None:
        if opened.ready.done() and not opened.ready.exception():
            with suppress(RuntimeError):
                self._portal.call(opened.ready.result().stop.set)
        else:
            opened.task.cancel()

    def _await_end(self, opened: _Open, seconds: float) -> None:
        with suppress(Exception, CancelledError):
            opened.task.exception(max(seconds, 0.1))
        opened.task.cancel()
        # A task that is cancelled still ends its program, for which it takes its time.
        with suppress(Exception, CancelledError):
            opened.task.exception(_END)


def connected(root: Path, functions: Iterable[Function]) -> McpServers | None:
    """The servers of these functions, started and held against what is locked; None if there are
    none. Raises AssistctlError with all that is wrong."""
    wanted = [each for each in functions if each.mcp]
    servers = {each.mcp.server.name: each.mcp.server for each in wanted if each.mcp}
    if not servers:
        return None
    _check_complete(servers.values())
    connections = McpServers(root, wanted)
    try:
        connections.begin(servers.values())
        failures = [_failure(connections, each) for each in servers.values()]
        if any(failures):
            raise AssistctlError("\n".join(filter(None, failures)))
    except BaseException:
        connections.close()
        raise
    return connections


def tools_of(
    root: Path, servers: Iterable[McpServer]
) -> tuple[dict[str, dict[str, dict[str, Json]]], list[str]]:
    """What the servers say of their tools, by server and name, and what went wrong with those that
    say nothing. Raises AssistctlError."""
    servers = list(servers)
    _check_complete(servers)
    connections = McpServers(root, ())
    found, failures = {}, []
    try:
        connections.begin(servers)
        for server in servers:
            try:
                found[server.name] = connections.tools(server)
            except Failed as error:
                failures.append(f"{server.place}: the MCP server {server.name}: {error}")
    finally:
        connections.close()
    return found, failures


def _check_complete(servers: Iterable[McpServer]) -> None:
    missing = sorted({problem for each in servers for problem in each.missing})
    if missing:
        raise AssistctlError("\n".join(map(str, missing)))


def _failure(connections: McpServers, server: McpServer) -> str | None:
    where = f"{server.place}: the MCP server {server.name}"
    try:
        connections.check(server)
    except Changed as error:
        return (
            f"{where} has not the tools that are locked: {error}; see what is new with "
            "`assistctl mcp lock --check`, accept it with `assistctl mcp lock`"
        )
    except Failed as error:
        return f"{where}: {error}"
    return None


def _differences(locked: Iterable[Function], now: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """Which tools are not as they are locked, and in what."""
    found = []
    for function in locked:
        assert function.mcp
        tool = now.get(function.mcp.name)
        if tool is None:
            found.append(f"{function.mcp.name} is gone")
            continue
        ours = {"description": function.description, "parameters": function.parameters}
        if changed := [key for key in ours if digest(ours[key]) != digest(tool.get(key))]:
            found.append(f"{function.mcp.name} (its {' and '.join(changed)})")
    return found


def _in_words(error: BaseException) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return cut(f"its answer is not as MCP has it: {where}: {first['msg']}", _REASON)
    words = " ".join(str(error).split()) or type(error).__name__
    return cut(words, _REASON)
