"""A Plan -> text for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import click

from assistctl.keys import is_key
from assistctl.plan.changes import Action, Change, FieldChange, Plan
from assistctl.render.folding import (
    Folded,
    Stores,
    file_name,
    files_difference,
    folded,
    gathered,
    is_files,
    some_files,
)
from assistctl.render.terminal import one_line, sanitize
from assistctl.render.values import (
    brief,
    declared_brief,
    diff_lines,
    needs_diff,
    sides,
)
from assistctl.resources import ASSISTANT

SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.ADOPT: "="}

SIDES = {
    "declared": "",
    "remote": "changed at the target since the last sync",
    "both": "changed here and at the target since the last sync",
}
"""A FieldChange's side in words."""

PRUNE = "`assistctl sync --prune` deletes what is no longer declared."
WAYS_OUT = (
    "Edits made at the target: `assistctl pull` brings them into the YAML, "
    "`assistctl sync --on-drift overwrite` takes them back, `keep` leaves them."
)
KEPT = "Edited at the target, kept so:"
LEFT_ALONE = "Edited at the target where nothing is declared, left alone:"
PROTECTED = (
    "What is protected stays: to delete it, declare it with `protect: false`, sync, then remove it."
)

_COLORS = {Action.CREATE: "green", Action.UPDATE: "yellow", Action.DELETE: "red"}
_DIFF_COLORS = {"+": "green", "-": "red", "@": "cyan", "~": "yellow"}
_INDENT = "    "


def plan_text(
    plan: Plan, operations: Sequence[Sequence[str]] = (), stores: Stores | None = None
) -> str:
    """The plan as a person reviews it, styled (`click.echo` drops styles where they do not belong).

    `operations` says for each change, in their order, what will be requested, one string each. Of
    the `stores` many files are told as one; without them each is told.
    """
    each = stores is None or bool(operations)
    if not each:
        blocks = [
            _block(it) if isinstance(it, Change) else _folded_block(it)
            for it in folded(plan, stores or {})
        ]
    else:
        requests = operations or [()] * len(plan.changes)
        blocks = [_block(*both) for both in zip(plan.changes, requests, strict=True)]
    if plan.undeclared:
        blocks.append(_undeclared(plan, each=each))
    if plan.kept:
        title = click.style(KEPT, fg="yellow")
        blocks.append([title, *(f"{_INDENT}{one_line(line)}" for line in kept_lines(plan))])
    if plan.left_alone:
        blocks.append([click.style(LEFT_ALONE, fg="yellow"), *_left_alone(plan)])
    if plan.drifted:
        blocks.append([WAYS_OUT])
    if plan.notes:
        blocks.append([f"Note: {sanitize(note)}" for note in plan.notes])
    blocks.append([click.style(headline(plan), bold=True)])
    return "\n\n".join(map("\n".join, blocks))


def headline(plan: Plan) -> str:
    """The line that counts: `Plan for prod: 3 to create, 1 to update, 0 to delete.`"""
    if plan.only_drift:
        return drift_line(plan, one_line(plan.target))
    if not plan and plan.kept:
        return "No changes."
    if not plan and plan.partial:
        return f"No changes. What was asked for is as declared at {one_line(plan.target)}."
    if not plan:
        return f"No changes. {one_line(plan.target)} is as declared."
    return f"Plan for {one_line(plan.target)}: {counts(plan)}."


def drift_line(plan: Plan, target: str) -> str:
    """`Drift: 2 of ours were edited at prod since the last sync.` `target`: as it is shown."""
    where = f"edited at {target} since the last sync"
    if not plan:
        what = "Nothing that was asked for" if plan.partial else "Nothing"
        return f"No drift. {what} was {where}."
    edited = {it.address for it in (*plan.changes, *plan.left_alone) if not it.lost}
    lost = sum(change.lost for change in plan.changes)
    told = []
    if edited:
        told.append(f"{len(edited):,} of ours {'was' if len(edited) == 1 else 'were'} {where}")
    if lost:
        since = "" if edited else f" from {target} since the last sync"
        told.append(f"{lost:,}{'' if edited else ' of ours'} {_has(lost)} gone{since}")
    return f"Drift: {', and '.join(told)}."


def _has(number: int) -> str:
    return "has" if number == 1 else "have"


def counts(plan: Plan) -> str:
    """`3 to create, 2 to update (1 of them adopted), 0 to delete`."""
    number = plan.summary
    adopted = sum(change.action is Action.ADOPT for change in plan.changes)
    of_them = f" ({adopted} of them adopted)" if adopted else ""
    return (
        f"{number['create']} to create, {number['update']} to update{of_them}, "
        f"{number['delete']} to delete"
    )


