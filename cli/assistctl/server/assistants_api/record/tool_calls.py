"""Tool calls as steps show them, and what they keep of a call beyond that.

`_calls` of a step has, by the call's id, the endpoint's own `id`; of calls that the server has
answered also `name` and `arguments` as the model wrote them, and what the model is told of the
result again: of a search `search` (its number within the run) and `error`; of code `ran`, `error`,
`files` (name below /mnt/data -> file id) and `pictures` (file ids).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistctl.server.engine.coding import code_of
from assistctl.server.engine.record import CodeResult, PastCode, SearchResult, ToolCall, ToolResult
from assistctl.server.retrieval.search import Hit
from assistctl.server.wire import Document


def call_entry(call: ToolCall, result: ToolResult | None) -> Document:
    """A call as its step shows it; `result` is None as long as it has none."""
    if call.is_the_clients:
        function = {"name": call.name, "arguments": call.arguments, "output": None}
        return {"id": call.id, "type": "function", "function": function}
    shown = _shown(result) if result else begun_details(call)
    return {"id": call.id, "type": call.tool, call.tool: shown}


def kept_of(call: ToolCall, result: ToolResult | None) -> Document:
    """What `_calls` keeps of a call."""
    if result is None:
        return {"id": call.endpoint_id}
    known = {"id": call.endpoint_id, "name": call.name, "arguments": call.arguments}
    if isinstance(result, SearchResult):
        return {**known, "search": result.number, "error": result.error}
    return {
        **known,
        "ran": result.ran,
        "error": result.error,
        "files": dict(result.files),
        "pictures": list(result.pictures),
    }


def begun_details(call: ToolCall) -> Document:
    """What is told of a call that the server is about to answer: the whole of the code, if it is
    any, and that it has no outputs yet. Its arguments may be empty or torn."""
    if call.tool == "code_interpreter":
        return {"input": code_of(call.arguments), "outputs": []}
    return {}


def result_details(result: ToolResult) -> Document:
    """What is told of a result before the step ends: of code the outputs, even if it has none."""
    if not isinstance(result, CodeResult):
        return {}
    outputs = _outputs(result)
    return {"outputs": [{"index": number, **output} for number, output in enumerate(outputs)]}


def result_of(call: Document, kept: Mapping[str, Any]) -> ToolResult:
    """The result of a call that the server has answered, as far as the model is told of it."""
    if call["type"] == "file_search":
        search = call["file_search"]
        passages = [_passage(result) for result in search["results"]]
        ranking = search.get("ranking_options") or {}
        return SearchResult(kept.get("search", 0), ranking, passages, kept.get("error"))
    code = call["code_interpreter"]
    logs = "".join(output["logs"] for output in code["outputs"] if output["type"] == "logs")
    return CodeResult(
        code["input"], logs, kept.get("ran", True), kept["error"], kept["files"], kept["pictures"]
    )


def searches(steps: Sequence[Document]) -> dict[int, list[Hit]]:
    """What every search of these tool steps has found, by the search's number."""
    return {
        step["_calls"][call["id"]]["search"]: [
            _passage(result) for result in call["file_search"]["results"]
        ]
        for step in steps
        for call in step["step_details"]["tool_calls"]
        if call["type"] == "file_search"
    }


def past_code(steps: Sequence[Document], run_id: str) -> PastCode:
    """What the code of a thread has left; `steps` are those of all of its runs, oldest first. What
    was run elsewhere (in a `_container`) has left only what it has shown."""
    ran = False
    written: dict[str, str] = {}
    pictures: list[str] = []
    for step in steps:
        if step["type"] == "message_creation":
            pictures = []
        here = "_container" not in step
        for kept in step.get("_calls", {}).values():
            ran = ran or (here and bool(kept.get("ran")))
            written |= kept.get("files", {}) if here else {}
            pictures += kept.get("pictures", []) if step["run_id"] == run_id else []
    return PastCode(ran, written, pictures)


def made(steps: Sequence[Document]) -> list[str]:
    """The ids of the files that code of these steps has written, the last of each name."""
    written: dict[str, str] = {}
    for step in steps:
        for kept in step.get("_calls", {}).values():
            written |= kept.get("files", {})
    return list(written.values())


def _shown(result: ToolResult) -> Document:
    if isinstance(result, CodeResult):
        return {"input": result.code, "outputs": _outputs(result)}
    results = [
        {
            "file_id": passage.file_id,
            "file_name": passage.filename,
            "score": passage.score,
            "content": [{"type": "text", "text": passage.text}],
        }
        for passage in result.passages
    ]
    return {"ranking_options": dict(result.ranking), "results": results}


def _outputs(result: CodeResult) -> list[Document]:
    logs: list[Document] = [{"type": "logs", "logs": result.output}] if result.output else []
    return [*logs, *({"type": "image", "image": {"file_id": at}} for at in result.images)]


def _passage(result: Document) -> Hit:
    text = "".join(part["text"] for part in result.get("content") or ())
    return Hit(result["file_id"], result["file_name"], result["score"], {}, text)
