"""What somebody wants to have tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

JOBS = 4

Taping: TypeAlias = Literal["record", "replay", "replay what there is"] | None
"""Whether what models are asked is recorded, or answered from what was recorded: of all, or of
those of which something was."""


@dataclass(frozen=True)
class Wanted:
    """The tests of these assistants (none: of all that have some), tried so many at a time, on what
    is `synced` at the target instead of what is declared. `only` are texts, one of which a case's
    name must have, if there are any; `case` is the whole name of the only one that is wanted. With
    `approve_all`, functions with `approval: ask` are called; without, only if they have a stub.
    `one_target`: at the workspace's, whatever the tests name; `plain`: with the declared models and
    instructions only."""

    keys: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    synced: bool = False
    jobs: int = JOBS
    approve_all: bool = False
    one_target: bool = False
    plain: bool = False
    taping: Taping = None
    case: str | None = None

    @property
    def whole(self) -> bool:
        """Whether all cases are wanted."""
        return not self.only and self.case is None

    def has(self, name: str) -> bool:
        """Whether the case of this name is wanted."""
        if self.case is not None:
            return name == self.case
        return not self.only or any(text in name for text in self.only)
