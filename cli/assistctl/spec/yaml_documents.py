"""A declaring file, read: its variables replaced, and held against its schema."""

from __future__ import annotations

from dataclasses import dataclass

from assistctl.errors import Place
from assistctl.resources import Json
from assistctl.spec import endpoints, targets
from assistctl.spec.discovery import FILE, Source
from assistctl.spec.findings import Findings
from assistctl.spec.grammar import Kind
from assistctl.spec.located import Located
from assistctl.spec.reading import read
from assistctl.spec.validation import check
from assistctl.spec.variables import Variables


@dataclass(frozen=True)
class Document:
    """A file's mapping as it was declared, and the part of it that obeys the schema.

    Whoever looks for a name asks `declared`, which also knows those whose value is wrong; whoever
    builds on a value takes `usable`.
    """

    declared: Located
    usable: Located


@dataclass(frozen=True)
class Top:
    """assistctl.yaml and the name of the target in use. A file that is not `readable` gives empty
    mappings, from which nothing can be concluded."""

    document: Document
    target: str
    readable: bool


def read_document(
    source: Source, kind: Kind, variables: Variables, findings: Findings
) -> Document | None:
    """A file of a kind other than workspace; None if it holds no mapping. Scripts and tests
    hold regular expressions and what a model says, so nothing is replaced there."""
    declared = read(source.path, source.file, findings)
    if declared is None:
        return None
    if kind not in ("script", "tests"):
        declared = variables.expand(declared, declared.place)
    return Document(declared, check(declared, kind, findings))


def read_top(
    source: Source | None, requested: str | None, variables: Variables, findings: Findings
) -> Top:
    """`requested` is the name of the target that somebody wants instead of the file's default."""
    raw = read(source.path, source.file, findings) if source else None
    if raw is None:
        nothing = Located(Place(FILE))
        return Top(Document(nothing, nothing), requested or targets.LOCAL, readable=False)
    target = targets.chosen(raw, requested, findings)
    declared = _expanded(raw, target, variables)
    others = frozenset(("targets", name) for name in targets.names(raw) if name != target)
    usable = check(declared, "workspace", findings, unexpanded=others)
    targets.check_every(declared, findings)
    return Top(Document(declared, usable), target, readable=True)


def _expanded(raw: Located, target: str, variables: Variables) -> Located:
    """Variables stand for values in what assistants and stores declare and in the target in use;
    elsewhere `${` is just text."""

    def section(key: str, value: Json, place: Place) -> Json:
        if key in ("defaults", "vector_stores"):
            return variables.expand(value, place)
        return value.replaced(used) if key == "targets" and isinstance(value, Located) else value

    def used(name: str, value: Json, _: Place) -> Json:
        return value.replaced(field) if name == target and isinstance(value, Located) else value

    def field(key: str, value: Json, place: Place) -> Json:
        if key == "model" and isinstance(value, Located):
            return endpoints.expanded(value, variables)
        if key == "api_key":  # resolved on its own, so that a literal one can be told
            return value
        return variables.expand(value, place, public=key == "overrides")

    return raw.replaced(section)
