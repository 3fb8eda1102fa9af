"""/containers/{container_id}/files"""

from __future__ import annotations

from contextlib import ExitStack

from starlette.datastructures import UploadFile
from starlette.responses import Response

from assistctl.server import files
from assistctl.server.http import downloads
from assistctl.server.http.call import Call, Endpoint, Form
from assistctl.server.responses_api import containers
from assistctl.server.responses_api.containers import Container
from assistctl.server.responses_api.items import ids
from assistctl.server.responses_api.items.ids import CONTAINER, CONTAINER_FILE
from assistctl.server.storage import Collection, Transaction, contents, documents
from assistctl.server.validation import Required, missing_parameter, record, string
from assistctl.server.wire import FILE, Document, deleted

_MOST_BYTES = 512 * 2**20
_BY_ID = record({"file_id": Required(string(shortest=1))})


def create(call: Call) -> Document:
    """A file that was uploaded before, by its id, or one that comes with the request."""
    container_id, upload = call.path("container_id", CONTAINER), call.form.get("file")
    with ExitStack() as stack:
        if isinstance(upload, UploadFile):
            staged = contents.staged(call.database, FILE.new_id(), upload.file)
            content, name = stack.enter_context(staged), files.plain_name(upload.filename)
        else:
            content, name = None, ""
        body = {} if content else _named(call)

        def change(tx: Transaction) -> Document:
            container = containers.find(tx, call.project, container_id)
            if content:
                made = files.create(tx, call.project, content, filename=name, purpose="user_data")
            file_id = made["id"] if content else body["file_id"]
            containers.give(tx, container, file_id, uploaded=bool(content))
            container = containers.find(tx, call.project, container_id)
            return containers.fetch_file(tx, container, ids.of_container_file(file_id))

        return call.write(change)


def list_all(call: Call) -> Document:
    page = call.page(backwards=False)
    with call.database.read() as tx:
        found = containers.contents(tx, _container(call, tx))
    return documents.page_of(found, page, "no file")


def retrieve(call: Call) -> Document:
    file_id = call.path("file_id", CONTAINER_FILE)
    with call.database.read() as tx:
        return containers.fetch_file(tx, _container(call, tx), file_id)


def content(call: Call) -> Response:
    file_id = call.path("file_id", CONTAINER_FILE)
    with call.database.read() as tx:
        containers.fetch_file(tx, _container(call, tx), file_id)
        collection = Collection(FILE, call.project)
        file = documents.fetch(tx, collection, ids.file_in_container(file_id))
    return downloads.answer(call, file)


def delete(call: Call) -> Document:
    file_id = call.path("file_id", CONTAINER_FILE)
    with call.database.write() as tx:
        container = _container(call, tx)
        containers.fetch_file(tx, container, file_id)
        containers.take(tx, container, ids.file_in_container(file_id))
    return deleted("container.file.deleted", file_id)


def _container(call: Call, tx: Transaction) -> Container:
    return containers.find(tx, call.project, call.path("container_id", CONTAINER))


def _named(call: Call) -> Document:
    """The body, or the form's only field."""
    given = call.form.get("file_id")
    body = {"file_id": given} if isinstance(given, str) else call.body
    if not body:
        raise missing_parameter("file")
    return dict(_BY_ID(body, ""))


_FILES = "/containers/{container_id}/files"
ENDPOINTS = (
    Endpoint("POST", _FILES, create, Form("file", _MOST_BYTES, may_be_json=True)),
    Endpoint("GET", _FILES, list_all),
    Endpoint("GET", f"{_FILES}/{{file_id}}", retrieve),
    Endpoint("DELETE", f"{_FILES}/{{file_id}}", delete),
    Endpoint("GET", f"{_FILES}/{{file_id}}/content", content),
)
