"""Functions: those declared in tools/*.yaml, and those that an assistant's tools ask for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from keyword import iskeyword
from typing import Any

from assistctl.errors import Place
from assistctl.resources import Function
from assistctl.spec.declared_schemas import SchemaChecker
from assistctl.spec.findings import Findings
from assistctl.spec.grammar import FUNCTION_NAME
from assistctl.spec.located import Located, plain
from assistctl.spec.wording import remedy_for, shown


@dataclass(frozen=True)
class Functions:
    """The functions of tools/*.yaml. `names` also has those that are too broken to be in `usable`;
    `complete` is false if a file could not be read, so that nobody can say what it declares."""

    usable: Mapping[str, Function]
    names: Collection[str]
    complete: bool


def declared(
    tables: Iterable[Located], schemas: SchemaChecker, findings: Findings
) -> dict[str, Function]:
    """The functions of several `functions:` mappings; a name belongs to one of them only."""
    functions: dict[str, Function] = {}
    for table in tables:
        for name, body in table.items():
            place = table.key_place(name)
            if name in functions:
                findings.add(
                    place,
                    f"function {shown(name)} is declared twice, first at {functions[name].place}",
                    "rename or remove one of them",
                )
            else:
                functions[name] = _function(name, body, body, place, schemas, findings)
    return functions


def asked_for(
    tool: Located, place: Place, known: Functions, schemas: SchemaChecker, findings: Findings
) -> Function | None:
    """The function that a tool of type function names, declares, or finds in Python."""
    named = tool.get("function")
    if isinstance(named, Located):
        return _function(named["name"], named, tool, named.place, schemas, findings)
    if named is None:
        return _from_python(tool, place, schemas, findings)
    if named in known.usable:
        handling = _handling(tool, findings)
        return replace(known.usable[named], **handling) if handling else known.usable[named]
    if known.complete and named not in known.names:
        findings.add(
            tool.value_place("function"),
            f"no function {shown(named)} is declared in tools/*.yaml",
            remedy_for(named, known.names, "declare it there, or write `function: {name: …}` here"),
        )
    return None


def _from_python(
    tool: Located, place: Place, schemas: SchemaChecker, findings: Findings
) -> Function | None:
    name = re.split(r"[:.]", tool["python"])[-1]
    if re.fullmatch(FUNCTION_NAME, name):
        return _function(name, Located(place), tool, place, schemas, findings)
    findings.add(
        tool.value_place("python"),
        f"{shown(name)} cannot be a function's name at the API",
        "give it one beside it: `function: {name: …}`",
    )
    return None


def _function(
    name: str,
    contract: Located,
    handling: Located,
    place: Place,
    schemas: SchemaChecker,
    findings: Findings,
) -> Function:
    function = Function(
        name=name,
        place=place,
        description=contract.get("description"),
        strict=contract.get("strict"),
        **_handling(handling, findings),
    )
    if "parameters" in contract:
        good = schemas.check(
            contract["parameters"], strict=function.strict is True, name="parameters"
        )
        # A callable is not held against a contract that is itself wrong.
        python = function.python if good else None
        return replace(function, parameters=plain(contract["parameters"]), python=python)
    return function


def _handling(mapping: Located, findings: Findings) -> dict[str, Any]:
    """The fields of Function that say how it is called, as far as they are given."""
    fields = {key: mapping[key] for key in ("approval", "timeout") if key in mapping}
    if "python" not in mapping:
        return fields
    python, place = mapping["python"], mapping.value_place("python")
    if findings.faulty(place):
        return fields
    if not _is_callable_name(python):
        findings.add(
            place,
            f"{shown(python)} does not name a Python function",
            "write module:function, such as bills:save_bill",
        )
        return fields
    return {**fields, "python": python, "python_place": place}


def _is_callable_name(text: str) -> bool:
    module, _, function = text.partition(":")
    parts = [*module.split("."), *function.split(".")]
    return all(part.isidentifier() and not iskeyword(part) for part in parts)
