"""What only one API has of an assistant, declared under that API's name.

Keys and words are those of the types of the openai SDK, which tests/spec/test_surfaces.py holds
them to.
"""

from __future__ import annotations

from assistctl.spec.grammar.parts import (
    TEXT,
    Schema,
    array,
    choice_of_tools,
    flag,
    if_type,
    integer,
    mapping,
    nullable,
    ref,
    table,
    text,
    tool,
    word,
    word_or_mapping,
)

APIS = ("agents", "responses")
"""What only one API has is declared under its name."""

_SIZES = ("low", "medium", "high")
_SUMMARY = {
    "summary": word("How long the thoughts are told.", "auto", "concise", "detailed"),
}
_TEXT = mapping(
    "How the answers are written; their form is response_format.",
    {"verbosity": word("How many words.", *_SIZES)},
)
_TIERS = ("auto", "default", "flex", "priority", "fast", "ultrafast")


def _texts(description: str, **more: object) -> Schema:
    return array(description, items=TEXT, **more)


def _pairs(description: str) -> Schema:
    return table(description, {"type": "string"})


def _list_of(name: str) -> Schema:
    return array("Tools that only this API has.", maxItems=128, items=ref(name, "One tool."))


_PLACE: Schema = {
    "city": text("Such as London."),
    "country": text("Two letters, such as GB.", minLength=2, maxLength=2),
    "region": text("Such as California."),
    "timezone": text("Such as Europe/London."),
}
_SOME_TOOLS: Schema = {
    "tool_names": _texts("These."),
    "read_only": flag("Those that say of themselves that they change nothing."),
}

_AGENTS: dict[str, Schema] = {
    "agents": mapping(
        "What only the Agents API has; left out at targets of another one.",
        {
            "reasoning": mapping(
                "How the model's thoughts are told; how much it thinks, is reasoning_effort.",
                _SUMMARY,
            ),
            "text": _TEXT,
            "service_tier": word("How fast, and at which price.", *_TIERS),
            "compaction": mapping(
                "What becomes of a history that is too long.",
                {"async": flag("Is it made shorter while the agent goes on?")},
            ),
            "multi_agent": mapping(
                "Agents that the agent makes for parts of its work.",
                {
                    "enabled": flag("May it?"),
                    "max_concurrent_subagents": integer("Most of them at a time.", 1),
                },
                required=["enabled"],
            ),
            "experimental": mapping(
                "What the API tries out.",
                {"time_awareness": flag("Is the model told from time to time what time it is?")},
            ),
            "tools": _list_of("agents_tool"),
            "environment": ref("agents_environment", "Where the code of each session runs."),
            "vault_ids": _texts("The vaults whose credentials each session may use."),
            "prompt_cache_options": mapping(
                "How the beginnings of requests are kept.",
                {"ttl": word("How long at least.", "30m", "12h")},
                required=["ttl"],
            ),
            "review": word(
                "Are actions reviewed that want approval? auto_review denies what a person would "
                "have to decide.",
                *["none", "auto_review"],
            ),
        },
    ),
    "agents_environment": mapping(
        "The machine that OpenAI makes for each session; the files of code_interpreter are put "
        "under /workspace there.",
        {
            "type": word("Who has it.", "openai_hosted"),
            "container_size": word("How big it is.", "small", "medium", "large"),
            "network": mapping(
                "What its code can reach.",
                {
                    "access": word("All, nothing, or some.", "enabled", "disabled", "restricted"),
                    "allowed_domains": _texts("With restricted: only these."),
                    "blocked_domains": _texts("With restricted: all but these."),
                },
                required=["access"],
            ),
            "packages": mapping(
                "What is installed first.",
                {
                    "python": _texts("From PyPI."),
                    "npm": _texts("From npm."),
                    "system": _texts("From the system's own packages."),
                },
            ),
            "setup_commands": array(
                "What is run first.",
                items=mapping(
                    "A command.",
                    {
                        "command": text("For the shell.", minLength=1),
                        "cwd": text("Where; /workspace if nothing is said.", default="/workspace"),
                    },
                    required=["command"],
                ),
            ),
            "env": _pairs("Environment variables; secrets belong into a vault."),
            "skills": array(
                "Skills that were uploaded to /skills.",
                items=mapping(
                    "A skill.",
                    {
                        "type": word("The kind of skill.", "skill_reference"),
                        "skill_id": text("Its id.", minLength=1),
                        "version": text("A number, or latest."),
                    },
                    required=["type", "skill_id"],
                ),
            ),
            "capability_directories": _texts("Where skills and plugins are found, by full paths."),
            "environment_template_id": text("A template, whose fields these override."),
        },
        required=["type"],
    ),
    "agents_tool": choice_of_tools(
        "A tool that only the Agents API has.",
        *["web_search", "mcp", "programmatic_tool_calling", "automations"],
        prefix="agents_",
    ),
    "agents_web_search": tool(
        "web_search",
        "Searches the web.",
        {
            "mode": word("Where it searches.", "disabled", "cached", "live"),
            "context_size": word("How much is read.", *_SIZES),
            "allowed_domains": _texts("Only these."),
            "location": mapping("About where the person is.", _PLACE),
        },
    ),
    "agents_mcp": tool(
        "mcp",
        "The tools of an MCP server.",
        {
            "server_label": text("What it is called in calls.", minLength=1),
            "transport": ref("agents_mcp_transport", "How it is reached."),
            "allowed_tools": _texts("Only these of its tools."),
            "connection_origin": word(
                "From where it is asked: the service, or the session's environment.",
                *["service", "environment"],
            ),
            "credential_id": text(
                "What it is shown: a credential in one of the vaults; needed if several would do."
            ),
            "request_metadata": {
                "description": "What is sent with each request to it.",
                "type": "object",
            },
            "required": flag("Must it be there before the first turn?"),
        },
        *["server_label", "transport"],
    ),
    "agents_mcp_transport": {
        "type": "object",
        "properties": {"type": word("The kind of transport.", "http", "stdio")},
        "required": ["type"],
        "allOf": [
            if_type(
                "http",
                mapping(
                    "A server that is asked by HTTP.",
                    {
                        "type": {"description": "The kind of transport.", "const": "http"},
                        "server_url": text("Its address.", minLength=1),
                        "headers": _pairs("Headers; secrets belong into a vault."),
                    },
                    required=["type", "server_url"],
                ),
            ),
            if_type(
                "stdio",
                mapping(
                    "A program in the session's environment.",
                    {
                        "type": {"description": "The kind of transport.", "const": "stdio"},
                        "command": text("What is started.", minLength=1),
                        "cwd": text("Where.", minLength=1),
                        "args": {"type": "array", "items": {"type": "string"}}
                        | {"description": "Its arguments."},
                        "env_vars": _texts("The names of variables that it gets."),
                    },
                    required=["type", "command", "cwd"],
                ),
            ),
        ],
    },
    "agents_programmatic_tool_calling": tool(
        "programmatic_tool_calling",
        "Tools are called by code that the model writes.",
        {"enabled": flag("May they be?")},
    ),
    "agents_automations": tool("automations", "The agent wakes itself up at times it sets.", {}),
}

