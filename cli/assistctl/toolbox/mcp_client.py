"""One connection to an MCP server, by the official SDK; imported only where there is one."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import anyio
import httpx2
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from assistctl.resources import Json, McpServer
from assistctl.toolbox.mcp_guard import LONGEST_MESSAGE

MOST_PAGES, MOST_TOOLS = 100, 1000
_GUARD = Path(__file__).parent / "mcp_guard.py"

# What it logs are faults that become outcomes of ours; unheard, Python would print them.
logging.getLogger("mcp").addHandler(logging.NullHandler())
logging.getLogger("mcp").propagate = False


@dataclass
class Live:
    """An open connection: `stop` ends it; `stale`, the server said that its tools have changed."""

    client: Client
    stop: anyio.Event = field(default_factory=anyio.Event)
    stale: bool = False


class TooManyTools(Exception):
    """A server lists tools without end."""


async def live(server: McpServer, root: Path, said: IO[str], ready: Future[Live]) -> None:
    """Connect, tell that it is `ready`, and stay so until it is stopped. What the program says at
    its end goes to `said`."""

    async def heard(message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification) and ready.done():
            ready.result().stale = True

    try:
        async with (
            _transport(server, root, said) as transport,
            Client(transport, cache=None, message_handler=heard) as client,
        ):
            connection = Live(client)
            ready.set_result(connection)
            await connection.stop.wait()
    except BaseException as error:
        if not ready.done():
            ready.set_exception(_first(error))
        raise


async def listed(client: Client) -> dict[str, dict[str, Json]]:
    """The tools that a server has, by name: `{"description"?, "parameters"}`. Raises TooManyTools,
    and what the SDK raises."""
    found: dict[str, dict[str, Json]] = {}
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            contract: dict[str, Json] = {"parameters": {"properties": {}, **tool.input_schema}}
            if tool.description:
                contract = {"description": tool.description, **contract}
            found[tool.name] = contract
        cursor = page.next_cursor
        if not cursor:
            return found
        if len(found) > MOST_TOOLS:
            break
    raise TooManyTools(f"it lists more than {MOST_TOOLS} tools, or pages without end")


def text_of(result: types.CallToolResult) -> str:
    """What a call came to, as text; what is none is named."""
    if not result.content and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(map(_block, result.content))


def _block(block: types.ContentBlock) -> str:
    match block:
        case types.TextContent(text=text):
            return text
        case types.ImageContent() | types.AudioContent():
            return f"[{block.type}: {block.mime_type}, {_bytes(block.data)}]"
        case types.ResourceLink():
            return f"[resource: {block.name}, {block.uri}]"
        case types.EmbeddedResource():
            return _resource(block.resource)


def _resource(inside: types.TextResourceContents | types.BlobResourceContents) -> str:
    if isinstance(inside, types.TextResourceContents):
        return f"[resource: {inside.uri}]\n{inside.text}"
    kind = inside.mime_type or "unknown type"
    return f"[resource: {inside.uri}, {kind}, {_bytes(inside.blob)}]"


def _bytes(base64: str) -> str:
    return f"{len(base64.rstrip('=')) * 3 // 4:,} bytes"


@asynccontextmanager
async def _transport(server: McpServer, root: Path, said: IO[str]) -> AsyncIterator[Any]:
    if server.url is None:
        guarded = ["-I", "-S", str(_GUARD), str(os.getpid()), *server.command]
        yield stdio_client(
            StdioServerParameters(
                command=sys.executable, args=guarded, env=_plain(server.env), cwd=root
            ),
            errlog=said,  # type: ignore[arg-type]
        )
        return
    # A small answer that is packed can be a large one.
    headers = {**_plain(server.headers), "Accept-Encoding": "identity"}
    async with create_mcp_http_client(headers=headers) as http:
        http.event_hooks["response"].append(_limited)
        yield streamable_http_client(
            server.url, http_client=http, max_sse_event_size=LONGEST_MESSAGE
        )


class _Unreadable(httpx2.StreamError):
    """A body that is not read on; the SDK makes an answer of why."""


async def _limited(response: httpx2.Response) -> None:
    """Let a body that is no stream of events have as much as one message may."""
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    if response.headers.get("content-encoding", "identity") != "identity":
        response.stream = _Limited(response.stream, 0, "it packs its answers unasked")
    elif not response.headers.get("content-type", "").startswith("text/event-stream"):
        why = "it wrote a message of more than 16 MB"
        response.stream = _Limited(response.stream, LONGEST_MESSAGE, why)


class _Limited(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, limit: int, why: str) -> None:
        self._stream = stream
        self._limit = limit
        self._why = why

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for piece in self._stream:
            length += len(piece)
            if length > self._limit:
                raise _Unreadable(self._why)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _plain(table: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in table.items()}


def _first(error: BaseException) -> BaseException:
    """The error itself, of those that task groups wrap."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
