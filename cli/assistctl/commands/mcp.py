"""assistctl mcp: the lock file of MCP servers' tools; a server for coding assistants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from assistctl import loading, spec
from assistctl.commands._completion import complete_mcp_server
from assistctl.commands._options import Options, as_command, as_group
from assistctl.commands._workspace import say
from assistctl.errors import AssistctlError, DeclarationError
from assistctl.render.terminal import one_line, sanitize
from assistctl.resources import McpServer
from assistctl.spec.mcp import servers_of
from assistctl.spec.mcp_lock import LOCK, relocked
from assistctl.suggestion import remedy


@as_command("lock")
@click.argument("names", metavar="[SERVER]...", nargs=-1, shell_complete=complete_mcp_server)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if something has changed.")
def _lock(options: Options, names: tuple[str, ...], check: bool) -> None:
    """Ask the MCP servers for their tools, and pin these in mcp.lock.yaml.

    SERVER are the servers to ask, all of `mcp_servers` if left out. What is pinned is what plan and
    sync tell targets; run refuses a server whose tools are not as they are pinned.

    \b
    Examples:
      assistctl mcp lock
      assistctl mcp lock --check
    """
    from assistctl.toolbox.mcp_servers import tools_of

    root = _root(options)
    declared, problems = servers_of(root, loading.environment(root))
    if problems:
        raise DeclarationError(problems)
    asked = _asked(declared, names)
    found, failures = tools_of(root, asked)
    if failures:
        raise AssistctlError("\n".join(failures))
    lock = relocked(root, declared, found)
    for (server, tool), reason in lock.left_out.items():
        click.echo(f"{one_line(server)}: {one_line(tool)} is left out: {reason}", err=True)
    if lock.before == lock.after or not (lock.before or found):
        say(options, f"{LOCK} is up to date")
        return
    for line in lock.changes:
        click.echo(one_line(line))
    if check:
        click.echo(sanitize(lock.difference), nl=False)
        raise AssistctlError(
            f"the tools of the MCP servers are not as {LOCK} has them; "
            "accept them with `assistctl mcp lock`"
        )
    lock.write(root)
    say(options, f"wrote {LOCK}")


@as_command("serve")
def _serve(options: Options) -> None:
    """Be an MCP server on stdin and stdout, for coding assistants.

    It offers validate, plan, list, show and capabilities of this workspace. All of them only read;
    nothing is synced.

    \b
    Examples:
      assistctl mcp serve
      assistctl mcp serve -C my-assistants -t prod
    """
    try:
        from assistctl.commands._mcp_server import serve
    except ImportError as error:
        raise AssistctlError(
            f"this needs a package that is not installed ({error.name}): "
            "pip install 'assistctl[mcp]'"
        ) from error
    serve(_root(options), options.target)


def _root(options: Options) -> Path:
    root = options.workspace or spec.find_root(Path.cwd())
    if root is None:
        raise spec.missing_workspace(Path.cwd())
    return root.resolve()


def _asked(declared: Mapping[str, McpServer], names: Sequence[str]) -> list[McpServer]:
    for name in names:
        if name not in declared:
            known = ", ".join(declared) or "none"
            instead = remedy(name, declared, f"declared are: {known}")
            raise AssistctlError(f"there is no MCP server {name!r}; {instead}")
    return [declared[name] for name in names or declared]


command = as_group(
    "mcp",
    "Pin the tools of MCP servers; be one.",
    ("assistctl mcp lock", "assistctl mcp serve"),
    _lock,
    _serve,
)
