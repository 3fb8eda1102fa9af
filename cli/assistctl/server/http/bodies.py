"""The shapes of request bodies that several endpoints share, with the API's limits."""

from __future__ import annotations

import re
from collections.abc import Mapping

from assistctl.server.http import schemas
from assistctl.server.retrieval.vector_stores import STORE_FILES
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
    mapping,
    number,
    record,
    string,
    tagged,
    typed,
)
from assistctl.server.wire import FILE, ApiError, Json, invalid

INSTRUCTIONS_LENGTH = 256_000
CODE_FILES = 20
METADATA = mapping(string(longest=512), most=16, longest_key=64)
_IDS = string(shortest=1)
MODEL = string(shortest=1)
INSTRUCTIONS = string(longest=INSTRUCTIONS_LENGTH)
TEMPERATURE = number(least=0, most=2)
TOP_P = number(least=0, most=1)
REASONING_EFFORT = choice("none", "minimal", "low", "medium", "high", "xhigh", "max")

NAME = string(matching=r"[a-zA-Z0-9_-]+", longest=64)
"""Of a function or a format."""
SCHEMA = mapping(anything, most=10_000, longest_key=1_000)

_FUNCTION = record(
    {
        "name": Required(NAME),
        "description": string(),
        "parameters": SCHEMA,
        "strict": boolean,
    }
)


def hybrid_search(value: Json, path: str) -> Json:
    """Not of the contract: what newer APIs have for the same thing."""
    weight = Required(number(least=0))
    weights = record({"embedding_weight": weight, "text_weight": weight})(value, path)
    if not any(weights.values()):
        raise invalid(path, "at least one weight must be greater than 0.")
    return weights


