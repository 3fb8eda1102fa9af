"""The recording at the top of the README shows what the commands show now."""

import re
from html import unescape

import recording

from tests import forking, pages


def test_the_recording_is_what_a_terminal_shows(tmp_path):
    with forking.program(tmp_path / "assistctl", "assistctl"):
        lines = recording.session(str(tmp_path / "assistctl"))
    svg = recording.PICTURE.read_text(encoding="utf-8")
    (kept,) = re.findall(r"<desc>(.*?)</desc>", svg, re.DOTALL)
    general = pages.general(unescape(kept))
    assert general == pages.general(recording.text_of(lines)), "run `python docs/recording.py`"


def test_the_picture_moves_only_for_those_who_want_it_and_loads_nothing():
    svg = recording.picture([f"{recording.PROMPT}assistctl plan", "\x1b[1mNo changes.\x1b[0m"])
    assert "prefers-reduced-motion: no-preference" in svg
    assert '[clip-path$="line-1)"]{animation-delay:1.26s}' in svg
    assert re.findall(r"(?:href|url\()\W*https?:", svg) == []
    assert "<desc>$ assistctl plan\nNo changes.\n</desc>" in svg


def test_what_was_drawn_over_is_not_shown():
    drawn = "bar 0 of 1\r\x1b[2K+ created\r\nbar 1 of 1\r\n\r\x1b[1A\x1b[2KSynced.\r\n"
    assert list(recording._lines(drawn)) == ["+ created", "Synced."]
