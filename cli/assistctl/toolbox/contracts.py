"""Function declarations against the Python functions that they name, without importing any."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from assistctl.errors import Problem
from assistctl.resources import Assistant, Function, FunctionTool, Json, Tool, Workspace
from assistctl.toolbox import comparison, imports
from assistctl.toolbox.references import Misread, Reference, is_local
from assistctl.toolbox.signatures import DECLARE, Fault, Signature, signature
from assistctl.toolbox.sources import Library

NO_ARGUMENTS: Json = {"type": "object", "properties": {}, "additionalProperties": False}
"""What the API means by a function that declares no parameters."""


def resolve(workspace: Workspace) -> tuple[Workspace, tuple[Problem, ...]]:
    """Complete and check every function of a workspace by reading source files.

    A function without declared parameters gets those of its Python function's signature, or none
    at all where it names no Python; a missing description is taken from the docstring. Declared
    parameters are compared with the signature. Nothing is imported or executed. A function with a
    problem is returned as it was; the problems come in the order of their places.
    """
    python = workspace.interpreter.python if workspace.interpreter else None
    reader = _Reader(workspace.root, python)
    functions = {name: reader.complete(each) for name, each in workspace.functions.items()}
    assistants = {
        key: _with_tools(each, [_completed(tool, reader) for tool in each.tools])
        for key, each in workspace.assistants.items()
    }
    completed = replace(workspace, functions=functions, assistants=assistants)
    return completed, tuple(sorted(reader.problems))


def _with_tools(assistant: Assistant, tools: Iterable[Tool]) -> Assistant:
    return replace(assistant, tools=tuple(tools)) if assistant.tools else assistant


def _completed(tool: Tool, reader: _Reader) -> Tool:
    if not isinstance(tool, FunctionTool):
        return tool
    return FunctionTool(reader.complete(tool.function))


class _Reader:
    """Completes functions; reads each source file, signature and declaration once."""

    def __init__(self, root: Path, python: Path | None) -> None:
        self.problems: set[Problem] = set()
        self._root = root
        self._library = Library(root, python)
        self._unimportable: dict[str, bool] = {}
        self._signatures: dict[str, Signature | Misread | None] = {}
        self._done: dict[int, Function] = {}

    def complete(self, function: Function) -> Function:
        # A shared function is one object in many assistants; by identity, as dicts have no hash.
        key = id(function)
        if key not in self._done:
            self._done[key] = self._complete(function)
        return self._done[key]

    def _complete(self, function: Function) -> Function:
        if function.python is None:
            return _without_python(function)
        if self._cannot_be_imported(function.python):
            return function
        read = self._signature(function.python)
        found = list(_problems(function, read))
        self.problems.update(found)
        if found or not isinstance(read, Signature):
            return function
        return replace(
            function,
            description=read.description if function.description is None else function.description,
            parameters=read.schema if function.parameters is None else function.parameters,
            source=read.where,
            context=read.context,
        )

    def _signature(self, python: str) -> Signature | Misread | None:
        if python not in self._signatures:
            try:
                self._signatures[python] = signature(Reference.parse(python), self._library)
            except Misread as error:
                self._signatures[python] = error
        return self._signatures[python]

    def _cannot_be_imported(self, python: str) -> bool:
        """Whether its module imports of others what fails in a run; that is told where it stands,
        instead of what follows from it."""
        module = python.partition(":")[0]
        if module not in self._unimportable:
            faults: list[Misread] = []
            with contextlib.suppress(Misread):  # what is wrong with the module itself is told later
                reference = Reference.parse(python)
                if is_local(reference, self._root):
                    opened = self._library.open(reference)
                    faults += imports.faults(opened, self._library, self._root)
            self._unimportable[module] = bool(faults)
            self.problems.update(Problem(f.place, f.what, f.remedy) for f in faults if f.place)
        return self._unimportable[module]


def _without_python(function: Function) -> Function:
    """A function that somebody else answers; no declared parameters means that it takes none."""
    if function.parameters is not None:
        return function
    return replace(function, parameters=NO_ARGUMENTS)


def _problems(function: Function, read: Signature | Misread | None) -> Iterator[Problem]:
    place = function.python_place or function.place
    match read:
        case Misread():
            yield Problem(read.place or place, read.what, read.remedy)
        case Signature():
            yield from (Problem(place, each.what, each.remedy) for each in _faults(function, read))
        case None if function.parameters is None:
            what = f"{function.python!r} has no `def` whose signature could be read"
            yield Problem(place, what, DECLARE)


def _faults(function: Function, read: Signature) -> Iterator[Fault]:
    declared = function.parameters is not None
    faults = [*read.faults, *(() if declared else read.underivable())]
    yield from faults
    if faults:
        return
    if function.parameters is not None and (ours := _ours(function.parameters, read)):
        yield from ours
    elif function.parameters is not None:
        for each in comparison.mismatches(function.parameters, read.schema):
            yield Fault(f"{read}: {each.what}", each.remedy)
    elif function.strict:
        for path in _loose(read.schema, "parameters"):
            yield Fault(
                f"{read}: `strict` demands that every property is required and every type is "
                f"closed, and {path} is not",
                f"leave `strict` away, change the signature, or {DECLARE}",
            )


def _ours(declared: Mapping[str, Json], read: Signature) -> list[Fault]:
    """What the model is told of that it is not to send."""
    properties = declared.get("properties")
    names = [
        name for name in read.context if isinstance(properties, Mapping) and name in properties
    ]
    return [
        Fault(
            f"{read}: the schema has {name!r}, which is a ToolContext: assistctl gives it itself",
            "take it out of the schema",
        )
        for name in names
    ]


def _loose(schema: Mapping[str, Json], path: str) -> Iterator[str]:
    """Where a derived schema breaks the rules of strict mode."""
    for name, each in schema.get("$defs", {}).items():
        yield from _loose(each, name)
    if "$ref" in schema:
        return
    kinds = schema.get("type")
    if kinds is None and "anyOf" not in schema:
        yield path
    for each in schema.get("anyOf", []):
        yield from _loose(each, path)
    if "items" in schema:
        yield from _loose(schema["items"], f"{path}[]")
    if "object" in (kinds or ""):
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            yield path
        yield from (f"{path}.{name}" for name in properties if name not in schema["required"])
        for name, each in properties.items():
            yield from _loose(each, f"{path}.{name}")
