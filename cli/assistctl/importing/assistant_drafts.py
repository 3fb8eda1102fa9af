"""An existing assistant -> what its YAML will say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from assistctl.apis.managed import tool_resources
from assistctl.apis.managed.ownership import without_ours
from assistctl.importing.names import Folder, plain_name, title_of
from assistctl.importing.shape import NotImportable
from assistctl.importing.store_drafts import Shared, is_alive, members, store_ids
from assistctl.resources import Json
from assistctl.some import some
from assistctl.spec.discovery import FILE
from assistctl.spec.located import Path

if TYPE_CHECKING:
    from assistctl.surface import Body, RemoteResources

LONG = 120
"""Instructions with more characters than this, or more lines than one, get a file of their own."""

_SETTINGS = (
    *("name", "description", "model", "instructions", "tools"),
    *("temperature", "top_p", "response_format", "reasoning_effort", "metadata"),
    "agents",
)
_FILLED_IN: Mapping[str, Json] = {"temperature": 1, "top_p": 1, "response_format": "auto"}
"""What a server says of an assistant of which nobody has said anything."""

_RANKERS_FILLED_IN = (None, "auto", "default_2024_08_21")
_TOOLS = {"code_interpreter", "file_search", "function", "retrieval"}


@dataclass(frozen=True)
class ImportContext:
    """What a draft rests on beside the assistant itself.

    `resources` None: there is no target, only a dump. Without `with_files` files stay where they
    are, undeclared.
    """

    defaults: Mapping[str, Json]
    resources: RemoteResources | None = None
    shared: Shared = field(default_factory=Shared)
    with_files: bool = True


@dataclass(frozen=True)
class AssistantDraft:
    """An assistant as its YAML will declare it.

    `prompt` is the text of <key>.md; `files` maps paths below the workspace to the ids of what
    belongs there; `store` is the id of the vector store that is the assistant's own; `lost` is
    what cannot be declared, so that adopting it would take it away.
    """

    key: str
    id: str
    title: str
    fields: Mapping[str, Json]
    remarks: Mapping[Path, str]
    prompt: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    store: str | None = None
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Tool:
    """A tool as the YAML has it, and what is remarked of it. `store` as in AssistantDraft."""

    fields: Mapping[str, Json]
    remarks: tuple[str, ...] = ()
    store: str | None = None


def drafted(body: Body, key: str, context: ImportContext) -> AssistantDraft:
    """The draft of one assistant, whose shape was checked. Raises NotImportable."""
    folder = Folder(f"assistants/{key}")
    remote_tools = body.get("tools") or []
    tools = [_tool(tool, body, context, folder) for tool in remote_tools if tool["type"] in _TOOLS]
    lost = tuple(chain.from_iterable(map(_lost, remote_tools)))
    values = {**body, "tools": [tool.fields for tool in tools]}
    fields = dict(_settings(values, context.defaults))
    prompt = fields.get("instructions")
    if isinstance(prompt, str) and (len(prompt) > LONG or "\n" in prompt or "\r" in prompt):
        fields["instructions"] = {"file": f"{key}.md"}
    else:
        prompt = None
    return AssistantDraft(
        key=key,
        id=str(body["id"]),
        title=title_of(body),
        fields=fields,
        remarks={
            (): " ".join(_remarks_at_head(body, lost, context)),
            ("instructions",): "Its line ends were those of Windows."
            if "\r" in (prompt or "")
            else "",
            **{("tools", number): " ".join(tool.remarks) for number, tool in enumerate(tools)},
            ("metadata",): _remark_on_metadata(fields, context.defaults),
        },
        prompt=prompt,
        files=folder.files,
        store=next((tool.store for tool in tools if tool.store), None),
        lost=lost,
    )


def _settings(body: Body, defaults: Mapping[str, Json]) -> Iterable[tuple[str, Json]]:
    """The fields in their order. What the workspace's defaults would put in the place of nothing
    is undone with null."""
    for name in _SETTINGS:
        value = _value(name, body)
        says_nothing = value is None or value in ("", {}, [])
        if says_nothing:
            if name in defaults and name != "model":
                yield name, None
        elif name in defaults or value != _FILLED_IN.get(name):
            yield name, value


def _value(name: str, body: Body) -> Json:
    value = body.get(name)
    if name == "metadata":
        return without_ours(value)
    return _without_nulls(value) if name == "response_format" else value


def _without_nulls(value: Json) -> Json:
    """Without keys that say nothing; a schema is the user's own and stays as it is."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: item if key == "schema" else _without_nulls(item)
        for key, item in value.items()
        if item is not None
    }


def _tool(tool: Body, body: Body, context: ImportContext, folder: Folder) -> _Tool:
    match tool["type"]:
        case "code_interpreter":
            return _code_interpreter(body, context, folder)
        case "function":
            return _Tool({"type": "function", "function": declared_function(tool["function"])})
        case _:
            searched = _searched(body, context, folder)
            fields = {"type": "file_search", **searched.fields, **search_options(tool)}
            return _Tool(fields, searched.remarks, searched.store)


