"""assistants/*.yaml: one assistant, its settings and its tools."""

from __future__ import annotations

from assistctl.spec.families import EFFORTS
from assistctl.spec.grammar.parts import (
    Schema,
    choice_of_tools,
    flag,
    if_type,
    integer,
    mapping,
    nullable,
    number,
    ref,
    spelled,
    table,
    text,
    tool,
    word,
    word_or_mapping,
)

INSTRUCTIONS_LENGTH = 256_000
CODE_INTERPRETER_FILES = 20

_API_TOOL_TYPES = ["code_interpreter", "file_search", "function"]
_TOOL_TYPES = [*_API_TOOL_TYPES, "mcp_functions"]
MOST_TOOLS = 128

ASSISTANTS: dict[str, Schema] = {
    "assistant": mapping(
        "One assistant; its key is the file's name without .yaml.",
        {
            "name": nullable(text("The name that people see.", maxLength=256)),
            "description": nullable(text("What the assistant is for.", maxLength=512)),
            "model": nullable(
                text("The model that answers, such as gpt-6-luna.", minLength=1, maxLength=256)
            ),
            "instructions": {
                "description": "The system prompt: a text, or {file: path} relative to this file.",
                "type": ["string", "object", "null"],
                "maxLength": INSTRUCTIONS_LENGTH,
                "properties": {
                    "file": text("A UTF-8 file that holds the prompt, taken as it is.", minLength=1)
                },
                "required": ["file"],
                "additionalProperties": False,
            },
            "variables": {
                **table(
                    "What the instructions ask for as {{ name }}: the default by the name, or a"
                    " mapping. With variables the instructions are a template.",
                    {"$ref": "#/$defs/variable"},
                    names="variable_name",
                ),
                "type": ["object", "null"],
            },
            "tools": {
                "description": "What the assistant can use.",
                "type": ["array", "null"],
                "maxItems": MOST_TOOLS,
                "items": {"$ref": "#/$defs/tool"},
            },
            "temperature": nullable(
                number("Sampling temperature: low is focused, high is varied.", 0, 2)
            ),
            "top_p": nullable(number("The share of probability that sampling considers.", 0, 1)),
            "response_format": ref(
                "response_format", "The form of the answers: auto, or a mapping with a type."
            ),
            "reasoning_effort": nullable(word("How much a reasoning model thinks.", *EFFORTS)),
            "metadata": ref("metadata", "Your own pairs on the assistant; at most eight."),
            "protect": ref(
                "protect",
                "Shall --prune never delete this assistant, even when this file is gone?",
                default=False,
            ),
            "agents": ref(
                "agents", "What only the Agents API has; left out at targets of another one."
            ),
            "responses": ref(
                "responses", "What only the Responses API has; left out at targets of another one."
            ),
            "run": nullable(
                mapping(
                    "Defaults for each run of this assistant.",
                    {
                        "tool_choice": ref("tool_choice", "Which tool the model must call."),
                        "parallel_tool_calls": flag("May the model ask for several calls at once?"),
                        "max_prompt_tokens": integer("Most prompt tokens of a whole run.", 256),
                        "max_completion_tokens": integer("Most answer tokens of a whole run.", 256),
                        "truncation_strategy": ref(
                            "truncation_strategy", "How a long thread is shortened for the model."
                        ),
                    },
                )
            ),
        },
    ),
    "variable": {
        "description": "The default, or nothing where each run has to give it.",
        "type": ["string", "number", "boolean", "object", "null"],
        "properties": {
            "default": {
                "description": "The value where none is given; its kind is that of every value.",
                "type": ["string", "number", "boolean"],
            },
            "description": text("What it is for."),
        },
        "additionalProperties": False,
    },
    "variable_name": spelled(
        "^[A-Za-z_][A-Za-z0-9_]{0,63}$",
        "use letters of ASCII, digits and _, and begin with no digit",
    ),
    "response_format": nullable(
        word_or_mapping(
            ["auto"],
            mapping(
                "The form of the answers.",
                {
                    "type": word("The kind of format.", "text", "json_object", "json_schema"),
                    "json_schema": ref("json_schema", "For type json_schema: the schema."),
                },
                required=["type"],
                allOf=[if_type("json_schema", {"required": ["json_schema"]})],
            ),
            advice="write auto, or a mapping with a type",
        )
    ),
    "json_schema": mapping(
        "The schema of the answers.",
        {
            "name": ref("function_name", "The name of the format."),
            "description": text("What the format is for."),
            "schema": {"description": "A JSON Schema of type object.", "type": "object"},
            "strict": flag("The model must follow the schema exactly."),
        },
        required=["name"],
    ),
    "tool_choice": word_or_mapping(
        ["none", "auto", "required"],
        mapping(
            "One tool by its type.",
            {
                "type": word("The type of the tool.", *_API_TOOL_TYPES),
                "function": mapping(
                    "For type function: which one.",
                    {"name": text("The function's name.")},
                    required=["name"],
                ),
            },
            required=["type"],
            allOf=[if_type("function", {"required": ["function"]})],
        ),
        advice="write none, auto or required, or a mapping with the type of one tool",
    ),
    "truncation_strategy": mapping(
        "How a long thread is shortened for the model.",
        {
            "type": word("How to shorten.", "auto", "last_messages"),
            "last_messages": integer("For type last_messages: how many messages to keep.", 1),
        },
        required=["type"],
        allOf=[if_type("last_messages", {"required": ["last_messages"]})],
    ),
    "tool": choice_of_tools("One tool.", *_TOOL_TYPES),
    "code_interpreter": tool(
        "code_interpreter",
        "A tool that runs Python which the model writes.",
        {
            "files": ref(
                "files",
                f"Files that the code can read: paths and globs, at most {CODE_INTERPRETER_FILES}.",
            ),
        },
    ),
    "file_search": tool(
        "file_search",
        "A tool that searches files: its own, or those of a shared store.",
        {
            "files": ref("files", "The files to search: paths and globs."),
            "vector_store": text("The key of a store under vector_stores in assistctl.yaml."),
            "max_num_results": integer("Most results of one search.", 1, 50),
            "ranking_options": mapping(
                "Which results count.",
                {
                    "ranker": word("The ranking method.", "auto", "default_2024_08_21"),
                    "score_threshold": number("Results below this score are dropped.", 0, 1),
                },
                required=["score_threshold"],
            ),
        },
        **{"not": {"required": ["files", "vector_store"]}},
    ),
}
