"""/containers"""

from __future__ import annotations

from functools import partial

from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.responses_api import containers
from assistctl.server.responses_api.items.ids import CONTAINER
from assistctl.server.storage import Collection, documents
from assistctl.server.validation import (
    Check,
    Required,
    anything,
    array,
    choice,
    integer,
    record,
    string,
    tagged,
)
from assistctl.server.wire import Document, Json, deleted, invalid, public

_MOST_MINUTES = 60 * 24 * 365


def _allowlist(value: Json, path: str) -> Json:
    raise invalid(
        path,
        "code has no network on this server. Leave 'network_policy' out, or say"
        ' {"type": "disabled"}.',
        "unsupported_value",
    )


def _skills(value: Json, path: str) -> Json:
    if array(anything)(value, path):
        raise invalid(path, "this server has no skills.", "unsupported_value")
    return value


POLICY: Check = tagged({"disabled": {}, "allowlist": _allowlist})
MEMORY: Check = choice("1g", "4g", "16g", "64g")
_EXPIRY = record(
    {
        "anchor": Required(choice("last_active_at")),
        "minutes": Required(integer(least=1, most=_MOST_MINUTES)),
    }
)
_NEW = record(
    {
        "name": Required(string(shortest=1, longest=256)),
        "file_ids": array(string(shortest=1), longest=bodies.CODE_FILES),
        "expires_after": _EXPIRY,
        "memory_limit": MEMORY,
        "network_policy": POLICY,
        "skills": _skills,
    }
)


def create(call: Call) -> Document:
    body = _NEW(call.body, "")
    return call.write(lambda tx: public(containers.shown(containers.new(tx, call.project, body))))


def retrieve(call: Call) -> Document:
    container_id = call.path("container_id", CONTAINER)
    with call.database.read() as tx:
        return public(containers.shown(containers.find(tx, call.project, container_id)))


def list_all(call: Call) -> Document:
    """Those that clients have made; the container of a conversation is known by its items."""
    name = call.query("name")
    where = {"name": name} if name else None
    with call.database.read() as tx:
        return documents.list_page(tx, Collection(CONTAINER, call.project), call.page(), where)


def delete(call: Call) -> Document:
    container_id = call.path("container_id", CONTAINER)
    with call.database.write() as tx:
        containers.remove(tx, containers.find(tx, call.project, container_id))
        tx.after_commit(partial(call.server.engine.forget, call.project, container_id))
    return deleted("container.deleted", container_id)


ENDPOINTS = (
    Endpoint("POST", "/containers", create),
    Endpoint("GET", "/containers", list_all),
    Endpoint("GET", "/containers/{container_id}", retrieve),
    Endpoint("DELETE", "/containers/{container_id}", delete),
)
