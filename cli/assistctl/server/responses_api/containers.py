"""What code runs in: a sandbox's session, and the files of its /mnt/data.

Every thread or conversation has a container of its own, which is told from what stands in the
thread: the files that are given to its runs, and those that their code has made. A container that a
client makes (`Named`) is a document, which has `_given` (ids of files), `_uploaded` (ids of files
that came straight into it), `_written` (what code has made: name below /mnt/data -> file id) and
`_shown` (ids of pictures).

A container's file is a file like any other, under another id (items/ids.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistctl.server import files
from assistctl.server.assistants_api.record import tool_calls
from assistctl.server.engine import coding
from assistctl.server.engine.citations import DATA
from assistctl.server.engine.record import PastCode
from assistctl.server.responses_api.items import ids
from assistctl.server.responses_api.items.ids import CONTAINER
from assistctl.server.storage import Collection, Transaction, documents, threads
from assistctl.server.wire import FILE, RUN, THREAD, ApiError, Document, now

EXPIRY = {"anchor": "last_active_at", "minutes": 20}
MEMORY = "1g"
_FOLDER = DATA.removeprefix("sandbox:")
_NOTHING = PastCode(False, {}, ())


@dataclass(frozen=True)
class Container:
    """`document` is that of a named container or, of a thread's own, the thread."""

    id: str
    project: str
    document: Document

    @property
    def is_named(self) -> bool:
        return bool(self.document["object"] == "container")


def new(tx: Transaction, project: str, body: Mapping[str, Any]) -> Container:
    given = list(dict.fromkeys(body.get("file_ids") or ()))
    for file_id in given:
        documents.fetch(tx, Collection(FILE, project), file_id)
    moment = now()
    document: Document = {
        "id": CONTAINER.new_id(),
        "object": "container",
        "created_at": moment,
        "status": "running",
        "name": body["name"],
        "last_active_at": moment,
        "expires_after": body.get("expires_after") or EXPIRY,
        "memory_limit": body.get("memory_limit") or MEMORY,
        "network_policy": {"type": "disabled"},
        "_given": given,
        "_uploaded": [],
        "_written": {},
        "_shown": [],
        "_ran": False,
    }
    documents.insert(tx, Collection(CONTAINER, project), document)
    return Container(document["id"], project, document)


def find(tx: Transaction, project: str, container_id: str) -> Container:
    """A container of either sort; one that is not there is a 404."""
    named = documents.find(tx, Collection(CONTAINER, project), container_id)
    if named:
        return Container(container_id, project, named)
    for thread_id in ids.threads_of_container(container_id):
        thread = documents.find(tx, Collection(THREAD, project), thread_id)
        if thread:
            return Container(container_id, project, thread)
    raise CONTAINER.missing(container_id)


def shown(container: Container) -> Document:
    if container.is_named:
        return container.document
    return {
        "id": container.id,
        "object": "container",
        "created_at": container.document["created_at"],
        "status": "running",
        "name": container.document["id"],
        "last_active_at": container.document["created_at"],
        "expires_after": EXPIRY,
        "memory_limit": MEMORY,
        "network_policy": {"type": "disabled"},
    }


def contents(tx: Transaction, container: Container) -> list[Document]:
    """The container's files that are still there, oldest first."""
    collection = Collection(FILE, container.project)
    shown = []
    for name, (file_id, source) in _named(tx, container).items():
        file = documents.find(tx, collection, file_id)
        if file:
            shown.append(
                {
                    "id": ids.of_container_file(file_id),
                    "object": "container.file",
                    "container_id": container.id,
                    "created_at": file["created_at"],
                    "bytes": file["bytes"],
                    "path": _FOLDER + name,
                    "source": source,
                }
            )
    return sorted(shown, key=lambda file: file["created_at"])


def fetch_file(tx: Transaction, container: Container, container_file_id: str) -> Document:
    for file in contents(tx, container):
        if file["id"] == container_file_id:
            return file
    raise ids.CONTAINER_FILE.missing(container_file_id)


def give(tx: Transaction, container: Container, file_id: str, *, uploaded: bool) -> None:
    """A file for the code that runs there from now on."""
    documents.fetch(tx, Collection(FILE, container.project), file_id)
    document = container.document
    if not container.is_named:
        _give_to_thread(tx, container, [*_threads_files(document), file_id])
        return
    key = "_uploaded" if uploaded else "_given"
    document = {**document, key: list(dict.fromkeys([*document[key], file_id]))}
    documents.save(tx, Collection(CONTAINER, container.project), _active(document))


def take(tx: Transaction, container: Container, file_id: str) -> None:
    """Remove one of its files. What came into being in a container is deleted with that; what was
    uploaded elsewhere, or belongs to an assistant, stays where it is."""
    document = container.document
    if not container.is_named:
        if file_id in _threads_files(document):
            rest = [each for each in _threads_files(document) if each != file_id]
            _give_to_thread(tx, container, rest)
        elif dict(_named(tx, container).values()).get(file_id) == "assistant":
            files.delete(tx, container.project, file_id)
        else:
            raise ApiError(
                f"The file '{file_id}' was given to the assistant or the response whose run used"
                f" container '{container.id}': it can only be taken away there.",
                code="unsupported_operation",
            )
        return
    kept = {
        **document,
        "_given": [each for each in document["_given"] if each != file_id],
        "_uploaded": [each for each in document["_uploaded"] if each != file_id],
        "_written": {name: at for name, at in document["_written"].items() if at != file_id},
        "_shown": [each for each in document["_shown"] if each != file_id],
    }
    documents.save(tx, Collection(CONTAINER, container.project), _active(kept))
    if file_id in _born_here(document):
        files.delete(tx, container.project, file_id)


