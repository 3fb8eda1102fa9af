"""What a playground has come to, as files of the workspace: shown first, then written as they were
shown. One that was only at the target is taken over with it, so that a plan is empty then, but for
what the form has changed."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistctl.console.playground.drafts import (
    Draft,
    as_file,
    draft_of,
    edits,
    tool_name,
    with_edits,
    yaml_of,
)
from assistctl.console.playground.seats import Seat
from assistctl.console.playground.tool_files import listed
from assistctl.errors import AssistctlError, Refused, SyncFailed
from assistctl.importing.assistant_drafts import AssistantDraft
from assistctl.importing.downloads import download_all
from assistctl.importing.drafting import Drafts, ImportOptions, drafts_of_target
from assistctl.importing.names import key_for
from assistctl.importing.staging import staging_directory
from assistctl.importing.writing import texts_of, write_drafts
from assistctl.keys import IN_WORDS, composed, is_key
from assistctl.pulling.drafts import FileEdit, write
from assistctl.resources import ASSISTANT, Address, Workspace, digest
from assistctl.sync import apply_plan
from assistctl.sync.adoption import adoption

if TYPE_CHECKING:
    from assistctl.surface import Surface


@dataclass(frozen=True)
class Saving:
    """What would be written: `files` as they would be, with the names of others that are fetched
    from the target, for an assistant of this `key`, which is free to choose where it is `new`.
    `lasting` is what of a draft of an existing one comes into the files after it was taken over."""

    key: str
    new: bool
    files: tuple[FileEdit, ...]
    fetched: tuple[str, ...] = ()
    lasting: Draft | None = None
    adopts: bool = False

    @property
    def fingerprint(self) -> str:
        """Changes with whatever would be written, but for the key where that is free."""
        said = [[it.before.hex(), it.after.hex()] for it in self.files]
        paths = [] if self.new else [it.path for it in self.files]
        return digest([said, paths, repr(self.lasting)])

    def __bool__(self) -> bool:
        return bool(self.files)


def saving(surface: Surface, seat: Seat, draft: Draft, key: str = "") -> Saving:
    """What saving a draft would write; nothing is written yet. Raises AssistctlError."""
    workspace, assistant = seat.workspace, seat.assistant
    if assistant is None:
        chosen = _key(key) or key_for(None, "new", {*workspace.assistants}, "assistant")
        file = as_file(workspace, draft, chosen)
        with_edits(workspace, [file])
        return Saving(chosen, True, (file,))
    if seat.remote_id is None:
        edited = edits(workspace, assistant, draft)
        with_edits(workspace, edited)
        return Saving(assistant.key, False, edited)
    found = _import(surface, seat, key)
    (made,) = found.assistants
    files = tuple(FileEdit(path, b"", text.encode()) for path, text in texts_of(made).items())
    fetched = tuple(it.path for it in found.downloads)
    lasting = draft if draft != seat.base else None
    return Saving(made.key, True, files, fetched, lasting, adopts=True)


def save(surface: Surface, seat: Seat, draft: Draft, shown: str, key: str) -> Saving:
    """Write what was shown, which had this fingerprint. Raises Refused if that would be something
    else now; AssistctlError, and SyncFailed where the target could not be told all of it."""
    what = saving(surface, seat, draft, key)
    if what.fingerprint != shown:
        raise Refused(
            "the workspace or the target has changed since this was shown; nothing was written."
            " Look at it again first"
        )
    if what.adopts:
        return replace(what, files=(*what.files, *_take_over(surface, seat, draft, what.key)))
    if what.new:
        _write_new(seat.workspace, what.key, draft)
    else:
        write(seat.workspace.root, what.files)
    return what


def packed(seat: Seat, what: Saving) -> tuple[str, bytes]:
    """The files as one to download, and its name: the YAML, or all of them in a ZIP."""
    files = {it.path: it.after for it in what.files}
    if seat.assistant and not what.new:
        own = seat.assistant.place.file
        files.setdefault(own, (seat.workspace.root / own).read_bytes())
    if len(files) == 1:
        ((path, text),) = files.items()
        return path.rpartition("/")[2], text
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted(files.items()):
            archive.writestr(path, text)
    return f"{what.key}.zip", content.getvalue()


def _key(text: str) -> str:
    """A key as it was typed. Raises AssistctlError for what is none."""
    if text and not is_key(composed(text)):
        raise AssistctlError(f"{text!r} cannot be a key: use {IN_WORDS}")
    return composed(text)


def _import(surface: Surface, seat: Seat, key: str) -> Drafts:
    ids = (str(seat.remote_id),)
    options = ImportOptions(ids, _key(key) or None, adopting=True, with_files=True)
    return drafts_of_target(surface, seat.workspace, options)


def _write_new(workspace: Workspace, key: str, draft: Draft) -> None:
    made = AssistantDraft(key, "", str(Address(ASSISTANT, key)), yaml_of(workspace, draft), {})
    root = workspace.root
    with (
        staging_directory(root) as directory,
        write_drafts(root, workspace.target.name, directory, [made]),
    ):
        pass


def _take_over(surface: Surface, seat: Seat, draft: Draft, key: str) -> tuple[FileEdit, ...]:
    """Import an assistant, adopt it, and write what the draft has changed; that last."""
    root, target = seat.workspace.root, seat.workspace.target.name
    found = _import(surface, seat, key)
    with staging_directory(root) as directory:
        download_all(surface, directory, found.downloads)
        new = (found.assistants, found.stores)
        with write_drafts(root, target, directory, *new) as (workspace, _):
            planned = adoption(surface, workspace, found.objects)
    results = apply_plan(surface, workspace, planned)
    if failed := [f"{it.change.address}: {it.error}" for it in results if it.error]:
        raise SyncFailed(
            "the files are written, but the target could not be told all of it; `assistctl adopt"
            f" {key} {seat.remote_id}` finishes it: " + "; ".join(failed)
        )
    assistant = workspace.assistants[key]
    imported = draft_of(assistant, listed(workspace, assistant))
    edited = edits(workspace, assistant, _edited(imported, seat.base, draft))
    with_edits(workspace, edited)
    write(root, edited)
    return edited


def _edited(declared: Draft, before: Draft, after: Draft) -> Draft:
    """What was imported, with what the form has changed of the same at the target."""
    old, new = before.settings, after.settings
    kept = {name: it for name, it in declared.settings.items() if name in new or name not in old}
    changed = {name: it for name, it in new.items() if old.get(name) != it}
    gone = {tool_name(it) for it in before.tools if it not in after.tools}
    tools = tuple(it for it in declared.tools if tool_name(it) not in gone)
    return replace(declared, settings={**kept, **changed}, tools=tools)
