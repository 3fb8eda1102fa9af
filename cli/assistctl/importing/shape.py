"""The shape in which assistants must come, so that the rest can rely on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from assistctl.resources import Json

if TYPE_CHECKING:
    from assistctl.surface import Body


class NotImportable(Exception):
    """Why an assistant cannot be declared."""


def check_shape(body: Body) -> None:
    """Raises NotImportable for what is not formed like an assistant, or cannot be UTF-8."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise NotImportable(
            "it holds half a character (a UTF-16 surrogate); correct it first"
        ) from error
    from jsonschema import Draft202012Validator

    for fault in Draft202012Validator(_SHAPE).iter_errors(body):
        steps = ".".join(map(str, fault.absolute_path))
        raise NotImportable(f"the API answers nothing like its `{steps}`: {fault.message}")


def _object(**properties: Json) -> Json:
    return {"type": ["object", "null"], "properties": properties}


_IDS = {"type": ["array", "null"], "items": {"type": "string"}}
_TEXT = {"type": ["string", "null"]}
_SHAPE = _object(
    name=_TEXT,
    instructions=_TEXT,
    tools={
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                "function": {"type": "object"},
                "file_search": _object(ranking_options=_object()),
            },
            "required": ["type"],
            "if": {"properties": {"type": {"const": "function"}}},
            "then": {"required": ["function"]},
        },
    },
    tool_resources=_object(
        code_interpreter=_object(file_ids=_IDS), file_search=_object(vector_store_ids=_IDS)
    ),
    metadata=_object(),
    file_ids=_IDS,
)
"""Whether the values are right is for spec to say."""