def _said(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Without what is null, where the API answers with a value or with nothing."""
    return {name: value for name, value in fields.items() if value is not None}


_RANKING = record(
    {
        "ranker": choice("auto", "default_2024_08_21"),
        "score_threshold": Required(number(least=0, most=1)),
        "hybrid_search": hybrid_search,
    }
)
_FILE_SEARCH = record({"max_num_results": integer(least=1, most=50), "ranking_options": _RANKING})
_DEFAULT_RANKING = {"ranker": "default_2024_08_21", "score_threshold": 0.0}


def _kept_function_tool(value: Json, path: str) -> Json:
    tool = typed({"function": Required(_FUNCTION)})(value, path)
    function = _said(tool["function"])
    return {"type": "function", "function": {**function, "strict": bool(function.get("strict"))}}


def _function_tool(value: Json, path: str) -> Json:
    tool = _kept_function_tool(value, path)
    function = tool["function"]
    if "parameters" in function:
        param = f"{path}.function.parameters"
        schemas.check_function(function, strict=function["strict"], param=param)
    return tool


def file_search_tool(value: Json, path: str) -> Json:
    """As OpenAI did, the stored tool says how it ranks."""
    tool = typed({"file_search": _FILE_SEARCH})(value, path)
    options = _said(tool.get("file_search") or {})
    ranking = {**_DEFAULT_RANKING, **_said(options.get("ranking_options") or {})}
    return {"type": "file_search", "file_search": {**options, "ranking_options": ranking}}


TOOL_KINDS: Mapping[str, Check | Fields] = {
    "code_interpreter": {},
    "file_search": file_search_tool,
    "function": _function_tool,
}
MOST_TOOLS = 128
TOOLS = array(tagged(TOOL_KINDS), longest=MOST_TOOLS)
KEPT_TOOLS = array(tagged({**TOOL_KINDS, "function": _kept_function_tool}), longest=MOST_TOOLS)
"""Tools that were accepted elsewhere, when other schemas of functions may have been."""

_SCHEMA = record(
    {
        "name": Required(NAME),
        "description": string(),
        "schema": SCHEMA,
        "strict": boolean,
    }
)


def _kept_schema_format(value: Json, path: str) -> Json:
    chosen = typed({"json_schema": Required(_SCHEMA)})(value, path)
    return {**chosen, "json_schema": _said(chosen["json_schema"])}


def _usual_format(value: Json, path: str) -> Json:
    """The SDKs of 2024 sent "none" for what is "auto" since."""
    return "auto" if value == "none" else choice("auto")(value, path)


def _schema_format(value: Json, path: str) -> Json:
    chosen = _kept_schema_format(value, path)
    wanted = chosen["json_schema"]
    if "schema" in wanted:
        schemas.check(
            wanted["schema"],
            f"response_format '{wanted['name']}'",
            strict=wanted.get("strict") is True,
            param=path,
            code=None,
        )
    return chosen


def _response_format(schema_format: Check) -> Check:
    kinds = tagged({"text": {}, "json_object": {}, "json_schema": schema_format})
    return either(_usual_format, kinds)


RESPONSE_FORMAT = _response_format(_schema_format)
KEPT_RESPONSE_FORMAT = _response_format(_kept_schema_format)


def _static_chunking(value: Json, path: str) -> Json:
    strategy = record(
        {
            "max_chunk_size_tokens": Required(integer(least=100, most=4096)),
            "chunk_overlap_tokens": Required(integer(least=0)),
        }
    )(value, path)
    if strategy["chunk_overlap_tokens"] * 2 > strategy["max_chunk_size_tokens"]:
        raise ApiError(
            f"Invalid '{path}': chunk_overlap_tokens must be less than or equal to half of"
            " max_chunk_size_tokens.",
            param=f"{path}.chunk_overlap_tokens",
            code="invalid_value",
        )
    return strategy


CHUNKING = tagged({"auto": {}, "static": {"static": Required(_static_chunking)}})
PURPOSE = choice("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
FILE_EXPIRY = record(
    {
        "anchor": Required(choice("created_at")),
        "seconds": Required(integer(least=3_600, most=2_592_000)),
    }
)
STORE_EXPIRY = record(
    {
        "anchor": Required(choice("last_active_at")),
        "days": Required(integer(least=1, most=365)),
    }
)


def _attribute(value: Json, path: str) -> Json:
    return value if isinstance(value, bool | int | float) else string(longest=512)(value, path)


ATTRIBUTES = mapping(_attribute, most=16, longest_key=64)

_CODE_RESOURCES = record({"file_ids": array(_IDS, longest=CODE_FILES)})
_STORE_IDS = array(_IDS, longest=1)
_INLINE_STORE = record(
    {
        "file_ids": array(_IDS, longest=STORE_FILES),
        "chunking_strategy": CHUNKING,
        "metadata": METADATA,
    }
)


def _search_resources(value: Json, path: str) -> Json:
    resources = record(
        {"vector_store_ids": _STORE_IDS, "vector_stores": array(_INLINE_STORE, longest=1)}
    )(value, path)
    if resources.get("vector_store_ids") and resources.get("vector_stores"):
        raise invalid(path, "give either vector_store_ids or vector_stores, not both.")
    return resources


RESOURCES = record({"code_interpreter": _CODE_RESOURCES, "file_search": _search_resources})
"""tool_resources; a vector store may be given inline instead of by its id."""

_ADDRESS = re.compile(r"https?://[^\s/]|data:image/", re.IGNORECASE)


def image_address(value: Json, path: str) -> Json:
    """Refused now, since every run of a thread with an address that leads nowhere would fail.

    The hosted API refused data: URLs too; models take them."""
    address = string()(value, path)
    if not _ADDRESS.match(address):
        raise ApiError(
            f"Invalid '{path}'. Expected a valid URL, but got a value with an invalid format.",
            param=path,
            code="invalid_value",
        )
    return address


_DETAIL = choice("auto", "low", "high")
_IMAGE_FILE = record({"file_id": Required(_IDS), "detail": _DETAIL})
_IMAGE_URL = record({"url": Required(image_address), "detail": _DETAIL})
_PART = tagged(
    {
        "text": {"text": Required(string(longest=INSTRUCTIONS_LENGTH))},
        "image_file": {"image_file": Required(_IMAGE_FILE)},
        "image_url": {"image_url": Required(_IMAGE_URL)},
    }
)


def _content(value: Json, path: str) -> Json:
    """Text, or a list of parts; nothing at all is refused in the API's words."""
    if value in ("", []):
        raise ApiError("Message content must be non-empty.", param=path)
    return either(string(longest=INSTRUCTIONS_LENGTH), array(_PART))(value, path)


def file_id(value: Json, path: str) -> Json:
    """What can be the id of a file, whether or not there is one."""
    return FILE.checked(string()(value, path), path)


def _attachments(identity: Check) -> Check:
    tools = array(tagged({"code_interpreter": {}, "file_search": {}}))
    return array(record({"file_id": Required(identity), "tools": tools}))


KEPT_ATTACHMENTS = _attachments(_IDS)
MESSAGE: Check = record(
    {
        "role": Required(choice("user", "assistant")),
        "content": Required(_content),
        "attachments": _attachments(file_id),
        "metadata": METADATA,
    }
)
THREAD: Check = record(
    {"messages": array(MESSAGE), "tool_resources": RESOURCES, "metadata": METADATA}
)
