"""Values that are at the target -> the places in the files where they are declared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from assistctl.errors import Place
from assistctl.importing.assistant_drafts import declared_function, search_options
from assistctl.plan.fingerprints import fingerprint, is_empty, keyed
from assistctl.pulling.drafts import Drafts
from assistctl.resources import (
    ASSISTANT,
    FILE,
    VECTOR_STORE,
    Address,
    Assistant,
    Function,
    Json,
    Template,
    Workspace,
    digest,
)
from assistctl.spec.discovery import FILE as TOP
from assistctl.spec.editing import (
    ABSENT,
    NotEditable,
    with_item,
    with_value,
    without_value,
)
from assistctl.spec.globs import is_pattern
from assistctl.spec.located import Path
from assistctl.spec.reading import with_line_feeds
from assistctl.spec.templates import path_beside

_PLURAL = {ASSISTANT: "assistants", VECTOR_STORE: "vector_stores"}
OWN = "agents"
"""What an assistant declares for an API alone that holds it."""

_CONTRACT = ("description", "strict", "parameters")


@dataclass(frozen=True)
class _Spot:
    """Where a key stands, or is to stand: in this file, in the mapping at `base`. `below`: without
    it there, the value of another layer would be seen."""

    file: str
    base: Path
    below: bool = False


@dataclass(frozen=True)
class Placer:
    """Writes into the drafts of the files of a workspace. What raises NotEditable may have changed
    some of them."""

    workspace: Workspace
    drafts: Drafts

    def place(
        self, address: Address, name: str, before: Json, after: Json, *, within: str | None = None
    ) -> None:
        """Declare `after` of a field, which the YAML has under this name, in place of `before`; it
        stands `within` another one, if there is one."""
        if address.kind == VECTOR_STORE and self.workspace.stores[address.name].implicit:
            place = self.workspace.stores[address.name].place
            raise NotEditable(
                place,
                f"of the store behind an assistant's own files `{name}` cannot be declared",
                "declare a store under `vector_stores`, and name it here",
            )
        if name == "tools":
            self._tools(self.workspace.assistants[address.name], before, after)
        elif name == "tool_resources":
            self._resources(self.workspace.assistants[address.name], before or {}, after or {})
        elif name in ("metadata", OWN):
            for key in dict.fromkeys([*(before or {}), *(after or {})]):
                old, new = (before or {}).get(key), (after or {}).get(key)
                if old != new:
                    self._field(address, (name, key), old, new)
        elif name == "instructions" and (template := self._template(address)):
            raise NotEditable(
                template.place,
                "the instructions are a template, in which nobody knows the place of the edit",
                "edit it, or remove `variables`",
            )
        elif name == "instructions" and isinstance(after, str) and self._prompt(address):
            self._write_prompt(self._prompt(address), after)
        elif name in ("files", "chunking_strategy", "attributes"):
            raise NotEditable(
                Place(TOP), "what is in a store is declared by the files that it is made of"
            )
        else:
            self._field(address, (within, name) if within else (name,), before, after)

    def add_tool(self, address: Address, tool: Mapping[str, Json]) -> None:
        """Give an assistant one more tool, as the YAML declares it."""
        spot, path = self._tool_list(self.workspace.assistants[address.name])
        self._append(spot.file, path, tool)

    def remove_tool(self, address: Address, name: str) -> None:
        """Take a tool from an assistant."""
        assistant = self.workspace.assistants[address.name]
        spot, path = self._tool_list(assistant)
        item = self._item(spot, assistant, name)
        if spot.below and len(self.drafts.value(spot.file, path)) == 1:
            self._put(spot.file, path, [])
        else:
            self._remove(spot.file, item)

    def listed_files(
        self, address: Address, tool: str | None = None
    ) -> tuple[str, tuple[str, ...]]:
        """The file in which those of a store, or of a tool of an assistant, are listed, or are to
        be, and the paths and globs as they stand there."""
        file, path = self._list_of_files(address, tool)
        listed = self.drafts.value(file, path)
        return file, tuple(map(str, listed)) if isinstance(listed, list) else ()

    def place_files(self, address: Address, names: Sequence[str], tool: str | None = None) -> None:
        """Have just these paths and globs listed there."""
        self._list(*self._list_of_files(address, tool), names)

    def place_search(self, address: Address, store: str) -> None:
        """Have an assistant's file_search look into a declared store, by its key, or, without one,
        into files of its own."""
        file, files = self._list_of_files(address, "file_search")
        searched = (*files[:-1], "vector_store")
        if store:
            self._remove(file, files)
            self._put(file, searched, store)
        else:
            self._remove(file, searched)

    def _template(self, address: Address) -> Template | None:
        return self.workspace.assistants[address.name].template

    # Where something stands

    def _spot(self, address: Address, keys: Path) -> _Spot:
        """That of the layer that has a key of an object: the target's overrides, the object itself,
        or, if it has it from elsewhere, the object again."""
        kind = _PLURAL[address.kind]
        over: Path = ("targets", self.workspace.target.name, "overrides", kind, address.name)
        own, file, layers = self._own(address)
        inside, key = keys[:-1], keys[-1]
        has_own = self.drafts.value(file, (*own, *inside, key)) not in (ABSENT, None)
        is_default = any(
            self.drafts.value(TOP, (*layer, *inside, key)) not in (ABSENT, None) for layer in layers
        )
        if self.drafts.value(TOP, (*over, *inside, key)) is not ABSENT:
            return _Spot(TOP, (*over, *inside), has_own or is_default)
        return _Spot(file, (*own, *inside), is_default)

    def _own(self, address: Address) -> tuple[Path, str, tuple[Path, ...]]:
        """The path of an object's own mapping, the file, and the layers below it."""
        if address.kind == VECTOR_STORE:
            return ("vector_stores", address.name), TOP, ()
        return (), self.workspace.assistants[address.name].place.file, (("defaults",),)

    def _field(self, address: Address, keys: Path, before: Json, after: Json) -> None:
        spot = self._spot(address, keys)
        path = (*spot.base, keys[-1])
        if not is_empty(after):
            there = self.drafts.value(spot.file, path)
            self._change(spot.file, path, before if there is not ABSENT else None, after)
        elif spot.below:
            self._put(spot.file, path, None)
        else:
            self._remove(spot.file, path)

    # Changing it

    def _change(self, file: str, path: Path, before: Json, after: Json) -> None:
        """Declare `after` in place of `before`, and only where they differ."""
        there = self.drafts.value(file, path)
        if there is not ABSENT and after is not ABSENT and digest(there) == digest(after):
            return
        if after is ABSENT:
            self._remove(file, path)
        elif _are(dict, there, before, after) and there and after:
            for key in dict.fromkeys([*before, *after]):
                old, new = before.get(key, ABSENT), after.get(key, ABSENT)
                if ABSENT in (old, new) or digest(old) != digest(new):
                    self._change(file, (*path, key), None if old is ABSENT else old, new)
        elif _are(list, there, before, after) and there and after:
            self._change_list(file, path, there, after)
        else:
            self._put(file, path, after)

    def _change_list(self, file: str, path: Path, there: Sequence[Json], after: Json) -> None:
        """Items that stay are left as they stand, and so are their comments."""
        if after[: len(there)] == there:
            for item in after[len(there) :]:
                self._append(file, path, item)
        elif len(after) == len(there):
            for number, (old, new) in enumerate(zip(there, after, strict=True)):
                self._change(file, (*path, number), old, new)
        elif (gone := _left_out(there, after)) is not None:
            for number in reversed(gone):
                self._remove(file, (*path, number))
        else:
            self._put(file, path, after)

    def _put(self, file: str, path: Path, value: Json) -> None:
        while len(path) > 1 and self.drafts.value(file, path[:-1]) in (ABSENT, None):
            path, value = path[:-1], {str(path[-1]): value}
        self.drafts.put(file, with_value(self.drafts.text(file), file, path, value))

    def _append(self, file: str, path: Path, item: Json) -> None:
        if self.drafts.value(file, path) in (ABSENT, None):
            self._put(file, path, [item])
        else:
            self.drafts.put(file, with_item(self.drafts.text(file), file, path, item))

    def _remove(self, file: str, path: Path) -> None:
        if self.drafts.value(file, path) is not ABSENT:
            self.drafts.put(file, without_value(self.drafts.text(file), file, path))

    # Prompts

    def _prompt(self, address: Address) -> str:
        """The path of the file that holds the instructions; empty if none does."""
        spot = self._spot(address, ("instructions",))
        for file, base in ((spot.file, spot.base), (TOP, ("defaults",))):
            value = self.drafts.value(file, (*base, "instructions"))
            if isinstance(value, dict) and isinstance(value.get("file"), str):
                # That of the defaults is others' as well.
                own = file == spot.file and base == spot.base
                return path_beside(value["file"], Place(file)) if own else ""
            if value not in (ABSENT, None):
                return ""
        return ""

    def _write_prompt(self, file: str, text: str) -> None:
        """A first byte order mark is the file's own, and so are its line ends."""
        before = self.drafts.text(file)
        text = with_line_feeds(text)
        if before.startswith("\ufeff") or text.startswith("\ufeff"):
            text = f"\ufeff{text}"
        self.drafts.put(file, text.replace("\n", "\r\n") if "\r\n" in before else text)

    # Tools

    def _tool_list(self, assistant: Assistant) -> tuple[_Spot, Path]:
        """Where its tools are listed, or are to be."""
        spot = self._spot(assistant.address, ("tools",))
        path = (*spot.base, "tools")
        if spot.below and self.drafts.value(spot.file, path) in (ABSENT, None):
            raise NotEditable(
                Place(TOP), "its tools come from `defaults`", f"declare them in {spot.file}"
            )
        return spot, path

    def _tools(self, assistant: Assistant, before: Json, after: Json) -> None:
        spot, path = self._tool_list(assistant)
        old, new = _by_name(before, assistant.place), _by_name(after, assistant.place)
        if not new:
            if spot.below:
                self._put(spot.file, path, [])
            else:
                self._remove(spot.file, path)
            return
        for name in [name for name in old if name not in new]:
            self._remove(spot.file, self._item(spot, assistant, name))
        for name, tool in new.items():
            if name not in old:
                self._append(spot.file, path, _declarable(tool, assistant.place))
            elif fingerprint(old[name]) != fingerprint(tool):
                self._tool(spot, assistant, name, old[name], tool)

    def _item(self, spot: _Spot, assistant: Assistant, name: str) -> Path:
        """The path of a tool."""
        path = (*spot.base, "tools")
        for number, tool in enumerate(self.drafts.value(spot.file, path)):
            if name_of(tool) == name:
                return (*path, number)
        raise NotEditable(assistant.place, f"the tool {name} is not declared here")

    def _tool(self, spot: _Spot, assistant: Assistant, name: str, before: Json, now: Json) -> None:
        path = self._item(spot, assistant, name)
        raw = self.drafts.value(spot.file, path)
        if raw["type"] == "function":
            function = next(it for it in assistant.functions if it.name == name)
            self._function(
                spot.file, path, raw, function, before["function"], now.get("function") or {}
            )
        elif raw["type"] == "file_search" and "function" not in now:
            old, new = before.get("file_search") or {}, now.get("file_search") or {}
            for key in dict.fromkeys([*old, *new]):
                self._change(
                    spot.file,
                    (*path, key),
                    old.get(key),
                    ABSENT if is_empty(new.get(key)) else new[key],
                )
        else:
            raise NotEditable(assistant.place, f"of {name} this cannot be declared")

    def _function(
        self, file: str, item: Path, raw: Json, function: Function, before: Json, after: Json
    ) -> None:
        """The contract of a function, where it is declared: in tools/*.yaml, at the assistant, or
        nowhere but in Python, beside which it is written then."""
        named = raw.get("function")
        if isinstance(named, str):
            file = function.place.file
        path: Path = ("functions", named) if isinstance(named, str) else (*item, "function")
        for key in _CONTRACT:
            old, new = before.get(key), after.get(key)
            if digest(old) == digest(new):
                continue
            there = self.drafts.value(file, (*path, key))
            if not is_empty(new) or (key == "parameters" and new is not None):
                if named is None and self.drafts.value(file, path) is ABSENT:
                    self._put(file, path, {"name": function.name, key: new})
                else:
                    self._change(file, (*path, key), old if there is not ABSENT else None, new)
            elif there is ABSENT:
                raise NotEditable(
                    function.python_place or function.place,
                    f"the {key} of {function.name} comes from Python, and is gone at the target",
                    "change the function",
                )
            else:
                self._remove(file, (*path, key))

    # Files and stores

    def _resources(self, assistant: Assistant, before: Json, after: Json) -> None:
        old, new = (_listed(it, "code_interpreter", "file_ids") for it in (before, after))
        # Beside others' files nobody knows whether ours have gone, or have only lost their names.
        gone = [it for it in old if it not in new]
        if gone and all(isinstance(it, Address) for it in new):
            self._drop_files(assistant, gone)
        old, new = (_listed(it, "file_search", "vector_store_ids") for it in (before, after))
        stores = self.workspace.stores
        if old == new:
            return
        spot = self._spot(assistant.address, ("tools",))
        path = (*self._item(spot, assistant, "file_search"), "vector_store")
        ours = [it.name for it in new if isinstance(it, Address) and not stores[it.name].implicit]
        if self.drafts.value(spot.file, (*path[:-1], "files")) is not ABSENT:
            place = assistant.places.get("tools.file_search", assistant.place)
            raise NotEditable(
                place, "it searches its own files no longer", "name what it searches now"
            )
        if not new:
            self._remove(spot.file, path)
        elif len(new) == 1 and ours:
            self._put(spot.file, path, ours[0])

    def _list_of_files(self, address: Address, tool: str | None) -> tuple[str, Path]:
        if tool is None:
            spot = self._spot(address, ("files",))
            return spot.file, (*spot.base, "files")
        assistant = self.workspace.assistants[address.name]
        spot, _ = self._tool_list(assistant)
        return spot.file, (*self._item(spot, assistant, tool), "files")

    def _list(self, file: str, path: Path, names: Sequence[str]) -> None:
        """Have a list hold just these, those that it has as they stand; no list holds none."""
        listed = self.drafts.value(file, path)
        there = [str(it) for it in listed] if isinstance(listed, list) else []
        for name in names:
            if name not in there:
                self._append(file, path, name)
        if not names:
            self._remove(file, path)
            return
        for number in reversed(range(len(there))):
            if there[number] not in names:
                self._remove(file, (*path, number))

    def _drop_files(self, assistant: Assistant, gone: Collection[Address]) -> None:
        file, names = self.listed_files(assistant.address, "code_interpreter")
        paths = [path_beside(name, Place(file)) for name in names]
        for address in gone:
            if address.name not in paths or is_pattern(names[paths.index(address.name)]):
                place = assistant.places.get("tools.code_interpreter", assistant.place)
                raise NotEditable(place, f"{address} is named by a pattern", "name the files")
        kept = [n for n, path in zip(names, paths, strict=True) if Address(FILE, path) not in gone]
        self.place_files(assistant.address, kept, "code_interpreter")


