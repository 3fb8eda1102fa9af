"""MCP servers as declared, and the lock file that pins the tools which they have."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assistctl.errors import Place, Problem
from assistctl.resources import Function, Json, McpServer, McpTool
from assistctl.spec.declared_schemas import SchemaChecker
from assistctl.spec.discovery import FILE
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, plain
from assistctl.spec.reading import parsed, read
from assistctl.spec.secrets import check_exposed
from assistctl.spec.validation import check
from assistctl.spec.variables import Variables
from assistctl.spec.wording import remedy_for, shown

LOCK = "mcp.lock.yaml"
_BY_NAME = "put it in an environment variable and write ${ITS_NAME}"
_AGAIN = "write it anew with `assistctl mcp lock`"
_LONGEST_NAME, _LONGEST_FUNCTION = 128, 64
_LARGEST_TOOL = 64 * 1024
_HEAD = (
    "What the MCP servers of assistctl.yaml say of their tools, and so what models are told. "
    "Written by `assistctl mcp lock`; read the difference before you commit it."
)
_STRANGE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_HARMLESS = "\n\r\t\u200c\u200d"
"""The joiners are invisible, but part of how words of some scripts, and emoji, are written."""


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
    tools = _locked_tools(root, variables) if names else None
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


def lock_text(
    listed: Mapping[str, Mapping[str, Json]],
) -> tuple[str, dict[tuple[str, str], str]]:
    """The lock file that pins tools `{server: {tool: {"description", "parameters"}}}`, and which of
    them it leaves out, with the reason: no model could be told of them."""
    left_out: dict[tuple[str, str], str] = {}
    servers: dict[str, Json] = {}
    for server in sorted(listed):
        servers[server] = {"tools": {}}
        for tool in sorted(listed[server]):
            if reason := _unusable(tool, listed[server][tool]):
                left_out[server, tool] = reason
            else:
                servers[server]["tools"][tool] = listed[server][tool]
    from assistctl.spec import writing  # as below, 10 ms that reading a lock does not need

    text = writing.document({"version": 1, "servers": servers}, {(): _HEAD})
    return text, left_out


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


def _locked_tools(root: Path, variables: Variables) -> Mapping[str, Located] | None:
    """The tools of each server; None if the file is wrong, which is a finding."""
    if not (root / LOCK).exists():
        return {}
    raw = read(root / LOCK, LOCK, variables.findings)
    if raw is None:
        return None
    lock = variables.expand(raw, raw.place)
    fault = _fault(lock)
    if fault:
        variables.findings.add(fault, "this is not as `assistctl mcp lock` writes it", _AGAIN)
        return None
    return {name: server.mapping("tools") for name, server in lock["servers"].items()}


def _fault(lock: Located) -> Place | None:
    """Where the file is not what it should be."""
    if lock.get("version") != 1 or not isinstance(lock.get("servers"), Located):
        return lock.place
    for server in lock["servers"].values():
        if not isinstance(server, Located) or not isinstance(server.get("tools"), Located):
            return lock.value_place("servers")
        for name, tool in server["tools"].items():
            good = isinstance(tool, Located) and isinstance(tool.get("parameters"), Located)
            if not good or not isinstance(tool.get("description", ""), str):
                return server.mapping("tools").key_place(name)
    return None


def _unusable(name: str, tool: Mapping[str, Json]) -> str | None:
    """Why no model can be told of a tool, or should be."""
    if not name or len(name) > _LONGEST_NAME or strange_in([name]):
        return "its name is empty, too long, or not printable"
    from assistctl.spec import writing

    text = writing.document({"description": "", "parameters": {}, **tool})
    if len(text.encode(errors="replace")) > _LARGEST_TOOL:
        return f"its description and schema are larger than {_LARGEST_TOOL // 1024} KiB"
    if strange := strange_in(_texts(tool)):
        return f"it has an invisible character (U+{ord(strange):04X}) in what a model would read"
    findings = Findings()
    declared = parsed(text, LOCK, findings)
    if declared is not None:
        declared = Variables({}, findings).expand(declared, declared.place)
        if isinstance(declared.get("parameters"), Located):
            SchemaChecker(findings).check(declared["parameters"], strict=False, name="parameters")
        else:
            return "its schema is not an object"
    return next((each.what for each in findings.in_order()), None)


def strange_in(texts: Iterable[str]) -> str | None:
    """A character that nobody sees who reads the text, or that would move what is around it."""
    return next(
        (
            each
            for text in texts
            for each in text
            if unicodedata.category(each) in _STRANGE and each not in _HARMLESS
        ),
        None,
    )


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def lock_of(root: Path) -> tuple[str, dict[str, dict[str, Json]]]:
    """The lock file as it is, its text and the tools of each server; of a file that is not as it
    should be, as good as none. Raises OSError."""
    path, findings = root / LOCK, Findings()
    if not path.exists():
        return "", {}
    tools = _locked_tools(root, Variables({}, findings)) or {}
    return path.read_text(encoding="utf-8", errors="replace"), {
        server: plain(table) for server, table in tools.items()
    }
