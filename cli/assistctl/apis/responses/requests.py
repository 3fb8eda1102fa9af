"""What is sent of an assistant with each response, since nothing at the target holds it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from assistctl.apis.responses.items import HITS, OUTPUTS
from assistctl.events import ToolCall
from assistctl.resources import (
    Assistant,
    CodeInterpreter,
    FileSearch,
    FunctionTool,
    Json,
    Tool,
)

_SHOWN: Mapping[type, str] = {FileSearch: HITS, CodeInterpreter: OUTPUTS}
"""What is only told where it is asked for."""

LEAST_TOKENS = 16
"""What `max_output_tokens` is at least."""


def request(
    assistant: Assistant,
    owner: str,
    files: Sequence[str],
    stores: Sequence[str],
    *,
    spent: int = 0,
    begins: bool = True,
) -> dict[str, Json]:
    """All but the input: `files` are the uploads for code_interpreter, `stores` those to search,
    `spent` are the tokens that the turn has put out already, `begins` whether this is its first
    response.

    The history is shortened where it is too long, as an assistant's was, unless it is declared
    otherwise.
    """
    settings, run, own = assistant.settings, assistant.run, dict(assistant.own.get("responses", {}))
    reasoning = dict(own.pop("reasoning", {}))
    if effort := settings.get("reasoning_effort"):
        reasoning["effort"] = effort
    text = dict(own.pop("text", {}))
    if chosen := _format(settings.get("response_format")):
        text["format"] = chosen
    tools = [*(_tool(tool, files, stores) for tool in assistant.tools), *own.pop("tools", ())]
    fields = {
        "model": settings.get("model"),
        "instructions": settings.get("instructions"),
        "tools": tools,
        "temperature": settings.get("temperature"),
        "top_p": settings.get("top_p"),
        "text": text,
        "reasoning": reasoning,
        "parallel_tool_calls": run.get("parallel_tool_calls"),
        "tool_choice": _choice(run.get("tool_choice")) if begins else None,
        "max_output_tokens": _tokens_left(run.get("max_completion_tokens"), spent),
        "truncation": "auto",
        "include": [_SHOWN[type(tool)] for tool in assistant.tools if type(tool) in _SHOWN],
        "metadata": {**settings.get("metadata", {}), "assistctl": owner},
        **own,
    }
    return {name: value for name, value in fields.items() if value not in (None, {}, [])}


def tokens(assistant: Assistant) -> Iterator[str]:
    """What MCP servers are shown, which nobody else shall see."""
    for tool in assistant.own.get("responses", {}).get("tools", ()):
        if token := tool.get("authorization"):
            yield token


def message(text: str, attachments: Sequence[Mapping[str, Json]] = ()) -> dict[str, Json]:
    """What a person says; attached files that no code is to read are a part of it."""
    files = [
        {"type": "input_file", "file_id": item["file_id"]}
        for item in attachments
        if item["tools"] and not for_code(item)
    ]
    pictures = [item["part"] for item in attachments if "part" in item]
    content = [{"type": "input_text", "text": text}, *files, *pictures]
    return {"type": "message", "role": "user", "content": content}


def for_code(attachment: Mapping[str, Json]) -> bool:
    """Whether a file is attached for code_interpreter (see conversation.Session.attach)."""
    return {"type": "code_interpreter"} in attachment["tools"]


def calls(items: Iterable[Mapping[str, Json]]) -> Iterator[ToolCall]:
    """What these items ask for: functions, and consent to what an MCP server is to be asked."""
    for item in items:
        arguments = str(item.get("arguments") or "")
        if item.get("type") == "function_call":
            yield ToolCall(str(item["call_id"]), str(item["name"]), arguments)
        elif item.get("type") == "mcp_approval_request":
            server = str(item.get("server_label"))
            yield ToolCall(str(item["id"]), f"{server}.{item.get('name')}", arguments, server)


def unanswered(items: Sequence[Mapping[str, Json]]) -> list[ToolCall]:
    """Those of the calls to which no later item is the answer. Some targets give an id again, which
    is another call then."""
    open_calls: list[ToolCall] = []
    for item in items:
        answers = item.get("approval_request_id")
        if item.get("type") == "function_call_output":
            answers = item.get("call_id")
        if found := next((call for call in open_calls if call.id == answers), None):
            open_calls.remove(found)
        open_calls += calls([item])
    return open_calls


def answer(call: ToolCall, output: str, error: str | None = None) -> dict[str, Json]:
    """The item that answers a call; without an `error` an MCP server's is consented to."""
    if call.server is None:
        return {"type": "function_call_output", "call_id": call.id, "output": output}
    consent = {"approval_request_id": call.id, "approve": error is None}
    return {"type": "mcp_approval_response", **consent, **({"reason": error} if error else {})}


def _tool(tool: Tool, files: Sequence[str], stores: Sequence[str]) -> dict[str, Json]:
    if isinstance(tool, CodeInterpreter):
        uploads = {"file_ids": list(files)} if files else {}
        return {"type": "code_interpreter", "container": {"type": "auto", **uploads}}
    if isinstance(tool, FileSearch):
        return {"type": "file_search", "vector_store_ids": list(stores), **tool.options}
    assert isinstance(tool, FunctionTool)
    # Left out it is tried here, and was false where assistants live.
    strict = bool(tool.function.strict)
    return {"type": "function", **tool.function.contract, "strict": strict}


def _format(declared: Json) -> Json:
    if not isinstance(declared, Mapping):
        return None
    own = {name: value for name, value in declared.items() if name != "json_schema"}
    return {**own, **declared.get("json_schema", {})}


def _choice(declared: Json) -> Json:
    if isinstance(declared, Mapping) and declared["type"] == "function":
        return {"type": "function", "name": declared["function"]["name"]}
    return declared


def _tokens_left(most: int | None, spent: int) -> int | None:
    return None if most is None else max(LEAST_TOKENS, most - spent)
