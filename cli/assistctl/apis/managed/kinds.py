"""What we own at a target: assistants, in the way of its API, and vector stores and files, which
are the same everywhere. Their normal form has the API's own fields, with Addresses for ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assistctl.apis.managed import stores
from assistctl.plan.fingerprints import fingerprint
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Assistant, Json

Body = Mapping[str, Json]

STORES = "/vector_stores"
"""Where every API has its vector stores."""


@dataclass(frozen=True)
class AssistantKind:
    """How one API holds an assistant.

    `collection` is where; `declared` gives an assistant's fields in normal form, in which
    `tool_resources` says what it uses, and `observed` those of an object that the API returned (an
    id that `addresses` maps to None is left out, since it is not there any more; an unknown one
    stays as it is). `cleared` is what is sent to clear a field; null for those not listed.
    `plainer` tells of a field, if there are defaults in it that the API documents, what it is
    without some of these, and last without any: that a server fills them in is no edit.

    Where an API has none, something else stands for each, see apis/responses/fields.py. `holds`
    tells an assistant from what else is in the collection; `prefix` is what its key begins with in
    its record; the collection may be missing at the target where nothing of the kinds that it is
    `needed_for` is declared; and where it is not `importable`, nobody else's can be taken over.

    `sent` is what is requested for the fields. Those which the API has not are in its metadata
    (`in_metadata`), and go with every write, since that replaces all metadata. `as_assistant` is an
    object in the Assistants API's shape, which `import` reads; `in_yaml` are fields in normal form
    under the names that the YAML has for them, as far as it has any.
    """

    collection: str
    cleared: Mapping[str, Json]
    declared: Callable[[Assistant], dict[str, Json]]
    observed: Callable[[Body, Mapping[str, Address | None]], dict[str, Json]]
    plainer: Callable[[Mapping[str, Json], str], tuple[Json, ...]]
    file_ids: Callable[[Body], list[str]]
    store_ids: Callable[[Body], list[str]]
    sent: Callable[[dict[str, Json]], dict[str, Json]] = lambda body: body
    in_metadata: tuple[str, ...] = ()
    as_assistant: Callable[[Body], Body] = lambda body: body
    holds: Callable[[Body], bool] = lambda body: True
    prefix: str = ""
    needed_for: tuple[str, ...] = (ASSISTANT,)
    importable: bool = True
    in_yaml: Callable[[Body], dict[str, Json]] = lambda fields: dict(fields)

    def owner(self, namespace: str, key: str) -> str:
        """What the record of an assistant says of whose it is."""
        return f"{namespace}/{self.prefix}{key}"

    def as_sent(self, kind: str, body: dict[str, Json]) -> dict[str, Json]:
        """`sent` of an assistant; a store's fields are the API's own."""
        return self.sent(body) if kind == ASSISTANT else body

    def collection_of(self, kind: str) -> str:
        """The path under which objects of a kind are made, listed and found."""
        return {ASSISTANT: self.collection, VECTOR_STORE: STORES, FILE: "/files"}[kind]

    def observed_as(
        self, kind: str, body: Body, addresses: Mapping[str, Address | None] = {}
    ) -> dict[str, Json]:
        """An assistant or a store (without its files) in normal form."""
        return self.observed(body, addresses) if kind == ASSISTANT else stores.observed(body)

    def plainer_as(self, kind: str, fields: Mapping[str, Json], name: str) -> tuple[Json, ...]:
        """`plainer` of an assistant or a store."""
        return self.plainer(fields, name) if kind == ASSISTANT else stores.plainer(fields, name)

    def edited(self, kind: str, before: Body, after: Body) -> frozenset[str]:
        """The fields of an object, our metadata included, in which two answers differ."""
        old, new = (
            {**self.observed_as(kind, body), "metadata": body.get("metadata")}
            for body in (before, after)
        )
        return frozenset(
            name
            for name in old.keys() | new.keys()
            if fingerprint(old.get(name)) != fingerprint(new.get(name))
        )
