from collections.abc import Callable
from textwrap import indent

import pytest

from assistctl.resources import Workspace

Loaded = Callable[..., tuple[Workspace, list[str]]]

OBJECT = """\
type: object
properties:
  a: {type: [string, "null"]}
  b: {anyOf: [{$ref: "#/$defs/b"}, {type: "null"}]}
  c: {type: array, items: {$ref: "#"}}
required: [a, b, c]
additionalProperties: false
$defs:
  b: {type: object, properties: {x: {enum: [1, 2]}}, required: [x], additionalProperties: false}
"""


@pytest.fixture
def problems(loaded: Loaded) -> Callable[..., list[str]]:
    """What is wrong with the parameters of a function, without file and line."""

    def problems(parameters: str, *, strict: bool = False) -> list[str]:
        body = f"strict: {'true' if strict else 'false'}\nparameters:\n{indent(parameters, '  ')}"
        _, found = loaded({"tools/x.yaml": f"functions:\n  f:\n{indent(body, '    ')}"})
        return [problem.partition(": ")[2] for problem in found]

    return problems


Problems = Callable[..., list[str]]


@pytest.mark.parametrize("strict", [True, False])
def test_a_schema_may_refer_to_itself(problems: Problems, strict: bool) -> None:
    assert problems(OBJECT, strict=strict) == []


def test_strict_mode_looks_into_every_part(problems: Problems) -> None:
    text = OBJECT.replace("required: [x], additionalProperties: false", "required: []")
    assert problems(text, strict=False) == []
    assert problems(text, strict=True) == [
        "strict mode wants additionalProperties: false in `parameters.$defs.b`; "
        "add it, or drop `strict`",
        "strict mode wants every property of `parameters.$defs.b` in `required`, "
        "where `x` is not; add what is missing (an optional one may have null among its types), "
        "or drop `strict`",
    ]


def test_strict_mode_wants_to_know_what_everything_is(problems: Problems) -> None:
    text = """\
type: object
properties:
  any: {}
  list: {type: [array, "null"]}
  one: {oneOf: [{type: string}], type: string}
required: [any, list, one, other]
additionalProperties: false
"""
    assert problems(text) == []
    assert problems(text, strict=True) == [
        "strict mode wants to know the type of `parameters.properties.any`; "
        "add a `type`, or drop `strict`",
        "strict mode wants to know the items of `parameters.properties.list`; "
        "add `items`, or drop `strict`",
        "strict mode does not know `oneOf`, which is in `parameters.properties.one`; "
        "write the schema without it, or drop `strict`",
        "`required` of `parameters` names `other`, which strict mode does not find among its "
        "properties; describe it there, or leave it out",
    ]


@pytest.mark.parametrize(
    ("reference", "good"),
    [
        ("#", True),
        ("#/properties/a", True),
        ("#/$defs/x~1y", True),
        ("#/$defs/a%20b", True),
        ("#/allOf/0", True),
        ("#/allOf/1", False),
        ("#/nowhere", False),
        ("#anchor", False),
        ("other.json", False),
        ("https://example.com/schema", False),
    ],
)
def test_a_reference_must_lead_somewhere(problems: Problems, reference: str, good: bool) -> None:
    found = problems(
        "type: object\n"
        f"properties: {{a: {{$ref: '{reference}'}}}}\n"
        "allOf: [{type: object}]\n"
        "$defs: {x/y: {}, a b: {}}\n"
    )
    assert found == (
        []
        if good
        else [
            f"`parameters.properties.a.$ref` leads nowhere: `{reference}`; "
            "refer to a definition in the same schema, such as #/$defs/name"
        ]
    )


def test_a_property_may_be_named_like_a_keyword(problems: Problems) -> None:
    properties = "{properties: {type: string}, required: {type: string}, $ref: {type: string}}"
    assert problems(f"type: object\nproperties: {properties}\n", strict=False) == []


def test_a_default_may_look_like_a_schema(problems: Problems) -> None:
    text = "type: object\nproperties: {a: {default: {$ref: '#/x', properties: {}}}}\n"
    assert problems(text) == []


def test_an_odd_pattern_gives_no_warning(problems: Problems) -> None:
    assert problems("type: object\nproperties: {a: {pattern: '[[a]&&b]'}}\n") == []


def test_the_same_wrong_schema_is_wrong_in_every_place(loaded: Loaded) -> None:
    text = "functions: {%s: {parameters: {type: string}}}"
    _, found = loaded({"tools/a.yaml": text % "a", "tools/b.yaml": text % "b"})
    assert [line.partition(": ")[0] for line in found] == ["tools/a.yaml:1:36", "tools/b.yaml:1:36"]


def test_a_schema_that_many_assistants_share_is_good_for_all(loaded: Loaded) -> None:
    tool = "tools: [{type: function, function: {name: f, parameters: {type: object}}}]\n"
    workspace, problems = loaded({"assistants/a.yaml": tool, "assistants/b.yaml": tool})
    assert problems == []
    assert [a.functions[0].parameters for a in workspace.assistants.values()] == [
        {"type": "object"},
        {"type": "object"},
    ]
