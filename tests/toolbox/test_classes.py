"""Enums, dataclasses and typed dictionaries of the tool's own module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def schema(derive: Callable[..., Any], source: str, annotation: str) -> Any:
    found = derive(f"{source}\ndef tool(x: {annotation}): ...\n")
    return found if isinstance(found, list) else found.parameters["properties"]["x"]


def reason(derive: Callable[..., Any], source: str, annotation: str) -> str:
    (problem,) = schema(derive, source, annotation)
    return str(problem).split("cannot be read: ", 1)[1].split("; annotate")[0]


def test_an_enum_allows_the_values_of_its_members(derive: Callable[..., Any]) -> None:
    source = """
from enum import Enum
class Mood(Enum):
    "How somebody feels."
    _ignore_ = []
    GOOD = "good"
    FINE = "good"
    BAD = -1
    def describe(self): ...
"""
    assert schema(derive, source, "Mood") == {"type": ["string", "integer"], "enum": ["good", -1]}


def test_auto_counts_or_takes_the_name(derive: Callable[..., Any]) -> None:
    source = """
import enum
class Base(enum.Enum): ...
class Level(Base):
    LOW = enum.auto()
    HIGH = 7
    TOP = enum.auto()
class Word(enum.StrEnum):
    RED = enum.auto()
"""
    assert schema(derive, source, "list[Level | Word]") == {
        "type": "array",
        "items": {
            "anyOf": [
                {"type": "integer", "enum": [1, 7, 8]},
                {"type": "string", "enum": ["red"]},
            ]
        },
    }


def test_an_enum_whose_values_are_computed_cannot_be_read(derive: Callable[..., Any]) -> None:
    source = "import enum\nclass Mood(enum.Enum):\n    GOOD = compute()\n"
    assert reason(derive, source, "Mood") == "the value of Mood.GOOD cannot be read"
    assert reason(derive, "import enum\nclass No(enum.Enum): ...", "No") == (
        "No has no members that can be read"
    )


def test_a_dataclass_is_an_object_with_its_init_fields(derive: Callable[..., Any]) -> None:
    source = '''
import dataclasses
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar
@dataclass(frozen=True)
class Thing:
    id: int
@dataclasses.dataclass
class Line(Thing):
    """One line.

    :param name: The flower.
    """
    name: str
    _: KW_ONLY
    price: float = 1.5
    when: str = compute()
    tags: list[str] = field(default_factory=list)
    colour: str = field(default="red", metadata={})
    must: bool = field(repr=False)
    total: float = field(init=False)
    unit: ClassVar[str] = "CNY"
'''
    assert schema(derive, source, "Line") == {
        "description": "One line.",
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "name": {"description": "The flower.", "type": "string"},
            "price": {"type": "number", "default": 1.5},
            "when": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "colour": {"type": "string", "default": "red"},
            "must": {"type": "boolean"},
        },
        "required": ["id", "name", "must"],
        "additionalProperties": False,
    }


def test_a_typed_dictionary_knows_required_and_not_required(derive: Callable[..., Any]) -> None:
    source = """
from typing_extensions import NotRequired, ReadOnly, Required, TypedDict
class Base(TypedDict):
    id: int
    note: NotRequired[str]
class Customer(Base, total=False):
    name: Required[ReadOnly[str]]
    vip: bool
"""
    assert schema(derive, source, "Customer") == {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "note": {"type": "string"},
            "name": {"type": "string"},
            "vip": {"type": "boolean"},
        },
        "required": ["id", "name"],
        "additionalProperties": False,
    }


def test_a_class_of_another_module_in_tools_is_read_in_its_own_scope(
    derive: Callable[..., Any], write: Callable[..., Any]
) -> None:
    kinds = """
        from dataclasses import dataclass
        from enum import StrEnum
        class Colour(StrEnum):
            RED = "red"
        @dataclass
        class Base:
            colour: Colour
    """
    write({"tools/kinds.py": kinds})
    source = """
from dataclasses import dataclass
from . import kinds
from .kinds import Base
Colour = int
@dataclass
class Flower(Base):
    other: kinds.Colour
    number: Colour
