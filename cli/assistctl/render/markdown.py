"""A Plan -> Markdown for a comment on a pull request."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from assistctl.plan.changes import Action, Change, FieldChange, Plan
from assistctl.render.folding import Folded, Stores, folded, gathered, is_files, plain_name
from assistctl.render.plan import (
    KEPT,
    LEFT_ALONE,
    SIDES,
    SIGNS,
    WAYS_OUT,
    counts,
    drift_line,
    files_diff,
    kept_lines,
    what_to_do,
)
from assistctl.render.terminal import one_line
from assistctl.render.values import brief, counted, declared_brief, diff_lines, needs_diff, sides

LIMIT = 60_000
"""Characters; GitHub refuses comments above 65,536, so details that go beyond are left out."""

MOST = 100
"""So many files of a store that come, change or go are named each."""

_MARKUP = re.compile(r"[\\`*_\[\]<>|~@&#$:]")


def plan_markdown(plan: Plan, stores: Stores | None = None) -> str:
    """A heading that counts, a table of the changes, and what differs, folded, as diffs. Of the
    `stores` many files are told as one."""
    changes = folded(plan, stores or {})
    sections = ["\n".join(section) for section in _sections(plan, changes)]
    room = LIMIT - sum(len(section) + 2 for section in sections)
    return "\n\n".join([*sections, *_details([*changes, *plan.left_alone], room)])


def _sections(plan: Plan, changes: Sequence[Change | Folded]) -> Iterator[list[str]]:
    target, result = _code(plan.target), counts(plan) if plan else "no changes"
    heading = drift_line(plan, target) if plan.only_drift else f"Plan for {target}: {result}"
    yield [f"### {heading}"]
    if plan.changes:
        yield [
            "| change | address | cause |",
            "|---|---|---|",
            *map(_row, changes),
        ]
    if plan.drifted:
        yield [WAYS_OUT]
    if plan.undeclared:
        yield ["No longer declared, left alone:"]
        protected = dict.fromkeys(map(str, plan.protected), " (protected)")
        names = gathered(plan.undeclared)
        yield [f"- {_code(name)}{protected.get(name, '')}" for name in names]
        yield list(what_to_do(plan))
    if plan.kept:
        yield [KEPT]
        yield [f"- {_plain(line)}" for line in kept_lines(plan)]
    if plan.left_alone:
        yield [LEFT_ALONE]
        yield [f"- {_code(str(it.address))}: {_plain(_paths(it))}" for it in plan.left_alone]
    if plan.notes:
        yield [f"- Note: {_plain(note)}" for note in plan.notes]


def _paths(change: Change) -> str:
    return ", ".join(field.path for field in change.fields)


def _row(change: Change | Folded) -> str:
    action = f"`{SIGNS[change.action]}` {change.action.value}"
    if isinstance(change, Folded):
        cause = "; ".join(filter(None, (change.summary(), change.cause)))
        return f"| {action} | {_code(str(change.store))} | {_plain(cause)} |"
    return f"| {action} | {_code(str(change.address))} | {_plain(change.cause)} |"


def _details(changes: Sequence[Change | Folded], room: int) -> Iterator[str]:
    detailed = [it for it in changes if isinstance(it, Folded) or it.fields]
    for number, change in enumerate(detailed):
        text = _detail(change)
        room -= len(text) + 2
        if room < 0:
            left_out = counted(len(detailed) - number, "change")
            yield f"The details of {left_out} are left out here; `assistctl plan` shows them."
            return
        yield text


def _detail(change: Change | Folded) -> str:
    if isinstance(change, Folded):
        address, lines = change.store, list(_files(change))
    else:
        address = change.address
        lines = [line for field in change.fields for line in _field(change.action, field)]
    fence = _fence(lines)
    summary = f"{SIGNS[change.action]} <code>{html.escape(one_line(str(address)))}</code>"
    return "\n".join(
        [
            f"<details><summary>{summary}</summary>",
            "",
            f"{fence}diff",
            *lines,
            fence,
            "",
            "</details>",
        ]
    )


def _files(fold: Folded) -> Iterator[str]:
    """`~` is not known to diffs: a file whose content changes stands under a heading of its own."""
    for sign, files in fold.names():
        if sign == "~":
            yield "# content changed:"
        for file in files[:MOST]:
            yield f"{' ' if sign == '~' else sign} {one_line(plain_name(file))}"
        if len(files) > MOST:
            yield f"# and {len(files) - MOST:,} more"
    for field in fold.rest.fields if fold.rest else ():
        yield from _field(fold.action, field)


def _field(action: Action, field: FieldChange) -> Iterator[str]:
    path = one_line(field.path)
    if SIDES[field.side]:
        yield f"# {SIDES[field.side]}:"
    if is_files(field.before) or is_files(field.after):
        yield from (f"{sign} {path}: {one_line(name)}" for sign, name in files_diff(field))
    elif action is Action.CREATE:
        yield f"+ {path}: {declared_brief(field.after)}"
    elif action is Action.DELETE:
        yield f"- {path}: {brief(field.before)}"
    elif needs_diff(field.before, field.after):
        yield f"  {path}:"
        yield from diff_lines(field.before, field.after)
    else:
        old, new = sides(field.before, field.after)
        if field.before is not None:
            yield f"- {path}: {old}"
        if field.after is not None:
            yield f"+ {path}: {new}"


def _fence(lines: list[str]) -> str:
    """A fence longer than any run of backticks that it has to hold."""
    runs = re.findall(r"`+", "\n".join(lines))
    return "`" * max(3, 1 + max(map(len, runs), default=0))


def _code(text: str) -> str:
    """A code span, safe in a table cell as well."""
    line = one_line(text).replace("|", "\\|")
    runs = set(map(len, re.findall(r"`+", line)))
    ticks = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def _plain(text: str) -> str:
    """Words that mean nothing to Markdown or HTML, and mention nobody."""
    escaped = _MARKUP.sub(_entity, one_line(text))
    return escaped.replace("&#64;", "&#64;&#8203;")


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"
