"""assistctl.yaml: targets, shared vector stores, and what all assistants share."""

from __future__ import annotations

from assistctl.resources import API_NAMES
from assistctl.spec.grammar.parts import (
    Schema,
    array,
    flag,
    if_type,
    integer,
    mapping,
    nullable,
    number,
    ref,
    table,
    text,
    word,
)

TOOLS_MEMORY = 4096

WORKSPACES: dict[str, Schema] = {
    "workspace": mapping(
        "assistctl.yaml: what the whole workspace shares.",
        {
            "version": {
                "description": "The version of this format.",
                "const": 1,
                "errorMessage": "write 1; if a newer assistctl wrote this workspace, upgrade",
            },
            "workspace": ref("slug", "The workspace's name; remote objects that it owns bear it."),
            "defaults": ref("assistant", "Fields that every assistant has unless it says else."),
            "default_target": ref(
                "slug", "The target without --target; local if left out.", default="local"
            ),
            "targets": table(
                "Where assistants live. `local`, the embedded server, always exists.",
                {"$ref": "#/$defs/target"},
                names="slug",
            ),
            "vector_stores": table(
                "Stores that several assistants can search, by key.",
                {"$ref": "#/$defs/vector_store"},
                names="slug",
            ),
            "tools": mapping(
                "Where the Python functions run, if not in assistctl's own Python.",
                {
                    "python": text(
                        "A Python 3.8 or newer, such as .venv/bin/python: its path, relative to "
                        "assistctl.yaml. Functions run in processes of it.",
                        minLength=1,
                    ),
                    "memory": integer(
                        f"MB that each such process may have; {TOOLS_MEMORY} if left out.",
                        64,
                        default=TOOLS_MEMORY,
                    ),
                },
                required=["python"],
            ),
            "prices": table(
                "What a million tokens of a model cost, by the model's name, in any currency: "
                "runs tell their `cost` by it.",
                {"$ref": "#/$defs/price"},
            ),
            "threads": mapping(
                "What is kept on this machine of conversations.",
                {
                    "record": flag(
                        "Shall what is said be written down in .assistctl/threads.db? Else only "
                        "which thread was used last.",
                        default=True,
                    ),
                },
            ),
            "mcp_servers": table(
                "Servers of the Model Context Protocol whose tools assistants can have, by name.",
                {"$ref": "#/$defs/mcp_server"},
                names="mcp_server_name",
            ),
            "hidden_files": ref(
                "files",
                "Files to be used although something in their path begins with a dot: exact paths, "
                "relative to assistctl.yaml.",
            ),
            "moved": table(
                "What was renamed: the new key by the old one. Objects at the targets are kept.",
                {"$ref": "#/$defs/movable"},
                names="movable",
            ),
        },
        required=["version", "workspace"],
    ),
    "target": nullable(
        mapping(
            "A place where assistants live.",
            {
                "api": word("The API surface spoken there.", *API_NAMES, default="assistants"),
                "base_url": ref(
                    "url",
                    "The address of the API. Left out, it is the embedded server for assistants, "
                    "and where a model is declared; else OpenAI.",
                ),
                "api_key": ref("api_key", "The key, by the name of its environment variable."),
                "namespace": ref(
                    "namespace", "Marks this target's objects; the workspace if left out."
                ),
                "model": ref("model", "Who answers on the embedded server."),
                "emulate": array(
                    "Tools that the API has not, for which run and chat stand in.",
                    items=word("The type of the tool.", "file_search"),
                    uniqueItems=True,
                    default=[],
                ),
                "confirm": flag(
                    "Must whoever writes to this target confirm it by its name?", default=False
                ),
                "overrides": mapping(
                    "What is different at this target.",
                    {
                        "assistants": table(
                            "Fields that replace an assistant's own, by its key.",
                            {"$ref": "#/$defs/assistant"},
                        ),
                        "vector_stores": table(
                            "Fields that replace a store's own, by its key.",
                            {"$ref": "#/$defs/vector_store"},
                        ),
                    },
                ),
            },
        )
    ),
    "price": mapping(
        "What a million tokens of a model cost.",
        {
            "input": number("Of what the model reads.", 0, 1e6),
            "cached_input": number("Of what it has read before; as `input` if left out.", 0, 1e6),
            "output": number("Of what the model writes.", 0, 1e6),
        },
        required=["input", "output"],
    ),
    "vector_store": nullable(
        mapping(
            "A store of files to search.",
            {
                "files": ref("files", "The files: paths and globs, relative to assistctl.yaml."),
                "name": text("The name at the target; the key if left out."),
                "chunking_strategy": ref("chunking_strategy", "How files are cut into pieces."),
                "expires_after": mapping(
                    "When a store that nobody uses expires.",
                    {
                        "anchor": word("What the days are counted from.", "last_active_at"),
                        "days": integer("How many days.", 1, 365),
                    },
                    required=["anchor", "days"],
                ),
                "metadata": ref("metadata", "Your own pairs on the store; at most eight."),
                "protect": ref("protect", "Shall --prune never delete this store?", default=False),
            },
        )
    ),
    "chunking_strategy": mapping(
        "How files are cut into pieces.",
        {
            "type": word("auto, or static with sizes.", "auto", "static"),
            "static": mapping(
                "For type static: the sizes in tokens.",
                {
                    "max_chunk_size_tokens": integer("The size of a piece.", 100, 4096),
                    "chunk_overlap_tokens": integer(
                        "What neighbours share; at most half the size.", 0
                    ),
                },
                required=["max_chunk_size_tokens", "chunk_overlap_tokens"],
            ),
        },
        required=["type"],
        allOf=[
            if_type("static", {"required": ["static"]}),
            if_type("auto", {"not": {"required": ["static"]}}),
        ],
    ),
}
