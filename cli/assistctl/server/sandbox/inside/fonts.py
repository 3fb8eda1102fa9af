"""Charts whose labels matplotlib's own font has no letters for: Chinese, Japanese and Korean ones.

A font of the machine's stands in for those letters, and for those only. Code that asks for fonts
of its own gets them.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

_FOLDER = Path("/usr/share/fonts")
_FAMILIES = {
    "NotoSansCJK-Regular.ttc": "Noto Sans CJK JP",  # the first of its faces; all have all letters
    "NotoSansCJKsc-Regular.otf": "Noto Sans CJK SC",
    "wqy-microhei.ttc": "WenQuanYi Micro Hei",
    "wqy-zenhei.ttc": "WenQuanYi Zen Hei",
    "DroidSansFallbackFull.ttf": "Droid Sans Fallback",
    "uming.ttc": "AR PL UMing CN",
}
"""What distributions call the files, the best first, and what matplotlib calls the fonts. Not the
variable ones, which it cannot draw with."""

_OWN = "DejaVu Sans"
"""Comes with matplotlib; once more at the end, for code that names a font which is not here."""


def prepare_charts(settings: Path, fonts: Path = _FOLDER) -> None:
    """Let matplotlib find its `settings` (a folder that is made), if there is such a font, and say
    once that one is missing, not again for each letter."""
    logging.getLogger("matplotlib.font_manager").addFilter(_Once())
    there = {name for _, _, names in os.walk(fonts) for name in names}
    family = next((_FAMILIES[name] for name in _FAMILIES if name in there), None)
    if family is not None:
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "matplotlibrc").write_text(f"font.family: sans-serif, {family}, {_OWN}\n")


class _Once(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if said in self._said:
            return False
        self._said.add(said)
        return True
