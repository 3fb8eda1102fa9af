"""Declared functions -> a table, one function in full, what came of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from io import StringIO

import click

from assistctl.events import ToolReturned
from assistctl.render.events import returned_json
from assistctl.render.listing import table
from assistctl.render.run import Story
from assistctl.render.terminal import one_line, sanitize
from assistctl.render.values import json_document
from assistctl.resources import DeclaredFunction, Function, Json


def functions_text(found: Sequence[DeclaredFunction]) -> str:
    """A table, one line each; none is said in words."""
    if not found:
        return "No functions are declared."
    rows = [
        (
            each.function.name,
            str(each.function.mcp or each.function.python or ""),
            each.function.source or str(each.function.place),
            ", ".join(each.used_by),
            each.function.approval,
            "yes" if each.function.strict else "",
        )
        for each in found
    ]
    return table(("FUNCTION", "CALLS", "WHERE", "USED BY", "APPROVAL", "STRICT"), rows)


def functions_json(found: Sequence[DeclaredFunction]) -> str:
    """`[{"name", "python", "mcp": {"server", "tool"} or null, "source": file:line or null,
    "declared": file:line:column, "used_by": [keys], "approval", "timeout": seconds or null,
    "strict", "context": [parameters]}]`"""
    return json_document([_function_json(each) for each in found])


def shown_text(found: DeclaredFunction) -> str:
    """What is declared of a function, then its schema as the model gets it."""
    function = found.function
    title = click.style(one_line(function.name), bold=True)
    facts = {
        "python": function.python,
        "mcp": f"{function.mcp.server.name}:{function.mcp.name}" if function.mcp else None,
        "source": function.source,
        "declared": str(function.place),
        "used by": ", ".join(found.used_by) or "nobody",
        "approval": function.approval,
        "timeout": f"{function.timeout:g} s" if function.timeout else None,
        "context": ", ".join(function.context) or None,
    }
    lines = [f"  {name}: {one_line(value)}" for name, value in facts.items() if value]
    return "\n".join([title, *lines, sanitize(json_document(_schema(found)))])


def shown_json(found: DeclaredFunction) -> str:
    """As functions_json has it, and `function` as the model gets it."""
    return json_document({**_function_json(found), "function": _schema(found)})


def outcome_json(returned: ToolReturned) -> str:
    """`{"name", "arguments", "output", "seconds", "error", "trace": {"short", "whole"} or null}`"""
    trace = asdict(returned.trace) if returned.trace else None
    return json_document({**returned_json(returned), "trace": trace})


def told(returned: ToolReturned, verbosity: int) -> str:
    """How a call went, for who made it: seconds, or the reason and the whole traceback. Whoever
    wants to hear little hears of what failed only."""
    if returned.error is None:
        seconds = click.style(f"{returned.seconds:.2f} s", dim=True)
        mark = click.style("←", fg="green")
        return "" if verbosity < 0 else f"{mark} {one_line(returned.call.name)} ok  {seconds}"
    story = StringIO()
    Story(story, verbosity if verbosity < 0 else 1)(returned)
    return story.getvalue().rstrip("\n")


def _function_json(found: DeclaredFunction) -> dict[str, Json]:
    function = found.function
    return {
        "name": function.name,
        "python": function.python,
        "mcp": _mcp_json(function),
        "source": function.source,
        "declared": str(function.place),
        "used_by": list(found.used_by),
        "approval": function.approval,
        "timeout": function.timeout,
        "strict": bool(function.strict),
        "context": list(function.context),
    }


def _mcp_json(function: Function) -> Json:
    """`{"server", "tool"}`, or null."""
    return function.mcp and {"server": function.mcp.server.name, "tool": function.mcp.name}


def _schema(found: DeclaredFunction) -> dict[str, Json]:
    function = found.function
    schema = {
        "name": function.name,
        "description": function.description,
        "parameters": function.parameters,
        "strict": function.strict,
    }
    return {name: value for name, value in schema.items() if value is not None}