_RESPONSES: dict[str, Schema] = {
    "responses": mapping(
        "What only the Responses API has; left out at targets of another one.",
        {
            "reasoning": mapping(
                "How the model's thoughts are told and kept; how much it thinks, is "
                "reasoning_effort.",
                {
                    **_SUMMARY,
                    "context": word(
                        "Which thoughts it is shown again.", "auto", "current_turn", "all_turns"
                    ),
                    "mode": text("How it thinks: standard, or pro.", minLength=1),
                },
            ),
            "text": _TEXT,
            "service_tier": word("How fast, and at which price.", *_TIERS, "scale"),
            "truncation": word(
                "What becomes of a history that is too long: auto, as for assistants, or disabled, "
                "an error.",
                *["auto", "disabled"],
            ),
            "context_management": array(
                "How a long history is made shorter.",
                items=mapping(
                    "One way.",
                    {
                        "type": word("The kind.", "compaction"),
                        "compact_threshold": integer("From so many tokens on.", 1),
                    },
                    required=["type"],
                ),
            ),
            "max_tool_calls": integer("Most calls of the API's own tools.", 1),
            "prompt_cache_key": text("Which requests share a cached beginning."),
            "prompt_cache_retention": word("How long at most.", "in_memory", "24h"),
            "prompt_cache_options": mapping(
                "How the beginnings of requests are kept.",
                {"ttl": word("How long at least.", "30m", "12h")},
            ),
            "safety_identifier": text("Whom misuse is told of.", maxLength=128),
            "tools": _list_of("responses_tool"),
        },
    ),
    "responses_tool": choice_of_tools(
        "A tool that only the Responses API has.", "web_search", "mcp", prefix="responses_"
    ),
    "responses_web_search": tool(
        "web_search",
        "Searches the web.",
        {
            "search_context_size": word("How much is read.", *_SIZES),
            "external_web_access": flag("Is the web itself searched, not only what is cached?"),
            "filters": mapping(
                "Where to search.",
                {"allowed_domains": _texts("Only these, and what is below them.")},
            ),
            "user_location": mapping(
                "About where the person is.",
                {"type": word("How exact.", "approximate"), **_PLACE},
            ),
        },
    ),
    "responses_mcp": tool(
        "mcp",
        "The tools of an MCP server.",
        {
            "server_label": text("What it is called in calls.", minLength=1),
            "server_description": text("What it is for."),
            "server_url": text("Its address.", minLength=1),
            "connector_id": text("A connector of OpenAI's, such as connector_gmail.", minLength=1),
            "tunnel_id": text("A tunnel to it.", minLength=1),
            "authorization": ref(
                "api_key", "The access token that it is shown: the variable that holds it."
            ),
            "headers": _pairs("Headers that it is sent; the secret one is authorization."),
            "allowed_tools": {
                "description": "Only these of its tools.",
                "type": ["array", "object"],
                "items": {"type": "string", "minLength": 1},
                "properties": _SOME_TOOLS,
                "additionalProperties": False,
            },
            "require_approval": word_or_mapping(
                ["always", "never"],
                mapping(
                    "Which calls of its tools a person is asked about.",
                    {
                        "always": mapping("Those of these tools.", _SOME_TOOLS),
                        "never": mapping("All but those of these tools.", _SOME_TOOLS),
                    },
                ),
                advice="write always or never, or a mapping with these",
            ),
        },
        "server_label",
        anyOf=[{"required": [name]} for name in ("server_url", "connector_id", "tunnel_id")],
    ),
}

SURFACES: dict[str, Schema] = {
    **_AGENTS,
    **_RESPONSES,
    **{api: nullable({**_AGENTS, **_RESPONSES}[api]) for api in APIS},
}
