"""What a turn would send -> text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from assistctl.render.terminal import one_line, sanitize
from assistctl.render.values import brief, counted
from assistctl.resources import Json


def would_send_text(told: Mapping[str, Json]) -> str:
    """Of conversation.dry_run: what it is said to, with what, and the message."""
    return "\n".join(_lines(told))


def _lines(told: Mapping[str, Json]) -> Iterator[str]:
    thread = told["thread"] or "a new one"
    yield f"Nothing is sent. {told['assistant']} at {told['target']} would be told:"
    yield _fact("thread", one_line(thread))
    settings = {k: v for k, v in told["settings"].items() if k != "instructions"}
    for name, value in {**settings, **told["run"]}.items():
        if name not in ("name", "description", "metadata"):
            yield _fact(name, brief(value) if not isinstance(value, str) else one_line(value), told)
    for tool in told["tools"]:
        yield _fact("tool", _tool(tool))
    for file in told["attachments"]:
        tools = " and ".join([*(["the model"] if "picture" in file else []), *file["tools"]])
        yield _fact("attached", f"{one_line(file['file'])} ({file['bytes']:,} bytes), for {tools}")
    yield from _text("instructions", told["settings"].get("instructions") or "", told)
    yield from _text("message", told["message"], told)


def _fact(name: str, value: str, told: Mapping[str, Json] | None = None) -> str:
    return f"  {name}: {value}{_once(name, told)}"


def _text(name: str, text: str, told: Mapping[str, Json]) -> Iterator[str]:
    length = counted(len(text), "character")
    yield f"  {name}, {length}{_once(name, told)}:"
    yield from (f"    {sanitize(line)}".rstrip() for line in text.rstrip("\n").split("\n"))


def _once(name: str, told: Mapping[str, Json] | None) -> str:
    is_once = told is not None and name in told["once"]
    return click.style("  (for this run)", fg="yellow") if is_once else ""


def _tool(tool: Mapping[str, Json]) -> str:
    names = [*(tool["parameters"] or {}).get("properties", ())] if "parameters" in tool else None
    if names is not None:
        asks = ", which wants approval" if tool["approval"] == "ask" else ""
        return f"function {one_line(tool['name'])}({one_line(', '.join(names))}){asks}"
    files = tool.get("files") or ()
    many = f", {counted(len(files), 'file')}" if files else ""
    return f"{one_line(str(tool['type']))}{many}"
