"""What is at a target of an assistant where the API has none: a vector store without files stands
for it, and its metadata say which uploads and stores the assistant uses.

All else that is declared goes with each response (requests.py). An empty store costs nothing, is
listed, and is owned, renamed, protected and pruned as anything else; see docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.apis.managed import tool_resources
from assistctl.apis.managed.kinds import AssistantKind
from assistctl.apis.managed.ownership import (
    STAND_IN,
    is_protected,
    is_stand_in,
    used_files,
    used_stores,
)
from assistctl.apis.managed.stores import protection
from assistctl.resources import FILE, VECTOR_STORE, Address, Assistant, Json


def _declared(assistant: Assistant) -> dict[str, Json]:
    """In the same form as where an API keeps assistants, since a plan shows it."""
    resources = tool_resources.declared(assistant)
    fields = {"name": assistant.settings.get("name") or assistant.key}
    used = {"tool_resources": resources} if resources else {}
    return fields | used | protection(assistant.protect)


def _observed(body: Mapping[str, Json], addresses: Mapping[str, Address | None]) -> dict[str, Json]:
    return {
        "name": body.get("name"),
        "tool_resources": tool_resources.observed(used_files(body), used_stores(body), addresses),
        **protection(is_protected(body.get("metadata"))),
    }


def _sent(body: dict[str, Json]) -> dict[str, Json]:
    """The store's own fields, with what the assistant uses in its metadata."""
    own = {name: value for name, value in body.items() if name != "tool_resources"}
    return {**own, "metadata": tool_resources.in_metadata(body.get("tool_resources"))}


KIND = AssistantKind(
    collection="/vector_stores",
    cleared={"tool_resources": tool_resources.NONE},
    declared=_declared,
    observed=_observed,
    plainer=lambda fields, name: (),
    file_ids=used_files,
    store_ids=used_stores,
    sent=_sent,
    in_metadata=("tool_resources",),
    holds=is_stand_in,
    prefix=STAND_IN,
    needed_for=(FILE, VECTOR_STORE),
    importable=False,
)
"""How assistants are held where the Responses API is all that there is."""
