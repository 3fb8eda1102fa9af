"""MCP servers as declared, and the functions that their tools are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assistctl.errors import Place, Problem
from assistctl.resources import Function, Json, McpServer, McpTool
from assistctl.spec.declared_schemas import SchemaChecker
from assistctl.spec.discovery import FILE
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, plain
from assistctl.spec.mcp_lock import LOCK, tools_in_lock
from assistctl.spec.reading import read
from assistctl.spec.secrets import check_exposed
from assistctl.spec.validation import check
from assistctl.spec.variables import Variables
from assistctl.spec.wording import remedy_for, shown

_BY_NAME = "put it in an environment variable and write ${ITS_NAME}"
_LONGEST_FUNCTION = 64


@dataclass(frozen=True)
class Locked:
    """The servers, also those that are too broken to be in `servers` (`names`), and the tools of
    each as locked; None where there is no lock file that could be read. `complete` is false if
    nobody can say which servers there are."""

    servers: Mapping[str, McpServer]
    names: frozenset[str]
    tools: Mapping[str, Located] | None
    complete: bool


def locked(
    declared: Located, usable: Located, root: Path, variables: Variables, *, complete: bool
) -> Locked:
    """What assistants may have of MCP servers; `declared` and `usable` are assistctl.yaml."""
    findings = variables.findings
    table = declared.get("mcp_servers")
    servers = declared_servers(usable.mapping("mcp_servers"), variables.environ, findings)
    names = frozenset(table) if isinstance(table, Located) else frozenset[str]()
    tools = tools_in_lock(root, variables) if names else None
    return Locked(servers, names, tools, complete)


def servers_of(
    root: Path, environ: Mapping[str, str]
) -> tuple[dict[str, McpServer], tuple[Problem, ...]]:
    """The servers of a workspace, of which nothing else is read, and what is wrong with them."""
    findings = Findings()
    declared = read(root / FILE, FILE, findings)
    if declared is None:
        return {}, findings.in_order()
    elsewhere = frozenset((key,) for key in declared if key != "mcp_servers")
    usable = check(declared, "workspace", findings, unexpanded=elsewhere)
    servers = declared_servers(usable.mapping("mcp_servers"), environ, findings)
    return servers, findings.in_order()


def declared_servers(
    table: Located, environ: Mapping[str, str], findings: Findings
) -> dict[str, McpServer]:
    """The servers of `mcp_servers`. A variable that is not set is nobody's concern until the server
    is started."""
    made = {}
    for name, fields in table.items():
        check_exposed(fields.mapping("env"), f"{name}.env", findings, _BY_NAME)
        check_exposed(fields.mapping("headers"), f"{name}.headers", findings, _BY_NAME)
        ways = [each for each in ("command", "url") if each in fields]
        if len(ways) != 1:
            what = "neither `command` nor `url`" if not ways else "both `command` and `url`"
            findings.add(table.key_place(name), f"{shown(name)} has {what}", "write one of them")
            continue
        beside, way = {"command": ("headers", "url"), "url": ("env", "command")}[ways[0]]
        if beside in fields:
            remedy = f"remove it, or write `{way}`"
            findings.add(fields.key_place(beside), f"`{beside}` is for `{way}`", remedy)
        made[name] = _server(name, table.key_place(name), fields, environ)
    return made


def functions_of(
    tool: Located, place: Place, known: Locked, schemas: SchemaChecker, findings: Findings
) -> Iterator[Function]:
    """The functions that a tool of type mcp_functions stands for."""
    server = tool["server"]
    if server not in known.servers:
        if known.complete and server not in known.names:
            findings.add(
                tool.value_place("server"),
                f"no MCP server {shown(server)} is declared in {FILE}",
                remedy_for(server, known.names, "declare it there under `mcp_servers`"),
            )
        return
    if known.tools is None:
        return
    if server not in known.tools:
        findings.add(
            tool.value_place("server"),
            f"the tools of {shown(server)} are not in {LOCK}",
            "let `assistctl mcp lock` ask the server for them, and commit the file",
        )
        return
    tools = known.tools[server]
    wanted = list(tool.items_at("tools")) or [(name, place) for name in tools]
    for name, where in wanted:
        if name not in tools:
            findings.add(
                where,
                f"{shown(server)} has no tool {shown(name)} in {LOCK}",
                remedy_for(name, tools, "correct the name, or run `assistctl mcp lock`"),
            )
        elif schemas.check(tools[name]["parameters"], strict=False, name="parameters"):
            yield Function(
                name=function_name(server, name),
                place=where,
                description=tools[name].get("description"),
                parameters=plain(tools[name]["parameters"]),
                approval=tool.get("approval", "ask"),
                timeout=tool.get("timeout"),
                source=f"{LOCK}:{tools.key_place(name).line}",
                mcp=McpTool(known.servers[server], name),
            )


def function_name(server: str, tool: str) -> str:
    """By which models call it: `server__tool`, with a hash where the API could not have that."""
    name = f"{server}__{tool}"
    allowed = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    if allowed == name and len(name) <= _LONGEST_FUNCTION:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{allowed[: _LONGEST_FUNCTION - 9]}_{mark}"


def _server(name: str, place: Place, fields: Located, environ: Mapping[str, str]) -> McpServer:
    missing = Findings()
    variables = Variables({k: v for k, v in environ.items() if v.strip()}, missing)

    def known(key: str, value: Json, at: Place) -> Json:
        return variables.expand(value, at, public=False)

    values = plain(fields.replaced(known))
    return McpServer(
        name=name,
        place=place,
        command=tuple(values.get("command", ())),
        env=values.get("env", {}),
        url=values.get("url"),
        headers=values.get("headers", {}),
        missing=missing.in_order(),
    )
