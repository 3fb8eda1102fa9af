import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from assistctl.spec.scalars import Trap, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-17", -17),
        ("+3", 3),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854776000", -9223372036854776000),
        ("9" * 300, 10**300 - 1),
        ("0.5", 0.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("2.5E-2", 0.025),
        ("none", "none"),
        ("nothing", "nothing"),
        ("tRUE", "tRUE"),
        ("1.2.3", "1.2.3"),
        ("10:30 am", "10:30 am"),
        ("3 roses", "3 roses"),
        ("gpt-4.1", "gpt-4.1"),
        ("-", "-"),
        ("2026-11", "2026-11"),
        ("default_2024_08_21", "default_2024_08_21"),
        ("花", "花"),
        ("y", "y"),
        ("N", "N"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"),
        *("010", "-007", "0x1F", "0o17", "0b11", "1_000", "0._"),
        *("2024_08_21", "12:30:45", "1:30", "190:20:30.15", "2026-11-22", "2001-12-14T21:59:43"),
        *(".inf", "-.INF", ".nan", ".NaN", "1e400"),
    ],
)
def test_what_readers_understand_differently_is_a_trap(text: str) -> None:
    trap = resolve(text)
    assert isinstance(trap, Trap)
    assert trap.what.startswith(f"`{text}` without quotes ")


def test_a_number_of_many_digits_is_a_trap_and_not_an_error() -> None:
    assert resolve("9" * 10_000) == Trap(
        "`" + "9" * 37 + "...` without quotes is too large for a number", "put it in quotes"
    )


PLAIN = st.text(st.sampled_from("0123456789+-._:eExobTZ yYnNoOfFsStTrRuUlLaAiI~"), min_size=1)


@given(PLAIN | st.from_regex(r"[-+]?[0-9][0-9_:.eE+-]{0,8}", fullmatch=True))
def test_what_pyyaml_takes_for_no_string_is_never_taken_for_one(text: str) -> None:
    text = text.strip()
    try:
        understood = yaml.safe_load(f"[{text}]")
    except (yaml.YAMLError, ValueError):  # ValueError: the 99th of a month
        return
    if not isinstance(understood, list) or len(understood) != 1 or text in ("", "=", "<<"):
        return
    if not isinstance(understood[0], str | dict | list):
        assert not isinstance(resolve(text), str)
