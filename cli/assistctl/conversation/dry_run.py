"""What a turn would send, told without sending anything: no target is asked, no server started and
no tool imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from assistctl.conversation.attachments import Readers, readers
from assistctl.conversation.overrides import overridden
from assistctl.conversation.sessions import ConversationOptions, prepared, thread_for
from assistctl.resources import (
    CodeInterpreter,
    FileSearch,
    FunctionTool,
    Json,
    Tool,
    Workspace,
)
from assistctl.surface import Capabilities
from assistctl.sync.planning import find_assistant


def would_send(
    workspace: Workspace,
    key: str,
    options: ConversationOptions,
    message: str,
    files: Sequence[Path],
    capabilities: Capabilities,
) -> dict[str, Json]:
    """`{"target", "api", "assistant", "thread": id or null for a new one, "message", "attachments":
    [{"file", "bytes", "tools"}], "settings", "run", "once": [names], "own", "tools": […]}`. What
    the model is shown is a `picture` of a media type.

    `settings` are the assistant's as declared, with what is different this `once`; `run` is told
    with each run, and `own` is what only this API has. Raises AssistctlError for what would be
    refused.
    """
    declared = find_assistant(workspace, key)
    options = prepared(workspace, declared, options, capabilities)
    own = declared.own.get(workspace.target.api, {})
    target, assistant = workspace.target, overridden(declared, options.overrides)
    return {
        "target": target.name,
        "api": target.api,
        "assistant": str(assistant.address),
        "thread": thread_for(workspace, assistant, options),
        "message": message,
        "attachments": [
            _attached(path, readers(path, assistant, target, capabilities)) for path in files
        ],
        "settings": dict(assistant.settings),
        "run": dict(assistant.run),
        "once": [*options.overrides],
        "own": {name: value for name, value in own.items() if name != "tools"},
        "tools": [_tool(tool, workspace) for tool in assistant.tools]
        + _shown(own.get("tools", ())),
    }


def _attached(path: Path, read_by: Readers) -> dict[str, Json]:
    told = {"file": path.name, "bytes": path.stat().st_size, "tools": list(read_by.tools)}
    return {**told, "picture": read_by.picture} if read_by.picture else told


def _tool(tool: Tool, workspace: Workspace) -> dict[str, Json]:
    if isinstance(tool, CodeInterpreter):
        return {"type": "code_interpreter", "files": [file.path for file in tool.files]}
    if isinstance(tool, FileSearch):
        store = workspace.stores.get(tool.store or "")
        files = [file.path for file in store.files] if store else []
        return {"type": "file_search", "vector_store": tool.store, "files": files, **tool.options}
    assert isinstance(tool, FunctionTool)
    function = tool.function
    asked = {"strict": bool(function.strict), "approval": function.approval}
    return {"type": "function", **function.contract, **asked}


def _shown(tools: Iterable[Mapping[str, Json]]) -> list[Json]:
    """Tools that only one API has, less what nobody else shall see."""
    return [{name: tool[name] for name in tool if name != "authorization"} for tool in tools]
