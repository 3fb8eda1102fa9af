"""The events of a body, however it is cut into pieces."""

from __future__ import annotations

import asyncio
import time

import pytest

from assistctl.server.models.reading import BadAnswer
from assistctl.server.models.sse import ServerEvent, read_events


def events(body, size=1000):
    data = body if isinstance(body, bytes) else body.encode()

    async def pieces():
        for start in range(0, len(data), size):
            yield data[start : start + size]

    async def read():
        return [event async for event in read_events(pieces())]

    return asyncio.run(read())


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_three_ways(end, size):
    body = end.join([": hello", 'data: {"a":"花"}', "", "event: x", "data: 2", "", ""])
    assert events(body, size) == [ServerEvent('{"a":"花"}'), ServerEvent("2", "x")]


def test_other_line_separators_belong_to_the_text():
    assert events('data: {"a":"1\u20282\x853"}\n\n') == [ServerEvent('{"a":"1\u20282\x853"}')]


def test_a_forgotten_empty_line_does_no_harm():
    body = 'data: {"a":1}\ndata: {"b":2}\nevent: x\ndata: {"c":3}'
    assert events(body) == [
        ServerEvent('{"a":1}'),
        ServerEvent('{"b":2}'),
        ServerEvent('{"c":3}', "x"),
    ]


def test_data_in_several_lines_is_one_event():
    assert events('data: {"a":\ndata: 1}\n\n') == [ServerEvent('{"a":\n1}')]


def test_an_error_field_is_an_event_of_its_own():
    body = 'data: {"a":1}\n\nerror: {"code":500}\n\n'
    assert events(body) == [ServerEvent('{"a":1}'), ServerEvent('{"code":500}', "error")]


def test_events_without_data_are_none():
    assert events("\n\n: ping\n\nevent: x\n\ndata:\n\ndata: \n\nid: 3\n\n") == []


@pytest.mark.parametrize("body", ['{"a":\n 1}', "  [1]", "<html>\n</html>", '\ufeff{"a": 1}'])
def test_what_begins_like_json_or_a_page_is_one_event(body):
    assert events(body, 2) == [ServerEvent(body.strip("\ufeff ").strip(), whole=True)]


def test_a_line_costs_as_much_as_it_is_long():
    def seconds(pieces):
        before = time.process_time()
        events(b"data: " + b"x" * 1000 * pieces)
        return time.process_time() - before

    assert seconds(8000) < 30 * seconds(1000)


def test_an_answer_without_an_end_is_given_up():
    with pytest.raises(BadAnswer, match=r"^sent more than 32 MB, which no answer is$"):
        events(b"data: " + b"x" * (33 << 20), 1 << 20)
    with pytest.raises(BadAnswer):
        events((b"data: " + b"x" * (1 << 20) + b"\n\n") * 33, 1 << 20)


def test_what_stands_around_the_words_of_a_long_answer_does_not_count():
    line = b"data: " + b"x" * 900 + b"\n\n"
    assert len(events(line * 40_000, 1 << 20)) == 40_000
