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
    name must have, if there are any. With `approve_all`, functions with `approval: ask` are called;
    without, only if they have a stub. `one_target`: at the workspace's, whatever the tests name;
    `plain`: with the declared models and instructions only."""

    keys: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    synced: bool = False
    jobs: int = JOBS
    approve_all: bool = False
    one_target: bool = False
    plain: bool = False
    taping: Taping = None
