"""`moved` in assistctl.yaml: which address an object has now, by the one it had before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from assistctl.resources import ASSISTANT, VECTOR_STORE, Address, implicit_key
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located
from assistctl.spec.wording import remedy_for, shown
from assistctl.spec.yaml_documents import Top

_KINDS = {ASSISTANT: "assistant", VECTOR_STORE: "vector store"}


def moves(
    top: Top, declared: Collection[Address] | None, findings: Findings
) -> Mapping[Address, Address]:
    """The moves of a workspace that declares these addresses (None: nobody can say which). An
    assistant's implicit store moves with it."""
    table = top.document.usable.mapping("moved")
    found: dict[Address, Address] = {}
    for old, new in table.items():
        before, after = Address.parse(old), Address.parse(new)
        if findings.faulty(table.key_place(old)) or findings.faulty(table.value_place(old)):
            continue
        if before in found:
            what = f"the {_KINDS[before.kind]} {shown(before.name)} is moved twice"
            findings.add(table.key_place(old), what, "keep one of the lines")
        found.setdefault(before, after)
    if declared is not None:
        _check(table, found, declared, findings)
    return dict(_with_implicit_stores(found))


def _check(
    table: Located,
    found: Mapping[Address, Address],
    declared: Collection[Address],
    findings: Findings,
) -> None:
    for old, new in table.items():
        before, after = Address.parse(old), Address.parse(new)
        if before not in found or findings.faulty(table.key_place(old)):
            continue
        if before.kind != after.kind:
            what = f"{shown(old)} is {_named(before)} and {shown(new)} is {_named(after)}"
            findings.add(table.value_place(old), what, "move it to one of its own kind")
        elif before in declared:
            what = f"{shown(old)} is still declared, and so has not moved"
            findings.add(table.key_place(old), what, "remove its declaration, or this line")
        elif after not in declared and after not in found:
            names = [address.name for address in declared if address.kind == after.kind]
            remedy = remedy_for(after.name, names, "declare it, or remove this line")
            what = f"there is no {_KINDS[after.kind]} {shown(after.name)} to move to"
            findings.add(table.value_place(old), what, remedy)
        elif before in _way(before, found):
            what = f"{shown(old)} moves in a circle"
            findings.add(table.key_place(old), what, "remove one of the lines")


def _way(start: Address, found: Mapping[Address, Address]) -> list[Address]:
    """Where a move leads, step by step, at most once round."""
    way: list[Address] = []
    step = start
    while step in found and found[step] not in way:
        step = found[step]
        way.append(step)
    return way


def _named(address: Address) -> str:
    name = _KINDS[address.kind]
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _with_implicit_stores(
    found: Mapping[Address, Address],
) -> Iterator[tuple[Address, Address]]:
    for before, after in found.items():
        yield before, after
        if before.kind == ASSISTANT:
            stores = (
                Address(VECTOR_STORE, implicit_key(name)) for name in (before.name, after.name)
            )
            yield next(stores), next(stores)
