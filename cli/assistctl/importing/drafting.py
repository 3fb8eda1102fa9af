"""Existing assistants, at the target or in a dump -> drafts of what is to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from assistctl.apis import capabilities
from assistctl.errors import AssistctlError
from assistctl.importing import choosing
from assistctl.importing.assistant_drafts import AssistantDraft, ImportContext, drafted
from assistctl.importing.downloads import Download
from assistctl.importing.dumps import Dump
from assistctl.importing.names import keys_of
from assistctl.importing.shape import NotImportable, check_shape
from assistctl.importing.store_drafts import StoreDraft, shared, store_ids
from assistctl.importing.writing import is_written, yaml_path
from assistctl.loading import environment
from assistctl.resources import ASSISTANT, VECTOR_STORE, Address, Workspace, implicit_key
from assistctl.some import some
from assistctl.spec.additions import defaults
from assistctl.surface import Support

if TYPE_CHECKING:
    from assistctl.surface import Body, RemoteResources, Surface

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class ImportOptions:
    """What is to be imported, and how; no `ids` means all. `key` is the one that the only assistant
    shall have; without `adopting` the target is left alone."""

    ids: tuple[str, ...] = ()
    key: str | None = None
    adopting: bool = True
    with_files: bool = True


@dataclass(frozen=True)
class Drafts:
    """What an import writes and takes over; nothing of it is done yet."""

    assistants: tuple[AssistantDraft, ...]
    stores: tuple[StoreDraft, ...]
    resources: RemoteResources

    @property
    def objects(self) -> dict[str, str]:
        """Address -> id of everything that is to be adopted; stores before who searches them."""
        addresses = {Address(VECTOR_STORE, store.key): store.id for store in self.stores}
        for draft in self.assistants:
            if draft.store:
                addresses[Address(VECTOR_STORE, implicit_key(draft.key))] = draft.store
        addresses |= {Address(ASSISTANT, draft.key): draft.id for draft in self.assistants}
        return {str(address): object_id for address, object_id in addresses.items()}

    @property
    def downloads(self) -> list[Download]:
        """The files that must be fetched before anything can be written."""
        everybody: list[AssistantDraft | StoreDraft] = [*self.stores, *self.assistants]
        return [
            Download(path, self.resources.files[file_id], draft.title)
            for draft in everybody
            for path, file_id in draft.files.items()
        ]


@dataclass(frozen=True)
class DumpDrafts:
    """What an import of a dump writes. `there` are the keys of those that are declared already,
    word by word; `beside` has, by the key of a new one, the key that its name would have had."""

    assistants: tuple[AssistantDraft, ...]
    there: tuple[str, ...]
    beside: Mapping[str, str]


def drafts_of_dump(dump: Dump, workspace: Workspace, key: str | None) -> DumpDrafts:
    """The assistants of a dump. Raises AssistctlError that names every one which cannot be had."""
    bodies = dump.assistants
    _for_each(bodies, check_shape)
    context = ImportContext(_defaults(workspace))
    there: dict[str, str] = {}
    if key is None:
        found = _for_each(bodies, lambda body: _declared_as(body, workspace, context))
        there = {each: known for each, known in zip(bodies, found, strict=True) if known}
    new = {each: body for each, body in bodies.items() if each not in there}
    keys = choosing.keys_for(new, workspace, requested=key)
    drafts = _for_each(new, lambda body: drafted(body, keys[body["id"]], context))
    first = {keys[each]: next(_keys_of(body)) for each, body in new.items()} if key is None else {}
    known = {it for it in first.values() if (workspace.root / yaml_path(it)).exists()}
    beside = {key: wanted for key, wanted in first.items() if key != wanted and wanted in known}
    return DumpDrafts(drafts, tuple(there.values()), beside)


def _declared_as(body: Body, workspace: Workspace, context: ImportContext) -> str | None:
    """The key under which exactly this assistant is declared already."""
    for key in _keys_of(body):
        if not (workspace.root / yaml_path(key)).exists():
            return None
        if is_written(workspace.root, drafted(body, key, context)):
            return key
    return None


def _keys_of(body: Body) -> Iterator[str]:
    return keys_of(body.get("name"), body["id"], "assistant")


def drafts_of_target(surface: Surface, workspace: Workspace, options: ImportOptions) -> Drafts:
    """All reads, and what they come to. Raises AssistctlError, with everything that stands in the
    way, before anything is written; RemoteError."""
    _refuse_where_nothing_is(surface, workspace)
    everyone = surface.existing()
    if options.ids:
        bodies = choosing.asked_for(everyone, options.ids, workspace)
    else:
        bodies = choosing.without_owner(everyone)
    _for_each(bodies, check_shape)
    if options.key is None:
        choosing.refuse_declared(bodies.values(), everyone.values(), workspace)
    searched = [store_id for body in bodies.values() for store_id in store_ids(body)]
    files = any(body.get("tool_resources") for body in bodies.values())
    resources = surface.resources(searched, files=files)
    stores = shared(
        workspace,
        everyone.values(),
        resources,
        taken=choosing.store_keys(resources.stores.values(), workspace),
        with_files=options.with_files,
    )
    keys = choosing.keys_for(bodies, workspace, everyone.values(), options.key)
    context = ImportContext(_defaults(workspace), resources, stores, options.with_files)
    drafts = _for_each(bodies, lambda body: drafted(body, keys[body["id"]], context))
    if options.adopting:
        _refuse_losses(drafts)
    return Drafts(drafts, stores.drafts, resources)


def _refuse_where_nothing_is(surface: Surface, workspace: Workspace) -> None:
    if surface.capabilities[capabilities.ASSISTANT].support is Support.EMULATED:
        raise AssistctlError(
            f"there is nothing to import at {workspace.target.name}: an API of kind"
            f" {workspace.target.api!r} holds no assistants, since what they are is sent with each"
            " request; import from a target that speaks another API, or from a dump with --file"
        )


def _for_each(bodies: Mapping[str, Body], make: Callable[[Body], _Made]) -> tuple[_Made, ...]:
    """What is made of each assistant. Raises AssistctlError that names every NotImportable one."""
    made: list[_Made] = []
    faults: list[str] = []
    for each, body in bodies.items():
        try:
            made.append(make(body))
        except NotImportable as reason:
            faults.append(f"  {each}: {reason}")
    if faults:
        raise AssistctlError("nothing was imported:\n" + "\n".join(faults))
    return tuple(made)


def _refuse_losses(drafts: Iterable[AssistantDraft]) -> None:
    if faults := [f"  {draft.title}: {some(draft.lost)}" for draft in drafts if draft.lost]:
        raise AssistctlError(
            "nothing was imported, since this cannot be declared, and adopted assistants would "
            "lose it:\n" + "\n".join(faults) + "\nTo write the rest as YAML all the same, use "
            "--no-adopt."
        )


def _defaults(workspace: Workspace) -> Mapping[str, object]:
    return defaults(workspace.root, environ=environment(workspace.root))
