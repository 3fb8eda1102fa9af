"""The lock file that pins the tools which MCP servers have."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assistctl.errors import AssistctlError, Place
from assistctl.resources import Json, digest
from assistctl.spec.declared_schemas import SchemaChecker
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, plain
from assistctl.spec.reading import parsed, read
from assistctl.spec.variables import Variables

LOCK = "mcp.lock.yaml"
_AGAIN = "write it anew with `assistctl mcp lock`"
_LONGEST_NAME = 128
_LARGEST_TOOL = 64 * 1024
_HEAD = (
    "What the MCP servers of assistctl.yaml say of their tools, and so what models are told. "
    "Written by `assistctl mcp lock`; read the difference before you commit it."
)
_STRANGE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_HARMLESS = "\n\r\t\u200c\u200d"
"""The joiners are invisible, but part of how words of some scripts, and emoji, are written."""


@dataclass(frozen=True)
class Relock:
    """The lock file as it is and as it should be, as texts; of the tools `(server, tool)` that it
    leaves out, why; and a line for each tool that was added, has gone or has changed."""

    before: str
    after: str
    left_out: Mapping[tuple[str, str], str]
    changes: tuple[str, ...]

    @property
    def difference(self) -> str:
        """As of `diff -u`."""
        lines = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        return "".join(difflib.unified_diff(*lines, LOCK, f"{LOCK} (now)"))

    def write(self, root: Path) -> None:
        """Whole, or not at all; raises AssistctlError."""
        beside = root / f".{LOCK}.tmp"
        try:
            beside.write_text(self.after, encoding="utf-8")
            beside.replace(root / LOCK)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise AssistctlError(f"{LOCK} cannot be written: {error.strerror}") from None


def relocked(
    root: Path, declared: Iterable[str], found: Mapping[str, Mapping[str, Json]]
) -> Relock:
    """The lock file of a workspace with the tools that servers were `found` to have, those of the
    other `declared` ones as they are. Raises OSError."""
    before, known = lock_of(root)
    kept = {name: known[name] for name in declared if name in known}
    kept |= {name: _as_known(tools, known.get(name, {})) for name, tools in found.items()}
    after, left_out = lock_text(kept)
    return Relock(before, after, left_out, tuple(_changes(known, kept, left_out)))


def tools_in_lock(root: Path, variables: Variables) -> Mapping[str, Located] | None:
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


def lock_of(root: Path) -> tuple[str, dict[str, dict[str, Json]]]:
    """The lock file as it is, its text and the tools of each server; of a file that is not as it
    should be, as good as none. Raises OSError."""
    path, findings = root / LOCK, Findings()
    if not path.exists():
        return "", {}
    tools = tools_in_lock(root, Variables({}, findings)) or {}
    return path.read_text(encoding="utf-8", errors="replace"), {
        server: plain(table) for server, table in tools.items()
    }


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
    if not name or len(name) > _LONGEST_NAME or _strange_in([name]):
        return "its name is empty, too long, or not printable"
    from assistctl.spec import writing

    text = writing.document({"description": "", "parameters": {}, **tool})
    if len(text.encode(errors="replace")) > _LARGEST_TOOL:
        return f"its description and schema are larger than {_LARGEST_TOOL // 1024} KiB"
    if strange := _strange_in(_texts(tool)):
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


def _strange_in(texts: Iterable[str]) -> str | None:
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
