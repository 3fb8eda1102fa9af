"""What a function is, wherever it is declared; tools/*.yaml."""

from __future__ import annotations

from assistctl.spec.grammar.parts import (
    Schema,
    flag,
    mapping,
    positive,
    ref,
    table,
    text,
    tool,
    word,
)

TOOL_TIMEOUT = 60

CONTRACT: Schema = {
    "description": text("What the function does; the model decides by it when to call."),
    "parameters": {
        "description": "The arguments: a JSON Schema of type object. Left out, it is read from "
        "the Python function's signature and docstring.",
        "type": "object",
    },
    "strict": flag(
        "The model must follow `parameters` exactly. Every object then needs "
        "additionalProperties: false and all its properties in required."
    ),
}

HANDLING: Schema = {
    "python": text(
        "What is called: module:function below tools/, or package.module:function installed.",
        pattern=r"^[^\s:]+:[^\s:]+$",
        patternErrorMessage="write module:function, such as bills:save_bill",
    ),
    "approval": word(
        "Whether a person is asked before each call; never if left out.",
        *["never", "ask"],
        default="never",
    ),
    "timeout": positive("Seconds after which a call counts as failed.", default=TOOL_TIMEOUT),
}

FUNCTIONS: dict[str, Schema] = {
    "functions": mapping(
        "tools/*.yaml: functions that assistants refer to by name.",
        {
            "functions": table(
                "The functions by name.",
                {"$ref": "#/$defs/declared_function"},
                names="function_name",
            )
        },
        required=["functions"],
    ),
    "declared_function": mapping("One function.", {**CONTRACT, **HANDLING}),
    "function": tool(
        "function",
        "A tool that calls a Python function of yours.",
        {
            "function": {
                "description": "The name of a function in tools/*.yaml, or its declaration here.",
                "type": ["string", "object"],
                "properties": {
                    "name": ref("function_name", "The name the model calls."),
                    **CONTRACT,
                },
                "required": ["name"],
                "additionalProperties": False,
            },
            **HANDLING,
        },
        anyOf=[{"required": ["function"]}, {"required": ["python"]}],
    ),
}
