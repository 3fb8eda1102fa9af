"""The vocabulary of tests: cases as an assistant's tests file declares them, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from assistctl.errors import Place

Json: TypeAlias = Any


@dataclass(frozen=True)
class Expectation:
    """One thing that must be true of an answer, or of a whole conversation.

    `kind` is the key that it stands under and `value` what it says: a text of `contains`,
    `not_contains`, `equals` or `regex`; the mapping of `json_schema`; of `calls` a mapping with
    `function` and perhaps `arguments`, `exact` and `times`; a function's name of `never`, a list of
    them of `order`; a word of `status`; a file's name of `cited`; a limit of `seconds`,
    `tokens` or `cost`; a text of `rubric`.
    """

    kind: str
    value: Json
    place: Place


@dataclass(frozen=True)
class Stub:
    """What answers the calls of a function in its place: a value, or the message of an error."""

    returns: Json = None
    raises: str | None = None


@dataclass(frozen=True)
class Turn:
    """What the user says, with files by their paths below the workspace's root, and what is
    expected of the answer."""

    user: str
    expect: tuple[Expectation, ...] = ()
    attach: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One conversation and what is expected of it at its end; `variables` are values for the
    instructions, as texts. It is held `repeat` times, of which
    the part `pass_rate` (0 to 1) must pass."""

    name: str
    place: Place
    turns: tuple[Turn, ...]
    expect: tuple[Expectation, ...] = ()
    stubs: Mapping[str, Stub] = field(default_factory=dict)
    repeat: int = 1
    pass_rate: float = 1.0
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Judge:
    """The model that judges rubrics, and what it is told beside its task."""

    model: str
    instructions: str = ""


@dataclass(frozen=True)
class Prompt:
    """Instructions that are tried in place of the declared ones; `file` is as it is declared."""

    file: str
    text: str


@dataclass(frozen=True)
class Matrix:
    """What all cases are tried with: each combination; of what is empty, what is declared."""

    targets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    prompts: tuple[Prompt, ...] = ()


@dataclass(frozen=True)
class Suite:
    """The cases of one assistant, in the order of their file."""

    key: str
    file: str
    cases: tuple[Case, ...]
    judge: Judge | None = None
    matrix: Matrix = Matrix()
