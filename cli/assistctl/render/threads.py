"""Recorded threads -> a table, a conversation as a person reads it, Markdown, JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from assistctl.record.threads import Hit, Item, Thread, Turn, texts
from assistctl.render.events import arguments_line
from assistctl.render.listing import table
from assistctl.render.markup import fence_around
from assistctl.render.steps import dim
from assistctl.render.terminal import one_line, sanitize, shortened
from assistctl.render.values import counted, json_document
from assistctl.resources import Json

_ROOM = 160
_TITLE = 40
UNTITLED = "(not recorded)"


def threads_text(threads: Sequence[Thread]) -> str:
    """A table; nothing to list is said in words."""
    if not threads:
        return "No threads are recorded."
    cells = [
        (
            each.id,
            each.assistant,
            each.target,
            str(each.turns),
            moment(each.used),
            shortened(one_line(each.title or UNTITLED), _TITLE),
        )
        for each in threads
    ]
    return table(("THREAD", "ASSISTANT", "TARGET", "TURNS", "LAST USED", "TITLE"), cells)


def threads_json(threads: Sequence[Thread]) -> str:
    """`[{"thread", "target", "assistant", "title", "began", "used", "turns"}]`"""
    return json_document([_thread_json(each) for each in threads])


def hits_text(hits: Sequence[Hit]) -> str:
    """Each place with its thread, whose title stands above all that was found in it."""
    lines: list[str] = []
    for thread in dict.fromkeys(hit.thread for hit in hits):
        lines.append(_headline(thread))
        lines += [
            f"  {moment(hit.at)}  {one_line(hit.excerpt)}" for hit in hits if hit.thread == thread
        ]
    return "\n".join(lines) if lines else "Nothing was found."


def hits_json(hits: Sequence[Hit]) -> str:
    """`[{"thread": {…}, "at", "excerpt"}]`"""
    found = [
        {"thread": _thread_json(hit.thread), "at": hit.at, "excerpt": hit.excerpt} for hit in hits
    ]
    return json_document(found)


def conversation_text(thread: Thread, turns: Sequence[Turn], *, whole: bool = False) -> str:
    """What was said, turn after turn; of calls only as much as fits into a line, unless `whole`."""
    lines = [_headline(thread), one_line(thread.title or UNTITLED)]
    for turn in turns:
        lines += ["", click.style(f"You, {moment(turn.at)}", bold=True)]
        lines.append(sanitize(turn.message) if turn.message is not None else UNTITLED)
        lines += [dim(f"attached: {one_line(name)}") for name in turn.attachments]
        lines.append(click.style(one_line(turn.assistant), bold=True))
        for item in turn.items:
            lines += _item_text(item, whole)
        if turn.status != "completed":
            lines.append(click.style(one_line(_ending(turn)), fg="red"))
    return "\n".join(lines)


def conversation_json(thread: Thread, turns: Sequence[Turn]) -> str:
    """As in a list, and `turns`: `[{"assistant", "at", "message", "attachments", "items": [{"type",
    …}], "run", "status", "error", "usage", "cost",
    "seconds"}]`"""
    return json_document({**_thread_json(thread), "turns": [asdict(turn) for turn in turns]})


def conversation_markdown(thread: Thread, turns: Sequence[Turn]) -> str:
    """As a document: texts as they are, calls in fences."""
    about = f"{thread.assistant} at {thread.target}, {thread.id}"
    parts = [f"# {one_line(thread.title or UNTITLED)}", one_line(about)]
    for turn in turns:
        parts += [f"## You, {moment(turn.at)}", turn.message or UNTITLED]
        parts += [f"- attached: {one_line(name)}" for name in turn.attachments]
        parts.append(f"## {one_line(turn.assistant)}")
        for item in turn.items:
            parts += _item_markdown(item)
        if turn.status != "completed":
            parts.append(f"*{one_line(_ending(turn))}*")
    return "\n\n".join(parts) + "\n"


def copied_text(target: str, messages: int, calls: int, left: Sequence[str]) -> str:
    """What a copy was made of, and below it what is not the same."""
    total = f"{counted(messages, 'message')} and {counted(calls, 'function call')}"
    lines = [f"Copied a thread of {total} to {target}."]
    return "\n".join([*lines, *(f"  not the same there: {one_line(each)}" for each in left)])


def moment(iso: str) -> str:
    """`2026-11-28 22:10 UTC`"""
    return f"{iso[:16].replace('T', ' ')} UTC"


def _item_text(item: Item, whole: bool) -> Iterator[str]:
    if item["type"] == "text":
        yield sanitize(str(item["text"]).strip("\n"))
        return

    def cut(text: str) -> str:
        return one_line(text) if whole else shortened(one_line(text), _ROOM)

    if item["type"] != "tool":
        number = f" [{item['number']}]" if "number" in item else ""
        yield dim(cut(f"{item['type']}{number}: {' '.join(texts(item))}"))
        return
    name = one_line(str(item["name"]))
    yield f"{click.style('→', fg='cyan')} {name} {cut(_arguments(item))}"
    if item.get("error"):
        yield f"{click.style('✗', fg='red')} {name} {cut(str(item['error']))}"
    elif "output" in item:
        yield f"{click.style('←', fg='green')} {name} {cut(str(item['output']))}"


def _item_markdown(item: Item) -> Iterator[str]:
    if item["type"] == "text":
        yield str(item["text"]).strip("\n")
    elif item["type"] == "tool":
        yield f"`{one_line(str(item['name']))}`"
        yield _fenced(_arguments(item), "json")
        if came := item.get("error") or item.get("output"):
            yield _fenced(str(came))
    else:
        yield _fenced(json_document(dict(item)), "json")


def _fenced(text: str, language: str = "") -> str:
    fence = fence_around([text])
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def _arguments(item: Item) -> str:
    return arguments_line(str(item.get("arguments", "")))


def _ending(turn: Turn) -> str:
    return f"{turn.status}: {turn.error}" if turn.error else turn.status


def _headline(thread: Thread) -> str:
    told = f"{thread.assistant} at {thread.target}, {counted(thread.turns, 'turn')}"
    return f"{click.style(one_line(thread.id), bold=True)}  {one_line(told)}"


def _thread_json(thread: Thread) -> dict[str, Json]:
    return {
        "thread": thread.id,
        "target": thread.target,
        "assistant": thread.assistant,
        "title": thread.title,
        "began": thread.began,
        "used": thread.used,
        "turns": thread.turns,
    }
