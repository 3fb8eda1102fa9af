"""What reading and writing threads has in common, whatever the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import RemoteError
from assistctl.resources import Json
from assistctl.surface import Attached


def attached(client: Client, file_id: Json, tools: Iterable[Json]) -> Attached:
    """A file of a message, by what the target tells of it; without a size it has gone."""
    names = tuple(map(str, tools))
    try:
        file = client.get(path_of("/files", file_id))
    except RemoteError as error:
        if error.status != 404:
            raise
        return Attached(str(file_id), str(file_id), names)
    return Attached(str(file_id), str(file.get("filename") or file_id), names, file.get("bytes"))


def counted(kinds: Iterable[str]) -> tuple[str, ...]:
    """`2 × reasoning` for each kind of what is left out."""
    return tuple(f"{number} × {kind}" for kind, number in Counter(kinds).items())


@contextmanager
def undone(delete: Callable[[Client, str], None], client: Client, thread: str) -> Iterator[None]:
    """What is written to a thread, all or nothing: where it fails, the thread is deleted."""
    try:
        yield
    except BaseException:
        with suppress(RemoteError):
            delete(client, thread)
        raise
