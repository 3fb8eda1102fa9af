"""Declared and observed objects in one normal form: the API's own fields, ids as Addresses."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from assistctl.apis.managed.ownership import is_protected, without_ours
from assistctl.plan.fingerprints import fingerprint
from assistctl.plan.state import PROTECT, Declared
from assistctl.resources import (
    ASSISTANT,
    FILE,
    VECTOR_STORE,
    Address,
    Assistant,
    CodeInterpreter,
    File,
    FileSearch,
    FunctionTool,
    Json,
    Tool,
    VectorStore,
    Workspace,
    digest,
)

COLLECTION = {ASSISTANT: "/assistants", VECTOR_STORE: "/vector_stores", FILE: "/files"}
MEMBERSHIP = frozenset({"files", "chunking_strategy"})
"""Fields of a store that are not written with the store but by attaching files to it."""

ASSISTANT_FIELDS = (
    "model",
    "name",
    "description",
    "instructions",
    "reasoning_effort",
    "tools",
    "tool_resources",
    "temperature",
    "top_p",
    "response_format",
    "metadata",
)
CLEARED: Mapping[str, Json] = {
    "tools": [],
    "tool_resources": {
        "code_interpreter": {"file_ids": []},
        "file_search": {"vector_store_ids": []},
    },
    "metadata": {},
}
"""What is sent to clear a field; null for those not listed."""

AUTO_CHUNKING = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400},
}
"""What the API reports for `type: auto`."""


def declare(workspace: Workspace) -> dict[Address, Declared]:
    """Everything the workspace declares, as the Assistants API would hold it."""
    files: dict[Address, File] = {}
    declared: dict[Address, Declared] = {}
    for store in workspace.stores.values():
        files |= {file.address: file for file in store.files}
        declared[store.address] = Declared(
            store.address, _store(store), store.place, workspace.formerly(store.address)
        )
    for assistant in workspace.assistants.values():
        for tool in assistant.tools:
            if isinstance(tool, CodeInterpreter):
                files |= {file.address: file for file in tool.files}
        declared[assistant.address] = Declared(
            assistant.address,
            _assistant(assistant),
            assistant.place,
            workspace.formerly(assistant.address),
        )
    return {
        address: Declared(address, {"sha256": file.sha256, "bytes": file.size})
        for address, file in files.items()
    } | declared


def _assistant(assistant: Assistant) -> dict[str, Json]:
    fields = {
        name: value if name == "metadata" else normal(value)
        for name, value in assistant.settings.items()
        if value is not None
    }
    if assistant.tools:
        fields["tools"] = [normal(_tool(tool)) for tool in assistant.tools]
    resources = {}
    for tool in assistant.tools:
        if isinstance(tool, CodeInterpreter):
            addresses = sorted({file.address for file in tool.files})
            resources["code_interpreter"] = {"file_ids": addresses}
        if isinstance(tool, FileSearch):
            stores = [Address(VECTOR_STORE, tool.store)] if tool.store else []
            resources["file_search"] = {"vector_store_ids": stores}
    if resources:
        fields["tool_resources"] = resources
    ordered = {name: fields[name] for name in ASSISTANT_FIELDS if name in fields}
    return ordered | _protection(assistant.protect)


def _tool(tool: Tool) -> dict[str, Json]:
    if isinstance(tool, CodeInterpreter):
        return {"type": "code_interpreter"}
    if isinstance(tool, FileSearch):
        options = {"file_search": dict(tool.options)} if tool.options else {}
        return {"type": "file_search", **options}
    assert isinstance(tool, FunctionTool)
    function = tool.function
    return {
        "type": "function",
        "function": {
            "name": function.name,
            "description": function.description,
            "parameters": function.parameters,
            "strict": function.strict,
        },
    }


def _store(store: VectorStore) -> dict[str, Json]:
    fields: dict[str, Json] = {"name": store.name or store.key}
    if store.expires_after is not None:
        fields["expires_after"] = dict(store.expires_after)
    if store.metadata is not None:
        fields["metadata"] = dict(store.metadata)
    if store.chunking_strategy is not None and store.files:
        fields["chunking_strategy"] = chunking(store.chunking_strategy)
    fields |= _protection(store.protect)
    fields["files"] = sorted({file.address for file in store.files})
    return fields


def _protection(protect: bool) -> dict[str, Json]:
    """Declared only where it is wanted, so that to be without it is to have it cleared."""
    return {PROTECT: True} if protect else {}


def chunking(strategy: Mapping[str, Json]) -> Mapping[str, Json]:
    return AUTO_CHUNKING if strategy.get("type") == "auto" else strategy


def membership(store: Declared, declared: Mapping[Address, Declared]) -> str:
    """A digest of what is in a store: paths, contents and how they are chunked."""
    files = [
        [address.name, declared[address].fields["sha256"]] for address in store.fields["files"]
    ]
    return digest([files, store.fields.get("chunking_strategy")])[:16]


def observed_assistant(
    body: Mapping[str, Json], addresses: Mapping[str, Address | None]
) -> dict[str, Json]:
    """An assistant as the API returned it, in normal form.

    `addresses` maps ids to Addresses; an id that maps to None is left out (it is not there any
    more), an unknown one stays as it is.
    """
    fields = {name: normal(body.get(name)) for name in ASSISTANT_FIELDS if body.get(name)}
    for name in ("temperature", "top_p"):
        if body.get(name) is not None:
            fields[name] = body[name]
    fields["metadata"] = without_ours(body.get("metadata"))
    resources = {}
    for part, key in (("code_interpreter", "file_ids"), ("file_search", "vector_store_ids")):
        ids = ((body.get("tool_resources") or {}).get(part) or {}).get(key) or []
        named = [addresses.get(item, item) for item in ids]
        if named := [item for item in named if item is not None]:
            resources[part] = {key: sorted(named, key=str)}
    fields["tool_resources"] = resources
    return fields | _protection(is_protected(body.get("metadata")))


def observed_store(body: Mapping[str, Json]) -> dict[str, Json]:
    """A vector store as the API returned it, in normal form; without its files."""
    return {
        "name": body.get("name"),
        "expires_after": normal(body.get("expires_after")),
        "metadata": without_ours(body.get("metadata")),
        **_protection(is_protected(body.get("metadata"))),
    }


_PLAIN: Mapping[str, Json] = {
    "temperature": 1,
    "top_p": 1,
    "response_format": "auto",
    "reasoning_effort": "medium",
    "chunking_strategy": AUTO_CHUNKING,
}
"""What the API documents as the default of whole fields."""


_RANKERS = ("auto", "default_2024_08_21")
"""The default, and what it means."""


def plainer(fields: Mapping[str, Json]) -> dict[str, tuple[Json, ...]]:
    """Of the fields in which there are defaults that the API documents, what they are without some
    of these, and last without any: that a server fills them in is no edit."""
    found: dict[str, tuple[Json, ...]] = {
        name: (None,) for name, default in _PLAIN.items() if fields.get(name) == default
    }
    tools = fields.get("tools") or []
    if all(_options(tool) is None for tool in tools):
        return found
    results = 5 if str(fields.get("model")).startswith("gpt-3.5-turbo") else 20
    defaults = {"max_num_results": (results,), "ranker": _RANKERS, "score_threshold": (0,)}
    readings: list[Json] = []
    for number in range(1, len(defaults) + 1):
        for names in combinations(defaults, number):
            without = [_without(tool, {name: defaults[name] for name in names}) for tool in tools]
            readings += [without] if without not in (tools, *readings) else []
    return found | ({"tools": tuple(readings)} if readings else {})


def _without(tool: Json, defaults: Mapping[str, tuple[Json, ...]]) -> Json:
    """A tool whose file_search does not say these values."""

    def plain(options: Mapping[str, Json]) -> dict[str, Json]:
        return {
            name: plain(value) if isinstance(value, dict) else value
            for name, value in options.items()
            if value not in defaults.get(name, ())
        }

    options = _options(tool)
    return tool if options is None else {**tool, "file_search": plain(options)}


def _options(tool: Json) -> Json:
    """What a tool says of its search; None if it says nothing."""
    options = tool.get("file_search") if isinstance(tool, dict) else None
    return options if isinstance(options, dict) else None


def edited(kind: str, before: Mapping[str, Json], after: Mapping[str, Json]) -> frozenset[str]:
    """The fields of an object, our metadata included, in which two answers differ."""
    old, new = (
        {**_observed(kind, body), "metadata": body.get("metadata")} for body in (before, after)
    )
    return frozenset(
        name
        for name in old.keys() | new.keys()
        if fingerprint(old.get(name)) != fingerprint(new.get(name))
    )


def _observed(kind: str, body: Mapping[str, Json]) -> dict[str, Json]:
    return observed_assistant(body, {}) if kind == ASSISTANT else observed_store(body)


def normal(value: Json) -> Json:
    """Without nulls, and without `strict: false`, which is what its absence means.

    A function's parameters are the user's own and stay as they are.
    """
    if isinstance(value, dict):
        return {
            key: item if key in ("parameters", "schema") else normal(item)
            for key, item in value.items()
            if item is not None and not (key == "strict" and item is False)
        }
    if isinstance(value, list | tuple):
        return [normal(item) for item in value]
    return value
