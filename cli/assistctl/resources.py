"""The vocabulary: what a workspace declares, as values. Knows no files, networks or APIs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from assistctl.errors import Place, Problem
from assistctl.keys import composed

if TYPE_CHECKING:
    from assistctl.cases import Suite

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, list[Json] or dict[str, Json]."""

ASSISTANT, VECTOR_STORE, FILE = "assistant", "vector_store", "file"


@dataclass(frozen=True, order=True)
class Address:
    """The name of one declared thing: `assistant/flower-shop`, `file/assistants/prices.csv`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    def __hash__(self) -> int:
        return hash(self.name)  # which a text remembers; a plan of 1,000 asks 100,000 times

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read what a person typed; a bare key means the assistant."""
        kind, slash, name = text.partition("/")
        if slash and name and kind == FILE:
            return cls(kind, name)
        if slash and name and kind in (ASSISTANT, VECTOR_STORE):
            return cls(kind, composed(name))
        return cls(ASSISTANT, composed(text))


@dataclass(frozen=True)
class File:
    """A declared file: `path` is POSIX and relative to the workspace root, `size` in bytes."""

    path: str
    sha256: str
    size: int

    @cached_property
    def address(self) -> Address:
        """`file/<path>`"""
        return Address(FILE, self.path)

    @property
    def filename(self) -> str:
        """The name that the file bears at the API, and that the model sees."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Orphan:
    """An upload to which no assistant and no vector store at the target refers. `like` is a
    declared file of its name, if there is one; `created_at` is in seconds since 1970, `size` in
    bytes."""

    id: str
    filename: str
    size: int
    created_at: int
    like: Address | None


@dataclass(frozen=True)
class McpServer:
    """A server of the Model Context Protocol that is asked from here: a `command`, started in the
    workspace's root with `env` beside a few variables of ours, or a `url` with `headers`; there may
    be secrets in all of them. `missing` is what must be put right in the environment first."""

    name: str
    place: Place
    command: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    missing: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class McpTool:
    """A tool of such a server, by the name that it has there."""

    server: McpServer
    name: str

    def __str__(self) -> str:
        return f"mcp {self.server.name}:{self.name}"


@dataclass(frozen=True)
class Function:
    """A function that a model may call.

    `parameters` is a JSON Schema of type object; where none is declared, None until the toolbox has
    derived it from the signature of `python` ("module:function" below tools/, or
    "package.module:function"), or without `python` made it say that there are no arguments.
    `place` is where it is declared, `python_place` where the value of `python` stands. `source` is
    the file:line of the `def`, and `context` the parameters that get a ToolContext, which no model
    is told of, both as far as the toolbox can read them. One with `mcp` is a tool of a server, its
    contract that of the lock file, where `source` is.
    """

    name: str
    place: Place
    description: str | None = None
    parameters: Mapping[str, Json] | None = None
    strict: bool | None = None
    python: str | None = None
    python_place: Place | None = None
    approval: Literal["never", "ask"] = "never"
    timeout: float | None = None
    source: str | None = None
    context: tuple[str, ...] = ()
    mcp: McpTool | None = None

    @property
    def contract(self) -> dict[str, Json]:
        """What every API tells a model of it."""
        told = {"name": self.name, "description": self.description}
        return {**told, "parameters": self.parameters}


@dataclass(frozen=True)
class CodeInterpreter:
    """The tool that runs Python, and the files which that finds there."""

    files: tuple[File, ...] = ()


@dataclass(frozen=True)
class FileSearch:
    """The tool that searches the vector store with the key `store`; `options` is the API's own
    `file_search` mapping (max_num_results, ranking_options), as declared."""

    store: str | None = None
    options: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class FunctionTool:
    """The tool that has a Function called here."""

    function: Function


Tool: TypeAlias = CodeInterpreter | FileSearch | FunctionTool


@dataclass(frozen=True)
class VectorStore:
    """A declared store, or one that stands for the files of an assistant's file_search tool
    (`implicit`; its key is `implicit_key(assistant)`). A protected one is never pruned."""

    key: str
    place: Place
    files: tuple[File, ...] = ()
    name: str | None = None
    chunking_strategy: Mapping[str, Json] | None = None
    expires_after: Mapping[str, Json] | None = None
    metadata: Mapping[str, str] | None = None
    protect: bool = False
    implicit: bool = False

    @cached_property
    def address(self) -> Address:
        """`vector_store/<key>`"""
        return Address(VECTOR_STORE, self.key)


@dataclass(frozen=True)
class Variable:
    """What instructions ask for by name; without a `default` every run has to give it. A value is
    of the kind that its default is of, else a text."""

    name: str
    default: str | int | float | bool | None = None
    description: str | None = None


@dataclass(frozen=True)
class Template:
    """Instructions with variables, as written. `place` is where the text begins; `in_file`, whether
    it is all of a file."""

    text: str
    place: Place
    variables: Mapping[str, Variable]
    in_file: bool


@dataclass(frozen=True)
class Assistant:
    """A declared assistant.

    `settings` holds the API's own fields as declared, instructions already text: model, name,
    description, instructions, temperature, top_p, response_format, reasoning_effort, metadata.
    A field that is not declared is absent. `run` holds defaults for each run: tool_choice,
    parallel_tool_calls, max_prompt_tokens, max_completion_tokens, truncation_strategy; `own`, by
    API, what only that one has, and what its MCP servers are shown if the target speaks it. A
    protected assistant is never pruned. `places` are those of the keys that it declares, by their
    paths: `temperature`, `run.tool_choice`, of tools by their types (`tools.function`). `once`
    names the settings that hold for one conversation only, whatever the target has been told. With
    variables the instructions are those of the `template` with the defaults, or, where these are
    not enough, as written.
    """

    key: str
    place: Place
    settings: Mapping[str, Json]
    tools: tuple[Tool, ...] = ()
    run: Mapping[str, Json] = field(default_factory=dict)
    protect: bool = False
    places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)
    own: Mapping[str, Mapping[str, Json]] = field(default_factory=dict, repr=False)
    once: tuple[str, ...] = ()
    template: Template | None = field(default=None, repr=False, compare=False)

    @cached_property
    def address(self) -> Address:
        """`assistant/<key>`"""
        return Address(ASSISTANT, self.key)

    @property
    def functions(self) -> tuple[Function, ...]:
        """What its function tools call, in their order."""
        return tuple(tool.function for tool in self.tools if isinstance(tool, FunctionTool))


Api: TypeAlias = Literal["assistants", "agents", "responses"]
"""What a target may speak."""

API_NAMES: tuple[Api, ...] = get_args(Api)


@dataclass(frozen=True)
class Target:
    """Where assistants live: a base URL, a key and one API surface.

    Without `base_url` a target is local: the command starts the embedded server and
    fills in its address. `model` is what the embedded server asks: "scripted", or a mapping of what
    is declared of an endpoint (secrets are in it, and `ca_file` is an absolute path), or None.
    Writes to a target that wants it confirmed need its name. `emulate` names the tools that the
    API has not and that the command line is to stand in for.
    """

    name: str
    api: Api
    namespace: str
    place: Place
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    model: Literal["scripted"] | Mapping[str, Json] | None = field(default=None, repr=False)
    confirm: bool = False
    emulate: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether the command starts the server itself."""
        return self.base_url is None


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs the tools, if it is not ours: an absolute path, and as it is declared
    (`shown`, at `place`); each of its processes may have so many bytes of `memory`."""

    python: Path
    shown: str
    place: Place
    memory: int


def tokens_of(usage: Mapping[str, Json]) -> tuple[int, int, int]:
    """How many tokens a turn has read, how many it has written, and how many that is in all."""
    read, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    return read, written, usage.get("total_tokens") or read + written


@dataclass(frozen=True)
class Price:
    """What a million tokens of a model cost; without a price of their own those that are cached
    cost what others do."""

    input: float
    output: float
    cached_input: float | None = None

    def of(self, usage: Mapping[str, Json]) -> float:
        """What a turn has cost, by its `usage`."""
        read, written, _ = tokens_of(usage)
        cached = (usage.get("prompt_token_details") or {}).get("cached_tokens") or 0
        price = self.input if self.cached_input is None else self.cached_input
        millionths = (read - cached) * self.input + cached * price + written * self.output
        return float(millionths / 1_000_000)


@dataclass(frozen=True)
class ScriptedCall:
    """A call of a function in the script of an assistant, whose key this is."""

    place: Place
    assistant: str
    function: str
    arguments: Json


@dataclass(frozen=True)
class Workspace:
    """Everything that one directory declares, as seen by one target.

    `scripts` holds for each assistant with a `<key>.script.yaml` its turns, as plain JSON values
    that the scripted model of the embedded server understands, and `scripted_calls` all calls in
    them; `suites` the tests of those with a `<key>.tests.yaml`. `moved` tells which address an
    object has now, by the one it had before. `warnings` are about what is not wrong, but will not
    be as it is declared. `prices` are those of models, by their names. `records` says whether what
    is said on its threads is written down here.
    """

    root: Path
    name: str
    target: Target
    targets: tuple[str, ...]
    assistants: Mapping[str, Assistant] = field(default_factory=dict)
    stores: Mapping[str, VectorStore] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    scripts: Mapping[str, Json] = field(default_factory=dict)
    scripted_calls: tuple[ScriptedCall, ...] = ()
    suites: Mapping[str, Suite] = field(default_factory=dict)
    moved: Mapping[Address, Address] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    interpreter: Interpreter | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)
    records: bool = True

    def formerly(self, address: Address) -> tuple[Address, ...]:
        """The addresses that an object had before this one, the latest first."""
        names = [address]
        for name in names:
            names += [old for old, new in self.moved.items() if new == name and old not in names]
        return tuple(names[1:])

    def now(self, address: Address) -> Address:
        """The address that an object has now which once had this one."""
        for _ in self.moved:
            address = self.moved.get(address, address)
        return address


@dataclass(frozen=True)
class DeclaredFunction:
    """A function, and the keys of the assistants that have it in exactly this way."""

    function: Function
    used_by: tuple[str, ...]


def declared_functions(workspace: Workspace) -> tuple[DeclaredFunction, ...]:
    """Every function that a workspace declares, by name. One that several assistants declare alike
    is one; those that differ, if only in their handling, are several."""
    found: list[tuple[Function, list[str]]] = [(it, []) for it in workspace.functions.values()]
    for key, assistant in workspace.assistants.items():
        for function in assistant.functions:
            same = next((keys for it, keys in found if _is_same(it, function)), None)
            if same is None:
                found.append((function, same := []))
            same.append(key)
    ordered = sorted(found, key=lambda each: each[0].name)
    return tuple(DeclaredFunction(function, tuple(keys)) for function, keys in ordered)


def declared_files(workspace: Workspace) -> dict[Address, File]:
    """By Address: the files that stores have, and those that the code of assistants finds."""
    tools = (tool for assistant in workspace.assistants.values() for tool in assistant.tools)
    code = (tool for tool in tools if isinstance(tool, CodeInterpreter))
    having = [store.files for store in workspace.stores.values()] + [tool.files for tool in code]
    return {file.address: file for files in having for file in files}


def _is_same(one: Function, other: Function) -> bool:
    places = {"place": other.place, "python_place": other.python_place}
    return one is other or replace(one, **places) == other  # type: ignore[arg-type]


def implicit_key(assistant: str) -> str:
    """The key of an assistant's implicit store. No declared store has it: theirs hold no dot."""
    return f"{assistant}.file_search"


def digest(value: Json) -> str:
    """SHA-256 (64 hex digits) of a JSON value's canonical form: sorted keys, UTF-8, no spaces.

    Integral floats and ints are the same number: 1.0 and 1 have one digest. Other values that are
    not JSON (an Address) are written as `str` writes them.
    """
    text = json_text(value)
    if ".0" in text or "e+" in text:  # as in every integral float
        text = json_text(_with_integers(value))
    return hashlib.sha256(text.encode()).hexdigest()


def json_text(value: Json) -> str:
    """A value as JSON with sorted keys and no spaces, what is none as `str` writes it."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str, check_circular=False
)


def _with_integers(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _with_integers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_integers(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
