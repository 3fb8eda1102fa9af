"""The helpers of the Python SDK, in its asynchronous form: uploads, polling, streams in streams.

(Its synchronous form is what most other tests here talk with.)
"""

import asyncio
import io
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from openai import AsyncAssistantEventHandler, AsyncOpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.engine import streaming
from tests.server.runs_help import SAVE_BILL, SCRIPTS, answer_all


class Shop(AsyncAssistantEventHandler):
    """Answers function calls from within the stream, with a stream of its own."""

    def __init__(self, client: AsyncOpenAI) -> None:
        super().__init__()
        self.client, self.text, self.calls = client, "", list[str]()

    async def on_text_delta(self, delta: Any, snapshot: Any) -> None:
        self.text += delta.value
        assert snapshot.value == self.text

    async def on_tool_call_done(self, tool_call: Any) -> None:
        self.calls.append(tool_call.function.name)

    async def on_event(self, event: Any) -> None:
        if event.event != "thread.run.requires_action":
            return
        inner = Shop(self.client)
        async with self.client.beta.threads.runs.submit_tool_outputs_stream(
            thread_id=event.data.thread_id,
            run_id=event.data.id,
            tool_outputs=answer_all(event.data),
            event_handler=inner,
        ) as stream:
            await stream.until_done()
        self.text += inner.text


async def session(client: AsyncOpenAI) -> dict[str, Any]:
    threads = client.beta.threads
    store = await client.vector_stores.create()
    batch = await client.vector_stores.file_batches.upload_and_poll(
        store.id, files=[io.BytesIO("红玫瑰 8".encode()), io.BytesIO(b"tulips 5")]
    )
    upload = await client.uploads.upload_file_chunked(
        file=b"abcdef",
        filename="a.txt",
        bytes=6,
        mime_type="text/plain",
        purpose="assistants",
        part_size=4,
    )
    assert upload.file is not None
    assistant = await client.beta.assistants.create(
        model="m", tools=[SAVE_BILL], metadata={"assistctl": "shop/flowers"}
    )
    bill = {"messages": [{"role": "user", "content": "bill"}]}
    thread = await threads.create(**bill)
    run = await threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    polled = [run.status]
    run = await threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=answer_all(run)
    )
    polled.append(run.status)
    handler = Shop(client)
    async with threads.create_and_run_stream(
        assistant_id=assistant.id, thread=bill, event_handler=handler
    ) as stream:
        await stream.until_done()
    return {
        "batch": (batch.status, batch.file_counts.completed),
        "upload": (await client.files.content(upload.file.id)).content,
        "polled": polled,
        "streamed": (handler.calls, handler.text),
        "messages": [m.role async for m in threads.messages.list(thread.id, limit=1)],
    }


def test_the_asynchronous_helpers(
    start: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With keep-alive comments between as many events as can be, which must not disturb them."""
    monkeypatch.setattr(streaming, "KEEP_ALIVE_SECONDS", 0.0005)
    server = start(scripts=SCRIPTS)

    async def run() -> dict[str, Any]:
        http = httpx2.AsyncClient(trust_env=False, timeout=30, verify=False)
        async with AsyncOpenAI(
            base_url=server.base_url, api_key=server.api_key, max_retries=0, http_client=http
        ) as client:
            return await session(client)

    assert asyncio.run(run()) == {
        "batch": ("completed", 2),
        "upload": b"abcdef",
        "polled": ["requires_action", "completed"],
        "streamed": (["save_bill"], "The bill is saved."),
        "messages": ["assistant", "user"],
    }
