"""Frames, however they are cut, and what is none."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistctl.server.sandbox.inside.frames import PART_BYTES, BrokenFrame, Unpacker, pack

HEADERS = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text())


@given(st.lists(st.tuples(HEADERS, st.binary())), st.integers(1, 50))
def test_frames_arrive_whole_however_they_are_cut(frames, size):
    stream = b"".join(pack(header, body) for header, body in frames)
    unpacker = Unpacker()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [frame for piece in pieces for frame in unpacker.feed(piece)] == frames


def test_the_largest_frame_is_accepted():
    header = {"": "x" * (64 * 1024 - len(json.dumps({"": ""})))}
    [(_, body)] = Unpacker().feed(pack(header, bytes(PART_BYTES)))
    assert len(body) == PART_BYTES


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (struct.pack(">II", 64 * 1024 + 1, 0), "too large"),
        (struct.pack(">II", 2, PART_BYTES + 1), "too large"),
        (struct.pack(">II", 2, 0) + b"{]", "not JSON"),
        (struct.pack(">II", 2, 0) + b"\xff\xff", "not JSON"),
        (struct.pack(">II", 60_000, 0) + b"[" * 60_000, "not JSON"),
        (struct.pack(">II", 9_000, 0) + b"9" * 9_000, "not JSON"),
        (struct.pack(">II", 2, 0) + b"[]", "not an object"),
    ],
)
def test_what_is_no_frame_is_refused(sent, reason):
    with pytest.raises(BrokenFrame, match=reason):
        list(Unpacker().feed(sent))


@given(st.binary(max_size=200))
def test_noise_is_refused_or_waited_for(noise):
    try:
        for header, body in Unpacker().feed(noise):
            assert isinstance(header, dict) and isinstance(body, bytes)
    except BrokenFrame:
        pass
