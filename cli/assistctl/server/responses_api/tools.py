"""Tools of a response: what a client may declare, and what a run is given of it.

A declared tool is mirrored as it was completed here; a run has it in the shape of its own API,
see `of_run`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistctl.server.http import bodies, schemas
from assistctl.server.retrieval import filters
from assistctl.server.validation import (
    Check,
    Fields,
    Required,
    anything,
    array,
    boolean,
    choice,
    either,
    integer,
    number,
    record,
    string,
    tagged,
    typed,
)
from assistctl.server.wire import ApiError, Document, Json

HERE = ("function", "file_search", "code_interpreter")
_RESULTS = 20
_RANKER = "auto"
_MEMORY = "1g"
_STORES = 2
_NO_PARAMETERS = {"type": "object", "properties": {}}

_FUNCTION = typed(
    {
        "name": Required(string(matching=r"[a-zA-Z0-9_-]+", longest=128)),
        "description": string(),
        "parameters": bodies.SCHEMA,
        "strict": boolean,
        "allowed_callers": array(choice("direct")),
        "async": boolean,
        "defer_loading": boolean,
        "output_schema": bodies.SCHEMA,
    }
)
_MIRRORED = ("allowed_callers", "async", "defer_loading", "output_schema")
"""Of a function: what models are not told, since only the client's side needs it."""
_RANKING = record(
    {
        "ranker": choice("auto", "default-2024-11-15", "default_2024_08_21"),
        "score_threshold": number(least=0, most=1),
        "hybrid_search": bodies.hybrid_search,
    }
)
_SEARCH = typed(
    {
        "vector_store_ids": Required(array(string(shortest=1), shortest=1, longest=_STORES)),
        "max_num_results": integer(least=1, most=50),
        "filters": filters.check,
        "ranking_options": _RANKING,
    }
)
_CONTAINER = record(
    {
        "type": Required(choice("auto")),
        "file_ids": array(string(shortest=1), longest=bodies.CODE_FILES),
        "memory_limit": choice("1g", "4g", "16g", "64g"),
        "network_policy": tagged({"disabled": {}}),
    }
)
_CODE = typed({"container": Required(either(string(shortest=1), _CONTAINER))})


def _function(value: Json, path: str) -> Json:
    """Without `strict` the function is strict where its schema allows that, as at OpenAI."""
    tool = _FUNCTION(value, path)
    if tool.get("async"):
        raise ApiError(
            f"'{path}.async' must be false on this server: the model is asked again once all calls"
            " have been answered.",
            param=f"{path}.async",
            code="unsupported_value",
        )
    parameters = tool.get("parameters") or _NO_PARAMETERS
    strict = tool.get("strict")
    declared = {**tool, "parameters": parameters}
    schemas.check_function(declared, strict=strict is True, param=f"{path}.parameters")
    if strict is None:
        strict = schemas.allows_strict(parameters)
    return {
        "type": "function",
        "name": tool["name"],
        "description": tool.get("description"),
        "parameters": tool.get("parameters"),
        "strict": strict,
        **{key: tool[key] for key in _MIRRORED if tool.get(key) is not None},
    }


def _search(value: Json, path: str) -> Json:
    tool = _SEARCH(value, path)
    ranking = {"ranker": _RANKER, "score_threshold": 0.0}
    given = {key: each for key, each in (tool.get("ranking_options") or {}).items() if each}
    return {
        "type": "file_search",
        "filters": tool.get("filters"),
        "max_num_results": tool.get("max_num_results") or _RESULTS,
        "ranking_options": ranking | given,
        "vector_store_ids": tool["vector_store_ids"],
    }


def _code(value: Json, path: str) -> Json:
    container = _CODE(value, path)["container"]
    if isinstance(container, str):
        return {"type": "code_interpreter", "container": container}
    return {
        "type": "code_interpreter",
        "container": {
            "type": "auto",
            "file_ids": container.get("file_ids") or [],
            "memory_limit": container.get("memory_limit") or _MEMORY,
        },
    }


