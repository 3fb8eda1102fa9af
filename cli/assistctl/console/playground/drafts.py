"""What the form says of an assistant, as edits of the workspace's files, none of which is written:
a draft is the workspace as it would be read then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assistctl.errors import AssistctlError, DeclarationError
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

TEXTS = ("model", "instructions", "reasoning_effort")
NUMBERS = ("temperature", "top_p", "max_completion_tokens")
RUN = ("max_completion_tokens",)
"""What the YAML has under `run`."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True)
class Draft:
    """What is said of an assistant: its settings by their names, without those that nothing is said
    of; its tools by the ids of their Offers; and values of its variables."""

    settings: Mapping[str, Json] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """A tool that an assistant has or can be given. `item` is how the YAML declares it, None of one
    that the assistant has already."""

    id: str
    label: str
    told: str = ""
    item: Json = None


def draft_of(assistant: Assistant) -> Draft:
    """An assistant as it is declared."""
    said = {**assistant.settings, **assistant.run}
    settings = {name: said[name] for name in (*TEXTS, *NUMBERS) if said.get(name) is not None}
    return Draft(settings, tuple(offer.id for offer in _own(assistant)))


def read(sent: Mapping[str, str], tools: Sequence[str], base: Draft) -> Draft:
    """What a form has sent; what it has no field for is as in `base`. Raises AssistctlError."""
    settings = dict(base.settings)
    for name in (*TEXTS, *NUMBERS):
        if name in sent:
            text = sent[name].replace("\r\n", "\n")
            value = text if name == "instructions" else text.strip()
            settings.pop(name, None)
            if value:
                settings[name] = _number(name, value) if name in NUMBERS else value
    variables = {
        name.removeprefix("var."): value
        for name, value in sent.items()
        if name.startswith("var.") and value
    }
    return Draft(settings, tuple(tools), variables)


def offers(workspace: Workspace, assistant: Assistant | None) -> list[Offer]:
    """The tools of an assistant, and those that the workspace has besides."""
    found = {offer.id: offer for offer in (_own(assistant) if assistant else ())}
    for offer in _others(workspace):
        found.setdefault(offer.id, offer)
    return list(found.values())


def edits(workspace: Workspace, assistant: Assistant, draft: Draft) -> tuple[FileEdit, ...]:
    """How the files of the workspace would declare it. Raises DeclarationError where they
    cannot."""
    was = draft_of(assistant)
    placer = Placer(workspace, Drafts(workspace.root))
    try:
        for name in (*TEXTS, *NUMBERS):
            before, after = was.settings.get(name), draft.settings.get(name)
            if before != after:
                placer.place(assistant.address, name, before, after, within=_section(name))
        names = {offer.id: offer for offer in offers(workspace, assistant)}
        for gone in (it for it in was.tools if it not in draft.tools):
            placer.remove_tool(assistant.address, _tool_name(gone))
        for new in (it for it in draft.tools if it not in was.tools and it in names):
            placer.add_tool(assistant.address, names[new].item)
    except NotEditable as reason:
        raise DeclarationError([reason.problem]) from None
    return placer.drafts.edits


def fields(workspace: Workspace, draft: Draft) -> dict[str, Json]:
    """The YAML of an assistant that nothing declares yet."""
    known = {offer.id: offer.item for offer in offers(workspace, None)}
    tools = [known[it] for it in draft.tools if it in known]
    settings = {name: value for name, value in draft.settings.items() if name not in RUN}
    run = {name: value for name, value in draft.settings.items() if name in RUN}
    return {**settings, **({"tools": tools} if tools else {}), **({"run": run} if run else {})}


def as_file(workspace: Workspace, draft: Draft, key: str) -> FileEdit:
    """The file of such an assistant."""
    return FileEdit(f"assistants/{key}.yaml", b"", document(fields(workspace, draft)).encode())


def with_edits(workspace: Workspace, edited: Sequence[FileEdit]) -> Workspace:
    """The workspace as it would be read. Raises DeclarationError with all that is wrong with it."""
    if not edited:
        return workspace
    with unwritten(contents(workspace.root, edited)):
        return load(workspace.root, workspace.target.name)


def _section(name: str) -> str | None:
    return "run" if name in RUN else None


def _number(name: str, text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        raise AssistctlError(f"{name}: {text!r} is no number") from None
    return int(value) if value.is_integer() and "." not in text else value


def _own(assistant: Assistant) -> Iterator[Offer]:
    """Tools of MCP servers are declared by their server, and stay as they are."""
    for tool in assistant.tools:
        if not (isinstance(tool, FunctionTool) and tool.function.mcp):
            yield _offer(tool)


def _offer(tool: Tool, item: Json = None) -> Offer:
    match tool:
        case CodeInterpreter(files):
            told = ", ".join(file.filename for file in files)
            return Offer("code_interpreter", "code_interpreter", told, item)
        case FileSearch(store):
            label = f"file_search:{store}" if store else "file_search"
            return Offer(label, "file_search", _store(store), item)
        case FunctionTool(function):
            asks = ["asks first"] if function.approval == "ask" else []
            lines = (function.description or "").strip().splitlines()
            told = "; ".join([*lines[:1], *asks])
            return Offer(f"function:{function.name}", function.name, told, item)


def _store(key: str | None) -> str:
    if key is None:
        return ""
    return "its own files" if "." in key else key


def _others(workspace: Workspace) -> Iterator[Offer]:
    yield _offer(CodeInterpreter(), {"type": "code_interpreter"})
    for key, store in workspace.stores.items():
        if not store.implicit:
            item = {"type": "file_search", "vector_store": key}
            yield _offer(FileSearch(key), item)
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


def _tool_name(offer: str) -> str:
    """What the tool is called among those of its assistant."""
    kind, _, name = offer.partition(":")
    return name if kind == "function" else kind