def _are(kind: type, *values: Json) -> bool:
    return all(isinstance(value, kind) for value in values)


def _left_out(there: Sequence[Json], after: Sequence[Json]) -> list[int] | None:
    """Which items are gone, if nothing else has changed."""
    rest, gone = list(after), list[int]()
    for number, item in enumerate(there):
        if rest and rest[0] == item:
            rest.pop(0)
        else:
            gone.append(number)
    return None if rest else gone


def _listed(resources: Mapping[str, Json], part: str, key: str) -> list[Json]:
    return list((resources.get(part) or {}).get(key) or ())


def _by_name(tools: Json, place: Place) -> dict[str, Json]:
    found = keyed(tools) or {}
    if not isinstance(found, dict):
        raise NotEditable(place, "two of its tools at the target have one name")
    return found


def name_of(tool: Mapping[str, Json]) -> str:
    """What a declared tool is called among others."""
    if tool["type"] != "function":
        return str(tool["type"])
    function = tool.get("function")
    if isinstance(function, Mapping):
        return str(function["name"])
    return function or str(tool["python"]).replace(":", ".").rpartition(".")[2]


def _declarable(tool: Mapping[str, Json], place: Place) -> dict[str, Json]:
    """A tool that somebody has added, as the YAML has it."""
    match tool.get("type"):
        case "function":
            return {"type": "function", "function": declared_function(tool["function"])}
        case "file_search":
            return {"type": "file_search", **search_options(tool)}
        case "code_interpreter":
            return {"type": "code_interpreter"}
    raise NotEditable(place, f"a tool of type {tool.get('type')!r} cannot be declared")
