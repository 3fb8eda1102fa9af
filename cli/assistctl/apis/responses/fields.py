"""What is at a target of an assistant where the API has none: a vector store without files stands
for it, and its metadata say which uploads and stores the assistant uses.

All else that is declared goes with each response (requests.py). An empty store costs nothing, is
listed, and is owned, renamed, protected and pruned as anything else; see docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.apis.managed.declare import used_resources
from assistctl.apis.managed.kinds import AssistantKind
from assistctl.apis.managed.ownership import is_protected, used_files, used_stores, uses
from assistctl.apis.managed.stores import protection
from assistctl.resources import (
    Address,
    Assistant,
    Json,
)

_CLEARED: Mapping[str, Json] = {
    "tool_resources": {
        "code_interpreter": {"file_ids": []},
        "file_search": {"vector_store_ids": []},
    },
}


def _declared(assistant: Assistant) -> dict[str, Json]:
    """In the same form as where an API keeps assistants, since a plan shows it."""
    resources = used_resources(assistant)
    fields = {"name": assistant.settings.get("name") or assistant.key}
    used = {"tool_resources": resources} if resources else {}
    return fields | used | protection(assistant.protect)


def _observed(body: Mapping[str, Json], addresses: Mapping[str, Address | None]) -> dict[str, Json]:
    resources = {}
    for part, key, used in (
        ("code_interpreter", "file_ids", used_files(body)),
        ("file_search", "vector_store_ids", used_stores(body)),
    ):
        named = [addresses.get(item, item) for item in used]
        if named := [item for item in named if item is not None]:
            resources[part] = {key: sorted(named, key=str)}
    return {
        "name": body.get("name"),
        "tool_resources": resources,
        **protection(is_protected(body.get("metadata"))),
    }


def _sent(body: dict[str, Json]) -> dict[str, Json]:
    """The store's own fields, with what the assistant uses in its metadata."""
    resources = body.get("tool_resources") or {}
    files = (resources.get("code_interpreter") or {}).get("file_ids") or ()
    stores = (resources.get("file_search") or {}).get("vector_store_ids") or ()
    own = {name: value for name, value in body.items() if name != "tool_resources"}
    return {**own, "metadata": uses(files, stores)}


KIND = AssistantKind(
    collection="/vector_stores",
    cleared=_CLEARED,
    declared=_declared,
    observed=_observed,
    plainer=lambda fields: {},
    file_ids=used_files,
    store_ids=used_stores,
    sent=_sent,
    in_metadata=("tool_resources",),
    stand_in=True,
)
"""How assistants are held where the Responses API is all that there is."""
