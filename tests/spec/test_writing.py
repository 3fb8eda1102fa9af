"""What is written reads like a person's YAML, and is read back as the same values.

EXAMPLES=1000 tries so many values.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistctl.resources import digest
from assistctl.spec import load
from assistctl.spec.findings import Findings
from assistctl.spec.located import plain
from assistctl.spec.reading import read
from assistctl.spec.writing import document

relaxed = settings(
    max_examples=int(os.environ.get("EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

LONG = "Answers what customers ask about flowers, prices and deliveries; " * 2 + "nothing else."


def test_an_assistant_as_a_person_would_write_it() -> None:
    fields = {
        "name": "花店财务助手",
        "description": LONG,
        "model": "gpt-4.1",
        "instructions": "You sell flowers.\n\n  - Be ${KIND}.\n",
        "tools": [
            {"type": "code_interpreter", "files": ["shop/prices.csv", "shop/a, b.csv"]},
            {
                "type": "function",
                "function": {
                    "name": "save_bill",
                    "strict": True,
                    "parameters": {
                        "type": "object",
                        "properties": {
                            "total": {"type": "number", "minimum": 0.0},
                            "on": {"type": "string", "pattern": "^\\d+$", "enum": ["yes", "1e3"]},
                        },
                        "required": ["total", "on"],
                        "additionalProperties": False,
                    },
                },
            },
            {"type": "function", "function": {"name": "today"}},
        ],
        "temperature": 0.2,
        "top_p": 1.0,
        "reasoning_effort": None,
        "metadata": {"owner": "no", "since": "2026-11-22", "1": "12:30", "note": "a: b #c"},
    }
    remarks = {
        (): "Imported from a dump.",
        ("tools", 0): "Not imported: a file that is not at the target any more, and more " * 2,
        ("metadata",): "Yours.\x1b[0m\nAll of them.",
        ("absent",): "Not shown.",
    }
    assert document(fields, remarks) == (
        """\
# Imported from a dump.
name: 花店财务助手
description: >-
  Answers what customers ask about flowers, prices and deliveries; Answers what customers ask about
  flowers, prices and deliveries; nothing else.
model: gpt-4.1
instructions: |
  You sell flowers.

    - Be $${KIND}.
tools:
  # Not imported: a file that is not at the target any more, and more Not imported: a file that is
  # not at the target any more, and more
  - type: code_interpreter
    files: [shop/prices.csv, "shop/a, b.csv"]
  - type: function
    function:
      name: save_bill
      strict: true
      parameters:
        type: object
        properties:
          total:
            type: number
            minimum: 0
          "on":
            type: string
            pattern: ^\\d+$
            enum: ["yes", "1e3"]
        required: [total, "on"]
        additionalProperties: false
  - type: function
    function: {name: today}
temperature: 0.2
top_p: 1
reasoning_effort: null
# Yours.\ufffd[0m All of them.
metadata:
  owner: "no"
  since: "2026-11-22"
  "1": "12:30"
  note: "a: b #c"
"""
    )


def reread(path: Path, fields: Mapping[str, Any]) -> tuple[Any, list[str]]:
    path.write_bytes(document(fields).encode())
    findings = Findings()
    value = read(path, "a.yaml", findings)
    return plain(value), [str(problem) for problem in findings.in_order()]


# Everything that could be taken for something else where it stands.
PIECES = st.sampled_from(
    [
        *(
            "a",
            "flower",
            "花",
            "é",
            "-",
            "- ",
            ": ",
            ":",
            " #",
            "#",
            " ",
            "  ",
            "\n",
            "\n\n",
            "\n ",
        ),
        *("\t", "\r", "\r\n", "\x85", "\u2028", "\ufeff", "\0", "\x1b", "\x7f", "😀", "\xa0"),
        *("'", '"', "\\", "%", "@", "`", "|", ">", "&", "*", "!", "?", ",", "[", "]", "{", "}"),
        *("no", "on", "y", "null", "~", "true", "1", "010", "0x1", "1e3", "1_000", "12:30", ".5"),
        *("2026-11-22", ".inf", ".nan", "<<", "=", "---", "...", "${A}", "$${", "%TAG"),
    ]
)
TEXTS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=20)
WORDS = st.lists(st.sampled_from(["flower", "花店", "a,", "#", "-", "${A}"]), max_size=60)
STRINGS = TEXTS | WORDS.map(" ".join)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.sweep
@relaxed
@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_any_value_is_read_back_as_it_was_written(tmp_path: Path, fields: dict[str, Any]) -> None:
    value, problems = reread(tmp_path / "a.yaml", fields)
    assert problems == []
    assert value == _escaped(fields)


def _escaped(value: Any) -> Any:
    """Variables are replaced later than this room reads; keys are never touched."""
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
SCHEMAS = st.dictionaries(
    STRINGS, st.fixed_dictionaries({"type": st.just("string"), "description": STRINGS})
)
FUNCTIONS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "description": STRINGS,
        "parameters": SCHEMAS.map(lambda some: {"type": "object", "properties": some}),
    }
)
ASSISTANTS = st.fixed_dictionaries(
    {"model": STRINGS.filter(bool)},
    optional={
        "name": STRINGS,
        "description": STRINGS,
        "instructions": STRINGS,
        "tools": st.lists(FUNCTIONS, max_size=3, unique_by=lambda function: function["name"]),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "reasoning_effort": st.sampled_from(["low", "high"]),
        "metadata": st.dictionaries(
            TEXTS.filter(lambda key: 0 < len(key) <= 64 and not key.startswith("assistctl")),
            TEXTS,
            max_size=4,
        ),
    },
)


@pytest.mark.sweep
@relaxed
@given(ASSISTANTS)
def test_any_assistant_is_loaded_with_the_fields_that_were_written(
    write: Callable[[Mapping[str, bytes]], Path], fields: dict[str, Any]
) -> None:
    tools = fields.pop("tools", [])
    yaml = document({**fields, "tools": [{"type": "function", "function": f} for f in tools]})
    workspace, problems = load(write({"assistants/a.yaml": yaml.encode()}), environ={})
    assert problems == ()
    loaded = workspace.assistants["a"]
    assert digest(loaded.settings) == digest(fields)
    assert [
        {"name": f.name, "description": f.description, "parameters": f.parameters}
        for f in loaded.functions
    ] == tools


def test_what_no_file_can_hold_is_refused_where_it_is_read(tmp_path: Path) -> None:
    odd = {"a": float("nan"), "b": float("-inf"), "c": 10**309}
    _, problems = reread(tmp_path / "a.yaml", odd)
    assert problems == [
        "a.yaml:1:4: `.nan` without quotes is not a number that JSON can hold; put it in quotes",
        "a.yaml:2:4: `.inf` without quotes is not a number that JSON can hold; put it in quotes",
        f"a.yaml:3:4: `1{'0' * 36}...` without quotes is too large for a number; put it in quotes",
    ]
