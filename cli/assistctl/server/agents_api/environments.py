"""Where the code of a session runs: nowhere, or in the sandbox, with files under /workspace.

A hosted environment has the interpreter of the session's thread, whose /workspace is its /mnt/data.
What a machine of OpenAI's could be told beyond that is refused by its name.

Keys of the server's own in a session: FILES are those that it was given (name below /workspace ->
file id); `_own_files` the ids of those that came with the request, and go with the session.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from assistctl.server import files
from assistctl.server.agents_api.configuration import refused, unsupported
from assistctl.server.http import bodies
from assistctl.server.sandbox.names import is_name
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import (
    Check,
    Fields,
    Required,
    array,
    boolean,
    choice,
    record,
    string,
    tagged,
)
from assistctl.server.wire import FILE, SESSION, Document, Json, invalid

HOSTED = "openai_hosted"
_FILE_PREFIX = "envfile_"
FILES = "_files"
WORKSPACE = "/workspace"


def _path(value: Json, path: str) -> Json:
    text = string()(value, path)
    name = text.removeprefix(f"{WORKSPACE}/")
    if name == text or not is_name(name):
        raise invalid(path, f"'{text}'. Expected the absolute path of a file below {WORKSPACE}.")
    return text


def _data(value: Json, path: str) -> Json:
    try:
        return base64.b64decode(string()(value, path), validate=True)
    except binascii.Error:
        raise invalid(path, "it is not base64.") from None


_FILE = tagged(
    {
        "file_id": {"file_id": Required(string(shortest=1)), "path": Required(_path)},
        "inline": {"data": Required(_data), "path": Required(_path)},
    }
)


def _given_files(value: Json, path: str) -> Json:
    given = array(_FILE, longest=bodies.CODE_FILES)(value, path)
    paths = [file["path"] for file in given]
    for each in paths:
        if paths.count(each) > 1:
            raise invalid(path, f"there are several files for '{each}'.")
    return given


def _only(empty: Json, what: str) -> Check:
    """What may be said if it says nothing."""

    def check(value: Json, path: str) -> Json:
        if value != empty:
            raise unsupported(f"{what} of environments are", path)
        return value

    return check


def _network(value: Json, path: str) -> Json:
    lists = {name: array(string()) for name in ("allowed_domains", "blocked_domains")}
    access = choice("enabled", "disabled", "restricted")
    network = record({"access": Required(access), **lists})(value, path)
    if network["access"] != "disabled":
        raise invalid(
            path,
            "code has no network on this server. Leave 'network' out, or say"
            ' {"access": "disabled"}.',
            "unsupported_value",
        )
    for name in lists:
        if network.get(name):
            raise invalid(f"{path}.{name}", "domains are for the access 'restricted'.")
    return network


def _packages(value: Json, path: str) -> Json:
    kinds = record({kind: array(string()) for kind in ("python", "npm", "system")})(value, path)
    if any(kinds.values()):
        raise unsupported("Packages of environments are", path)
    return kinds


def _desktop(value: Json, path: str) -> Json:
    if record({"enabled": Required(boolean)})(value, path)["enabled"]:
        raise unsupported("Desktops of environments are", path)
    return value


_HOSTED: Fields = {
    "files": _given_files,
    "container_size": choice("small", "medium", "large"),
    "network": _network,
    "packages": _packages,
    "desktop": _desktop,
    "env": _only({}, "Variables"),
    "setup_commands": _only([], "Setup commands"),
    "skills": _only([], "Skills"),
    "plugins": _only([], "Plugins"),
    "capability_directories": _only([], "Capability directories"),
    "environment_id": _only("", "Ids"),
    "environment_template_id": _only("", "Templates"),
}


_SELF_HOSTED = refused("Environments of type 'self_hosted' are", "unsupported_environment")
CHECK = tagged({"none": {}, HOSTED: _HOSTED, "self_hosted": _SELF_HOSTED})


def made(tx: Transaction, project: str, session_id: str, given: Mapping[str, Any]) -> Document:
    """The environment of a new session as it is shown, and what the server keeps of it: the keys to
    add to the session."""
    if given["type"] != HOSTED:
        return {"environment": {"type": "none"}}
    there, shown, own = {}, [], []
    for file in given.get("files") or ():
        stored = _stored(tx, project, file)
        own += [stored["id"]] if file["type"] == "inline" else []
        there[file["path"].removeprefix(f"{WORKSPACE}/")] = stored["id"]
        shown.append(_shown(file, stored))
    environment: Document = {
        "type": HOSTED,
        "id": environment_id(session_id),
        "files": shown,
        "network": {"access": "disabled", "allowed_domains": []},
        "packages": {"npm": [], "python": [], "system": []},
        "desktop": {"enabled": False},
        "capability_directories": [],
        "plugins": [],
        "skills": [],
    }
    if given.get("container_size"):
        environment["container_size"] = given["container_size"]
    return {"environment": environment, FILES: there, "_own_files": own}


def removed(tx: Transaction, project: str, session: Mapping[str, Any]) -> None:
    """What came with a session goes with it."""
    for file_id in session.get("_own_files", ()):
        if documents.find(tx, Collection(FILE, project), file_id) is not None:
            files.delete(tx, project, file_id)


def environment_id(session_id: str) -> str:
    return "env_" + session_id.removeprefix(SESSION.prefix)


def is_hosted(session: Mapping[str, Any]) -> bool:
    return bool(session["environment"]["type"] == HOSTED)


def state(session: Mapping[str, Any]) -> Document:
    """A sandbox is ready whenever code comes."""
    identity = session["environment"]["id"]
    return {"id": identity, "type": HOSTED, "status": "ready", "error": None}


def _stored(tx: Transaction, project: str, file: Mapping[str, Any]) -> Document:
    if file["type"] == "file_id":
        return documents.fetch(tx, Collection(FILE, project), file["file_id"])
    name = PurePosixPath(file["path"]).name
    content = io.BytesIO(file["data"])
    return files.create(tx, project, content, filename=name, purpose="user_data")


def _shown(file: Mapping[str, Any], stored: Document) -> Document:
    entry = {
        "id": _FILE_PREFIX + stored["id"].removeprefix(FILE.prefix),
        "type": file["type"],
        "path": file["path"],
        "size_bytes": stored["bytes"],
    }
    return {**entry, "file_id": stored["id"]} if file["type"] == "file_id" else entry
