"""/agents/sessions/{session_id}/artifacts: the files that the code of a session has written.

At OpenAI those under /workspace/outputs are published; here it is all of them, since models are
told only of the folder in which they are. An artifact is a file (`artifact_x` is `file-x`).
"""

from __future__ import annotations

from starlette.responses import Response

from assistctl.server import files
from assistctl.server.agents_api import sessions, turns
from assistctl.server.agents_api.environments import WORKSPACE, environment_id
from assistctl.server.http import downloads
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.storage import Collection, Transaction, documents, threads
from assistctl.server.wire import FILE, SESSION, Document, Kind, deleted

_ARTIFACT = Kind("artifact", "artifact_", "artifact")


def list_all(call: Call) -> Document:
    wanted = call.query("environment_id")
    with call.database.read() as tx:
        found = _artifacts(call, tx)
    shown = [one for one in found if wanted in (None, one["environment_id"])]
    return documents.page_of(shown, call.page(backwards=False), "nothing")


def retrieve(call: Call) -> Document:
    with call.database.read() as tx:
        return _fetch(call, tx)


def content(call: Call) -> Response:
    with call.database.read() as tx:
        file_id = _file_id(_fetch(call, tx)["id"])
        file = documents.fetch(tx, Collection(FILE, call.project), file_id)
    return downloads.answer(call, file)


def delete(call: Call) -> Document:
    with call.database.write() as tx:
        artifact = _fetch(call, tx)
        files.delete(tx, call.project, _file_id(artifact["id"]))
    return deleted("agent.session.artifact.deleted", artifact["id"])


def _artifacts(call: Call, tx: Transaction) -> list[Document]:
    """Oldest first."""
    session_id = call.path("session_id", SESSION)
    sessions.fetch(tx, call.project, session_id)
    found = []
    for step in threads.steps(tx, call.project, turns.thread_id(session_id)):
        for kept in step.get("_calls", {}).values():
            for name, file_id in kept.get("files", {}).items():
                file = documents.find(tx, Collection(FILE, call.project), file_id)
                if file is not None:
                    found.append(_view(session_id, step, name, file))
    return found


def _view(session_id: str, step: Document, name: str, file: Document) -> Document:
    return {
        "id": _ARTIFACT.prefix + file["id"].removeprefix(FILE.prefix),
        "object": "agent.session.artifact",
        "created_at": file["created_at"],
        "environment_id": environment_id(session_id),
        "path": f"{WORKSPACE}/{name}",
        "session_id": session_id,
        "size_bytes": file["bytes"],
        "turn_id": turns.turn_id(step["run_id"]),
    }


def _fetch(call: Call, tx: Transaction) -> Document:
    artifact_id = call.path("artifact_id", _ARTIFACT)
    for artifact in _artifacts(call, tx):
        if artifact["id"] == artifact_id:
            return artifact
    raise _ARTIFACT.missing(artifact_id)


def _file_id(artifact_id: str) -> str:
    return FILE.prefix + artifact_id.removeprefix(_ARTIFACT.prefix)


_ARTIFACTS = "/agents/sessions/{session_id}/artifacts"
ENDPOINTS = (
    Endpoint("GET", _ARTIFACTS, list_all),
    Endpoint("GET", f"{_ARTIFACTS}/{{artifact_id}}", retrieve),
    Endpoint("DELETE", f"{_ARTIFACTS}/{{artifact_id}}", delete),
    Endpoint("GET", f"{_ARTIFACTS}/{{artifact_id}}/content", content),
)
