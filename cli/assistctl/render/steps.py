"""What was done on the way to an answer, as lines for people: calls, code, searches, what is cited
and what was made. Each is folded to one line of its own, unless it is wanted `whole`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from assistctl.events import (
    CodeCalled,
    CodeReturned,
    Hit,
    MadeFile,
    Searched,
    Source,
    Step,
    ToolCalled,
    ToolReturned,
    Trace,
)
from assistctl.render.events import arguments_line
from assistctl.render.folding import in_bytes
from assistctl.render.terminal import one_line, sanitize, shortened
from assistctl.render.values import counted, json_line
from assistctl.resources import Json, tokens_of

_ROOM = 160
"""Columns for the arguments or the output of one call."""

_CODE, _SEARCH = "code_interpreter", "file_search"
_INDENT = "    "


def begun_lines(event: ToolCalled | CodeCalled, whole: bool) -> Iterator[str]:
    mark = click.style("→", fg="cyan")
    if isinstance(event, ToolCalled):
        text = arguments_line(event.call.arguments)
        yield f"{mark} {one_line(event.call.name)} {_cut(text, whole)}"
    elif whole:
        yield f"{mark} {_CODE}"
        yield from _block(event.code)
    else:
        yield f"{mark} {_CODE} {_cut(event.code, whole)}"


def step_lines(step: Step, whole: bool) -> Iterator[str]:
    """How a call ended."""
    match step:
        case ToolReturned(call, output):
            yield _ended(step, one_line(call.name), _cut(output, whole), whole)
            if step.trace:
                yield from _traced(step.trace, whole)
        case CodeReturned():
            shown = "".join(f"  [{_named(file)}]" for file in step.files)
            if whole:
                yield _ended(step, _CODE, shown.strip(), whole)
                yield from _block(step.output)
            else:
                yield _ended(step, _CODE, _cut(step.output, whole) + shown, whole)
        case Searched():
            queries = ", ".join(json_line(query) for query in step.queries)
            found = ", ".join(map(_hit, step.hits)) or "nothing found"
            if whole:
                passages = counted(len(step.hits), "passage")
                yield _ended(
                    step, _SEARCH, f"{_cut(queries, whole)}: {passages}".lstrip(": "), whole
                )
                for hit in step.hits:
                    yield dim(f"{_INDENT}{_hit(hit)}  {one_line(hit.text or '')}".rstrip())
            else:
                told = f"{queries}: {found}" if queries else found
                yield _ended(step, _SEARCH, _cut(told, whole), whole)


def source_lines(sources: Sequence[Source]) -> Iterator[str]:
    """What the numbers in the text stand for."""
    for source in sources:
        named = one_line(source.file_name or source.file_id or "")
        told = " ".join(part for part in (named, one_line(source.url or "")) if part)
        if source.quote:
            told += f": {shortened(one_line(source.quote), _ROOM)}"
        yield f"[{source.number}] {told or '(the target does not say what this is)'}"


def file_lines(files: Sequence[MadeFile], *, offers: bool = True) -> Iterator[str]:
    """The files that came of a turn, and how to get them, if they can be had now."""
    for file in files:
        size = "" if file.size is None else f", {in_bytes(file.size)}"
        if file.error:
            reason = one_line(file.error)
            yield f"{click.style('✗', fg='red')} {_named(file)} was not saved: {reason}"
        elif file.saved:
            yield f"{click.style('saved', fg='green')} {one_line(file.saved)}{size}"
        else:
            way = dim("  (--save DIR saves it)") if offers else f"  {dim(file.id)}"
            yield f"made {_named(file)}{size}{way}"


def tokens(usage: Mapping[str, Json] | None) -> str:
    """`  812 tokens (700 in, 112 out)`."""
    if not usage:
        return ""
    read, written, total = tokens_of(usage)
    return f"  {total:,} tokens ({read:,} in, {written:,} out)"


def _ended(step: Step, name: str, told: str, whole: bool) -> str:
    seconds = "" if step.seconds is None else f"  {step.seconds:.2f} s"
    if step.error is not None:
        reason = step.error
        if isinstance(step, CodeReturned) and (printed := step.output.strip()) and not whole:
            last = printed.splitlines()[-1]
            reason += "" if last == reason else f": {last}"
        return f"{click.style('✗', fg='red')} {name} {_cut(reason, whole)}{seconds}"
    # Not every API says of a search that it has failed: one that found nothing may have.
    ok = "" if isinstance(step, Searched) and not step.hits else "ok "
    return f"{click.style('←', fg='green')} {name} {f'{ok}{told}'.rstrip()}{seconds}"


def _traced(trace: Trace, whole: bool) -> Iterator[str]:
    """Where the tool raised, for its author: its own lines, or all of it."""
    return _block(trace.whole if whole else trace.short)


def _block(text: str) -> Iterator[str]:
    for line in text.rstrip("\n").split("\n") if text else ():
        yield dim(f"{_INDENT}{line}")


def _hit(hit: Hit) -> str:
    score = "" if hit.score is None else f" {hit.score:.2f}"
    return f"{one_line(hit.file_name)}{score}"


def _named(file: MadeFile) -> str:
    return one_line(file.name or file.id)


def _cut(text: str, whole: bool) -> str:
    line = one_line(text)
    return line if whole else shortened(line, _ROOM)


def dim(text: str) -> str:
    """Text of less weight, made harmless."""
    return click.style(sanitize(text), dim=True)
