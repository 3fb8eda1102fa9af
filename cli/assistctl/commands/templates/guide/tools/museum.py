"""Tools of the museum guide: ordinary typed Python functions."""

from typing import Literal


def opening_hours(
    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
) -> str:
    """Say when the museum is open.

    Args:
        day: The day of the week.
    """
    if day == "monday":
        return "closed"
    return "10:00 to 16:00" if day in ("saturday", "sunday") else "9:00 to 18:00"
