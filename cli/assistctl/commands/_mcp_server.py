"""What coding assistants may ask of a workspace, as an MCP server: reading only.

Each tool is a command in a process of its own, so that nothing which a command prints, and no end
that it comes to, touches the connection.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

_INSTRUCTIONS = (
    "The assistctl workspace in {root}: AI assistants declared in YAML. Everything here reads. To "
    "make a target as it is declared, ask the person to run `assistctl sync`."
)

_READS = ToolAnnotations(read_only_hint=True)


def serve(root: Path, target: str | None) -> None:
    """Answer on stdin and stdout until stdin ends. `target` is meant where a call names none."""

    async def asked(command: str, *arguments: str, at: str | None) -> str:
        options = ["-C", str(root), *([f"--target={at or target}"] if at or target else [])]
        done = await anyio.run_process(
            [sys.executable, "-m", "assistctl", command, *options, *arguments],
            stdin=subprocess.DEVNULL,
            check=False,
        )
        # What is wrong with a workspace is an answer, too, and then stands on stdout.
        if done.stdout.strip():
            return done.stdout.decode(errors="replace")
        raise ToolError(done.stderr.decode(errors="replace").strip() or f"exit {done.returncode}")

    async def validate(target: str | None = None) -> str:
        """Check the YAML, its references and the Python functions; all problems with their places,
        as JSON. Needs no network. `target` is the name of a target; the default if left out."""
        return await asked("validate", "--format=json", at=target)

    async def plan(keys: list[str] | None = None, target: str | None = None) -> str:
        """Show what `assistctl sync` would change at a target, as JSON, without changing it; for
        these assistants, or all. Edits that somebody made at the target are told as drift."""
        return await asked("plan", "--format=json", "--", *(keys or ()), at=target)

    async def list_declared(target: str | None = None) -> str:
        """List everything that is declared, and how it stands at a target, as JSON."""
        return await asked("list", "--format=json", at=target)

    async def show(key: str, target: str | None = None) -> str:
        """Show an assistant (or vector_store/KEY, file/PATH) as it is declared and as the target
        has it, as JSON."""
        return await asked("show", "--format=json", "--", key, at=target)

    async def capabilities(target: str | None = None) -> str:
        """Tell what a target's API can do of what can be declared, as JSON."""
        return await asked("capabilities", "--format=json", at=target)

    tools = [
        _strict(validate),
        _strict(plan),
        _strict(list_declared, "list"),
        _strict(show),
        _strict(capabilities),
    ]
    MCPServer("assistctl", instructions=_INSTRUCTIONS.format(root=root), tools=tools).run()


def _strict(function: Callable[..., Any], name: str | None = None) -> Tool:
    """A tool that refuses arguments which it has not: the SDK's own would drop them silently, and
    with a mistyped `keys` plan all."""
    tool = Tool.from_function(function, name, annotations=_READS)
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = arguments.model_json_schema(by_alias=True)
    return tool
