"""A Plan -> Markdown for a comment on a pull request."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from assistctl.plan.changes import Action, Change, FieldChange, Plan
from assistctl.render.folding import Folded, Stores, file_name, folded, gathered, is_files
from assistctl.render.markup import as_many_as_fit, code, details, plain
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
from assistctl.render.values import brief, declared_brief, diff_lines, needs_diff, sides

LIMIT = 60_000
"""Characters; GitHub refuses comments above 65,536, so details that go beyond are left out."""

MOST = 100
"""So many files of a store that come, change or go are named each."""


def plan_markdown(plan: Plan, stores: Stores | None = None) -> str:
    """A heading that counts, a table of the changes, and what differs, folded, as diffs. Of the
    `stores` many files are told as one."""
    changes = folded(plan, stores or {})
    sections = ["\n".join(section) for section in _sections(plan, changes)]
    room = LIMIT - sum(len(section) + 2 for section in sections)
    detailed = [it for it in (*changes, *plan.left_alone) if isinstance(it, Folded) or it.fields]
    aside = frozenset(map(id, plan.left_alone))
    more = as_many_as_fit(
        detailed, lambda it: _detail(it, id(it) in aside), room, "change", "assistctl plan"
    )
    return "\n\n".join([*sections, *more])


def _sections(plan: Plan, changes: Sequence[Change | Folded]) -> Iterator[list[str]]:
    target, result = code(plan.target), counts(plan) if plan else "no changes"
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
        yield [f"- {code(name)}{protected.get(name, '')}" for name in names]
        yield list(what_to_do(plan))
    if plan.kept:
        yield [KEPT]
        yield [f"- {plain(line)}" for line in kept_lines(plan)]
    if plan.left_alone:
        yield [LEFT_ALONE]
        yield [f"- {code(str(it.address))}: {plain(_paths(it))}" for it in plan.left_alone]
    if plan.notes:
        yield [f"- Note: {plain(note)}" for note in plan.notes]


def _paths(change: Change) -> str:
    return ", ".join(field.path for field in change.fields)


def _row(change: Change | Folded) -> str:
    action = f"`{SIGNS[change.action]}` {change.action.value}"
    if isinstance(change, Folded):
        cause = "; ".join(filter(None, (change.summary(), change.cause)))
        return f"| {action} | {code(str(change.store))} | {plain(cause)} |"
    return f"| {action} | {code(str(change.address))} | {plain(change.cause)} |"


def _detail(change: Change | Folded, is_left_alone: bool) -> str:
    if isinstance(change, Folded):
        address, lines = change.store, list(_files(change))
    else:
        address = change.address
        lines = [line for field in change.fields for line in _field(change.action, field)]
    sign = "left alone:" if is_left_alone else SIGNS[change.action]
    summary = f"{sign} <code>{html.escape(one_line(str(address)))}</code>"
    return details(summary, lines, "diff")


def _files(fold: Folded) -> Iterator[str]:
    """`~` is not known to diffs: a file whose content changes stands under a heading of its own."""
    for sign, files in fold.names():
        if sign == "~":
            yield "# content changed:"
        for file in files[:MOST]:
            yield f"{' ' if sign == '~' else sign} {one_line(file_name(file))}"
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
