"""Whatever somebody may edit at a target, by API: what it is called in a plan, what was there and
what is there then."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from assistctl.apis.transport import files
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address

PARAMETERS = {
    "type": "object",
    "properties": {"sum": {"type": "number"}},
    "required": ["sum"],
    "additionalProperties": False,
}
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
ANSWER = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
CHUNKS = {"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}}
OTHER_CHUNKS = {**CHUNKS, "static": {"max_chunk_size_tokens": 300, "chunk_overlap_tokens": 50}}
EXPIRY = {"anchor": "last_active_at", "days": 7}
PRICES = Address(FILE, "assistants/prices.csv")
PAGE_A, PAGE_B = Address(FILE, "docs/a.md"), Address(FILE, "docs/b.md")
HANDBOOK = Address(VECTOR_STORE, "handbook")
ANY = object()
"""A value that the test does not know beforehand, such as an id."""


@dataclass(frozen=True)
class Edit:
    """Somebody edits one thing; the plan says `path: before -> after`, and that it would take it
    back, or (`aside`) that nothing declares it, so that it stays."""

    path: str
    before: object
    after: object
    make: Callable[["Colleague"], None]
    aside: bool = False
    address: str = "assistant/shop"


class Colleague:
    """The objects of the workspace as anybody may edit them."""

    def __init__(self, bench):
        self.bench = bench
        self.client = bench.client

    def of(self, address):
        kind, _, key = address.partition("/")
        found = self.bench.held(key) if kind == ASSISTANT else self.bench.store_of(key)
        return f"{self.bench.path(kind)}/{found['id']}", found

    def edit(self, address="assistant/shop", **fields):
        self.client.post(self.of(address)[0], fields)

    def pairs(self, address, **pairs):
        """Write these pairs, or take away those that are None, and leave the others."""
        metadata = {**self.of(address)[1]["metadata"], **pairs}
        self.edit(address, metadata={k: v for k, v in metadata.items() if v is not None})

    def tools(self, change, address="assistant/shop"):
        tools = copy.deepcopy(self.of(address)[1]["tools"])
        named = {(it.get("function") or it).get("name", it["type"]): it for it in tools}
        self.edit(address, tools=change(named) or tools)

    def use(self, address="assistant/shop", files=None, stores=None):
        self.edit(address, **self.bench.api.using(self.of(address)[1], files, stores))

    def code_files(self):
        return self.bench.files_of("shop")

    def upload(self, path):
        return files.upload(self.client, path, "theirs.md", "assistants")["id"]

    def members(self, key="handbook"):
        path = f"{self.of(f'vector_store/{key}')[0]}/files"
        found = {it["attributes"].get("assistctl_path"): it for it in self.client.list(path)}
        return path, found

    def member(self, name, key="handbook", **attributes):
        """Give a file in a store these attributes, beside those that it has; None takes one."""
        path, members = self.members(key)
        kept = {**members[name]["attributes"], **attributes}
        kept = {name: value for name, value in kept.items() if value is not None}
        self.client.post(f"{path}/{members[name]['id']}", {"attributes": kept})

    def chunk(self, name, key):
        """Index a file of a store anew, cut in another way."""
        path, members = self.members(key)
        body = {"file_id": members[name]["id"], "attributes": members[name]["attributes"]}
        self.client.create(path, {**body, "chunking_strategy": OTHER_CHUNKS})

    def state(self):
        """Everything that somebody may edit, by what it is called; how far the indexer is, is not
        of that kind."""
        found = {}
        for path in sorted({self.bench.api.collection, "/vector_stores"}):
            for item in self.client.list(path):
                found[item["metadata"]["assistctl"], path] = {
                    name: value
                    for name, value in item.items()
                    if name
                    not in ("last_active_at", "expires_at", "usage_bytes", "status", "updated_at")
                }
                if counts := item.get("file_counts"):
                    found[item["metadata"]["assistctl"], path]["file_counts"] = counts["total"]
                if path == "/vector_stores":
                    files = self.client.list(f"{path}/{item['id']}/files")
                    found[item["metadata"]["assistctl"], "files"] = sorted(
                        (it["attributes"]["assistctl_path"], it["chunking_strategy"]["static"])
                        if "assistctl_path" in it["attributes"]
                        else (it["id"], {})
                        for it in files
                    )
        return found


def of_function(**fields):
    return lambda colleague: colleague.tools(lambda named: named["pay"]["function"].update(fields))


def of_search(**options):
    return lambda colleague: colleague.tools(lambda named: named["file_search"].update(options))


def of_answer(**fields):
    edited = {**ANSWER, "json_schema": {**ANSWER["json_schema"], **fields}}
    return lambda colleague: colleague.edit(response_format=edited)


def ranking(**options):
    options = {"ranker": "default_2024_08_21", "score_threshold": 0.0, **options}
    return of_search(file_search={"ranking_options": options})


def setting(name, value, address="assistant/shop"):
    return lambda colleague: colleague.edit(address, **{name: value})


def declared_settings():
    """Each plain field of an assistant that declares all of them: before, after."""
    return {
        "model": ("gpt-6.1", "gpt-6-luna"),
        "name": ("Their shop", "Shop"),
        "description": ("Theirs.", "Sells flowers."),
        "instructions": ("Buy.", "Sell."),
        "reasoning_effort": ("high", "low"),
        "temperature": (0.9, 0.5),
        "top_p": (0.8, 0.3),
    }


RECORD = Edit(
    "metadata.assistctl_applied",
    None,
    "what was applied last",
    lambda it: it.pairs("assistant/shop", assistctl_applied=None),
)
"""Nobody can tell what was edited in an object without its record."""


def protected(address):
    return Edit(
        "protect", None, True, lambda it: it.pairs(address, assistctl_protect="true"), True, address
    )


USED = [
    Edit(
        "tool_resources.code_interpreter.file_ids",
        ANY,
        [PRICES],
        lambda it: it.use(files=[*it.code_files(), it.theirs]),
    ),
    Edit(
        "tool_resources.code_interpreter",
        None,
        ANY,
        lambda it: it.use(files=[]),
    ),
    Edit(
        "tool_resources.file_search",
        None,
        ANY,
        lambda it: it.use(stores=[]),
    ),
    Edit(
        "tool_resources.file_search.vector_store_ids",
        ANY,
        [HANDBOOK],
        lambda it: it.use(stores=[it.their_store]),
    ),
]
"""What an assistant uses, which is told in one way whatever holds it."""

FUNCTION = "tools[pay].function"
SEARCH = "tools[file_search].file_search"
TOOL = {"type": "code_interpreter"}
FLAT = {
    "type": "function",
    "name": "theirs",
    "description": "Theirs.",
    "parameters": {"type": "object", "properties": {}},
}
FOREIGN = {"type": "function", "function": {"name": "theirs", "strict": False}}
HANDBOOK_FILES = [PAGE_A, PAGE_B]

ASSISTANT_FIELDS = [
    *(
        Edit(name, there, wanted, setting(name, there))
        for name, (there, wanted) in declared_settings().items()
    ),
    Edit("temperature", 1, 0.5, setting("temperature", None)),
    Edit("top_p", 1, 0.3, setting("top_p", None)),
    *(
        Edit(name, None, wanted, setting(name, None))
        for name, (_, wanted) in declared_settings().items()
        if name not in ("model", "temperature", "top_p")
    ),
    Edit("metadata.team", "b", "a", lambda it: it.pairs("assistant/shop", team="b")),
    Edit("metadata.more", "x", None, lambda it: it.pairs("assistant/shop", more="x")),
    Edit(
        "metadata.assistctl_applied",
        None,
        "what was applied last",
        lambda it: it.edit(metadata={"assistctl": "ws/shop", "team": "a"}),
    ),
    Edit(
        f"{FUNCTION}.description",
        "Call this first.",
        None,
        of_function(description="Call this first."),
    ),
    Edit(f"{FUNCTION}.strict", True, None, of_function(strict=True)),
    Edit(
        f"{FUNCTION}.parameters.properties.sum.type",
        "string",
        "number",
        of_function(parameters={**PARAMETERS, "properties": {"sum": {"type": "string"}}}),
    ),
    Edit(
        f"{FUNCTION}.parameters.additionalProperties",
        True,
        False,
        of_function(parameters={**PARAMETERS, "additionalProperties": True}),
    ),
    Edit("tools[pay]", None, ANY, lambda it: it.tools(lambda named: [named["file_search"], TOOL])),
    Edit("tools[theirs]", ANY, None, lambda it: it.tools(lambda named: [*named.values(), FOREIGN])),
    Edit(
        SEARCH,
        ANY,
        None,
        of_search(file_search={"max_num_results": 1}),
    ),
    Edit(SEARCH, ANY, None, ranking(score_threshold=0.7)),
    Edit(SEARCH, ANY, None, ranking(ranker="auto")),
    Edit("response_format", "auto", ANSWER, setting("response_format", None)),
    Edit("response_format.json_schema.name", "theirs", "answer", of_answer(name="theirs")),
    Edit(
        "response_format.json_schema.description", "Theirs.", None, of_answer(description="Theirs.")
    ),
    Edit("response_format.json_schema.strict", True, None, of_answer(strict=True)),
    Edit(
        "response_format.json_schema.schema.additionalProperties",
        None,
        False,
        of_answer(schema={key: SCHEMA[key] for key in SCHEMA if key != "additionalProperties"}),
    ),
    Edit(
        "response_format.type",
        "json_object",
        "json_schema",
        setting("response_format", {"type": "json_object"}),
    ),
    Edit(
        "tool_resources.code_interpreter",
        ANY,
        None,
        lambda it: it.edit(
            "assistant/buyer", tool_resources={"code_interpreter": {"file_ids": [it.theirs]}}
        ),
        address="assistant/buyer",
    ),
    Edit(
        f"{SEARCH}.max_num_results",
        1,
        10,
        lambda it: it.tools(
            lambda named: named["file_search"]["file_search"].update(max_num_results=1),
            "assistant/buyer",
        ),
        address="assistant/buyer",
    ),
    Edit(
        f"{SEARCH}.ranking_options",
        {"score_threshold": 0.7},
        None,
        lambda it: it.tools(
            lambda named: named["file_search"]["file_search"]["ranking_options"].update(
                score_threshold=0.7
            ),
            "assistant/buyer",
        ),
        address="assistant/buyer",
    ),
    Edit(
        f"{SEARCH}.max_num_results",
        None,
        10,
        lambda it: it.tools(
            lambda named: named["file_search"].pop("file_search") and None, "assistant/buyer"
        ),
        address="assistant/buyer",
    ),
]
STORES = [
    Edit(
        "name",
        "Their handbook",
        "handbook",
        setting("name", "Their handbook", "vector_store/handbook"),
        address="vector_store/handbook",
    ),
    Edit(
        "expires_after.days",
        9,
        7,
        setting("expires_after", {**EXPIRY, "days": 9}, "vector_store/handbook"),
        address="vector_store/handbook",
    ),
    Edit(
        "expires_after",
        None,
        EXPIRY,
        setting("expires_after", None, "vector_store/handbook"),
        address="vector_store/handbook",
    ),
    Edit(
        "metadata.team",
        "b",
        "a",
        lambda it: it.pairs("vector_store/handbook", team="b"),
        address="vector_store/handbook",
    ),
    Edit(
        "metadata.assistctl_applied",
        None,
        "what was applied last",
        lambda it: it.edit(
            "vector_store/handbook", metadata={"assistctl": "ws/handbook", "team": "a"}
        ),
        address="vector_store/handbook",
    ),
    Edit(
        "files",
        ANY,
        HANDBOOK_FILES,
        lambda it: it.client.create(it.members()[0], {"file_id": it.theirs}),
        address="vector_store/handbook",
    ),
    Edit(
        "files",
        ANY,
        HANDBOOK_FILES,
        lambda it: it.member("docs/b.md", assistctl_path=None),
        address="vector_store/handbook",
    ),
    Edit(
        "files",
        ANY,
        HANDBOOK_FILES,
        lambda it: it.member("docs/b.md", assistctl_path="docs/x.md"),
        address="vector_store/handbook",
    ),
    Edit(
        "sha256",
        "0" * 12,
        ANY,
        lambda it: it.member("docs/b.md", assistctl_sha256="0" * 64),
        address="file/docs/b.md",
    ),
    Edit(
        "chunking_strategy.static.max_chunk_size_tokens",
        300,
        200,
        lambda it: it.chunk("docs/b.md", "handbook"),
        address="vector_store/handbook",
    ),
]

DESK, LISTS = "assistant/desk", "vector_store/lists"
UNDECLARED_FIELDS = [
    *(
        Edit(name, None, value, setting(name, value, DESK), aside=True, address=DESK)
        for name, value in {
            **{name: there for name, (there, _) in declared_settings().items() if name != "model"},
            "response_format": {"type": "json_object"},
        }.items()
    ),
    Edit("tools", None, ANY, setting("tools", [FOREIGN], DESK), True, DESK),
    Edit("metadata", None, {"seen": "yes"}, lambda it: it.pairs(DESK, seen="yes"), True, DESK),
    Edit(
        "tool_resources",
        None,
        ANY,
        lambda it: it.edit(
            DESK, tools=[TOOL], tool_resources={"code_interpreter": {"file_ids": [it.theirs]}}
        ),
        True,
        DESK,
    ),
    protected(DESK),
]
UNDECLARED_STORES = [
    Edit("expires_after", None, EXPIRY, setting("expires_after", EXPIRY, LISTS), True, LISTS),
    Edit("metadata", None, {"seen": "yes"}, lambda it: it.pairs(LISTS, seen="yes"), True, LISTS),
    Edit(
        "chunking_strategy",
        None,
        OTHER_CHUNKS,
        lambda it: it.chunk("assistants/prices.csv", "lists"),
        True,
        LISTS,
    ),
    Edit(
        "attributes",
        None,
        {"assistants/prices.csv": {"lang": "de", "page": 3}},
        lambda it: it.member("assistants/prices.csv", "lists", lang="de", page=3),
        True,
        LISTS,
    ),
]

AGENT_FIELDS = [
    *(
        Edit(name, there, wanted, setting(name, there))
        for name, (there, wanted) in declared_settings().items()
        if name in ("model", "name", "instructions")
    ),
    *(
        Edit(name, None, wanted, setting(name, None))
        for name, (_, wanted) in declared_settings().items()
        if name in ("name", "instructions")
    ),
    Edit("reasoning.effort", "high", "low", setting("reasoning", {"effort": "high"})),
    Edit(
        "description",
        "Theirs.",
        "Sells flowers.",
        lambda it: it.pairs("assistant/shop", assistctl_description="Theirs."),
    ),
    Edit(
        "description",
        None,
        "Sells flowers.",
        lambda it: it.pairs("assistant/shop", assistctl_description=None),
    ),
    Edit("metadata.team", "b", "a", lambda it: it.pairs("assistant/shop", team="b")),
    Edit("metadata.more", "x", None, lambda it: it.pairs("assistant/shop", more="x")),
    Edit(
        f"{FUNCTION}.description",
        "Call this first.",
        "Pays.",
        lambda it: it.tools(lambda named: named["pay"].update(description="Call this first.")),
    ),
    Edit(
        f"{FUNCTION}.parameters.additionalProperties",
        True,
        False,
        lambda it: it.tools(
            lambda named: named["pay"].update(
                parameters={**PARAMETERS, "additionalProperties": True}
            )
        ),
    ),
    Edit("tools[pay]", None, ANY, lambda it: it.tools(lambda named: [named["file_search"]])),
    Edit(
        "tools[theirs]",
        ANY,
        None,
        lambda it: it.tools(lambda named: [*named.values(), FLAT]),
    ),
    Edit("text.format.type", "text", "json_schema", setting("text", {"format": {"type": "text"}})),
    Edit(
        "text.format.schema.additionalProperties",
        True,
        False,
        setting(
            "text",
            {"format": {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": True}}},
        ),
    ),
    Edit(
        "tool_resources.code_interpreter",
        ANY,
        None,
        lambda it: it.use("assistant/buyer", files=[it.theirs]),
        address="assistant/buyer",
    ),
    RECORD,
]
AGENT_UNDECLARED = [
    *(
        Edit(name, None, value, setting(name, value, DESK), aside=True, address=DESK)
        for name, value in {
            "name": "Theirs",
            "instructions": "Buy.",
            "service_tier": "flex",
        }.items()
    ),
    Edit("text", None, ANY, setting("text", {"verbosity": "high"}, DESK), True, DESK),
    Edit("reasoning", None, ANY, setting("reasoning", {"effort": "high"}, DESK), True, DESK),
    Edit("tools", None, ANY, setting("tools", [FLAT], DESK), True, DESK),
    Edit("metadata", None, {"seen": "yes"}, lambda it: it.pairs(DESK, seen="yes"), True, DESK),
    Edit("tool_resources", None, ANY, lambda it: it.use(DESK, files=[it.theirs]), True, DESK),
    protected(DESK),
]
DECLARED = {
    "assistants": [*ASSISTANT_FIELDS, *USED, *STORES],
    "agents": [*AGENT_FIELDS, *USED],
    "responses": [
        Edit("name", "Their shop", "Shop", setting("name", "Their shop")),
        RECORD,
        *USED,
    ],
}
"""Edits of what is declared; of vector stores at one API, since they are the same at all."""

UNDECLARED = {
    "assistants": [*UNDECLARED_FIELDS, *UNDECLARED_STORES],
    "agents": AGENT_UNDECLARED,
    "responses": [
        Edit("tool_resources", None, ANY, lambda it: it.use(DESK, files=[it.theirs]), True, DESK),
        protected(DESK),
    ],
}
"""Edits of what nothing declares."""