def what_to_do(plan: Plan) -> Iterator[str]:
    """What may become of the objects that are declared no longer."""
    if len(plan.undeclared) > len(plan.protected):
        yield PRUNE
        made = [it.address for it in plan.changes if it.action is Action.CREATE]
        old, new = (
            [it.name for it in addresses if it.kind == ASSISTANT]
            for addresses in (plan.undeclared, made)
        )
        # What stands at the target may be no key, and anything else.
        if len(old) == len(new) == 1 and is_key(old[0]):
            yield f"Only renamed? `moved: {{{old[0]}: {new[0]}}}` in assistctl.yaml keeps its id."
    if plan.protected:
        yield PROTECTED


def kept_lines(plan: Plan) -> Iterator[str]:
    """`assistant/shop (instructions, temperature: changed here, too, which waits)`"""
    for change in plan.kept:
        fields = (
            f"{field.path}: changed here, too, which waits" if field.side == "both" else field.path
            for field in change.fields
        )
        yield f"{change.address} ({', '.join(fields)})"


def field_lines(change: Change) -> Iterator[str]:
    """Field by field, unstyled: `path: value` where a whole object comes or goes, else
    `path: old → new` or a diff, whose lines begin with two spaces and then the sign. Files are
    always a diff, in which each is named."""
    for field in change.fields:
        side = SIDES[field.side]
        mark = f"  ({side})" if side else ""
        path = one_line(field.path)
        if is_files(field.before) or is_files(field.after):
            yield f"{path}:{mark}"
            yield from (f"  {sign} {one_line(name)}" for sign, name in files_diff(field))
        elif change.action is Action.CREATE:
            yield f"{path}: {declared_brief(field.after)}{mark}"
        elif change.action is Action.DELETE:
            yield f"{path}: {brief(field.before)}{mark}"
        elif needs_diff(field.before, field.after):
            yield f"{path}:{mark}"
            yield from (f"  {line}" for line in diff_lines(field.before, field.after))
        else:
            yield f"{path}: {' → '.join(sides(field.before, field.after))}{mark}"


def files_diff(field: FieldChange) -> Iterator[tuple[str, str]]:
    """The files that come (`+`) and go (`-`)."""
    come, go = files_difference(field.before, field.after)
    yield from (("+", file_name(it)) for it in come)
    yield from (("-", file_name(it)) for it in go)


def _folded_block(fold: Folded) -> list[str]:
    title = f"{SIGNS[fold.action]} {one_line(str(fold.store))}: {fold.summary()}"
    cause = f"  {one_line(fold.cause)}" if fold.cause else ""
    which = _id_of_deleted(fold.own) if fold.own else ""
    return [
        f"{_title(title, fold.action)}{cause}{which}",
        *(_INDENT + _colored(f"  {sign} {some_files(files)}") for sign, files in fold.names()),
        *(_INDENT + _colored(line) for line in (field_lines(fold.rest) if fold.rest else ())),
    ]


def _title(text: str, action: Action) -> str:
    return click.style(text, fg=_COLORS.get(action, "cyan"), bold=True)


def _id_of_deleted(change: Change) -> str:
    return f"  {one_line(change.id)}" if change.id and change.action is Action.DELETE else ""


def _block(change: Change, operations: Sequence[str] = ()) -> list[str]:
    title = f"{SIGNS[change.action]} {one_line(str(change.address))}"
    which = _id_of_deleted(change)
    return [
        f"{_title(title, change.action)}  {one_line(change.cause)}{which}",
        *(_INDENT + _colored(line) for line in field_lines(change)),
        *(_INDENT + click.style(f"· {one_line(operation)}", dim=True) for operation in operations),
    ]


def _colored(line: str) -> str:
    is_diff = line.startswith("  ") and line[2:3] in _DIFF_COLORS
    return click.style(line, fg=_DIFF_COLORS[line[2]]) if is_diff else line


def _left_alone(plan: Plan) -> Iterator[str]:
    for change in plan.left_alone:
        yield _INDENT + one_line(str(change.address))
        plain = replace(change, fields=tuple(replace(it, side="declared") for it in change.fields))
        yield from (2 * _INDENT + _colored(line) for line in field_lines(plain))


def _undeclared(plan: Plan, *, each: bool) -> list[str]:
    protected = dict.fromkeys(map(str, plan.protected), "  protected")
    names = map(str, plan.undeclared) if each else gathered(plan.undeclared)
    listed = [f"{_INDENT}{one_line(name)}{protected.get(name, '')}" for name in names]
    title = click.style("No longer declared, left alone:", fg="yellow")
    return [title, *listed, *(_INDENT + advice for advice in what_to_do(plan))]
