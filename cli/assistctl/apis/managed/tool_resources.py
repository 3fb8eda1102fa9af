"""What an assistant uses, as `tool_resources` say it: uploads for code_interpreter, and the vector
stores that file_search looks into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assistctl.apis.managed import ownership
from assistctl.resources import (
    VECTOR_STORE,
    Address,
    Assistant,
    CodeInterpreter,
    FileSearch,
    Json,
)

NONE: Mapping[str, Json] = {
    "code_interpreter": {"file_ids": []},
    "file_search": {"vector_store_ids": []},
}
"""What is sent where nothing is to be used."""


def declared(assistant: Assistant, *, empty: bool = False) -> dict[str, Json]:
    """What is used, as Addresses; `empty`, for an API whose own objects have the tools: where one
    uses nothing, that is said."""
    resources = {}
    for tool in assistant.tools:
        if isinstance(tool, CodeInterpreter) and (tool.files or empty):
            addresses = sorted({file.address for file in tool.files})
            resources["code_interpreter"] = {"file_ids": addresses}
        if isinstance(tool, FileSearch) and (tool.store or empty):
            stores = [Address(VECTOR_STORE, tool.store)] if tool.store else []
            resources["file_search"] = {"vector_store_ids": stores}
    return resources


def observed(
    file_ids: Iterable[str], store_ids: Iterable[str], addresses: Mapping[str, Address | None]
) -> dict[str, Json]:
    """What an object of the API uses, with Addresses; see AssistantKind of ids that have none."""
    resources = {}
    for part, key, used in (
        ("code_interpreter", "file_ids", file_ids),
        ("file_search", "vector_store_ids", store_ids),
    ):
        named = [addresses.get(item, item) for item in used]
        if named := [item for item in named if item is not None]:
            resources[part] = {key: sorted(named, key=str)}
    return resources


def in_metadata(resources: Mapping[str, Json] | None) -> dict[str, str]:
    """The metadata pairs that hold tool_resources, as ids, where an API has no field for them."""
    return ownership.uses(file_ids(resources), store_ids(resources))


def file_ids(resources: Mapping[str, Json] | None) -> list[str]:
    """The uploads."""
    return list(((resources or {}).get("code_interpreter") or {}).get("file_ids") or ())


def store_ids(resources: Mapping[str, Json] | None) -> list[str]:
    """The vector stores."""
    return list(((resources or {}).get("file_search") or {}).get("vector_store_ids") or ())
