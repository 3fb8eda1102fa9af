"""A stream of events that does not wait for ever."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping

from assistctl.apis.transport.client import Client, Stream
from assistctl.apis.transport.failures import LostAnswer
from assistctl.resources import Json

IDLE_SECONDS = 120.0


def listened(
    client: Client,
    path: str,
    body: Mapping[str, Json] | None,
    just_made: bool,
    when_open: Callable[[], object] = lambda: None,
    params: Mapping[str, str] = {},
) -> Iterator[dict[str, Json]]:
    """The events of a stream (see Client.stream); LostAnswer when nothing came for IDLE_SECONDS.
    `when_open` is called once the target tells its events to us, before any is yielded.

    Pings keep the connection's own read timeout from ever firing, so the stream is read in a
    thread of its own and the deadline is kept here, over events.
    """
    events: queue.Queue[dict[str, Json] | Stream | BaseException | None] = queue.Queue()
    opened: list[Stream] = []
    stop = threading.Event()

    def read() -> None:
        try:
            with client.stream(path, body, just_made=just_made, params=params) as stream:
                events.put(stream)
                for event in stream:
                    events.put(event)
                    if stop.is_set():
                        return
            events.put(None)
        except Exception as error:  # noqa: BLE001 - handed over to the reader's caller
            events.put(error)

    threading.Thread(target=read, name="assistctl-stream", daemon=True).start()
    try:
        while True:
            try:
                item = events.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                raise LostAnswer(f"nothing came for {IDLE_SECONDS:.0f} s") from None
            if item is None:
                return
            if isinstance(item, Stream):
                opened.append(item)
                when_open()
                continue
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        for stream in opened:
            stream.hang_up()
