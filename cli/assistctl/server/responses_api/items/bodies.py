"""What clients may send as items: checks of their shapes, with the API's limits.

Items are often sent back as they came, so that what an answer has, a request may have too. What
this server cannot keep is refused by the name of its type.
"""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.server.http.bodies import image_address
from assistctl.server.responses_api.items import compaction
from assistctl.server.validation import (
    Check,
    Fields,
    Required,
    anything,
    array,
    choice,
    either,
    missing_parameter,
    record,
    string,
    tagged,
    typed,
)
from assistctl.server.wire import Json, invalid

_MOST_ITEMS = 20
_LONGEST = 10 * 2**20
_TEXT = string(longest=_LONGEST)
_ID = string(shortest=1)
_STATUS = choice("in_progress", "completed", "incomplete", "failed", "searching", "interpreting")
_ITEM: Fields = {"type": Required(string()), "id": string(), "status": _STATUS}
_PART: Fields = {"type": Required(string()), "prompt_cache_breakpoint": anything}
_DETAIL = choice("auto", "low", "high", "original")


def _image(value: Json, path: str) -> Json:
    part = record({**_PART, "image_url": image_address, "file_id": _ID, "detail": _DETAIL})(
        value, path
    )
    if bool(part.get("image_url")) == bool(part.get("file_id")):
        raise invalid(path, "give exactly one of 'image_url' and 'file_id'.")
    return part


_FILE = record(
    {**_PART, "file_id": _ID, "file_data": string(shortest=1), "file_url": string()}
    | {"filename": string(longest=255), "detail": choice("auto", "low", "high")}
)


def _file(value: Json, path: str) -> Json:
    part = _FILE(value, path)
    if part.get("file_url"):
        raise invalid(
            f"{path}.file_url",
            "this server fetches no files. Upload the file and give its"
            " 'file_id', or send it as 'file_data'.",
            "unsupported_value",
        )
    if bool(part.get("file_id")) == bool(part.get("file_data")):
        raise invalid(path, "give exactly one of 'file_id' and 'file_data'.")
    if part.get("file_data") and not part.get("filename"):
        raise missing_parameter(f"{path}.filename")
    return part


_INPUT_TEXT = record({**_PART, "text": Required(_TEXT)})
_INPUTS: Mapping[str, Check] = {
    "input_text": _INPUT_TEXT,
    "input_image": _image,
    "input_file": _file,
}
_OUTPUTS: Mapping[str, Check] = {
    "output_text": record(
        {**_PART, "text": Required(_TEXT), "annotations": array(anything), "logprobs": anything}
    ),
    "refusal": record({**_PART, "refusal": Required(_TEXT)}),
}
_PARTS: Mapping[str, Mapping[str, Check]] = {
    "user": _INPUTS,
    "assistant": _OUTPUTS,
    "system": {"input_text": _INPUT_TEXT},
    "developer": {"input_text": _INPUT_TEXT},
}
_ROLE = choice(*_PARTS)
_PHASE = choice("commentary", "final_answer")


def _message(value: Json, path: str) -> Json:
    message = record(
        {**_ITEM, "role": Required(_ROLE), "content": Required(anything), "phase": _PHASE}
    )(value, path)
    parts = array(tagged(_PARTS[message["role"]]), shortest=1)
    content = either(_TEXT, parts)(message["content"], f"{path}.content")
    return {**message, "content": content}


_COMPACTION = record({**_ITEM, "encrypted_content": Required(_TEXT), "created_by": anything})


def _compaction(value: Json, path: str) -> Json:
    item = _COMPACTION(value, path)
    if compaction.summary_of(item["encrypted_content"]) is None:
        raise invalid(
            f"{path}.encrypted_content",
            "this server has not made it, and cannot read it."
            " Compact the history here, with /responses/compact.",
            "invalid_encrypted_content",
        )
    return item


_SUMMARIES = array(typed({"text": Required(_TEXT)}))
_CALL: Fields = {"call_id": Required(string(shortest=1, longest=64)), "caller": anything}
_OUTPUT = either(_TEXT, array(tagged({"input_text": _INPUT_TEXT})))
_RESULT = record(
    {"file_id": string(), "filename": string(), "text": _TEXT, "score": anything}
    | {"attributes": anything, "vector_store_id": anything}
)
_CODE_OUTPUTS = array(
    tagged({"logs": {"logs": Required(_TEXT)}, "image": {"url": Required(string())}})
)
_KINDS: Mapping[str, Check] = {
    "message": _message,
    "function_call": record(
        {**_ITEM, **_CALL, "name": Required(string(shortest=1)), "arguments": Required(_TEXT)}
        | {"namespace": anything, "created_by": anything, "parsed_arguments": anything}
    ),
    "function_call_output": record(
        {**_ITEM, **_CALL, "output": Required(_OUTPUT), "created_by": anything}
        | {"name": anything, "namespace": anything}
    ),
    "reasoning": record(
        {**_ITEM, "summary": Required(_SUMMARIES), "content": _SUMMARIES}
        | {"encrypted_content": _TEXT}
    ),
    "compaction": _compaction,
    "file_search_call": record(
        {**_ITEM, "queries": Required(array(string())), "results": array(_RESULT)}
    ),
    "code_interpreter_call": record(
        {**_ITEM, "container_id": Required(string()), "code": _TEXT, "outputs": _CODE_OUTPUTS}
    ),
    "item_reference": record({"type": string(), "id": Required(_ID)}),
}
_TAGGED = tagged(_KINDS)


def _item(value: Json, path: str) -> Json:
    """Of messages and references the type may be left out."""
    if isinstance(value, dict) and value.get("type") is None:
        if "role" in value:
            value = {**value, "type": "message"}
        elif set(value) <= {"id", "type"} and "id" in value:
            value = {**value, "type": "item_reference"}
    return _TAGGED(value, path)


ITEMS: Check = array(_item)
FEW_ITEMS: Check = array(_item, longest=_MOST_ITEMS)
"""As many as may be added to a conversation at once."""


def as_items(text: str) -> list[Json]:
    """Text alone, which is what a user says."""
    return [{"type": "message", "role": "user", "content": text}]
