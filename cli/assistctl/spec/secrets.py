"""Keys and other secrets: only ever by the name of an environment variable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from assistctl.errors import Place
from assistctl.redaction import holds_secret
from assistctl.resources import Json
from assistctl.spec.confidential import names_secret
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, LocatedList
from assistctl.spec.variables import variable_of
from assistctl.spec.wording import shown

_NAMES_IN_BODIES = (
    r"(?i)(API_?KEY|SECRETS?|PASSWORD|PASSWD|CREDENTIALS?|AUTHORIZATION|(ACCESS|API|AUTH)_?TOKEN)"
    r"(_|[0-9]|$)"
)
"""Fewer: a body has keys and tokens that are none, such as `prompt_cache_key`, `eos_token`."""

_RANDOM = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{32,}")
_ONLY_A_VARIABLE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*[ =])?\$\{[A-Za-z_][A-Za-z0-9_]*\}")


def is_exposed(name: str, value: str, *, in_body: bool) -> bool:
    """Whether what is declared under this name, of a header, a query or in a body, looks like a
    secret that is written out."""
    if not value or _ONLY_A_VARIABLE.fullmatch(value):
        return False
    telling = re.search(_NAMES_IN_BODIES, name.replace("-", "_")) if in_body else names_secret(name)
    return bool(telling or _RANDOM.search(value)) or holds_secret(value)


def check_exposed(
    table: Located | LocatedList,
    name: str,
    findings: Findings,
    remedy: str,
    *,
    in_body: bool = False,
) -> None:
    """Find what is exposed in a mapping that is called `name`, and in what is in it."""
    for key, value, place in _items(table):
        step = f".{key}" if isinstance(key, str) else f"[{key}]"
        if isinstance(value, Located | LocatedList):
            check_exposed(value, name + step, findings, remedy, in_body=in_body)
        elif isinstance(value, str) and is_exposed(str(key), value, in_body=in_body):
            findings.add(place, f"{shown(name + step, 120)} looks like a secret", remedy)


def _items(table: Located | LocatedList) -> Iterator[tuple[str | int, Json, Place]]:
    if isinstance(table, Located):
        yield from ((key, value, table.value_place(key)) for key, value in table.items())
    else:
        yield from ((index, value, at) for index, (value, at) in enumerate(table.placed()))


def key_of(
    fields: Located, environ: Mapping[str, str], findings: Findings, name: str = "api_key"
) -> str | None:
    """The value of the variable that `api_key`, or what has this name, refers to; None if there is
    none, or after a finding."""
    if name not in fields:
        return None
    variable = variable_of(fields[name])
    value = environ.get(variable or "", "").strip()
    if findings.faulty(fields.value_place(name)):
        return None
    if value and value.isascii():
        return value
    fault = "holds characters that no key has" if value else "is not set"
    findings.add(
        fields.value_place(name),
        f"the environment variable {variable} {fault}",
        "set it to the key",
    )
    return None
