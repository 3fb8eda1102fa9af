import pytest

from assistctl.server.retrieval.ingestion import records


def test_escapes_are_letters_and_numbers_stay_as_they_are_written() -> None:
    text = '{"name": "\\u73ab\\u7470", "price": 1.50, "n": [1, 2e3, true, null, {}, []]}'
    shown = '{"name": "玫瑰", "price": 1.50, "n": [1, 2e3, true, null, {}, []]}\n'
    assert records.read(text).value == shown


def test_each_record_has_a_line() -> None:
    prices = ", ".join(f'{{"name": "rose", "price": {number}}}' for number in range(20))
    lines = records.read('{"list": [' + prices + '], "currency": "EUR"}').value.split("\n")
    assert lines[:3] == ["{", ' "list": [', '  {"name": "rose", "price": 0},']
    assert lines[-5:] == [
        '  {"name": "rose", "price": 19}',
        " ],",
        ' "currency": "EUR"',
        "}",
        "",
    ]


@pytest.mark.parametrize(
    "text", ['{"broken": "\\u73ab', "[" * 100_000, '"\\ud800"', "", "{'a': 1}"]
)
def test_what_is_not_json_is_left_alone(text: str) -> None:
    assert records.read(text).value == text


def test_json_lines_are_read_one_by_one() -> None:
    text = '{"a": "\\u73ab"}\nbroken\n{"a": 1}\n'
    assert records.read_lines(text).value == '{"a": "玫"}\nbroken\n{"a": 1}\n'


def test_only_a_newline_ends_a_line_of_json_lines() -> None:
    text = '{"a": "one\u2028two\x85", "b": 1}\n{"a": 2}\n'
    assert records.read_lines(text).value == text
