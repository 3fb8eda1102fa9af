"""What runs the functions, looked at: another interpreter, and MCP servers. No tool is imported and
no server is started."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from assistctl.checks import Check, State
from assistctl.loading import environment
from assistctl.resources import McpServer, Workspace
from assistctl.some import some
from assistctl.spec.mcp import servers_of
from assistctl.spec.mcp_lock import LOCK, lock_of
from assistctl.toolbox.site_packages import own_python
from assistctl.toolbox.workers import check_interpreter


def python(workspace: Workspace) -> Iterator[Check]:
    """The Python that functions run in."""
    if workspace.interpreter is not None:
        found = check_interpreter(workspace.interpreter)
        yield _ok(f"functions run in {workspace.interpreter.shown}, {found}")
    elif any(it.functions for it in workspace.assistants.values()):
        beside = own_python(workspace.root)
        more = f"; `tools: {{python: {beside}}}` would have them run there" if beside else ""
        yield _ok(f"functions run in assistctl's own Python{more}")


def servers(workspace: Workspace) -> Iterator[Check]:
    """The MCP servers, and the lock file of their tools."""
    declared, _ = servers_of(workspace.root, environment(workspace.root))
    _, locked = lock_of(workspace.root)
    if declared and find_spec("mcp") is None:
        what = "the package for MCP servers is not installed"
        yield Check("tools", State.FAILED, what, "pip install 'assistctl[mcp]'")
    for server in declared.values():
        yield _server(server, workspace.root)
        if server.name not in locked:
            what = f"the tools of the MCP server {server.name} are not in {LOCK}"
            yield Check("tools", State.WARNING, what, f"assistctl mcp lock {server.name}")
    if gone := sorted(locked.keys() - declared.keys()):
        what = f"{LOCK} has tools of {some(gone)}, which is not declared any more"
        yield Check("tools", State.WARNING, what, "assistctl mcp lock")


def _server(server: McpServer, root: Path) -> Check:
    """Whether it could be asked. What its program, its address or its headers are stays unsaid,
    since there may be secrets in them."""
    name = f"the MCP server {server.name}"
    if server.missing:
        first = server.missing[0]
        return Check("tools", State.FAILED, f"{name}: {first.place}: {first.what}", first.remedy)
    if server.url is not None:
        return _ok(f"{name} has an address; it is asked when a tool of it is called")
    program = server.command[0]
    path = server.env.get("PATH")
    there = (root / program).is_file() if "/" in program else shutil.which(program, path=path)
    if there:
        return _ok(f"the program of {name} is there")
    what = f"the program of {name} is not there ({server.place})"
    return Check("tools", State.FAILED, what, "install it, or correct `command`")


def _ok(what: str) -> Check:
    return Check("tools", State.OK, what)
