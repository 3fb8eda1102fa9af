"""Files: what is uploaded at the target, what uses it, and what is in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.responses import Response

from assistctl.apis.managed.uploads import PURPOSE
from assistctl.apis.transport import files as transport
from assistctl.apis.transport.client import path_of
from assistctl.console.downloads import downloaded, is_picture, lending
from assistctl.console.visit import Endpoint, Section, Visit
from assistctl.errors import Refused, RemoteError
from assistctl.resources import ASSISTANT, FILE, Address, Json
from assistctl.some import some
from assistctl.surface import Use

SECTION = Section("Files", "/files", "f")

FOUND = 200
"""How many of the files that are called as somebody asks are shown."""

LARGEST = 513 * 1024 * 1024
"""In bytes, of a form with files: what the API takes of one, and what is around it."""

READ = 1024 * 1024
"""In bytes, of a file whose text is shown."""

PURPOSES = (PURPOSE, "user_data", "vision", "batch", "fine-tune", "evals")
"""What somebody may say that an upload is for."""

MADE = "assistants_output"
"""What assistants say of files that they have made."""


@dataclass(frozen=True)
class Upload:
    """A file as the target has it; what it does not tell is None."""

    id: str
    name: str
    size: int | None
    purpose: str
    at: float | None
    expires: float | None
    failed: str | None = None

    @classmethod
    def of(cls, file: Mapping[str, Json]) -> Upload:
        failed = str(file.get("status_details") or "") if file.get("status") == "error" else None
        return cls(
            str(file["id"]),
            str(file.get("filename") or file["id"]),
            file.get("bytes"),
            str(file.get("purpose") or ""),
            file.get("created_at"),
            file.get("expires_at"),
            failed,
        )


@dataclass(frozen=True)
class Known:
    """What is known of who uses an upload. `declared` are the addresses of declared files that it
    is an upload of, `former` those that nothing declares any more."""

    uses: tuple[Use, ...]
    declared: tuple[Address, ...]
    former: tuple[Address, ...]

    @property
    def users(self) -> list[Use]:
        """The uses, but an assistant once that several APIs hold."""
        by_name = {(it.owner if it.kind == ASSISTANT else None) or it.id: it for it in self.uses}
        return list(by_name.values())


def index(visit: Visit) -> Response:
    """A page of the files, the newest first."""
    asked = {name: visit.asked(name) for name in ("q", "purpose")}
    params: dict[str, Any] = {"purpose": asked["purpose"]} if asked["purpose"] else {}
    if asked["q"]:
        every = visit.client.list("/files", limit=10_000, order="desc", **params)
        words = asked["q"].casefold()
        files = [it for it in every if words in str(it.get("filename")).casefold()]
        found, more = len(files), None
        files = files[:FOUND]
    else:
        files, more = visit.listed("/files", params, **params)
        found = len(files)
    ids = [str(it["id"]) for it in files]
    at_once = visit.asked("uses") == "1"
    return visit.page(
        "files.html",
        title="Files",
        asked=asked,
        files=[Upload.of(it) for it in files],
        found=found,
        following=more,
        purposes=PURPOSES,
        all_purposes=(*PURPOSES, MADE),
        known=known(visit, ids) if at_once else {},
        looked_up=urlencode({"file": ids}, doseq=True),
        at_once=urlencode({**visit.request.query_params, "uses": "1"}),
    )


def uses(visit: Visit) -> Response:
    """Who uses the files of a page, which takes longer than to list them."""
    ids = visit.request.query_params.getlist("file")[:FOUND]
    return visit.fragment("_uses.html", known=known(visit, ids), oob=True)


def one(visit: Visit) -> Response:
    """A file: what is known of it, and its text, if it is one."""
    file_id = visit.part("file")
    file = visit.client.get(path_of("/files", file_id))
    text, silent = _text(visit, file)
    return visit.page(
        "file.html",
        title=Upload.of(file).name,
        file=Upload.of(file),
        known=known(visit, [file_id])[file_id],
        text=text,
        silent=silent,
    )


def upload(visit: Visit) -> Response:
    """Files of a form, to the target."""
    made = [sent(visit, it) for it in sent_files(visit)]
    if visit.is_partial:
        return visit.fragment("_uploaded.html", files=[Upload.of(it) for it in made], store=None)
    if len(made) == 1:
        return visit.to(path_of("/files", made[0]["id"]))
    return visit.to("/files")


def delete(visit: Visit) -> Response:
    """Delete a file; one that is declared, or that something uses, only if that was said."""
    file_id = visit.part("file")
    held = known(visit, [file_id])[file_id]
    seen = set(visit.sent("seen").split())
    if new := [it for it in held.uses if it.id not in seen]:
        names = [str(it.owner or it.name or it.id) for it in new]
        raise Refused(
            f"{some(names, 3)} use{'s' * (len(new) == 1)} this file, which"
            " the page did not show; nothing was deleted. Look at the file again"
        )
    if (held.uses or held.declared) and visit.sent("used") != "1":
        raise Refused(
            "it was not said that a file is to be deleted that is declared, or that something"
            " uses; nothing was deleted"
        )
    if visit.sent("sure") != "1":
        raise Refused("it was not said that the file is to be deleted; nothing was deleted")
    visit.surface.delete_file(file_id)
    return visit.to("/files")


def content(visit: Visit) -> Response:
    """A file to save."""
    return downloaded(visit, visit.part("file"))


def picture(visit: Visit) -> Response:
    """The same to look at, if it is a picture."""
    return downloaded(visit, visit.part("file"), only=is_picture)


ENDPOINTS = (
    Endpoint("/files", index),
    Endpoint("/files", upload, "POST", largest=LARGEST, writes=True),
    Endpoint("/files/uses", uses),
    Endpoint("/files/{file}", one),
    Endpoint("/files/{file}/content", lending(content)),
    Endpoint("/files/{file}/picture", lending(picture)),
    Endpoint("/files/{file}/delete", delete, "POST", writes=True),
)


def known(visit: Visit, ids: Collection[str]) -> Mapping[str, Known]:
    """Who uses these files, and what they are uploads of."""
    declared = visit.surface.declare(visit.workspace) if visit.console.load else {}
    found = visit.surface.uses(ids, declared) if ids else {}
    return {
        file_id: Known(held, *_sides(held, [it for it in declared if it.kind == FILE]))
        for file_id, held in found.items()
    }


def sent_files(visit: Visit) -> Sequence[UploadFile]:
    """The files of a form. Raises Refused where there is none."""
    files = [it for it in visit.form.getlist("file") if isinstance(it, UploadFile) and it.filename]
    if not files:
        raise Refused("no file was chosen")
    return files


def sent(visit: Visit, file: UploadFile) -> dict[str, Json]:
    """The file object that comes of a file of a form."""
    purpose = visit.sent("purpose", PURPOSE)
    if purpose not in PURPOSES:
        raise Refused(f"there is no purpose {purpose!r}")
    with tempfile.TemporaryDirectory(prefix="assistctl-") as directory:
        path = Path(directory) / "upload"
        with path.open("wb") as handle:
            shutil.copyfileobj(file.file, handle)
        name = str(file.filename).replace("\\", "/").rpartition("/")[2]
        return transport.upload(visit.client, path, name, purpose)


def _sides(
    uses: Sequence[Use], declared: Collection[Address]
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    addresses = dict.fromkeys(it.file for it in uses if it.file)
    return (
        tuple(it for it in addresses if it in declared),
        tuple(it for it in addresses if it not in declared),
    )


def _text(visit: Visit, file: Mapping[str, Json]) -> tuple[str | None, str | None]:
    """The text of a file, or why none is shown."""
    size = file.get("bytes")
    if isinstance(size, int) and size > READ:
        return None, "It is too long to be shown here; it can be saved."
    with tempfile.TemporaryDirectory(prefix="assistctl-") as directory:
        path = Path(directory) / "content"
        try:
            visit.surface.download(file, path)
            data = path.read_bytes()
        except RemoteError as error:
            return None, f"{visit.console.target} does not tell what is in it ({error})."
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None, "It is no text in UTF-8; it can be saved."
    if "\0" in text:
        return None, "It is no text; it can be saved."
    return text, None
