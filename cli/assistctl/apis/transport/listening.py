"""A stream of events that does not wait for ever."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from assistctl.apis.transport.client import Client, Stream
from assistctl.apis.transport.failures import LostAnswer
from assistctl.errors import OutOfTime
from assistctl.resources import Json

IDLE_SECONDS = 120.0


def listened(
    client: Client,
    path: str,
    body: Mapping[str, Json] | None,
    just_made: bool,
    when_open: Callable[[], object] = lambda: None,
    params: Mapping[str, str] = {},
    until: float | None = None,
) -> Iterator[dict[str, Json]]:
    """The events of a stream (see Client.stream); LostAnswer when nothing came for IDLE_SECONDS.
    `when_open` is called once the target tells its events to us, before any is yielded; OutOfTime
    is raised at `until`, by time.monotonic(), however many events still come.

    Pings keep the connection's own read timeout from ever firing, so the stream is read in a
    thread of its own and the deadline is kept here, over events.
    """
    time_left(until)
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
                item = events.get(timeout=min(IDLE_SECONDS, time_left(until)))
            except queue.Empty:
                time_left(until)
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


def time_left(until: float | None) -> float:
    """The seconds until then, without an end if there is none. Raises OutOfTime where none are."""
    left = math.inf if until is None else until - time.monotonic()
    if left <= 0:
        raise OutOfTime("there is no time left for the turn")
    return left
