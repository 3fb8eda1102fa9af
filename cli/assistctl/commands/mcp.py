"""assistctl mcp: the lock file of MCP servers' tools; a server for coding assistants."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from assistctl import loading, spec
from assistctl.commands._completion import complete_mcp_server
from assistctl.commands._options import Options, as_command, as_group
from assistctl.commands._workspace import say
from assistctl.errors import AssistctlError, DeclarationError
from assistctl.render.terminal import one_line, sanitize
from assistctl.resources import Json, McpServer, digest
from assistctl.spec import mcp
from assistctl.suggestion import suggestion


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
    declared, problems = mcp.servers_of(root, loading.environment(root))
    if problems:
        raise DeclarationError(problems)
    asked = _asked(declared, names)
    found, failures = tools_of(root, asked)
    if failures:
        raise AssistctlError("\n".join(failures))
    before, known = mcp.lock_of(root)
    kept = {name: tools for name, tools in known.items() if name in declared}
    kept |= {name: _as_known(tools, known.get(name, {})) for name, tools in found.items()}
    after, left_out = mcp.lock_text(kept)
    for (server, tool), reason in left_out.items():
        click.echo(f"{one_line(server)}: {one_line(tool)} is left out: {reason}", err=True)
    changes = list(_changes(known, kept, left_out))
    if before == after or not (before or found):
        say(options, f"{mcp.LOCK} is up to date")
        return
    for line in changes:
        click.echo(one_line(line))
    if check:
        click.echo(sanitize(_difference(before, after)), nl=False)
        raise AssistctlError(
            f"the tools of the MCP servers are not as {mcp.LOCK} has them; "
            "accept them with `assistctl mcp lock`"
        )
    _write(root / mcp.LOCK, after)
    say(options, f"wrote {mcp.LOCK}")


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
            close = suggestion(name, declared)
            known = ", ".join(declared) or "none"
            advice = f"did you mean {close!r}?" if close else f"declared are: {known}"
            raise AssistctlError(f"there is no MCP server {name!r}; {advice}")
    return [declared[name] for name in names or declared]


def _as_known(now: Mapping[str, Json], known: Mapping[str, Json]) -> dict[str, Json]:
    """The tools with those that only say the same in another order as they are locked."""
    return {
        name: known[name] if name in known and digest(known[name]) == digest(tool) else tool
        for name, tool in now.items()
    }


def _changes(
    before: Mapping[str, Mapping[str, Json]],
    after: Mapping[str, Mapping[str, Json]],
    left_out: Mapping[tuple[str, str], str],
) -> Iterator[str]:
    """A line for each tool that was added, has gone or has changed."""
    for server in sorted({*before, *after}):
        old = before.get(server, {})
        new = {k: v for k, v in after.get(server, {}).items() if (server, k) not in left_out}
        for tool in sorted({*old, *new}):
            if tool not in old:
                yield f"+ {server}: {tool}"
            elif tool not in new:
                yield f"- {server}: {tool}"
            elif old[tool] != new[tool]:
                parts = ("description", "parameters")
                changed = [each for each in parts if old[tool].get(each) != new[tool].get(each)]
                yield f"~ {server}: {tool} ({', '.join(changed)})"


def _difference(before: str, after: str) -> str:
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*lines, mcp.LOCK, f"{mcp.LOCK} (now)"))


def _write(path: Path, text: str) -> None:
    """Whole, or not at all."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise AssistctlError(f"{path.name} cannot be written: {error.strerror}") from None


command = as_group(
    "mcp",
    "Pin the tools of MCP servers; be one.",
    ("assistctl mcp lock", "assistctl mcp serve"),
    _lock,
    _serve,
)
