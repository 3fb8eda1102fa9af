"""Whether somebody wants what is about to be done: `--yes`, `--confirm NAME`, or an answer here."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from assistctl.commands._person import can_answer
from assistctl.errors import Refused
from assistctl.resources import Target


@dataclass(frozen=True)
class Consent:
    """What was said on the command line; `named` is the target that --confirm names."""

    yes: bool = False
    named: str | None = None

    def asks(self, target: Target) -> bool:
        """Whether a person is asked yet."""
        return self.named is None and (target.confirm or not self.yes)

    def check(self, target: Target) -> None:
        """Raises Refused if --confirm names another target, whether or not anything is to be done
        at this one."""
        if self.named is not None and self.named != target.name:
            raise Refused(
                f"--confirm names {self.named!r}, but the target is {target.name!r}; "
                "nothing was changed"
            )

    def obtain(self, what: str, target: Target) -> None:
        """Make sure that somebody wants to do `what` ("apply 3 changes to prod") at this target.

        A target with `confirm: true` wants its name, which -y alone does not say. Raises Refused
        without consent, and where nobody can be asked for it.
        """
        self.check(target)
        if not self.asks(target):
            return
        if not can_answer():
            way = f"--confirm {target.name}" if target.confirm else "--yes"
            raise Refused(f"nobody can be asked here whether to {what}; use {way} to do it")
        question = f"{what[0].upper()}{what[1:]}?"
        if not (_named(what, target) if target.confirm else click.confirm(question, err=True)):
            raise Refused("nothing was changed")


def with_consent(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Add the options to a command, which gets a Consent by the name `consent`."""

    @click.option("-y", "--yes", is_flag=True, help="Do not ask (for CI).")
    @click.option(
        "--confirm",
        "named",
        metavar="NAME",
        help="Do not ask, and make sure that this is the target (for CI, where it has "
        "`confirm: true`).",
    )
    @functools.wraps(function)
    def call(*arguments: Any, yes: bool, named: str | None, **more: Any) -> int | None:
        return function(*arguments, consent=Consent(yes, named), **more)

    return call


def _named(what: str, target: Target) -> bool:
    answer: str = click.prompt(
        f"To {what}, type the target's name",
        default="",
        show_default=False,
        err=True,
    )
    return answer.strip() == target.name
