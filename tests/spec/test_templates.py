"""Instructions with variables: what they make, what is wrong with them, and what is stopped."""

import time

import pytest

from assistctl.errors import DeclarationError, Place
from assistctl.resources import Assistant, Template, Variable
from assistctl.spec.instructions import text_with
from assistctl.spec.templates import Unrenderable, problems, render

FILE = Place("assistants/guide.md", 1, 1)
VALUES = {"customer": "Ada", "vip": True, "roses": 3}
VARIABLES = {name: Variable(name, value) for name, value in VALUES.items()}


def template(text, *, in_file=True):
    return Template(text, FILE, VARIABLES, in_file)


def rendered(text):
    assert problems(template(text)) == ()
    return render(template(text), VALUES)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("No template.\n", "No template.\n"),
        ("Greet {{ customer }}.\n", "Greet Ada.\n"),
        ("a\n{% if vip and roses > 2 %}\nrose\n{% else %}\nnone\n{% endif %}\nb\n", "a\nrose\nb\n"),
        ("{{ customer | upper }} {{ customer | replace('a', 'o') | length }}", "ADA 3"),
        ("{{ roses * 2 + 1 }} {{ (roses / 2) | round(1) }} {{ 'x' + customer }}", "7 1.5 xAda"),
        (
            "{% for n in range(roses) %}{{ n }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "0, 1, 2",
        ),
        ("{% set who = customer %}{{ who }}{# not for the model #}", "Ada"),
        ("{% raw %}{{ as it is }}{% endraw %}", "{{ as it is }}"),
        (
            "{{ ['a', 'b'] | join('-') }} {{ 'yes' if vip else 'no' }} {{ 1 if roses is odd }}",
            "a-b yes 1",
        ),
        ("<b>{{ '<&>' }}</b>", "<b><&></b>"),
    ],
)
def test_what_a_template_makes(text, made):
    assert rendered(text) == made


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("Hi\n{{ custmer }}", (2, 4), "the template asks for `custmer`, which is no variable"),
        ("Hi\n  {% if vip %}", (2, 3), "the template is wrong: Unexpected end of template"),
        ("{{ customer.upper() }}", (1, 1), "nothing but range(…) can be called in instructions"),
        ("{{ customer.__class__ }}", (1, 1), "`.__class__` cannot be had in instructions"),
        ("{{ customer['x'] }}", (1, 1), "`[…]` cannot be had in instructions"),
        ("{{ 2 ** 9 }}", (1, 1), "`**` cannot be had in instructions"),
        ("{{ customer ~ 'x' }}", (1, 1), "`~` cannot be had in instructions"),
        ("a\nb {% include 'x' %}", (2, 3), "{% include %} cannot be had in instructions"),
        ("{% macro a() %}{% endmacro %}", (1, 1), "{% macro %} cannot be had in instructions"),
        ("{% for a in [1] recursive %}{% endfor %}", (1, 1), "a loop that calls itself"),
        ("{{ customer | random }}", (1, 1), "the template is wrong: No filter named 'random'"),
        ("{{ lipsum() }}", (1, 1), "nothing but range(…) can be called in instructions"),
        ("(" * 3 + "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", (1, 1), "the template is nested"),
        ("{% for a in [1] %}" * 40 + "{% endfor %}" * 40, (1, 1), "the template is nested"),
    ],
)
def test_what_is_wrong_with_a_template_has_its_line_and_column(text, place, what):
    (problem,) = problems(template(text))
    assert (problem.place.file, problem.place.line, problem.place.column) == (FILE.file, *place)
    assert problem.what.startswith(what)


def test_of_a_text_in_yaml_the_line_is_said(tmp_path):
    (problem,) = problems(template("Hi\n{{ custmer }}", in_file=False))
    assert str(problem) == (
        "assistants/guide.md:1:1: the template asks for `custmer` in its line 2, which is no"
        " variable of the assistant; did you mean `customer`?"
    )


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for a in range(20000) %}{% for b in range(20000) %}{% endfor %}{% endfor %}",
        "{% for a in range(999999999) %}{% endfor %}",
        "{{ 'a' in range(999999999) }}",
        "{% for a in 'aaaaaaaaaa' %}" * 12 + "{% endfor %}" * 12,
        "{{ 'a' * 9999999999 }}",
        "{{ '%9999999999d' % 1 }}",
        "{% set a = 'aaaaaaaaaaaaaaaa' %}" + "{% set a = a + a %}" * 60,
        "{% set a = customer %}" + "{% set a = a | replace('a', 'aaaaaaaa') %}" * 20,
        "{% set a = customer | replace('', customer) %}" * 9 + "{{ range(20000) | join('x' * 9) }}",
        "{% set a = range(9999) | join('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') %}{{ a }}",
        "{% set n = 99999999999999 %}" + "{% set n = n * n %}" * 40,
        "{{ 1 | round(999999999) }}{{ (1.5) | round(999999999, 'ceil') }}",
        "{{ 1 / 0 }}",
        "{{ customer + 1 }}",
        "{{ ('9' * 3) | int }}",
    ],
)
def test_what_would_not_end_is_stopped_at_once(bomb):
    began = time.process_time()
    with pytest.raises(Unrenderable, match="the template cannot be rendered: "):
        render(template(bomb), {**VALUES, "customer": "a" * 1000})
    assert time.process_time() - began < 5


def said(given, other=None, variables=VARIABLES):
    text = template("Greet {{ customer }}{{ '!' if vip }} {{ roses }}")
    assistant = Assistant("guide", FILE, {}, template=Template(text.text, FILE, variables, True))
    return text_with(assistant, given, other)


def test_a_value_is_of_the_kind_of_its_default():
    assert said({}) == "Greet Ada! 3"
    assert said({"customer": "Bob", "vip": "false", "roses": "2.5"}) == "Greet Bob 2.5"
    assert said({"customer": ""}, "Dear {{ customer }}.") == "Dear ."
    with pytest.raises(DeclarationError) as error:
        said({"vip": "no", "roses": "many", "costumer": "Bob", "customer": "a" * 32_001})
    assert str(error.value).split("\n") == [
        "--var: `customer` is longer than 32,000 characters; put it in the message",
        "--var: `roses` is a number, not `many`; correct it",
        "--var: `vip` is true or false, not `no`; correct it",
        "--var: assistant/guide has no variable `costumer`; did you mean `customer`?",
    ]


def test_a_value_that_looks_like_a_secret_is_refused():
    with pytest.raises(DeclarationError, match="`customer` holds a key or a password, which the"):
        said({"customer": "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"})


def test_what_has_no_default_must_be_given():
    variables = {**VARIABLES, "customer": Variable("customer")}
    with pytest.raises(DeclarationError, match="--var: `customer` has no default; write --var cus"):
        said({}, variables=variables)
    assert said({"customer": "Bob"}, variables=variables) == "Greet Bob! 3"
