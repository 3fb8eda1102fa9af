"""What shape the answers of a target must have for what is read from them. An object of another
shape is the target's fault, and is told as such before anything is made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from assistctl.errors import RemoteError
from assistctl.resources import Json


@dataclass(frozen=True)
class Needed:
    """Neither null nor left out."""

    shape: Shape


@dataclass(frozen=True)
class Either:
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class ByType:
    """An object with a `type`; those of some types have more fields than the others."""

    fields: Mapping[str, Shape]
    more: Mapping[str, Mapping[str, Shape]]

    def of(self, value: Json) -> Mapping[str, Shape]:
        kind = value.get("type") if isinstance(value, Mapping) else None
        more = self.more.get(kind, {}) if isinstance(kind, str) else {}
        return {"type": Needed(str), **self.fields, **more}


Shape: TypeAlias = type | Mapping[str, "Shape"] | list["Shape"] | Needed | Either | ByType
"""A JSON type, an object by its fields, a list by its items; null and left out is anything that is
not needed, and further fields are no fault."""

Fault: TypeAlias = tuple[str, Json, str]

NUMBER = Either((int, float))
IDS: Shape = [Needed(str)]
_FUNCTION: Mapping[str, Shape] = {
    "name": Needed(str),
    "description": str,
    "parameters": dict,
    "strict": bool,
}
_TOOL: Shape = {
    "type": Needed(str),
    "function": _FUNCTION,
    "file_search": {"max_num_results": NUMBER, "ranking_options": {"score_threshold": NUMBER}},
}
_CHUNKING: Shape = {"type": str, "static": dict}
_COUNTS: Shape = {"total": int, "completed": int}
_ERROR: Shape = {"code": str, "message": str}

ASSISTANT: Shape = {
    "created_at": NUMBER,
    "name": str,
    "description": str,
    "model": str,
    "instructions": str,
    "reasoning_effort": str,
    "tools": [Needed(_TOOL)],
    "tool_resources": {
        "code_interpreter": {"file_ids": IDS},
        "file_search": {"vector_store_ids": IDS},
    },
    "temperature": NUMBER,
    "top_p": NUMBER,
    "response_format": Either((str, {"type": str, "json_schema": {"name": str, "schema": dict}})),
    "metadata": dict,
}
STORE: Shape = {
    "created_at": NUMBER,
    "name": str,
    "status": str,
    "expires_after": {"anchor": str, "days": NUMBER},
    "file_counts": _COUNTS,
    "metadata": dict,
}
MEMBER: Shape = {
    "status": str,
    "last_error": _ERROR,
    "chunking_strategy": _CHUNKING,
    "attributes": dict,
}
BATCH: Shape = {"status": str, "file_counts": _COUNTS}
FILE: Shape = {"filename": str, "bytes": NUMBER, "created_at": NUMBER, "purpose": str}
_CALL: Shape = {"id": Needed(str), "function": Needed({"name": Needed(str), "arguments": str})}
RUN: Shape = {
    "status": Needed(str),
    "created_at": NUMBER,
    "expires_at": NUMBER,
    "required_action": {"submit_tool_outputs": Needed({"tool_calls": Needed([Needed(_CALL)])})},
    "last_error": _ERROR,
    "incomplete_details": {"reason": str},
    "usage": dict,
    "notes": list,
}
_NOTE: Shape = {
    "type": str,
    "text": str,
    "file_citation": {"file_id": str, "quote": str},
    "file_path": {"file_id": str},
}
_PARTS: Shape = [
    Needed(
        {
            "type": str,
            "text": {"value": str, "annotations": [Needed(_NOTE)]},
            "image_file": {"file_id": str},
        }
    )
]
_OUTPUTS: Shape = [Needed({"logs": str, "image": {"file_id": str}, "url": str})]
_RESULTS: Shape = [
    Needed(
        {
            "file_name": str,
            "filename": str,
            "file_id": str,
            "score": NUMBER,
            "text": str,
            "content": [Needed({"text": str})],
        }
    )
]
_STEP_DETAILS: Shape = {
    "tool_calls": [
        Needed(
            {
                "index": int,
                "id": str,
                "type": str,
                "code_interpreter": {"input": str, "outputs": _OUTPUTS},
                "file_search": {"results": _RESULTS},
                "function": {"name": str, "arguments": str, "output": str},
            }
        )
    ]
}
STEP: Shape = {"status": str, "step_details": _STEP_DETAILS}
MESSAGE: Shape = {
    "run_id": str,
    "role": str,
    "content": _PARTS,
    "attachments": [Needed({"file_id": str})],
    "metadata": dict,
}
_ANSWERED: Shape = {"type": str, "text": str, "annotations": [Needed({"type": str})]}
_CALLED: Mapping[str, Shape] = {"call_id": Needed(str), "name": Needed(str)}
_CONSENT: Mapping[str, Shape] = {
    "request_id": Needed(str),
    "request": Needed({"server_label": Needed(str), "name": str}),
}
ITEM: Shape = ByType(
    {"content": [Needed(_ANSWERED)]},
    {
        "function_call": {**_CALLED, "arguments": str},
        "function_call_output": {"call_id": Needed(str)},
        "code_interpreter_call": {"code": str, "outputs": _OUTPUTS, "container_id": str},
        "file_search_call": {"queries": [str], "results": _RESULTS},
        "mcp_approval_request": {
            "id": Needed(str),
            "server_label": Needed(str),
            "name": Needed(str),
            "arguments": str,
        },
        "mcp_approval_response": {"approval_request_id": Needed(str)},
    },
)
RESPONSE: Shape = {
    "id": Needed(str),
    "status": str,
    "output": [Needed(ITEM)],
    "error": {"message": str},
    "incomplete_details": {"reason": str},
    "conversation": {"id": Needed(str)},
    "usage": dict,
    "notes": list,
}
AGENT: Shape = {
    "created_at": NUMBER,
    "name": str,
    "model": str,
    "instructions": str,
    "reasoning": {"effort": str},
    "text": {"format": {"type": str, "schema": dict}, "verbosity": str},
    "tools": [Needed({**_FUNCTION, "type": Needed(str), "name": str, "transport": dict})],
    "metadata": dict,
}
SESSION: Shape = {
    "id": Needed(str),
    "status": Needed(str),
    "error": Either((str, dict)),
    "environment": {"type": str, "id": str, "files": [Needed({"path": str})]},
    "required_actions": [
        Needed(
            ByType({"turn_id": str}, {"function_call": _CALLED, "mcp_approval_request": _CONSENT})
        )
    ],
    "metadata": dict,
}
_TOKENS: Shape = {"input_tokens": int, "output_tokens": int, "total_tokens": int}
TURN: Shape = {
    "id": Needed(str),
    "status": Needed(str),
    "error": _ERROR,
    "usage": _TOKENS,
    "subagent_id": str,
    "notes": list,
}
SESSION_ITEM: Shape = ByType(
    {},
    {
        "message": {"role": str, "content": [Needed({"type": Needed(str), "text": str})]},
        "command_execution": {"command": str, "output": str, "exit_code": int},
    },
)
ARTIFACT: Shape = {"id": Needed(str), "path": str, "size_bytes": NUMBER, "turn_id": str}
CONTAINED: Shape = {"id": Needed(str), "path": str, "bytes": NUMBER, "created_at": NUMBER}
HITS: Shape = {"data": Needed(_RESULTS)}

_BY_PATH: tuple[tuple[str, Shape], ...] = (
    (r"/assistants(/[^/]+)?", ASSISTANT),
    (r"/vector_stores(/[^/]+)?", STORE),
    (r"/vector_stores/[^/]+/files(/[^/]+)?", MEMBER),
    (r"/vector_stores/[^/]+/file_batches(/[^/]+)?", BATCH),
    (r"/vector_stores/[^/]+/file_batches/[^/]+/files", MEMBER),
    (r"/vector_stores/[^/]+/search", HITS),
    (r"/files(/[^/]+)?", FILE),
    (r"/agents/sessions(/[^/]+)?", SESSION),
    (r"/agents/sessions/[^/]+/turns(/[^/]+)?", TURN),
    (r"/agents/sessions/[^/]+(/turns/[^/]+)?/items", SESSION_ITEM),
    (r"/agents/sessions/[^/]+/artifacts", ARTIFACT),
    (r"/containers/[^/]+/files", CONTAINED),
    (r"/agents(/[^/]+)?", AGENT),
    (r"/responses(/[^/]+(/cancel)?)?", RESPONSE),
    (r"/conversations/[^/]+/items", ITEM),
    (r"/responses/[^/]+/input_items", ITEM),
    (r"/threads/[^/]+/runs/[^/]+/steps", STEP),
    (r"/threads/[^/]+/messages(/[^/]+)?", MESSAGE),
    (r"/threads/[^/]+/runs(/[^/]+(/cancel|/submit_tool_outputs)?)?", RUN),
)
_BY_EVENT: tuple[tuple[str, Shape], ...] = (
    (r"thread\.run\.(?!step)\w+", RUN),
    (r"thread\.run\.step\.delta", {"delta": {"step_details": _STEP_DETAILS}}),
    (r"thread\.run\.step\.(?!delta)\w+", STEP),
    (
        r"response\.(created|queued|in_progress|completed|failed|incomplete)",
        {"response": Needed(RESPONSE)},
    ),
    (r"response\.output_item\.done", {"item": Needed(ITEM)}),
    (r"response\.(output_text|refusal)\.delta", {"delta": Needed(str)}),
    (
        r"agent\.session\.(created|idle|in_progress|requires_action|failed)",
        {"session": Needed(SESSION)},
    ),
    (
        r"agent\.session\.turn\.(created|in_progress|completed|failed|cancelled)",
        {"turn": Needed(TURN), "usage": _TOKENS},
    ),
    (r"agent\.session\.turn\.item\.(added|done)", {"item": Needed(SESSION_ITEM)}),
    (r"agent\.session\.turn\.output_text\.delta", {"delta": str}),
    (r"thread\.message\.delta", {"delta": {"content": _PARTS}}),
    (r"thread\.message\.(?!delta)\w+", MESSAGE),
)


def check_object(method: str, path: str, item: Mapping[str, Json]) -> None:
    """Raises RemoteError for an object of impossible shape in the answer to this request."""
    _check(f"{method} {path}", _of_path(path), item)


def check_event(method: str, path: str, name: str, data: Mapping[str, Json]) -> None:
    """The same for what an event of a stream brings."""
    _check(f"{method} {path} ({name})", _of_event(name), data)


@lru_cache(256)
def _of_path(path: str) -> Shape | None:
    return next((shape for pattern, shape in _BY_PATH if re.fullmatch(pattern, path)), None)


@lru_cache(256)
def _of_event(name: str) -> Shape | None:
    return next((shape for pattern, shape in _BY_EVENT if re.fullmatch(pattern, name)), None)


def _check(request: str, shape: Shape | None, item: Mapping[str, Json]) -> None:
    if shape is not None and (fault := _fault(item, shape)):
        place, value, wanted = fault
        there = "not there" if value is None else shown(value)
        raise RemoteError(
            f"{request}: in what the target answered, `{place}` of {shown(item.get('id'))} is "
            f"{there} instead of {wanted}; that is a fault of the target, which nothing here can "
            "mend"
        )
    if shape is RUN and item["status"] == "requires_action" and not item.get("required_action"):
        raise RemoteError(
            f"{request}: the target says that the run {shown(item.get('id'))} requires an action, "
            "and does not say which; that is a fault of the target, which nothing here can mend"
        )


def shown(value: Json) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


_OBJECTS = (dict, Mapping)  # the likely one first, since it takes long to tell a Mapping


def _fault(value: Json, shape: Shape) -> Fault | None:
    """The first place at which a value is not of this shape, what is there, and what should be."""
    if value is None:
        return ("", value, _named(shape)) if isinstance(shape, Needed) else None
    while isinstance(shape, Needed):
        shape = shape.shape
    if type(value) is shape:  # most of what is in answers
        return None
    if isinstance(shape, type):
        fits = isinstance(value, shape) and not (isinstance(value, bool) and shape is not bool)
    elif isinstance(shape, Either):
        if type(value) in shape.shapes:
            return None
        faults = [it for option in shape.shapes if (it := _fault(value, option))]
        fits_none = len(faults) == len(shape.shapes)
        return max(faults, key=lambda it: len(it[0])) if fits_none else None
    elif isinstance(shape, list):
        fits = isinstance(value, list)
        for number, item in enumerate(value if fits else ()):
            if fault := _fault(item, shape[0]):
                return _inside(f"[{number}]", fault)
    else:
        fits = isinstance(value, _OBJECTS)
        fields = shape.of(value) if isinstance(shape, ByType) else shape
        for name, inner in fields.items() if fits else ():
            item = value.get(name)
            if type(item) is not inner and (fault := _fault(item, inner)):
                return _inside(name, fault)
    return None if fits else ("", value, _named(shape))


def _inside(step: str, fault: Fault) -> Fault:
    place, value, wanted = fault
    return f"{step}.{place}" if place and place[0] != "[" else step + place, value, wanted


def _named(shape: Shape) -> str:
    if isinstance(shape, Needed):
        return _named(shape.shape)
    if isinstance(shape, Either):
        return " or ".join(dict.fromkeys(map(_named, shape.shapes)))
    if isinstance(shape, list):
        return "a list"
    if isinstance(shape, type):
        names = {str: "a text", bool: "true or false", int: "a number", float: "a number"}
        return {**names, list: "a list", dict: "an object"}[shape]
    return "an object"
