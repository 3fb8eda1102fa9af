"""What matplotlib says of fonts, in measure: code's output is a model's input."""

from __future__ import annotations

import logging
from pathlib import Path

SETTINGS = Path(__file__).with_name("matplotlibrc")


def say_less() -> None:
    """Say once that a font is missing, not again for each letter; and nothing of the stand-ins that
    the machine does not have."""
    logging.getLogger("matplotlib.font_manager").addFilter(_Once())


class _Once(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()
        _, _, families = SETTINGS.read_text(encoding="ascii").partition("font.family: ")
        self._stand_ins = [(family,) for family in families.strip().split(", ")]

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if said in self._said or record.args in self._stand_ins:
            return False
        self._said.add(said)
        return True
