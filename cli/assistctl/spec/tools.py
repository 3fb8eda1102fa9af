"""The tools of one assistant: fields -> CodeInterpreter, FileSearch, FunctionTool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assistctl.errors import Place
from assistctl.resources import (
    CodeInterpreter,
    FileSearch,
    FunctionTool,
    Tool,
    VectorStore,
    implicit_key,
)
from assistctl.spec import functions, mcp, stores
from assistctl.spec.declared_schemas import SchemaChecker
from assistctl.spec.files import WorkspaceFiles
from assistctl.spec.findings import Findings
from assistctl.spec.grammar import CODE_INTERPRETER_FILES, MOST_TOOLS
from assistctl.spec.located import Located, plain
from assistctl.spec.wording import remedy_for, shown


@dataclass(frozen=True)
class Surroundings:
    """What an assistant refers to, and where what is wrong with it goes.

    `stores` are the keys declared in assistctl.yaml; None if nobody can say. `api` is that of the
    target in use, if it shows secrets to others; they are in `environ`.
    """

    functions: functions.Functions
    mcp: mcp.Locked
    stores: frozenset[str] | None
    workspace_files: WorkspaceFiles
    schemas: SchemaChecker
    findings: Findings
    api: str | None
    environ: Mapping[str, str]


def tools_of(
    key: str, fields: Located, around: Surroundings
) -> tuple[tuple[Tool, ...], VectorStore | None]:
    """The tools of the assistant with this key, and the implicit store of its file_search."""
    tools: list[Tool] = []
    store, seen = None, dict[object, Place]()
    for declared, place in fields.items_at("tools"):
        for tool in _tools(key, declared, place, around):
            if _repeated(tool, place, key, seen, around.findings):
                continue
            tools.append(tool)
            if isinstance(tool, FileSearch) and "files" in declared:
                store = stores.implicit(
                    key, place, declared, around.workspace_files, around.findings
                )
    if len(fields.get("tools") or ()) <= MOST_TOOLS < len(tools):  # else the schema has said so
        what = f"{shown(key)} has {len(tools)} tools with those of MCP servers"
        around.findings.add(
            fields.value_place("tools"), what, f"name fewer: the API allows {MOST_TOOLS}"
        )
    return tuple(tools), store


def _tools(key: str, declared: Located, place: Place, around: Surroundings) -> Iterator[Tool]:
    """What one item of `tools` stands for."""
    match declared["type"]:
        case "code_interpreter":
            yield _code_interpreter(declared, around)
        case "file_search":
            yield _file_search(key, declared, around)
        case "mcp_functions":
            found = mcp.functions_of(declared, place, around.mcp, around.schemas, around.findings)
            yield from map(FunctionTool, found)
        case _:
            function = functions.asked_for(
                declared, place, around.functions, around.schemas, around.findings
            )
            if function:
                yield FunctionTool(function)


def _repeated(
    tool: Tool, place: Place, key: str, seen: dict[object, Place], findings: Findings
) -> bool:
    """Whether an assistant that can have this tool once has it already."""
    kind = tool.function.name if isinstance(tool, FunctionTool) else type(tool)
    first = seen.setdefault(kind, place)
    if first is not place:
        what = f"{shown(key)} has {_name(tool)} twice, first on line {first.line}"
        findings.add(place, what, "keep one of them")
    return first is not place


def _name(tool: Tool) -> str:
    match tool:
        case CodeInterpreter():
            return "code_interpreter"
        case FileSearch():
            return "file_search"
        case FunctionTool(function):
            return f"the function {shown(function.name)}"


def _code_interpreter(declared: Located, around: Surroundings) -> CodeInterpreter:
    files = around.workspace_files.files(declared.items_at("files"))
    if len(files) > CODE_INTERPRETER_FILES:
        around.findings.add(
            declared.value_place("files"),
            f"code_interpreter takes {CODE_INTERPRETER_FILES} files, and these are {len(files)}",
            "name fewer of them",
        )
    return CodeInterpreter(files)


def _file_search(key: str, declared: Located, around: Surroundings) -> FileSearch:
    options = ("max_num_results", "ranking_options")
    return FileSearch(
        store=_store(key, declared, around),
        options={name: plain(declared[name]) for name in options if name in declared},
    )


def _store(key: str, declared: Located, around: Surroundings) -> str | None:
    if "files" in declared:
        return implicit_key(key)
    store = declared.get("vector_store")
    if store is not None and around.stores is not None and store not in around.stores:
        around.findings.add(
            declared.value_place("vector_store"),
            f"no vector store {shown(store)} is declared in assistctl.yaml",
            remedy_for(store, around.stores, "declare it there under `vector_stores`"),
        )
    return store


def check_choice(run: Located, tools: tuple[Tool, ...], findings: Findings) -> None:
    """A `tool_choice` that names one tool must name one that the assistant has."""
    choice = run.mapping("tool_choice")
    kind = choice.get("type")
    if kind is None:
        return
    if kind == "function":
        name = choice["function"]["name"]
        wanted, place = f"the function {shown(name)}", choice["function"].value_place("name")
    else:
        wanted, place = kind, choice.value_place("type")
    if wanted not in map(_name, tools):
        findings.add(
            place,
            f"`tool_choice` names {wanted}, which is not among the assistant's tools",
            "add it to `tools`, or choose another",
        )
