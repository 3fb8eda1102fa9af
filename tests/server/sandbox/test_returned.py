"""What comes back is data, and never more than may."""

from __future__ import annotations

import pytest

from assistctl.server.sandbox.capture import Capture
from assistctl.server.sandbox.inside.frames import BrokenFrame
from assistctl.server.sandbox.limits import Limits
from assistctl.server.sandbox.returned import Produced, Returned, image_type


def test_parts_make_files_and_pictures():
    returned = Returned(Limits())
    for header, body in [
        ({"file": "a"}, b""),
        ({"file": "a"}, b"1"),
        ({"file": "b"}, b"x"),
        ({"file": "a"}, b"2"),
        ({"file": 5}, b"no name"),
        ({"picture": 7}, b"GIF8"),
        ({"picture": 7}, b"9a..."),
        ({"picture": 8}, b"no picture"),
        ({}, b"nothing"),
    ]:
        returned.add(header, body)
    returned.keep(["b", "c\n", 5])
    returned.keep("no list")
    assert returned.files() == (Produced("a", b"12", None),)
    assert returned.pictures() == (Produced("figure-1.gif", b"GIF89a...", "image/gif"),)
    assert returned.kept() == ("b", "c\N{REPLACEMENT CHARACTER}", "5")


def test_more_than_may_come_back_is_refused():
    returned = Returned(Limits(returned_files=1, returned_bytes=3))
    returned.add({"file": "a"}, b"123")
    with pytest.raises(BrokenFrame, match="more files"):
        returned.add({"file": "b"}, b"")
    with pytest.raises(BrokenFrame, match="more bytes"):
        returned.add({}, b"4")


def test_images_are_known_by_their_first_bytes():
    assert [
        image_type(data)
        for data in (b"\x89PNG\r\n\x1a\n...", b"\xff\xd8\xff\xe0", b"RIFF1234WEBP", b"RIFF", b"")
    ] == ["image/png", "image/jpeg", "image/webp", None, None]


def test_a_capture_keeps_the_beginning_and_the_end():
    capture = Capture(10)
    for number in range(100):
        capture.add(str(number % 10).encode())
    assert (capture.total, capture.text()) == (100, "0123456\n[… 90 bytes left out …]\n789")


def test_a_capture_keeps_what_fits_as_it_is():
    capture = Capture(10)
    capture.add("1234567花".encode())
    assert capture.text() == "1234567花"
