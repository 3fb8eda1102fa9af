"""The files of an assistant's tools, as the YAML lists them: those that code finds, and those that
are searched, its own or a declared store's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from assistctl.pulling.drafts import Drafts
from assistctl.pulling.placing import Placer
from assistctl.resources import (
    VECTOR_STORE,
    Address,
    Assistant,
    CodeInterpreter,
    FileSearch,
    Json,
    Workspace,
)
from assistctl.spec.editing import NotEditable

CODE, SEARCH = "code_interpreter", "file_search"

Lists = Mapping[str, tuple[str, ...]]
"""Paths and globs by what has them: a tool by its type, a store by its address."""


@dataclass(frozen=True)
class Listed:
    """Such a list, and the file of the workspace in which it stands, or is to stand: the paths are
    relative to the directory of that."""

    file: str
    names: tuple[str, ...] = ()

    @property
    def directory(self) -> str:
        """Empty for the workspace's own."""
        return self.file.rpartition("/")[0]


def listed(workspace: Workspace, assistant: Assistant | None) -> dict[str, Listed]:
    """The lists that an assistant, or a new one, has or can have, and that of the declared store
    that it searches; without those that stand where they cannot be edited."""
    if assistant is None:
        return dict.fromkeys((CODE, SEARCH), Listed("assistants/"))
    placer = Placer(workspace, Drafts(workspace.root))
    found: dict[str, Listed] = {}
    for name, kind in ((CODE, CodeInterpreter), (SEARCH, FileSearch)):
        if not any(isinstance(tool, kind) for tool in assistant.tools):
            found[name] = Listed(assistant.place.file)
            continue
        with suppress(NotEditable):
            found[name] = Listed(*placer.listed_files(assistant.address, name))
    if store := searched(assistant):
        address = Address(VECTOR_STORE, store)
        with suppress(NotEditable):
            found[str(address)] = Listed(*placer.listed_files(address))
    return found


def searched(assistant: Assistant) -> str:
    """The key of the declared store that an assistant searches; empty if it searches none."""
    stores = [tool.store for tool in assistant.tools if isinstance(tool, FileSearch)]
    return next((it for it in stores if it and "." not in it), "")  # no dot: not that of its own


def read(sent: Mapping[str, str], base: Lists) -> dict[str, tuple[str, ...]]:
    """What a form has sent of lists that are in `base`, one name on a line; their order says
    nothing, so that of what was there before stays."""
    lists = dict(base)
    for name in base:
        if (text := sent.get(f"files.{name}")) is not None:
            names = dict.fromkeys(filter(None, map(str.strip, text.splitlines())))
            if names.keys() != set(base[name]):
                lists[name] = tuple(names)
    return lists


def item_of(tool: Mapping[str, Json], lists: Lists, store: str) -> Mapping[str, Json]:
    """How the YAML declares one more tool, with its files."""
    files: Sequence[str] = lists.get(str(tool["type"]), ())
    if tool["type"] == SEARCH and store:
        return {**tool, "vector_store": store}
    return {**tool, "files": [*files]} if files else tool


def place(
    placer: Placer,
    assistant: Assistant,
    tools: Sequence[str],
    before: tuple[Lists, str],
    after: tuple[Lists, str],
) -> None:
    """Declare other lists, and another store that is searched, of those `tools` that an assistant
    has and keeps. Raises NotEditable."""
    (old, old_store), (new, new_store) = before, after
    changed = [it for it in new if it in old and new[it] != old[it]]
    for name in (it for it in changed if it in tools):
        if not (name == SEARCH and new_store):
            placer.place_files(assistant.address, new[name], name)
    if SEARCH in tools and new_store != old_store:
        placer.place_search(assistant.address, new_store)
    for name in (it for it in changed if it not in (CODE, SEARCH)):
        placer.place_files(Address.parse(name), new[name])
