"""Vector stores, declared and observed, in normal form."""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.apis.managed.ownership import is_protected, without_ours
from assistctl.plan.state import PROTECT, Declared
from assistctl.resources import Address, Json, VectorStore, digest

MEMBERSHIP = frozenset({"files", "chunking_strategy"})
"""Fields of a store that are not written with the store but by attaching files to it."""

AUTO_CHUNKING = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400},
}
"""What the API reports for `type: auto`."""


def declared(store: VectorStore) -> dict[str, Json]:
    """The fields of a declared store; `files` are Addresses."""
    fields: dict[str, Json] = {"name": store.name or store.key}
    if store.expires_after is not None:
        fields["expires_after"] = dict(store.expires_after)
    if store.metadata is not None:
        fields["metadata"] = dict(store.metadata)
    if store.chunking_strategy is not None and store.files:
        fields["chunking_strategy"] = chunking(store.chunking_strategy)
    fields |= protection(store.protect)
    fields["files"] = sorted({file.address for file in store.files})
    return fields


def observed(body: Mapping[str, Json]) -> dict[str, Json]:
    """A vector store as the API returned it; without its files."""
    return {
        "name": body.get("name"),
        "expires_after": normal(body.get("expires_after")),
        "metadata": without_ours(body.get("metadata")),
        **protection(is_protected(body.get("metadata"))),
    }


def plainer(fields: Mapping[str, Json], name: str) -> tuple[Json, ...]:
    """See AssistantKind."""
    return (None,) if name == "chunking_strategy" and fields.get(name) == AUTO_CHUNKING else ()


def protection(protect: bool) -> dict[str, Json]:
    """Declared only where it is wanted, so that to be without it is to have it cleared."""
    return {PROTECT: True} if protect else {}


def chunking(strategy: Mapping[str, Json]) -> Mapping[str, Json]:
    """The same strategy, in the form in which the API reports it."""
    return AUTO_CHUNKING if strategy.get("type") == "auto" else strategy


def membership(store: Declared, declared: Mapping[Address, Declared]) -> str:
    """A digest of what is in a store: paths, contents and how they are chunked."""
    files = [
        [address.name, declared[address].fields["sha256"]] for address in store.fields["files"]
    ]
    return digest([files, store.fields.get("chunking_strategy")])[:16]


_NESTED = (dict, list, tuple)
_USERS_OWN = ("parameters", "schema")


def normal(value: Json) -> Json:
    """Without nulls, and without `strict: false`, which is what its absence means.

    A function's parameters are the user's own and stay as they are.
    """
    if isinstance(value, dict):
        return {
            key: normal(item) if type(item) in _NESTED and key not in _USERS_OWN else item
            for key, item in value.items()
            if item is not None and not (key == "strict" and item is False)
        }
    return [normal(item) for item in value] if isinstance(value, (list, tuple)) else value