"""
    red = {"type": "string", "enum": ["red"]}
    found = schema(derive, source, "Flower")
    assert found["properties"] == {"colour": red, "other": red, "number": {"type": "integer"}}


def test_a_class_that_contains_itself_is_defined_once_and_referred_to(
    derive: Callable[..., Any],
) -> None:
    function = derive("""
        from __future__ import annotations
        from dataclasses import dataclass
        @dataclass
        class Tree:
            name: str
            fruit: Fruit | None = None
            children: list[Tree] | None = None
        @dataclass
        class Fruit:
            seed: Tree
        def tool(x: Tree, y: list[Fruit]): ...
    """)
    tree = {"$ref": "#/$defs/Tree"}
    fruit = {
        "type": "object",
        "properties": {"seed": tree},
        "required": ["seed"],
        "additionalProperties": False,
    }
    assert function.parameters == {
        "type": "object",
        "properties": {"x": tree, "y": {"type": "array", "items": fruit}},
        "required": ["x", "y"],
        "additionalProperties": False,
        "$defs": {
            "Tree": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "fruit": {"anyOf": [fruit, {"type": "null"}], "default": None},
                    "children": {
                        "anyOf": [{"type": "array", "items": tree}, {"type": "null"}],
                        "default": None,
                    },
                },
                "required": ["name"],
                "additionalProperties": False,
            },
        },
    }


def test_a_named_tuple_is_an_object_of_its_fields(derive: Callable[..., Any]) -> None:
    source = """
from typing import NamedTuple
class Point(NamedTuple):
    x: float
    "To the right."
    y: float = 0.0
"""
    assert schema(derive, source, "Point") == {
        "type": "object",
        "properties": {
            "x": {"description": "To the right.", "type": "number"},
            "y": {"type": "number", "default": 0.0},
        },
        "required": ["x"],
        "additionalProperties": False,
    }


def test_a_generic_class_is_read_for_the_types_that_it_is_given(derive: Callable[..., Any]) -> None:
    source = """
from dataclasses import dataclass
from typing import Generic, TypeVar
T = TypeVar("T")
U = TypeVar("U", bound=str)
@dataclass
class Pair(Generic[T, U]):
    first: T
    second: list[U]
@dataclass
class Prices(Pair[float, U]):
    third: U
"""
    found = schema(derive, source, "Prices[str]")
    assert found["properties"] == {
        "first": {"type": "number"},
        "second": {"type": "array", "items": {"type": "string"}},
        "third": {"type": "string"},
    }
    assert schema(derive, source, "Pair[int, str]")["properties"]["first"] == {"type": "integer"}
    assert schema(derive, source, "Pair")["properties"]["first"] == {}


def test_an_enum_that_is_a_string_too_counts_in_strings(derive: Callable[..., Any]) -> None:
    source = """
from enum import Enum, auto
LOUD = "loud"
class Number(str, Enum):
    ONE = auto()
    TWO = auto()
class Named(str, Enum):
    def _generate_next_value_(name, start, count, last_values):
        return name.lower()
    RED = auto()
    VOICE = LOUD
"""
    assert schema(derive, source, "Number | Named") == {
        "anyOf": [
            {"type": "string", "enum": ["1", "2"]},
            {"type": "string", "enum": ["red", "loud"]},
        ]
    }


def test_what_no_schema_can_say_is_named(derive: Callable[..., Any]) -> None:
    head = "from dataclasses import dataclass\n"
    loop = "class A(B): ...\nclass B(A): ...\n"
    assert reason(derive, loop, "A") == "it is nested too deeply, or contains itself"
    plain = "class Plain:\n    x: int\n"
    assert reason(derive, plain, "Plain") == (
        "Plain is no dataclass, TypedDict, NamedTuple, Enum or pydantic model"
    )
    inner = f"{head}{plain}@dataclass\nclass Outer:\n    plain: Plain\n"
    assert reason(derive, inner, "Outer") == (
        "Plain is no dataclass, TypedDict, NamedTuple, Enum or pydantic model (in Outer.plain)"
    )
