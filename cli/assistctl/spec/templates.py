"""Instructions with variables: Jinja2, of which only what a prompt needs is taken.

What a template may do is written down (nodes, filters, tests) rather than what it may not; loops
and texts that would never end are stopped by number, size and time. Jinja2 is imported only where
an assistant declares variables.
"""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from assistctl.errors import Place, Problem
from assistctl.resources import Json, Template
from assistctl.spec.grammar import INSTRUCTIONS_LENGTH
from assistctl.spec.wording import remedy_for, shown

SECONDS = 2.0
"""How long a template may take."""

STEPS = 20_000
"""How many steps all of its loops may take together."""

_NODES = frozenset(
    (
        *("Template", "Output", "TemplateData", "Name", "Const", "If", "For", "Assign"),
        *("Filter", "Test", "Compare", "Operand", "And", "Or", "Not", "Neg", "Add", "Sub"),
        *("Mul", "Div", "FloorDiv", "Mod", "CondExpr", "List", "Tuple", "Getattr", "Call"),
        "Keyword",
    )
)
_FILTERS = frozenset(
    (
        *("abs", "capitalize", "count", "d", "default", "first", "float", "int", "join"),
        *("last", "length", "lower", "replace", "round", "string", "title", "trim"),
        *("truncate", "upper", "wordcount"),
    )
)
_TESTS = frozenset(
    (
        *("boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "ge"),
        *("gt", "in", "le", "lt", "ne", "none", "number", "odd", "string", "true"),
        "undefined",
    )
)
_OPERATORS = frozenset(["+", "-", "*", "/", "//", "%"])
_LOOP = frozenset(("index", "index0", "revindex", "revindex0", "first", "last", "length"))
RESERVED = frozenset(
    (
        *("and", "caller", "else", "false", "False", "if", "in", "is", "kwargs", "loop"),
        *("none", "None", "not", "or", "range", "self", "super", "true", "True", "varargs"),
    )
)
"""What no variable can be called, since a template has it."""


class Unrenderable(Exception):
    """A template that comes to no text; it holds the Problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def problems(template: Template) -> tuple[Problem, ...]:
    """What is wrong with a template, whatever its variables are."""
    try:
        tree, _ = _parsed(template, _Guard())
    except Unrenderable as error:
        return (error.problem,)
    return tuple(_unknown(tree, template))


def render(template: Template, values: Mapping[str, Json]) -> str:
    """The text with these values, one for each variable. Raises Unrenderable."""
    from jinja2 import TemplateError, nodes

    guard = _Guard()
    tree, environment = _parsed(template, guard)
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None)
    try:
        text = ""
        for piece in environment.from_string(tree).generate(**values):
            text += piece
            guard.check(len(text))
        return text
    except (TemplateError, *_FAULTS) as error:
        what = f"the template cannot be rendered: {shown(str(error), 200)}"
        raise Unrenderable(Problem(template.place, what, "correct the template")) from error


_FAULTS = (TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError)


def place_in(template: Template, line: int, word: str = "") -> Place:
    """Where a line of the template stands, and in it a word. Of a text in YAML only its beginning
    is known."""
    if not template.in_file:
        return template.place
    lines = template.text.split("\n")
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)" if word else r"\{[{%#]", lines[line - 1])
    return Place(template.place.file, line, found.start() + 1 if found else 1)


@dataclass
class _Guard:
    """Stops a template that takes too long, or makes too much."""

    until: float = 0.0
    steps: int = 0

    def __post_init__(self) -> None:
        self.until = time.monotonic() + SECONDS

    def check(self, size: int = 0) -> None:
        if size > INSTRUCTIONS_LENGTH:
            raise ValueError(f"it makes a text of more than {INSTRUCTIONS_LENGTH:,} characters")
        if time.monotonic() > self.until:
            raise ValueError(f"it takes longer than {SECONDS:.0f} s")

    def counted(self, items: Iterable[Json]) -> Iterator[Json]:
        for item in items:
            self.steps += 1
            if self.steps > STEPS:
                raise ValueError(f"its loops go on for more than {STEPS:,} steps")
            self.check()
            yield item

    def computed(self, _: object, operator: str, left: Json, right: Json) -> Json:
        """Numbers, and texts that are put together."""
        self.check()
        if isinstance(left, str) and isinstance(right, str) and operator == "+":
            self.check(len(left) + len(right))
            return left + right
        if not (_is_number(left) and _is_number(right)):
            raise ValueError(f"`{operator}` is for numbers here, and + for two texts")
        return _ARITHMETIC[operator](left, right)

    def filtered(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(inner)
        def call(*arguments: Any, **more: Any) -> Any:
            self.check()
            return inner(*arguments, **more)

        return call

    def replaced(self, text: Json, old: str, new: str) -> str:
        text, old, new = str(text), str(old), str(new)
        self.check(len(text) + text.count(old) * max(0, len(new) - len(old)))
        return str(text).replace(old, new)

    def joined(self, items: Iterable[Json], between: str = "") -> str:
        texts = [str(item) for item in self.counted(items)]
        self.check(sum(map(len, texts)) + len(str(between)) * len(texts))
        return str(between).join(texts)


_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": lambda left, right: left % right,
}


def _is_number(value: Json) -> bool:
    """One whose product with another is quickly made."""
    return isinstance(value, int | float) and abs(value) < 1e15


def _rounded(value: Any, digits: int = 0) -> Any:
    return round(value, max(-15, min(15, digits))) if digits else round(value)


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > STEPS:
        raise ValueError(f"range has more than {STEPS:,} numbers")
    return numbers


def _parsed(template: Template, guard: _Guard) -> tuple[Any, Any]:
    """The tree, of which all is allowed, and its environment. Raises Unrenderable."""
    from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment: Any = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        optimized=False,
    )
    filters = {name: guard.filtered(environment.filters[name]) for name in _FILTERS}
    own = {"replace": guard.replaced, "join": guard.joined, "round": _rounded}
    environment.filters = {**filters, **own, "_counted": guard.counted}
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    environment.globals = {"range": _range}
    environment.intercepted_binops = _OPERATORS
    environment.call_binop = guard.computed
    try:
        tree = environment.parse(template.text)
        environment.compile(environment.parse(template.text))
    except TemplateSyntaxError as error:
        said = (error.message or "").rstrip(".")
        what = f"the template is wrong{_line(template, error.lineno)}: {said}"
        place = place_in(template, error.lineno)
        raise Unrenderable(Problem(place, what, _SYNTAX)) from error
    except (RecursionError, SyntaxError, MemoryError) as error:  # of Python, for what is nested
        what = "the template is nested too deeply"
        raise Unrenderable(Problem(template.place, what, "make it flatter")) from error
    for node in tree.find_all(nodes.Node):
        if reason := _refusal(node):
            what = f"{reason}{_line(template, node.lineno)}"
            raise Unrenderable(Problem(place_in(template, node.lineno), what, _SYNTAX))
    return tree, environment


_SYNTAX = (
    "write {{ name }}, {{ name | filter }}, {% if … %}, {% for … %}, {% set … %}; what is no"
    " template stands between {% raw %} and {% endraw %}"
)


def _refusal(node: Any) -> str | None:
    """Why a part of a template is not allowed."""
    kind = type(node).__name__
    called = kind == "Call" and getattr(node.node, "name", "") == "range"
    of_loop = kind == "Getattr" and getattr(node.node, "name", "") == "loop"
    if kind == "Call" and not (called and node.dyn_args is None and node.dyn_kwargs is None):
        return "nothing but range(…) can be called in instructions; use filters: {{ name | upper }}"
    if kind == "Getattr" and not (of_loop and node.attr in _LOOP):
        return f"`.{node.attr}` cannot be had in instructions"
    if kind == "For" and node.recursive:
        return "a loop that calls itself cannot be had in instructions"
    if kind not in _NODES:
        return f"{_WORDS.get(kind, kind)} cannot be had in instructions"
    return None


_WORDS = {
    "Concat": "`~`",
    "Pow": "`**`",
    "Getitem": "`[…]`",
    "Include": "{% include %}",
    "Import": "{% import %}",
    "FromImport": "{% from … import %}",
    "Extends": "{% extends %}",
    "Block": "{% block %}",
    "Macro": "{% macro %}",
    "CallBlock": "{% call %}",
    "FilterBlock": "{% filter %}",
    "AssignBlock": "{% set %} of a block",
    "With": "{% with %}",
}


def _unknown(tree: Any, template: Template) -> Iterator[Problem]:
    """Names that are no variables."""
    from jinja2 import meta, nodes

    names = meta.find_undeclared_variables(tree) - {*template.variables, "range"}
    for node in tree.find_all(nodes.Name):
        if node.name in names and node.ctx == "load":
            names.remove(node.name)
            place = place_in(template, node.lineno, node.name)
            what = f"the template asks for {shown(node.name)}{_line(template, node.lineno)}"
            what += ", which is no variable of the assistant"
            yield Problem(
                place,
                what,
                remedy_for(node.name, template.variables, "declare it under `variables`"),
            )


def _line(template: Template, line: int) -> str:
    """Where no place says it."""
    return "" if template.in_file else f" in its line {line}"


def path_beside(declared: str, beside: Place) -> str:
    """The path below the workspace of a file that YAML names."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(beside.file), declared))
