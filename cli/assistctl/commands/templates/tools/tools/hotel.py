"""Tools of the front desk: ordinary typed Python functions."""

import asyncio
import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from assistctl import ToolContext

BOOK = "bookings.csv"


@dataclass
class Room:
    """A room as guests are told of it."""

    number: int
    beds: int
    price: float


ROOMS = (Room(11, 1, 70.0), Room(12, 2, 95.0), Room(21, 3, 140.0))


async def free_rooms(night: date, context: ToolContext, guests: int = 1) -> list[Room]:
    """Find the rooms that are free for a night.

    Args:
        night: The night, by the day on which it begins.
        guests: How many people there are.
    """
    await asyncio.sleep(0)  # ask your booking system here; other calls go on meanwhile
    taken = _taken(context.workspace, night)
    return [room for room in ROOMS if room.beds >= guests and room.number not in taken]


def book_room(room: int, night: date, guest: str, context: ToolContext) -> dict[str, object]:
    """Book a room for a night.

    Args:
        room: The room's number.
        night: The night, by the day on which it begins.
        guest: In whose name.
    """
    wanted = next((each for each in ROOMS if each.number == room), None)
    if wanted is None:
        raise ValueError(f"there is no room {room}")  # the model is told, and can choose another
    if room in _taken(context.workspace, night):
        raise ValueError(f"room {room} is taken that night")
    with (context.workspace / BOOK).open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow([night, room, guest])
    return {"room": room, "night": night, "price": wanted.price}


def _taken(workspace: Path, night: date) -> set[int]:
    """The rooms that are booked for a night."""
    if not (workspace / BOOK).exists():
        return set()
    with (workspace / BOOK).open(newline="", encoding="utf-8") as file:
        return {int(row[1]) for row in csv.reader(file) if row[0] == str(night)}
