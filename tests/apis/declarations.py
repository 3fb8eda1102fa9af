"""Any valid workspace, as values: strategies for it, its files, and what a target shall hold of it.

A Declaration is made of mappings all the way down (tools by their names, too), so that two of them
can be mixed into an edited one. `expected` says what it means at the API without asking the code
that is tested.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from assistctl.spec import writing

TARGET = "here"
KEYS = ["shop", "desk", "clerk"]
STORES = ["handbook", "law"]
PATHS = ["assistants/prices.csv", "docs/a.md", "docs/b.md", "docs/deep/prices.csv", "文/花.txt"]
GLOBS = ["docs/*.md", "docs/**"]
PROMPT = "assistants/prompt.md"
PYTHON = "tools/shop.py"
FILLED_IN = {"temperature": 1.0, "top_p": 1.0, "response_format": "auto"}
"""What a server says of the fields that nobody has set."""

AUTO = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}
"""What a server says of files that nobody has said how to chunk."""

PLAIN = '''
def quote(km: float) -> float:
    """Quote a delivery."""
'''
RICHER = '''
def quote(km: float, express: bool = False) -> float:
    """Quote a delivery.

    Args:
        km: How far it is.
    """
'''
SIGNATURES: Mapping[str, Any] = {
    PLAIN: {
        "type": "object",
        "properties": {"km": {"type": "number"}},
        "required": ["km"],
        "additionalProperties": False,
    },
    RICHER: {
        "type": "object",
        "properties": {
            "km": {"type": "number", "description": "How far it is."},
            "express": {"type": "boolean", "default": False},
        },
        "required": ["km"],
        "additionalProperties": False,
    },
}
NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True)
class Declaration:
    """`assistants`, `defaults` and `overrides` hold the fields of the YAML, but tools by name and
    files relative to the workspace; `functions` are those of tools/*.yaml."""

    contents: dict[str, str]
    stores: dict[str, dict[str, Any]]
    functions: dict[str, dict[str, Any]]
    defaults: dict[str, Any]
    assistants: dict[str, dict[str, Any]]
    overrides: dict[str, dict[str, Any]]
    store_overrides: dict[str, dict[str, Any]]

    def write(self, root: Path) -> None:
        """Make a directory hold this workspace and nothing else."""
        here = {
            "base_url": "http://127.0.0.1:1/v1",
            "overrides": {
                "assistants": {key: _written(it, "") for key, it in self.overrides.items()},
                "vector_stores": self.store_overrides,
            },
        }
        elsewhere = {"overrides": {"assistants": {key: {"name": "no"} for key in self.assistants}}}
        top = {
            "version": 1,
            "workspace": "ws",
            "defaults": _written(self.defaults, ""),
            "default_target": TARGET,
            "targets": {TARGET: here, "elsewhere": elsewhere},
            "vector_stores": self.stores,
        }
        texts = dict(self.contents) | {"assistctl.yaml": writing.document(top)}
        if self.functions:
            texts["tools/shop.yaml"] = writing.document({"functions": self.functions})
        for key, fields in self.assistants.items():
            texts[f"assistants/{key}.yaml"] = writing.document(_written(fields, "../")) or "{}"
        for old in (path for path in root.rglob("*") if path.is_file()):
            if old.relative_to(root).as_posix() not in texts:
                old.unlink()
        for name, text in texts.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())

    def expected(self) -> dict[str, dict[str, Any]]:
        """What a target shall hold of this, by address, in the API's fields; what nobody says is
        absent, and references are addresses. Files hold their content's digest."""
        objects: dict[str, dict[str, Any]] = {}
        for key, fields in self.stores.items():
            fields = _merged(fields, self.store_overrides.get(key, {}))
            objects[f"vector_store/{key}"] = self._store(key, fields)
        for key, fields in self.assistants.items():
            fields = _merged(self.defaults, fields, self.overrides.get(key, {}))
            objects |= self._assistant(key, fields)
        for path in sorted({path for fields in objects.values() for path in _files_in(fields)}):
            data = self.contents[path.removeprefix("file/")].encode()
            objects[path] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        return objects

    def _store(self, key: str, fields: dict[str, Any]) -> dict[str, Any]:
        files = self._named(fields.get("files", []))
        chunking = fields.get("chunking_strategy")
        return _said(
            {
                "name": fields.get("name") or key,
                "metadata": fields.get("metadata"),
                "expires_after": fields.get("expires_after"),
                "files": files,
                "chunking_strategy": (AUTO if chunking == {"type": "auto"} else chunking)
                if files
                else None,
            }
        )

    def _assistant(self, key: str, fields: dict[str, Any]) -> dict[str, dict[str, Any]]:
        stores = {}
        resources: dict[str, Any] = {}
        tools = {}
        for name, tool in (fields.get("tools") or {}).items():
            if name == "code_interpreter":
                tools[name] = {"type": name}
                files = self._named(tool.get("files", []))
                resources |= {name: {"file_ids": files}} if files else {}
            elif name == "file_search":
                options = {k: v for k, v in tool.items() if k in OPTIONS}
                tools[name] = {"type": name} | ({"file_search": options} if options else {})
                store = f"vector_store/{tool['vector_store']}" if "vector_store" in tool else None
                if "files" in tool:
                    store = f"vector_store/{key}.file_search"
                    stores[store] = self._store(f"{key}.file_search", {"files": tool["files"]})
                resources |= {name: {"vector_store_ids": [store]}} if store else {}
            else:
                tools[name] = {"type": "function", "function": self._function(name, tool)}
        instructions = fields.get("instructions")
        if instructions == {"file": PROMPT}:
            instructions = self.contents[PROMPT]
        plain = {k: v for k, v in fields.items() if k not in ("tools", "run", "instructions")}
        answer = plain.get("response_format")
        if isinstance(answer, dict) and answer.get("json_schema", {}).get("strict") is False:
            schema = {k: v for k, v in answer["json_schema"].items() if k != "strict"}
            plain["response_format"] = {**answer, "json_schema": schema}
        return stores | {
            f"assistant/{key}": _said(
                {
                    **plain,
                    "instructions": instructions,
                    "tools": tools,
                    "tool_resources": resources,
                }
            )
        }

    def _function(self, name: str, tool: dict[str, Any]) -> dict[str, Any]:
        declared = tool.get("function", {"name": name})
        contract = self.functions[declared] if isinstance(declared, str) else declared
        python = tool.get("python") or (isinstance(declared, str) and contract.get("python"))
        derived = SIGNATURES[self.contents[PYTHON]] if python else NO_ARGUMENTS
        described = "Quote a delivery." if python else None
        return {
            "name": name,
            "description": contract.get("description", described),
            "parameters": contract.get("parameters", derived),
            "strict": contract.get("strict") or None,
        }

    def _named(self, declared: list[str]) -> list[str]:
        """The addresses of the files that paths and globs name."""
        return sorted({f"file/{path}" for text in declared for path in _matches(text, self)})


def _matches(text: str, declaration: Declaration) -> list[str]:
    if text not in GLOBS:
        return [text]
    return [path for path in declaration.contents if path in PATHS and _fits(path, text)]


def _fits(path: str, glob: str) -> bool:
    directory, _, pattern = glob.rpartition("/")
    if pattern == "**":
        return path.startswith(f"{directory}/")
    return path.rpartition("/")[0] == directory and fnmatchcase(path.rpartition("/")[2], pattern)


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing."""
    return {key: value for key, value in fields.items() if value not in (None, "", [], {})}


def _files_in(fields: dict[str, Any]) -> Iterator[str]:
    yield from fields.get("files", ())
    resources = fields.get("tool_resources", {})
    yield from resources.get("code_interpreter", {}).get("file_ids", ())


def users(path: str, expected: Mapping[str, dict[str, Any]]) -> set[str]:
    """The addresses of those that use a file."""
    return {address for address, fields in expected.items() if path in _files_in(fields)}


def _merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Later layers over earlier ones; null takes away, and metadata are merged by pair."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = result.get(key)
            if value is None:
                result.pop(key, None)
            elif key == "metadata" and below is not None:
                result[key] = {**below, **value}
            else:
                result[key] = value
    return result


def _written(fields: dict[str, Any], up: str) -> dict[str, Any]:
    """An assistant's fields as they stand in a file from which `up` leads to the workspace."""
    tools = fields.get("tools")
    instructions = fields.get("instructions")
    changed: dict[str, Any] = {}
    if tools is not None:
        changed["tools"] = [
            {**tool, "files": [up + path for path in tool["files"]]} if "files" in tool else tool
            for tool in tools.values()
        ]
    if isinstance(instructions, dict):
        changed["instructions"] = {"file": up + instructions["file"]}
    return {**fields, **changed}


def valid(raw: Declaration) -> Declaration:
    """The declaration without references that lead nowhere, and with a model for everybody."""
    contents = {PROMPT: "Be brief.", PYTHON: PLAIN, "docs/a.md": "a", **raw.contents}
    whole = Declaration(contents, *list(vars(raw).values())[1:])

    def store(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "files": there(fields["files"])} if "files" in fields else fields

    def there(files: list[str]) -> list[str]:
        return [text for text in files if text in GLOBS or text in contents]

    def tool(tool: dict[str, Any]) -> dict[str, Any]:
        if tool.get("vector_store", STORES[0]) not in raw.stores:
            tool = {key: value for key, value in tool.items() if key != "vector_store"}
        return store(tool)

    def assistant(fields: dict[str, Any]) -> dict[str, Any]:
        if not fields.get("tools"):
            return fields
        return {**fields, "tools": {name: tool(it) for name, it in fields["tools"].items()}}

    keys = raw.assistants.keys()
    return Declaration(
        contents,
        {key: store(fields) for key, fields in raw.stores.items()},
        whole.functions,
        {"model": "gpt-4.1", **assistant(raw.defaults)},
        {key: assistant(fields) for key, fields in raw.assistants.items()},
        {key: assistant(fields) for key, fields in raw.overrides.items() if key in keys},
        {key: fields for key, fields in raw.store_overrides.items() if key in raw.stores},
    )


OPTIONS = ("max_num_results", "ranking_options")
short = st.text("abzÄ花店🌷 :#{}$'\"\\\n\t-", max_size=12)
texts = st.one_of(
    short,
    st.sampled_from(["no", "1e3", "12:30", "null", "${HOME}", "$${", "- a\n- b", " a ", "a\n\n"]),
    short.map(lambda part: f"{part} 花店 " * 300),
)
names = st.one_of(short, st.sampled_from(["no", "3", "${HOME}", "x" * 256]))
metadata = st.dictionaries(
    st.sampled_from(["team", "a b", "层", "on", "x" * 64]),
    st.one_of(short, st.just("y" * 512), st.just("花" * 512)),
    max_size=4,
)
files = st.lists(st.sampled_from(PATHS + GLOBS), unique=True, max_size=4)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings with any of these keys."""
    return st.fixed_dictionaries({}, optional=fields)


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


parameters = st.recursive(
    st.sampled_from(
        [
            {"type": "string", "description": "花"},
            {"type": ["number", "null"]},
            {"enum": ["a", 1, None], "type": ["string", "integer", "null"]},
            {"type": "array", "items": {"type": "integer"}},
        ]
    ),
    lambda schemas: st.dictionaries(
        st.sampled_from(["total", "type", "parameters", "strict"]), schemas, max_size=3
    ).map(closed),
    max_leaves=4,
).map(lambda schema: schema if schema.get("type") == "object" else closed({"only": schema}))
contract = some(description=texts, parameters=parameters, strict=st.booleans())
handling = some(approval=st.sampled_from(["never", "ask"]), timeout=st.sampled_from([1, 2.5]))
tools = st.fixed_dictionaries(
    {},
    optional={
        "code_interpreter": some(files=files),
        "file_search": st.builds(
            lambda where, options: {**where, **options},
            st.one_of(
                some(vector_store=st.sampled_from(STORES)),
                st.builds(lambda paths: {"files": paths}, files),
            ),
            some(
                max_num_results=st.sampled_from([1, 50]),
                ranking_options=st.builds(
                    lambda ranker: {"score_threshold": 0.5, **ranker},
                    some(ranker=st.sampled_from(["auto", "default_2024_08_21"])),
                ),
            ),
        ),
        "save": st.builds(
            lambda declared, handled: {"function": {"name": "save", **declared}, **handled},
            contract,
            handling,
        ),
        "refund": handling.map(lambda handled: {"function": "refund", **handled}),
        "ship": handling.map(lambda handled: {"function": "ship", **handled}),
        "quote": handling.map(lambda handled: {"python": "shop:quote", **handled}),
    },
).flatmap(
    lambda found: st.permutations(list(found)).map(
        lambda order: {name: {"type": _type(name), **found[name]} for name in order}
    )
)


def _type(name: str) -> str:
    return name if name in ("code_interpreter", "file_search") else "function"


response_formats = st.one_of(
    st.sampled_from(["auto", {"type": "text"}, {"type": "json_object"}]),
    st.builds(
        lambda more: {"type": "json_schema", "json_schema": {"name": "answer", **more}},
        some(schema=parameters, description=short, strict=st.booleans()),
    ),
)
runs = some(
    tool_choice=st.sampled_from(["auto", "required"]),
    parallel_tool_calls=st.booleans(),
    max_prompt_tokens=st.just(256),
    max_completion_tokens=st.just(300),
    truncation_strategy=st.just({"type": "last_messages", "last_messages": 3}),
)
FIELDS: Mapping[str, st.SearchStrategy[Any]] = {
    "name": names,
    "description": names,
    "model": st.sampled_from(["gpt-4.1", "gpt-5", "花"]),
    "instructions": st.one_of(texts, st.just({"file": PROMPT})),
    "tools": tools,
    "temperature": st.sampled_from([0, 0.0, 0.5, 1, 1.0, 2]),
    "top_p": st.sampled_from([0, 0.25, 1, 1.0]),
    "response_format": response_formats,
    "reasoning_effort": st.sampled_from(["none", "low", "high"]),
    "metadata": metadata,
    "run": runs,
}
NULLABLE = {name: st.none() | strategy for name, strategy in FIELDS.items() if name != "model"}
a_assistant = some(**{**NULLABLE, "model": FIELDS["model"]})
sizes = st.sampled_from([(100, 0), (200, 100), (4096, 2048), (800, 400)])
a_store = some(
    files=files,
    name=names.filter(bool),
    chunking_strategy=st.just({"type": "auto"})
    | sizes.map(
        lambda size: {
            "type": "static",
            "static": {"max_chunk_size_tokens": size[0], "chunk_overlap_tokens": size[1]},
        }
    ),
    expires_after=st.sampled_from([1, 365]).map(
        lambda days: {"anchor": "last_active_at", "days": days}
    ),
    metadata=metadata,
)
contents = st.sampled_from(["red", "red\n", "花,1\n花,2\n", "b" * 3000])
functions = st.fixed_dictionaries(
    {
        "refund": st.builds(lambda a, b: a | b, contract, handling),
        "ship": st.just({"python": "shop:quote"}) | some(description=texts),
    }
)
raws = st.builds(
    Declaration,
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(PATHS, contents),
            PROMPT: texts,
            PYTHON: st.sampled_from([PLAIN, RICHER]),
        },
    ),
    st.dictionaries(st.sampled_from(STORES), a_store),
    functions,
    some(**FIELDS),
    st.dictionaries(st.sampled_from(KEYS), a_assistant),
    st.dictionaries(st.sampled_from(KEYS), a_assistant, max_size=1),
    st.dictionaries(st.sampled_from(STORES), some(name=names.filter(bool)), max_size=1),
)

DEPTH = {"contents": 1, "defaults": 2, "store_overrides": 2}
"""How deep the parts of a declaration may be mixed, if not 3."""

ALONE = frozenset({*KEYS, *STORES, "metadata", "tools"})
"""Mappings under these keys consist of parts that stand alone; others hang together."""


@st.composite
def edits(draw: Callable[..., Any]) -> tuple[Declaration, Declaration]:
    """A declaration, and what it is after somebody has edited any part of it."""
    before, other = draw(raws), draw(raws)
    seldom = draw(st.sampled_from([1, 3, 8]))

    def mix(one: dict[str, Any], two: dict[str, Any], depth: int) -> dict[str, Any]:
        result = {}
        for key in [*one, *(key for key in two if key not in one)]:
            both = isinstance(one.get(key), dict) and isinstance(two.get(key), dict)
            chosen = one if draw(st.integers(0, seldom)) else two
            if both and depth > 1 and key in ALONE:
                result[key] = mix(one[key], two[key], depth - 1)
            elif key in chosen:
                result[key] = chosen[key]
        return result

    parts = {
        name: mix(part, getattr(other, name), DEPTH.get(name, 3))
        for name, part in vars(before).items()
    }
    return valid(before), valid(Declaration(**parts))


def canonical(value: Any) -> str:
    """Equal for values that are the same in JSON."""

    def numbers(item: Any) -> Any:
        if isinstance(item, float) and item.is_integer():
            return int(item)
        if isinstance(item, dict):
            return {key: numbers(inner) for key, inner in item.items()}
        return [numbers(inner) for inner in item] if isinstance(item, list) else item

    return json.dumps(numbers(value), sort_keys=True)
