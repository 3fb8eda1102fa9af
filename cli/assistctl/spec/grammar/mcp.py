"""Servers of the Model Context Protocol, and the tools of them that an assistant has."""

from __future__ import annotations

from assistctl.spec.grammar.functions import TOOL_TIMEOUT
from assistctl.spec.grammar.parts import Schema, mapping, ref, seconds, table, text, word

MCP: dict[str, Schema] = {
    "mcp_server": mapping(
        "A server of the Model Context Protocol: `command`, or `url`.",
        {
            "command": {
                "description": "The program that is the server, spoken to over stdin and stdout, "
                "and its arguments. It is started in the directory of assistctl.yaml.",
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
            },
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
    "mcp_functions": mapping(
        "Tools of an MCP server that is asked from here, as functions; see mcp.lock.yaml.",
        {
            "type": {"description": "The kind of tool.", "const": "mcp_functions"},
            "server": text("The server, of `mcp_servers` in assistctl.yaml."),
            "tools": {
                "description": "Which of its tools; all that are in the lock file if left out.",
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "uniqueItems": True,
            },
            "approval": word(
                "Whether a person is asked before each call; ask if left out.",
                *["never", "ask"],
                default="ask",
            ),
            "timeout": seconds(
                "Seconds after which a call counts as failed.", default=TOOL_TIMEOUT
            ),
        },
        required=["type", "server"],
    ),
    "mcp_url": {
        "type": "string",
        "pattern": r"^https?://[^\s/?#@]+(/[^\s?#]*)?(\?[^\s#]*)?$|\$\{",
        "patternErrorMessage": "write it like https://example.com/mcp, without credentials",
    },
    "mcp_server_name": {
        "type": "string",
        "pattern": "^[a-zA-Z0-9_-]{1,24}$",
        "patternErrorMessage": "use a-z, A-Z, 0-9, - and _, at most 24 characters",
    },
    "environment_name": {
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "patternErrorMessage": "use letters, digits and _, as the names of variables have",
    },
}
