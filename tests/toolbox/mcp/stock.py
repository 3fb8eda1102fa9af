"""An MCP server as people write them, with the official SDK: over stdio, or HTTP at a port."""

import sys

from mcp.server import MCPServer

server = MCPServer("stock")


@server.tool()
def count(item: str) -> str:
    """How many there are."""
    return f"7 of {item}"


@server.tool(name="order/new")
def order(item: str, number: int = 1) -> str:
    """Order some."""
    raise ValueError("sold out")


if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]))
else:
    server.run()