def _lost(tool: Body) -> Iterable[str]:
    """What of a tool cannot be declared."""
    if tool["type"] not in _TOOLS:
        yield f"a tool of type {tool['type']!r}"
    if tool["type"] == "function":
        name = tool["function"].get("name")
        yield from (f"`{key}` of the function {name}" for key in tool if key not in _OF_FUNCTIONS)


_OF_FUNCTIONS = ("type", "function")


def declared_function(function: Body) -> dict[str, Json]:
    """A function of the API's as `function:` declares it."""
    fields = {
        "name": function.get("name"),
        "description": function.get("description") or None,
        "strict": function.get("strict") or None,
        "parameters": function.get("parameters") or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def search_options(tool: Body) -> dict[str, Json]:
    """How a file_search searches, without what a server fills in."""
    options = tool.get("file_search") or {}
    ranking = _without_nulls(options.get("ranking_options") or {})
    if not ranking.get("score_threshold") and ranking.get("ranker") in _RANKERS_FILLED_IN:
        ranking = {}
    fields = {"max_num_results": options.get("max_num_results"), "ranking_options": ranking or None}
    return {name: value for name, value in fields.items() if value is not None}


def _code_interpreter(body: Body, context: ImportContext, folder: Folder) -> _Tool:
    tool, resources = {"type": "code_interpreter"}, context.resources
    ids = tool_resources.file_ids(body.get("tool_resources"))
    if resources is None:
        return _Tool(tool, (f"Its files are not in the dump: {some(ids)}.",) if ids else ())
    files = [resources.files[file_id] for file_id in ids if file_id in resources.files]
    gone = [file_id for file_id in ids if file_id not in resources.files]
    remarks = (f"Not at the target any more: {some(gone)}.",) if gone else ()
    return _with_files(tool, files, remarks, context, folder)


def _searched(body: Body, context: ImportContext, folder: Folder) -> _Tool:
    """The part of a file_search that says what is searched."""
    ids, resources = store_ids(body), context.resources
    if resources is None:
        return _Tool({}, (f"What it searched is not in the dump: {some(ids)}.",) if ids else ())
    living = [store_id for store_id in ids if is_alive(resources.stores.get(store_id))]
    gone = [store_id for store_id in ids if store_id not in living]
    remarks = (f"Expired, or not at the target any more: {some(gone)}.",) if gone else ()
    if not living:
        return _Tool({}, remarks)
    if len(living) > 1:
        raise NotImportable(
            f"it searches {len(living)} vector stores ({some(living)}), and may search one"
        )
    (store_id,) = living
    refused = context.shared.refused.get(store_id)
    if refused and context.with_files:
        raise NotImportable(
            f"it searches a vector store that cannot be declared here: {refused}; to import it "
            "without, use --without-files"
        )
    if refused:
        return _Tool({}, (*remarks, f"Not imported: a vector store. {refused}."))
    if store_id in context.shared.keys:
        return _Tool({"vector_store": context.shared.keys[store_id]}, remarks)
    files, more = members(store_id, resources)
    tool = _with_files({}, files, (*remarks, *more), context, folder, apart="search")
    if not context.with_files:
        return tool
    return _Tool({"files": [], **tool.fields}, tool.remarks, store_id)


def _with_files(
    tool: Mapping[str, Json],
    files: list[Body],
    remarks: tuple[str, ...],
    context: ImportContext,
    folder: Folder,
    *,
    apart: str = "",
) -> _Tool:
    """The tool with its files, by paths relative to the assistant's YAML."""
    if not files:
        return _Tool(tool, remarks)
    if not context.with_files:
        names = [f"{plain_name(file)} ({file['id']})" for file in files]
        return _Tool(tool, (*remarks, f"Not imported: {some(names)}."))
    paths = [path.removeprefix("assistants/") for path in folder.put_all(files, apart=apart)]
    return _Tool({**tool, "files": paths}, remarks)


def _remarks_at_head(body: Body, lost: tuple[str, ...], context: ImportContext) -> Iterable[str]:
    if context.resources is None:
        yield f"Imported from a dump, where it was {body['id']}."
    if lost:
        yield f"Not imported: {', '.join(lost)}."
    if old := body.get("file_ids"):  # where the first version of the API had them
        yield f"Its files are not in the dump: {some(map(str, old))}."


def _remark_on_metadata(fields: Mapping[str, Json], defaults: Mapping[str, Json]) -> str:
    more = sorted(set(defaults.get("metadata") or ()) - set(fields.get("metadata") or ()))
    if not fields.get("metadata") or not more:
        return ""
    return f"Beside these it gets those of the defaults in {FILE}: {some(more)}."
