"""One parameter, or one field of a class: what it takes, and whether it must be given."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from assistctl.toolbox import literals
from assistctl.toolbox.annotations import schema_of
from assistctl.toolbox.notes import Note, constant, note_of, notes_in
from assistctl.toolbox.scope import Schema, Scope


@dataclass(frozen=True)
class Member:
    schema: Schema
    required: bool
    note: Note = field(default_factory=Note)


def member(annotation: ast.expr, default: ast.expr | None, scope: Scope) -> Member:
    """Raises Unreadable."""
    schema = schema_of(annotation, scope)
    inner = notes_in(annotation, scope)
    if default is None:
        return Member(schema, inner.has == "no default", inner)
    note = note_of(default, scope)
    if note is None:
        schema = literals.with_default(schema, constant(default, scope))
        return Member(schema, required=False, note=inner)
    both = note.over(inner)
    return Member(both.applied(schema), both.has == "no default", both)