def remove(tx: Transaction, container: Container) -> None:
    """Delete a named container with the files that came into being in it."""
    if not container.is_named:
        raise ApiError(
            f"Container '{container.id}' belongs to '{container.document['id']}' and goes with it:"
            " delete that.",
            code="unsupported_operation",
        )
    collection = Collection(FILE, container.project)
    for file_id in _born_here(container.document):
        if documents.find(tx, collection, file_id):
            files.delete(tx, container.project, file_id)
    documents.remove(tx, Collection(CONTAINER, container.project), container.id)


def of_run(tx: Transaction, project: str, container_id: str) -> Document:
    """What a run bears whose code is to run in a container that its client has named."""
    try:
        container = find(tx, project, container_id)
    except ApiError as missing:
        raise ApiError(str(missing), status=missing.status, param="tools") from None
    if not container.is_named:
        raise ApiError(
            f"Container '{container_id}' belongs to '{container.document['id']}'. Name one that you"
            ' have made, or ask for {"type": "auto"}.',
            param="tools",
            code="unsupported_value",
        )
    return {"_container": container_id, "_code_file_ids": given(container)}


def past_code(container: Container) -> PastCode:
    """Of a named container: what code has left there."""
    return PastCode(container.document["_ran"], container.document["_written"], ())


def given(container: Container) -> list[str]:
    """Of a named container: the ids of the files that code finds there."""
    return [*container.document["_given"], *container.document["_uploaded"]]


def note(
    tx: Transaction, container: Container, written: Mapping[str, str], shown: Sequence[str]
) -> None:
    """Code was run in a named container, has written files and shown pictures (file ids)."""
    document = documents.fetch(tx, Collection(CONTAINER, container.project), container.id)
    document |= {
        "_ran": True,
        "_written": {**document["_written"], **written},
        "_shown": list(dict.fromkeys([*document["_shown"], *shown])),
    }
    documents.save(tx, Collection(CONTAINER, container.project), _active(document))


def _active(document: Document) -> Document:
    return {**document, "last_active_at": now()}


def _born_here(document: Document) -> list[str]:
    born = [*document["_uploaded"], *document["_written"].values(), *document["_shown"]]
    return list(dict.fromkeys(born))


def _named(tx: Transaction, container: Container) -> dict[str, tuple[str, str]]:
    """What /mnt/data holds: name -> file id, and who has made it; pictures that code has shown are
    there, too."""
    project = container.project
    if container.is_named:
        past, inputs = past_code(container), given(container)
        shown_only = container.document["_shown"]
    else:
        thread_id = container.document["id"]
        past = tool_calls.past_code(threads.steps(tx, project, thread_id), "")
        inputs = list(_inputs(tx, container))
        shown_only = list(_shown(threads.messages_and_steps(tx, project, thread_id)))
    there = {
        name: (file_id, "user")
        for name, file_id in coding.inputs(tx, project, inputs, _NOTHING).items()
    }
    there |= {name: (file_id, "assistant") for name, file_id in past.files.items()}
    known = {file_id for file_id, _ in there.values()}
    others = [file_id for file_id in shown_only if file_id not in known]
    for name, file_id in coding.inputs(tx, project, others, _NOTHING).items():
        there.setdefault(name if name not in there else f"{file_id}/{name}", (file_id, "assistant"))
    return there


def _inputs(tx: Transaction, container: Container) -> Iterator[str]:
    """The files that the runs of a thread are or were given, but for a container of theirs."""
    thread_id = container.document["id"]
    for run in documents.select(tx, Collection(RUN, container.project, thread_id)):
        yield from run["_code_file_ids"] if "_container" not in run else ()
    yield from _threads_files(container.document)


def _shown(said: Sequence[Document]) -> Iterator[str]:
    """What code has shown or answers have linked to, of runs of any age."""
    for document in said:
        if "_container" in document:
            continue
        if document["object"] == "thread.message" and document["run_id"]:
            for part in document["content"]:
                if part["type"] == "image_file":
                    yield part["image_file"]["file_id"]
                for annotation in part["text"]["annotations"] if part["type"] == "text" else ():
                    if annotation["type"] == "file_path" and annotation.get("file_path"):
                        yield annotation["file_path"]["file_id"]
        elif document["object"] == "thread.run.step":
            for call in document["step_details"].get("tool_calls", ()):
                for output in call.get("code_interpreter", {}).get("outputs", ()):
                    if output["type"] == "image":
                        yield output["image"]["file_id"]


def _threads_files(thread: Document) -> list[str]:
    return list((thread["tool_resources"].get("code_interpreter") or {}).get("file_ids") or ())


def _give_to_thread(tx: Transaction, container: Container, file_ids: Sequence[str]) -> None:
    thread = container.document
    resources = {"code_interpreter": {"file_ids": list(dict.fromkeys(file_ids))}}
    thread = {**thread, "tool_resources": {**thread["tool_resources"], **resources}}
    documents.save(tx, Collection(THREAD, container.project), thread)