_KINDS: Mapping[str, Check] = {
    "function": _function,
    "file_search": _search,
    "code_interpreter": _code,
}


def _tool(value: Json, path: str) -> Json:
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind not in HERE:
        raise _not_here(kind, f"{path}.type")
    return tagged(_KINDS)(value, path)


TOOLS: Check = array(_tool, longest=bodies.MOST_TOOLS)

_CHOICES: Mapping[str, Fields] = {
    "function": {"name": Required(string(shortest=1))},
    "file_search": {},
    "code_interpreter": {},
    "allowed_tools": {
        "mode": Required(choice("auto", "required")),
        "tools": Required(array(tagged(dict.fromkeys(HERE, anything)))),
    },
}


def _chosen(value: Json, path: str) -> Json:
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind not in _CHOICES:
        raise _not_here(kind, f"{path}.type")
    return tagged(_CHOICES)(value, path)


CHOICE: Check = either(choice("none", "auto", "required"), _chosen)


@dataclass(frozen=True)
class ChosenTools:
    """The tools of a response as its run has them; `container` is the id of a container that was
    named instead of asked for."""

    tools: Sequence[Document]
    tool_choice: str | Document
    vector_store_ids: Sequence[str]
    file_ids: Sequence[str]
    container: str | None
    filters: Mapping[str, Any] | None


def of_run(tools: Sequence[Document], tool_choice: str | Document) -> ChosenTools:
    """Raises ApiError where the choice names what is not there."""
    offered, chosen = _offered(tools, tool_choice)
    search = next((tool for tool in offered if tool["type"] == "file_search"), {})
    code = next((tool for tool in offered if tool["type"] == "code_interpreter"), {})
    container = code.get("container", {})
    named = container if isinstance(container, str) else None
    return ChosenTools(
        tools=[_in_run(tool) for tool in offered],
        tool_choice=chosen,
        vector_store_ids=search.get("vector_store_ids", []),
        file_ids=[] if named else container.get("file_ids", []),
        container=named,
        filters=search.get("filters"),
    )


def _offered(
    tools: Sequence[Document], tool_choice: str | Document
) -> tuple[Sequence[Document], str | Document]:
    """Of the declared tools those that the model may call, and how it is to choose among them."""
    if isinstance(tool_choice, str):
        if tool_choice == "required" and not tools:
            raise ApiError(
                "Tool choice 'required' must be specified with 'tools' parameter.",
                param="tool_choice",
            )
        return tools, tool_choice
    names = [_name(tool) for tool in tools]
    if tool_choice["type"] == "allowed_tools":
        allowed = [_name(tool) for tool in tool_choice["tools"]]
        for name in allowed:
            _must_be_there(name, names)
        return [tool for tool in tools if _name(tool) in allowed], tool_choice["mode"]
    _must_be_there(_name(tool_choice), names)
    if tool_choice["type"] == "function":
        return tools, {"type": "function", "function": {"name": tool_choice["name"]}}
    return tools, {"type": tool_choice["type"]}


def _must_be_there(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise ApiError(
            f"Tool choice '{name}' not found in 'tools' parameter"
            f" (tools: {', '.join(names) or 'none'}).",
            param="tool_choice",
            code="invalid_value",
        )


def _name(tool: Mapping[str, Any]) -> str:
    return str(tool.get("name") if tool["type"] == "function" else tool["type"])


def _in_run(tool: Document) -> Document:
    if tool["type"] == "function":
        hidden = ("type", *_MIRRORED)
        function = {key: value for key, value in tool.items() if key not in hidden and value}
        return {"type": "function", "function": {**function, "strict": tool["strict"]}}
    if tool["type"] == "file_search":
        options = {key: tool[key] for key in ("max_num_results", "ranking_options")}
        return {"type": "file_search", "file_search": options}
    return {"type": "code_interpreter"}


def _not_here(kind: str, param: str) -> ApiError:
    return ApiError(
        f"The tool '{kind}' is not available on this server, which has"
        f" {', '.join(HERE)}. Leave it out, or declare a function that does the same.",
        param=param,
        code="unsupported_tool",
    )
