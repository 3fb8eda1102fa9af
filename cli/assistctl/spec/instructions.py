"""The variables of an assistant's instructions: declared -> values, and the text that they make."""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.errors import DeclarationError, Place, Problem
from assistctl.redaction import holds_secret
from assistctl.resources import Assistant, Json, Template, Variable
from assistctl.spec import templates
from assistctl.spec.confidential import names_secret
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located
from assistctl.spec.wording import remedy_for, shown

OPTION = "--var"
LONGEST = 32_000
"""Characters that a value may have."""

_SEEN = "which the model would be told, and the target would keep"


def declared_variables(fields: Located, findings: Findings) -> dict[str, Variable]:
    """Those of an assistant; `fields` obeys the schema."""
    table, found = fields.mapping("variables"), {}
    for name, value in table.items():
        place = table.key_place(name)
        told = value if isinstance(value, Located) else {"default": value}
        default, description = told.get("default"), told.get("description")
        if name in templates.RESERVED:
            findings.add(place, f"no variable can be called {shown(name)}", "choose another name")
        elif reason := _exposed(name, str(default or "")):
            findings.add(place, reason, "keep secrets in the environment of your tools")
        else:
            found[name] = Variable(name, default, description)
    return found


def instructed(template: Template, findings: Findings) -> str:
    """The text with the defaults; the template itself where they are not enough, or it is wrong."""
    if wrong := templates.problems(template):
        findings.extend(list(wrong))
    elif all(it.default is not None for it in template.variables.values()):
        try:
            return templates.render(template, _defaults(template))
        except templates.Unrenderable as error:
            findings.extend([error.problem])
    return template.text


def text_with(assistant: Assistant, given: Mapping[str, str], other: str | None = None) -> str:
    """The instructions with these values of some variables, given as texts, and the defaults of the
    rest; `other` is a text in the place of what is declared. Raises DeclarationError."""
    template = assistant.template
    if template is None or not template.variables:
        problems = [
            Problem(Place(OPTION), f"{assistant.address} has no variable {shown(name)}", _NONE)
            for name in given
        ]
        if problems or other is None:
            raise DeclarationError(problems)
        return other
    if other is not None:
        place = Place("--instructions")
        template = Template(other, place, template.variables, in_file=False)
    values, problems = _values(template, given, str(assistant.address))
    problems += templates.problems(template) if other is not None else ()
    if problems:
        raise DeclarationError(problems)
    try:
        return templates.render(template, values)
    except templates.Unrenderable as error:
        raise DeclarationError([error.problem]) from error


_NONE = "declare it under `variables`, or leave it out"


def _defaults(template: Template) -> dict[str, Json]:
    return {name: variable.default for name, variable in template.variables.items()}


def _values(
    template: Template, given: Mapping[str, str], owner: str
) -> tuple[dict[str, Json], list[Problem]]:
    values, problems = _defaults(template), []

    def wrong(what: str, remedy: str) -> None:
        problems.append(Problem(Place(OPTION), what, remedy))

    for name, text in given.items():
        if name not in template.variables:
            what = f"{owner} has no variable {shown(name)}"
            wrong(what, remedy_for(name, template.variables, _NONE))
        elif len(text) > LONGEST:
            wrong(f"{shown(name)} is longer than {LONGEST:,} characters", "put it in the message")
        elif reason := _exposed(name, text):
            wrong(reason, "keep secrets in the environment of your tools")
        else:
            try:
                values[name] = _read(text, template.variables[name].default)
            except ValueError as error:
                wrong(f"{shown(name)} {error}", "correct it")
    for name, value in values.items():
        if value is None and name not in given:
            wrong(f"{shown(name)} has no default", f"write {OPTION} {name}=…")
    return values, problems


def _read(text: str, default: Json) -> Json:
    """A value of the kind that the default is of. Raises ValueError in words."""
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ValueError(f"is true or false, not {shown(text)}")
        return text == "true"
    if isinstance(default, int | float):
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"is a number, not {shown(text)}") from None
        return int(number) if number.is_integer() else number
    return text


def _exposed(name: str, value: str) -> str | None:
    if names_secret(name):
        return f"the variable {shown(name)} looks like a secret, {_SEEN}"
    if holds_secret(value):
        return f"{shown(name)} holds a key or a password, {_SEEN}"
    return None
