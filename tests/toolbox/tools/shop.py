"""A tool module as a person writes it: every kind of parameter that can be read statically."""

from __future__ import annotations

import datetime as dt
import enum
import typing as t
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal, Optional, TypedDict
from uuid import UUID

import a_dependency_that_is_not_installed_here  # noqa: F401  (reading must not import)

raise SystemExit("reading must not execute this module")

Quantity = Annotated[int, "How many stems."]


class Colour(enum.StrEnum):
    RED = "red"
    YELLOW = enum.auto()


@dataclass
class Line:
    """One line of a bill.

    Attributes:
        flower: Name of the flower.
    """

    flower: str
    quantity: Quantity = 1
    colour: Colour | None = None
    notes: list[str] = field(default_factory=list)
    currency: t.ClassVar[str] = "CNY"


class Customer(TypedDict, total=False):
    name: t.Required[str]
    vip: bool


async def save_bill(
    lines: list[Line],
    customer: Customer,
    when: dt.date | None = None,
    discount: Decimal = Decimal(0),
    till: Optional[UUID] = None,  # noqa: UP045
    pay: Literal["cash", "card"] = "cash",
    tags: set[str] = frozenset(),
    totals: dict[str, float] | None = None,
    anything: t.Any = None,
    *,
    point: tuple[int, int] = (0, 0),
    code: t.Union[int, str] = 7,  # noqa: UP007
) -> str:
    """Save a bill.

    It is written once, and never changed.

    Args:
        lines: What was sold,
            in the order of the till.
        when: The day; today if it is not given.

    Returns:
        The number of the bill.
    """
