"""assistctl mcp serve, asked by the client of the SDK as coding assistants do."""

import json
import sys

import anyio
from mcp import Client, StdioServerParameters

NAMES = ["validate", "plan", "list", "show", "capabilities"]


def test_a_coding_assistant_can_read_a_workspace_and_cannot_change_anything(shop):
    async def talk():
        program = StdioServerParameters(
            command=sys.executable, args=["-m", "assistctl", "mcp", "serve"], cwd=shop.root
        )
        async with Client(program) as client:
            tools = (await client.list_tools()).tools
            assert [each.name for each in tools] == NAMES
            assert all(each.annotations.read_only_hint for each in tools)
            assert (await said(client, "validate"))["problems"] == []
            planned = await said(client, "plan", keys=["clerk"])
            listed = await said(client, "list")
            wrong = await client.call_tool("show", {"key": "--help"})
            assert wrong.is_error
            assert "--help" in wrong.content[0].text
            misspelt = await client.call_tool("plan", {"key": ["clerk"]})
            assert misspelt.is_error
            assert "key\n  Extra inputs are not permitted" in misspelt.content[0].text
            assert [each.input_schema["additionalProperties"] for each in tools] == [False] * 5
            return planned, listed

    planned, listed = anyio.run(talk)
    assert planned["changes"]
    assert {each["status"] for each in listed} == {"missing"}


async def said(client, name, **arguments):
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    return json.loads(result.content[0].text)
