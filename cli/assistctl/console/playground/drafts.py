"""What the form says of an assistant, as edits of the workspace's files, none of which is written:
a draft is the workspace as it would be read then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assistctl.console.playground import fields, tool_files
from assistctl.console.playground.fields import NAMES, RUN
from assistctl.console.playground.tool_files import CODE, SEARCH, Listed, Lists, item_of, listed
from assistctl.errors import DeclarationError
from assistctl.loading import load
from assistctl.pulling.drafts import Drafts, FileEdit, contents
from assistctl.pulling.placing import Placer, name_of
from assistctl.resources import (
    Assistant,
    CodeInterpreter,
    FileSearch,
    FunctionTool,
    Json,
    Tool,
    Workspace,
    declared_functions,
)
from assistctl.spec.editing import ABSENT, NotEditable
from assistctl.spec.reading import unwritten
from assistctl.spec.writing import document


@dataclass(frozen=True)
class Draft:
    """What is said of an assistant: its settings by their names, without those that nothing is said
    of; its tools by the ids of their Offers, with the lists of their `files` and the key of the
    declared `store` that it searches, if it does; and values of its variables."""

    settings: Mapping[str, Json] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    files: Lists = field(default_factory=dict)
    store: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """A tool that an assistant has or can be given. `item` is how the YAML declares it, None of one
    that the assistant has already."""

    id: str
    label: str
    told: str = ""
    item: Json = None


def draft_of(assistant: Assistant, lists: Mapping[str, Listed]) -> Draft:
    """An assistant as it is declared, and its files are listed."""
    said = {**assistant.settings, **assistant.run}
    settings = {name: said[name] for name in NAMES if said.get(name) is not None}
    files = {name: it.names for name, it in lists.items()}
    tools = tuple(offer.id for offer in _own(assistant))
    return Draft(settings, tools, files, tool_files.searched(assistant))


def read(sent: Mapping[str, str], tools: Sequence[str], base: Draft) -> Draft:
    """What a form has sent; what it has no field for is as in `base`. Raises AssistctlError."""
    variables = {
        name.removeprefix("var."): value
        for name, value in sent.items()
        if name.startswith("var.") and value
    }
    files = tool_files.read(sent, base.files)
    store = sent.get("store", base.store)
    return Draft(fields.read(sent, base.settings), tuple(tools), files, store, variables)


def offers(workspace: Workspace, assistant: Assistant | None) -> list[Offer]:
    """The tools of an assistant, and those that the workspace has besides."""
    found = {offer.id: offer for offer in (_own(assistant) if assistant else ())}
    for offer in _others(workspace):
        found.setdefault(offer.id, offer)
    return list(found.values())


def edits(workspace: Workspace, assistant: Assistant, draft: Draft) -> tuple[FileEdit, ...]:
    """How the files of the workspace would declare it. Raises DeclarationError where they
    cannot."""
    was = draft_of(assistant, listed(workspace, assistant))
    placer = Placer(workspace, Drafts(workspace.root))
    try:
        for name in NAMES:
            before, after = was.settings.get(name), draft.settings.get(name)
            if before != after:
                section = "run" if name in RUN else None
                placer.place(assistant.address, name, before, after, within=section)
        known = {offer.id: offer.item for offer in offers(workspace, assistant)}
        for gone in (it for it in was.tools if it not in draft.tools):
            placer.remove_tool(assistant.address, tool_name(gone))
        for new in (it for it in draft.tools if it not in was.tools and it in known):
            placer.add_tool(assistant.address, item_of(known[new], draft.files, draft.store))
        kept = [it for it in was.tools if it in draft.tools]
        before, after = (was.files, was.store), (draft.files, draft.store)
        tool_files.place(placer, assistant, kept, before, after)
    except NotEditable as reason:
        raise DeclarationError([reason.problem]) from None
    return placer.drafts.edits


def yaml_of(workspace: Workspace, draft: Draft) -> dict[str, Json]:
    """The YAML of an assistant that nothing declares yet."""
    known = {offer.id: offer.item for offer in offers(workspace, None)}
    tools = [item_of(known[it], draft.files, draft.store) for it in draft.tools if it in known]
    settings = {name: value for name, value in draft.settings.items() if name not in RUN}
    run = {name: value for name, value in draft.settings.items() if name in RUN}
    return {**settings, **({"tools": tools} if tools else {}), **({"run": run} if run else {})}


def as_file(workspace: Workspace, draft: Draft, key: str) -> FileEdit:
    """The file of such an assistant."""
    return FileEdit(f"assistants/{key}.yaml", b"", document(yaml_of(workspace, draft)).encode())


def with_edits(workspace: Workspace, edited: Sequence[FileEdit]) -> Workspace:
    """The workspace as it would be read. Raises DeclarationError with all that is wrong with it."""
    if not edited:
        return workspace
    with unwritten(contents(workspace.root, edited)):
        return load(workspace.root, workspace.target.name)


def _own(assistant: Assistant) -> Iterator[Offer]:
    """Tools of MCP servers are declared by their server, and stay as they are."""
    for tool in assistant.tools:
        if not (isinstance(tool, FunctionTool) and tool.function.mcp):
            yield _offer(tool)


def _offer(tool: Tool, item: Json = None) -> Offer:
    match tool:
        case CodeInterpreter(files):
            return Offer(CODE, CODE, ", ".join(file.filename for file in files), item)
        case FileSearch(store):
            return Offer(SEARCH, SEARCH, _store(store), item)
        case FunctionTool(function):
            asks = ["(asks first)"] if function.approval == "ask" else []
            lines = (function.description or "").strip().splitlines()
            told = " ".join([*lines[:1], *asks])
            return Offer(f"function:{function.name}", function.name, told, item)


def _store(key: str | None) -> str:
    if key is None:
        return ""
    return "its own files" if "." in key else key


def _others(workspace: Workspace) -> Iterator[Offer]:
    yield _offer(CodeInterpreter(), {"type": CODE})
    yield _offer(FileSearch(), {"type": SEARCH})
    drafts = Drafts(workspace.root)
    for declared in declared_functions(workspace):
        function = declared.function
        if function.name in workspace.functions:
            yield _offer(FunctionTool(function), {"type": "function", "function": function.name})
        elif declared.used_by and not function.mcp:
            file = workspace.assistants[declared.used_by[0]].place.file
            written = drafts.value(file, ("tools",))
            for item in written if written is not ABSENT and written else ():
                if name_of(item) == function.name:
                    yield _offer(FunctionTool(function), item)


def tool_name(offer: str) -> str:
    """What the tool is called among those of its assistant."""
    kind, _, name = offer.partition(":")
    return name if kind == "function" else kind
