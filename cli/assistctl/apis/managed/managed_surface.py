"""The Surface of any API that holds assistants as objects: what it does the same way as the others,
over what only it knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from assistctl.apis.managed import existing, observe
from assistctl.apis.managed.declare import declare
from assistctl.apis.managed.kinds import AssistantKind
from assistctl.apis.managed.orphans import orphans
from assistctl.apis.managed.uploads import PURPOSE
from assistctl.apis.managed.uses import uses
from assistctl.apis.transport import files
from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import RemoteError
from assistctl.plan.changes import Plan
from assistctl.plan.state import Declared, Observed, Remote, Upload
from assistctl.redaction import Redaction
from assistctl.resources import ASSISTANT, Address, Assistant, Json, Orphan, Workspace
from assistctl.surface import (
    Attached,
    Body,
    Called,
    Capabilities,
    Conversation,
    Message,
    Outcome,
    RemoteResources,
    Transcript,
    Use,
    Watch,
    WrittenThread,
)
from assistctl.surface import Operation as AnyOperation

if TYPE_CHECKING:
    from assistctl.apis.managed.operations import Operation
    from assistctl.events import PastTurn

Entries: TypeAlias = Sequence[Message | Called]
Uploader: TypeAlias = Callable[[Attached], str]
Begun: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Threads:
    """Threads as a whole, as surface.Surface has them; `write` also takes the owner
    `<namespace>/<key>`, and `place` makes a path of an id, at which one is deleted without
    a `delete`."""

    read: Callable[[Client, str], Transcript]
    write: Callable[[Client, Assistant, str | None, str, Entries, Uploader, Begun], WrittenThread]
    place: Callable[[str], str]
    delete: Callable[[Client, str], None] | None = None


@dataclass(frozen=True)
class Talk:
    """How one talks with an assistant of one API: `converse` gets the assistant as declared, the id
    of what holds it, its owner `<namespace>/<key>` and the thread, as far as there are these; what
    the API remembers of a thread, how threads are read, written and deleted, and the part of a
    message that shows a picture (see surface.Surface)."""

    converse: Callable[[Client, Assistant, str | None, str, str | None], Conversation]
    turns: Callable[[Client, str], list[PastTurn]]
    threads: Threads
    picture: Callable[[Client, Path, str, str | None], dict[str, Json]]


@dataclass(frozen=True)
class Api:
    """What only one API knows: how it holds an assistant, and how one talks with it, which is
    imported when it is first asked for."""

    kind: AssistantKind
    talk: Callable[[], Talk]


@dataclass(frozen=True)
class ManagedSurface:
    """An API at one target; `namespace` tells our objects from others'. See surface.Surface."""

    api: Api
    client: Client
    namespace: str
    capabilities: Capabilities

    @property
    def redaction(self) -> Redaction:
        return self.client.redaction

    def declare(self, workspace: Workspace) -> dict[Address, Declared]:
        return declare(workspace, self.api.kind)

    def in_yaml(self, kind: str, fields: Mapping[str, Json]) -> dict[str, Json]:
        return self.api.kind.in_yaml(fields) if kind == ASSISTANT else dict(fields)

    def observe(
        self,
        declared: Mapping[Address, Declared],
        *,
        deep: bool = False,
        left: Collection[Upload] = (),
    ) -> Observed:
        kind = self.api.kind
        return observe.observe(self.client, kind, self.namespace, declared, deep=deep, left=left)

    def unmanaged(
        self, address: Address, object_id: str, declared: Mapping[Address, Declared]
    ) -> Remote:
        return observe.unmanaged(self.client, self.api.kind, address, object_id, declared)

    def compile(
        self, plan: Plan, declared: Mapping[Address, Declared], observed: Observed
    ) -> tuple[Operation, ...]:
        if not plan.changes:  # and most plans have none, so that nothing is imported for it
            return ()
        from assistctl.apis.managed.compile import compile_plan

        return compile_plan(plan, declared, observed, self.api.kind, self.namespace)

    def execute(
        self,
        root: Path,
        operations: Sequence[AnyOperation],
        declared: Mapping[Address, Declared],
        observed: Observed,
        watch: Watch = Watch(),
    ) -> Iterator[Outcome]:
        from assistctl.apis.managed.execute import execute

        ours = cast("Sequence[Operation]", operations)  # which `compile` has made
        return execute(self.client, self.api.kind, root, ours, declared, observed, watch)

    def models(self, wanted: Collection[str]) -> dict[str, str | None]:
        return existing.models(self.client, wanted)

    def orphans(self, declared: Mapping[Address, Declared]) -> tuple[Orphan, ...]:
        return orphans(self.client, self.api.kind, declared)

    def uses(
        self, file_ids: Collection[str], declared: Mapping[Address, Declared]
    ) -> dict[str, tuple[Use, ...]]:
        return uses(self.client, self.api.kind, self.namespace, file_ids, declared)

    def delete_file(self, file_id: str) -> None:
        self.client.delete(path_of("/files", file_id))

    def existing(self) -> dict[str, Body]:
        return existing.assistants(self.client, self.api.kind)

    def resources(self, store_ids: Collection[str], *, files: bool) -> RemoteResources:
        return existing.resources(self.client, store_ids, files=files)

    def upload(self, path: Path, filename: str) -> dict[str, Json]:
        return files.upload(self.client, path, filename, PURPOSE)

    def picture(self, path: Path, kind: str, file_id: str | None) -> dict[str, Json]:
        return self.api.talk().picture(self.client, path, kind, file_id)

    def download(
        self,
        file: Body,
        to: Path,
        progress: Callable[[int], None] = lambda received: None,
    ) -> None:
        files.download(self.client, file, to, progress)

    def converse(
        self, assistant: Assistant, remote_id: str | None, thread: str | None
    ) -> Conversation:
        owner = f"{self.namespace}/{assistant.key}"
        return self.api.talk().converse(self.client, assistant, remote_id, owner, thread)

    def check_thread(self, thread: str) -> None:
        try:
            self.client.get(self.api.talk().threads.place(thread))
        except RemoteError as error:
            if error.status in (400, 404):
                raise

    def read_thread(self, thread: str) -> Transcript:
        return self.api.talk().threads.read(self.client, thread)

    def write_thread(
        self,
        assistant: Assistant,
        remote_id: str | None,
        entries: Entries,
        upload: Uploader,
        begun: Begun,
    ) -> WrittenThread:
        write, owner = self.api.talk().threads.write, f"{self.namespace}/{assistant.key}"
        return write(self.client, assistant, remote_id, owner, entries, upload, begun)

    def delete_thread(self, thread: str) -> None:
        threads = self.api.talk().threads
        if threads.delete:
            threads.delete(self.client, thread)
        else:
            self.client.delete(threads.place(thread))

    def turns(self, thread: str) -> list[PastTurn]:
        return self.api.talk().turns(self.client, thread)

    def pool(self) -> ThreadPoolExecutor:
        return self.client.pool()

    def close(self) -> None:
        self.client.close()
