"""Servers of the Model Context Protocol, and the tools of them that an assistant has."""

from __future__ import annotations

from assistctl.spec.grammar.functions import TOOL_TIMEOUT
from assistctl.spec.grammar.parts import (
    TEXT,
    Schema,
    array,
    mapping,
    positive,
    ref,
    spelled,
    table,
    text,
    tool,
    word,
)

MCP: dict[str, Schema] = {
    "mcp_server": mapping(
        "A server of the Model Context Protocol: `command`, or `url`.",
        {
            "command": array(
                "The program that is the server, spoken to over stdin and stdout, "
                "and its arguments. It is started in the directory of assistctl.yaml.",
                items=TEXT,
                minItems=1,
            ),
            "env": table(
                "Variables that the program gets beside HOME, PATH and the like; secrets as "
                "${VARIABLE}.",
                {"type": "string"},
                names="environment_name",
            ),
            "url": ref("mcp_url", "The address of a server that speaks streamable HTTP."),
            "headers": table(
                "Headers that the server at `url` gets; secrets as ${VARIABLE}.",
                {"type": "string"},
                names="header_name",
            ),
        },
    ),
    "mcp_functions": tool(
        "mcp_functions",
        "Tools of an MCP server that is asked from here, as functions; see mcp.lock.yaml.",
        {
            "server": text("The server, of `mcp_servers` in assistctl.yaml."),
            "tools": array(
                "Which of its tools; all that are in the lock file if left out.",
                items=TEXT,
                minItems=1,
                uniqueItems=True,
            ),
            "approval": word(
                "Whether a person is asked before each call; ask if left out.",
                *["never", "ask"],
                default="ask",
            ),
            "timeout": positive(
                "Seconds after which a call counts as failed.", default=TOOL_TIMEOUT
            ),
        },
        "server",
    ),
    "mcp_url": spelled(
        r"^https?://[^\s/?#@]+(/[^\s?#]*)?(\?[^\s#]*)?$|\$\{",
        "write it like https://example.com/mcp, without credentials",
    ),
    "mcp_server_name": spelled(
        "^[a-zA-Z0-9_-]{1,24}$", "use a-z, A-Z, 0-9, - and _, at most 24 characters"
    ),
    "environment_name": spelled(
        "^[A-Za-z_][A-Za-z0-9_]*$", "use letters, digits and _, as the names of variables have"
    ),
}
