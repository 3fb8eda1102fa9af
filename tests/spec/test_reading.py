from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistctl.spec import composing, reading
from assistctl.spec.findings import Findings
from assistctl.spec.reading import read, read_text


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def look(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str | bytes], tuple[Any, list[str]]]:
    """Read a text as YAML, by libyaml's parser and by Python's own."""
    monkeypatch.setattr(reading, "_LOADER", getattr(yaml, request.param))

    def look(content: str | bytes) -> tuple[Any, list[str]]:
        path = tmp_path / "x.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        findings = Findings()
        return read(path, "x.yaml", findings), list(map(str, findings.in_order()))

    return look


Look = Callable[[str | bytes], tuple[Any, list[str]]]


def test_yaml_is_read_with_places(look: Look) -> None:
    value, problems = look("a: 1\nb:\n  - {c: 花}\n  - |\n    long\n    text\n")
    assert problems == []
    assert value == {"a": 1, "b": [{"c": "花"}, "long\ntext\n"]}
    assert str(value.key_place("b")) == "x.yaml:2:1"
    assert str(value["b"].item_place(1)) == "x.yaml:4:5"
    assert str(value["b"][0].value_place("c")) == "x.yaml:3:9"


def test_quotes_make_strings_of_anything(look: Look) -> None:
    value, problems = look("{a: 'no', 'on': \"010\", '1': '', '<<': '2026-11-22', y: 'null'}")
    assert problems == []
    assert value == {"a": "no", "on": "010", "1": "", "<<": "2026-11-22", "y": "null"}


def test_a_byte_order_mark_is_tolerated(look: Look) -> None:
    assert look(b"\xef\xbb\xbfa: 1\n") == ({"a": 1}, [])


def test_other_encodings_are_not(look: Look) -> None:
    assert look("a: 1\n".encode("utf-16")) == (
        None,
        ["x.yaml:1:1: byte 0xff is not UTF-8; save the file as UTF-8"],
    )


def test_an_anchor_may_be_used_again(look: Look) -> None:
    value, problems = look("a: &x {b: [1]}\nc: *x\nd: *x\n")
    assert problems == []
    assert value == {"a": {"b": [1]}, "c": {"b": [1]}, "d": {"b": [1]}}


def test_the_last_of_two_like_anchors_counts(look: Look) -> None:
    assert look("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == ({"a": 1, "b": 1, "c": 2, "d": 2}, [])


def test_half_a_surrogate_pair_is_found(look: Look) -> None:
    value, problems = look('a: "\\ud800"\n')
    assert (value, problems) in [
        (
            None,
            [  # libyaml
                "x.yaml:1:7: not valid YAML: found invalid Unicode character escape code; "
                "use single quotes around a string with backslashes"
            ],
        ),
        ({"a": "?"}, ["x.yaml:1:4: half a UTF-16 pair is not a character; correct the escape"]),
    ]


@pytest.mark.parametrize("opening", ["[", "- ", "? ", "{a: ", "[{a: [", "? - ", "-\n "])
def test_nesting_without_end_stops_early(look: Look, opening: str) -> None:
    value, problems = look(opening * 100_000)
    assert value is None
    assert len(problems) == 1


def test_sixty_four_levels_are_allowed_and_no_more(look: Look) -> None:
    deep = composing.MAX_DEPTH - 1
    assert look("a: " + "[" * (deep - 1) + "1" + "]" * (deep - 1))[1] == []
    assert look("a: " + "[" * deep + "1" + "]" * deep)[1] == [
        "x.yaml:1:67: nested more than 64 levels deep; flatten it, or split the file"
    ]


def test_too_many_values_are_refused(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "MAX_VALUES", 5_000)
    assert look("a: [" + "1," * 5_000 + "]")[1] == [
        "x.yaml:1:9999: more than 5,000 values, aliases counted as often as they are used; "
        "split the file, or write fewer aliases"
    ]


def test_many_directives_do_not_keep_the_parser_busy(look: Look) -> None:
    assert look("".join(f"%TAG !a{i}! b\n" for i in range(200_000)))[1] == [
        "x.yaml:1:1: the file holds a %TAG directive; remove it: tags are not supported"
    ]


def test_a_version_directive_is_harmless(look: Look) -> None:
    assert look("%YAML 1.1\n---\na: 1\n") == ({"a": 1}, [])


def test_a_file_of_more_than_four_megabytes_is_refused(look: Look) -> None:
    assert look("a: " + "x" * reading.MAX_BYTES)[1] == [
        "x.yaml: is larger than 4,000,000 bytes; split it, or move its long parts elsewhere"
    ]


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    findings = Findings()
    assert read(tmp_path / "no.yaml", "no.yaml", findings) is None
    assert list(map(str, findings.in_order())) == [
        "no.yaml: cannot be read: no such file or directory; make it a readable file"
    ]


def test_a_text_has_one_kind_of_line_end(write: Callable[[Mapping[str, bytes]], Path]) -> None:
    root = write({"a.md": b"\xef\xbb\xbfone\r\ntwo\rthree\n"})
    assert read_text(root / "a.md", "a.md", 100, Findings()) == "one\ntwo\nthree\n"


def test_a_full_width_colon_is_found_where_it_is_what_is_wrong(look: Look) -> None:
    for text, place in (
        ("Name：x\ny: 1", "1:5"),
        ("名前：x\ny: 1", "1:3"),
        ("a: 1\nmodel：x\nb: 2", "2:6"),
        ("a: 1\nmodel：x\n\n\nb: 2", "2:6"),
        ("a: 1\nmodel：x", "2:6"),
        ("a: 1\nmodel：x\n", "2:6"),
        ("a:\n  - b：1\n    c: 2", "2:6"),
        ("name：花店", "1:5"),
    ):
        problem = f"x.yaml:{place}: not valid YAML: a full-width colon; write `: ` instead"
        assert look(text) == (None, [problem])
    for text, place in (
        ("a: |\n  Use\n  model：x\nb: {}}", "4:6"),
        ("a: |\n  Use\n  model：x\nb: c: d", "4:5"),
        ("a: |\n  Use\n  model：x\u2028\u2028b: c: d", "5:5"),
    ):
        _, (problem,) = look(text)
        assert problem.startswith(f"x.yaml:{place}: ")
        assert "full-width" not in problem


def test_only_of_an_indented_key_the_indentation_is_told(look: Look) -> None:
    for text, is_told in (("a: 1\n b: 2", True), ("a b\nc: 2", False), ("a: b: c", False)):
        _, (problem,) = look(text)
        assert problem.endswith("; indent the key like those beside it") == is_told


def test_every_syntax_error_has_a_place_and_advice(look: Look) -> None:
    for text in ("a: [1\nb: 2", "a: 'x", "a: b: c", "\ta: 1", 'a: "\\q"', "a: @x", "- a\nb: 1"):
        value, problems = look(text)
        assert value is None
        assert len(problems) == 1
        place, _, rest = problems[0].partition(": not valid YAML: ")
        assert place.startswith("x.yaml:") and "; " in rest
