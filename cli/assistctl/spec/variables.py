"""`${VAR}` and `${VAR:-default}` in string values; `$${` stands for a literal `${`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assistctl.errors import Place
from assistctl.redaction import holds_secret
from assistctl.resources import Json
from assistctl.spec.confidential import names_secret
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, LocatedList
from assistctl.spec.wording import is_unicode

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_REFERENCE = re.compile(
    rf"(?P<escaped>\$\$\{{)|\$\{{(?:(?P<name>{_NAME})(?P<default>:-[^}}]*)?\}})?"
)
_ONLY_A_VARIABLE = re.compile(rf"\$\{{({_NAME})\}}")
AUTHORIZATION = "authorization"
_KEPT = "keep secrets in the environment of your tools"


@dataclass(frozen=True)
class Variables:
    """The environment, and where what is wrong with a reference to it goes."""

    environ: Mapping[str, str]
    findings: Findings

    def expand(self, value: Json, place: Place, *, public: bool = True, name: str = "") -> Json:
        """The value with the variables in all its strings replaced; keys stay as they are. `name`
        is the key under which it stands, if it has one.

        A `public` value goes to the target and into plans: a variable that looks like a secret, by
        its name or by what it holds, is refused there. A reference that cannot be replaced stays,
        and is a finding. What an MCP server is shown stays a reference; see `assistants`.
        """
        if not _has_reference(value):
            return value
        if isinstance(value, str):
            return _REFERENCE.sub(lambda it: self._value(it, place, public, name), value)
        if isinstance(value, Located):
            kept = AUTHORIZATION if value.get("type") == "mcp" else None
            return value.replaced(
                lambda key, item, at: (
                    item if key == kept else self.expand(item, at, public=public, name=str(key))
                )
            )
        if isinstance(value, LocatedList):
            return value.replaced(lambda item, at: self.expand(item, at, public=public))
        return value

    def _value(self, found: re.Match[str], place: Place, public: bool, key: str) -> str:
        if found["escaped"]:
            return "${"
        name, default = found["name"], found["default"]
        if name is None:
            self.findings.add(
                place,
                "`${` does not begin a variable here",
                "write ${NAME} or ${NAME:-default}; a literal ${ is written $${",
            )
            return found[0]
        if public and self._secret(name, place):
            return found[0]
        hint = "" if names_secret(name) or names_secret(key) else f", or write ${{{name}:-default}}"
        return self._looked_up(name, default, place, found[0], hint)

    def _secret(self, name: str, place: Place) -> bool:
        if names_secret(name):
            what, remedy = f"the variable {name} looks like a secret", ", or rename the variable"
        elif holds_secret(self.environ.get(name, "")):
            what, remedy = f"the value of the variable {name} holds a key or a password", ""
        else:
            return False
        where = "which would be stored at the target and shown in plans"
        self.findings.add(place, f"{what}, {where}", _KEPT + remedy)
        return True

    def _looked_up(
        self, name: str, default: str | None, place: Place, reference: str, hint: str
    ) -> str:
        value = self.environ.get(name)
        if value and not is_unicode(value):
            what = f"the environment variable {name} does not hold UTF-8"
            self.findings.add(place, what, "set it to UTF-8")
            return reference
        if default is not None:
            return value or default.removeprefix(":-")
        if value is None:
            what = f"the environment variable {name} is not set"
            self.findings.add(place, what, f"set it{hint}")
            return reference
        return value


def _has_reference(value: Json) -> bool:
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Located):
        return any(map(_has_reference, value.values()))
    return isinstance(value, LocatedList) and any(map(_has_reference, value))


def variables_in(value: Json) -> Iterator[str]:
    """The names of all variables to which the strings in a value refer."""
    if isinstance(value, str):
        yield from (found["name"] for found in _REFERENCE.finditer(value) if found["name"])
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from variables_in(each)


def variable_of(text: str) -> str | None:
    """The name of the variable if the text is exactly `${NAME}`."""
    found = _ONLY_A_VARIABLE.fullmatch(text)
    return found[1] if found else None
