"""The file_search that agents have not: a function, answered here by searching vector stores."""

from __future__ import annotations

import json
from collections.abc import Sequence

from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import RemoteError
from assistctl.events import Hit, Searched, ToolCall
from assistctl.resources import FileSearch, Json


def search(client: Client, tool: FileSearch, stores: Sequence[str], call: ToolCall) -> Searched:
    """What a call finds; an `error` is for the model too."""
    try:
        query = json.loads(call.arguments)["query"]
    except (ValueError, KeyError, TypeError):
        return Searched(call.id, error='the arguments must be {"query": "…"}')
    hits: list[Hit] = []
    for store in stores:
        path = path_of("/vector_stores", store, "search")
        try:
            answer = client.search(path, {"query": query, **tool.options})
        except RemoteError as error:
            return Searched(call.id, (str(query),), error=str(error))
        hits += [
            Hit(
                str(found.get("filename")),
                found.get("file_id"),
                found.get("score"),
                "\n".join(part.get("text") or "" for part in found.get("content") or ()),
            )
            for found in answer["data"]
        ]
    return Searched(call.id, (str(query),), tuple(hits))


def read(call: ToolCall, told: str) -> Searched | None:
    """What the output of a call says that was found; None of another function's."""
    try:
        found = json.loads(told)
        if isinstance(found, dict):
            return Searched(call.id, error=str(found["error"]))
        query = json.loads(call.arguments)["query"]
        hits = tuple(Hit(str(it["filename"]), text=str(it["text"])) for it in found)
    except (ValueError, KeyError, TypeError):
        return None
    return Searched(call.id, (str(query),), hits)


def output(searched: Searched) -> str:
    """What the model is told of it; a failure as a JSON object, as of any function."""
    if searched.error:
        return json.dumps({"error": searched.error}, ensure_ascii=False)
    found: Json = [{"filename": hit.file_name, "text": hit.text} for hit in searched.hits]
    return json.dumps(found, ensure_ascii=False)
