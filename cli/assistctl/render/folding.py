"""Many files of a vector store as one thing: a person reads how many come, change and go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from assistctl.plan.changes import Action, Change, Plan
from assistctl.render.terminal import one_line
from assistctl.render.values import counted
from assistctl.resources import FILE, VECTOR_STORE, Address, Json
from assistctl.some import some

FEW = 5
"""So many files are shown one by one."""
NAMED = 3
"""Of more, so many are named."""

FILES = Address(FILE, "…")
"""How many of them are called together."""

Stores = Mapping[Address, Mapping[Address, int]]
"""The files of each declared store, and their sizes in bytes."""


@dataclass(frozen=True)
class Folded:
    """What happens to the files of one store, or to uploads of none (FILES); `own` is the store's
    change, if it has one besides, and `covers` are the places in the plan of the changes that are
    told here."""

    store: Address
    own: Change | None
    added: tuple[Address, ...]
    changed: tuple[Address, ...]
    removed: tuple[Address, ...]
    size: int
    covers: frozenset[int]

    @property
    def action(self) -> Action:
        return self.own.action if self.own else Action.UPDATE

    @property
    def cause(self) -> str:
        """Why, unless the files say it."""
        if self.own and (self.action is not Action.UPDATE or self.own.drifted):
            return self.own.cause
        return ""

    @property
    def rest(self) -> Change | None:
        """The store's own change less its files."""
        fields = [it for it in self.own.fields if it.path != "files"] if self.own else []
        return replace(self.own, fields=tuple(fields)) if self.own and fields else None

    def summary(self) -> str:
        """`+41 files, 3 changed, 400 removed (1.2 MB)`"""
        parts = [
            f"+{counted(len(self.added), 'file')}" if self.added else "",
            f"{len(self.changed):,} changed" if self.changed else "",
            f"{len(self.removed):,} removed" if self.removed else "",
        ]
        size = f" ({in_bytes(self.size)})" if self.added or self.changed else ""
        return ", ".join(filter(None, parts)) + size

    def names(self) -> Iterator[tuple[str, tuple[Address, ...]]]:
        """The files that come, change and go, each with its sign."""
        for sign, files in (("+", self.added), ("~", self.changed), ("-", self.removed)):
            if files:
                yield sign, files


def folded(plan: Plan, stores: Stores) -> list[Change | Folded]:
    """The changes in their order; where they are many, those of the files of a store as one, and so
    the uploads that are deleted for one reason."""
    told: dict[int, Folded] = {}
    covered: set[int] = set()
    for store in _stores_of(plan, stores):
        fold = _fold(plan, store, stores.get(store, {}))
        if len(fold.added) + len(fold.changed) + len(fold.removed) > FEW:
            covered |= fold.covers
            own = [number for number, it in enumerate(plan.changes) if it is fold.own]
            told[own[0] if own else min(fold.covers)] = fold
    for fold in _deleted(plan, covered):
        covered |= fold.covers
        told[min(fold.covers)] = fold
    return [
        told.get(number, change)
        for number, change in enumerate(plan.changes)
        if number in told or number not in covered
    ]


def gathered(addresses: Iterable[Address]) -> list[str]:
    """The addresses in their order; many files as one: `file/… (400 files): docs/a.md, …`."""
    listed = list(addresses)
    files = [it for it in listed if it.kind == FILE]
    if len(files) <= FEW:
        return [str(it) for it in listed]
    alike = f"{FILES} ({counted(len(files), 'file')}): {some_files(files)}"
    return list(dict.fromkeys(alike if it.kind == FILE else str(it) for it in listed))


def is_files(value: Json) -> bool:
    """Whether a value is the `files` of a store: Addresses, and ids of what others put in."""
    return isinstance(value, list | tuple) and any(isinstance(it, Address) for it in value)


def files_difference(before: Json, after: Json) -> tuple[list[Json], list[Json]]:
    """What comes to a list of files, and what goes from it."""
    old, new = before or (), after or ()
    had, has = set(map(str, old)), set(map(str, new))
    return [it for it in new if str(it) not in had], [it for it in old if str(it) not in has]


def some_files(files: Sequence[Json]) -> str:
    """`docs/a.md, docs/b.md, docs/c.md and 38 more`; never "and 1 more"."""
    names = [one_line(file_name(it)) for it in files]
    return some(names, NAMED + (len(names) == NAMED + 1))


def file_name(file: Json) -> str:
    """A file's path, or its id where it is not ours."""
    return file.name if isinstance(file, Address) else str(file)


def in_bytes(size: int) -> str:
    """`126 bytes`, `1.2 kB`, `34 MB`."""
    if size < 1000:
        return counted(size, "byte")
    for unit in ("kB", "MB", "GB"):
        size_in_unit = size / 1000 ** (("kB", "MB", "GB").index(unit) + 1)
        if size_in_unit < 999.5 or unit == "GB":
            break
    return f"{size_in_unit:.1f} {unit}" if size_in_unit < 10 else f"{size_in_unit:,.0f} {unit}"


def _stores_of(plan: Plan, stores: Stores) -> Iterable[Address]:
    changed = [it.address for it in plan.changes if it.address.kind == VECTOR_STORE]
    return dict.fromkeys([*stores, *changed])


def _deleted(plan: Plan, covered: Collection[int]) -> Iterator[Folded]:
    """The uploads that are deleted, and not told with a store, by the reason."""
    alike: dict[str, list[int]] = {}
    for number, change in enumerate(plan.changes):
        is_upload = change.action is Action.DELETE and change.address.kind == FILE
        if is_upload and not change.fields and number not in covered:
            alike.setdefault(change.cause, []).append(number)
    for cause, numbers in alike.items():
        if len(numbers) > FEW:
            own = Change(Action.DELETE, FILES, cause)
            removed = tuple(plan.changes[number].address for number in numbers)
            yield Folded(FILES, own, (), (), removed, 0, frozenset(numbers))


def _fold(plan: Plan, store: Address, files: Mapping[Address, int]) -> Folded:
    own = next((it for it in plan.changes if it.address == store), None)
    come: list[Json] = []
    go: list[Json] = []
    for field in own.fields if own else ():
        if field.path == "files":
            come, go = files_difference(field.before, field.after)
    gone = {it for it in go if isinstance(it, Address)}
    added = [it for it in come if isinstance(it, Address)]
    changed: list[Address] = []
    covers = set()
    for number, change in enumerate(plan.changes):
        address, action = change.address, change.action
        if change is own:
            covers.add(number)
        if address.kind != FILE or not (address in files or address in gone):
            continue
        if action is Action.DELETE and address in files:
            continue  # an upload that nothing uses any more; the file itself stays
        covers.add(number)
        if action is Action.UPDATE and address not in added:
            changed.append(address)
        elif action is Action.CREATE and address not in added:
            added.append(address)
    size = sum(files.get(address, 0) for address in (*added, *changed))
    return Folded(store, own, tuple(added), tuple(changed), tuple(go), size, frozenset(covers))
