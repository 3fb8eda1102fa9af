"""assistants/<key>.tests.yaml: conversations, and what is expected of them."""

from __future__ import annotations

from typing import Any

from assistctl.spec.grammar.parts import (
    TEXT,
    Schema,
    array,
    flag,
    inherited,
    integer,
    mapping,
    number,
    positive,
    ref,
    table,
    text,
    word,
)

STATUSES = ("completed", "failed", "incomplete", "expired", "cancelled")
"""How a turn can end."""


def _some(description: str, **more: Any) -> Schema:
    """A text, or a list of them, each of which is expected."""
    return {
        "description": description,
        "type": ["string", "array"],
        "minLength": 1,
        "minItems": 1,
        "items": TEXT,
        **more,
    }


def _list(description: str) -> Schema:
    return array(description, minItems=1, uniqueItems=True, items=TEXT)


_REPEATED: Schema = {
    "repeat": integer(
        "How often a case is tried, since models are not deterministic.", 1, 1000, default=1
    ),
    "pass_rate": {
        **number("The part of the tries that must pass, 0 to 1 (1 if not said).", 0, 1),
        "default": 1,
    },
    "stubs": ref("stubs", "Functions that are answered here and not executed."),
    "variables": table(
        "Values of variables in the instructions.",
        {"description": "The value.", "type": ["string", "number", "boolean"]},
        names="variable_name",
    ),
}

SUITES: dict[str, Schema] = {
    "tests": mapping(
        "assistants/<key>.tests.yaml: cases, for `assistctl test`.",
        {
            "cases": array("The cases.", minItems=1, items={"$ref": "#/$defs/case"}),
            "judge": mapping(
                "Who judges rubrics.",
                {
                    "model": text("The model.", minLength=1),
                    "instructions": text("What it is told beside its task."),
                },
                required=["model"],
            ),
            "matrix": mapping(
                "What the cases are tried with: each combination of what is listed.",
                {
                    "targets": _list("Targets, in place of the one in use."),
                    "models": _list("Models, in place of the declared one."),
                    "prompts": _list("Files of instructions, in place of the declared ones."),
                },
            ),
            **_REPEATED,
        },
        required=["cases"],
    ),
    "case": mapping(
        "One conversation and what is expected of it: either `user`, or several `turns`.",
        {
            "name": text("What it shows, in a few words.", minLength=1),
            "user": text("What the user says.", minLength=1),
            "attach": ref("files", "Files that the message has, relative to this file."),
            "turns": array(
                "What the user says, turn by turn.",
                minItems=1,
                items={"$ref": "#/$defs/case_turn"},
            ),
            "expect": ref("expect", "What must be true in the end."),
            **inherited(_REPEATED),
        },
        required=["name"],
        anyOf=[{"required": ["user"]}, {"required": ["turns"]}],
        allOf=[
            {"not": {"required": ["user", "turns"]}},
            {"not": {"required": ["attach", "turns"]}},
        ],
    ),
    "case_turn": mapping(
        "One turn.",
        {
            "user": text("What the user says.", minLength=1),
            "attach": ref("files", "Files that the message has, relative to this file."),
            "expect": ref("expect", "What must be true of the answer."),
        },
        required=["user"],
    ),
    "expect": mapping(
        "What must be true. Of a turn it is about its answer and its calls; at the end of a case, "
        "about the last answer, all calls, and all seconds and tokens together.",
        {
            "contains": _some("Texts that the answer has."),
            "not_contains": _some("Texts that it has not."),
            "equals": text("The answer, but for space around it."),
            "regex": _some("Regular expressions, searched in the answer."),
            "json_schema": {
                "description": "The answer is JSON and obeys this JSON Schema.",
                "type": "object",
            },
            "calls": array(
                "Functions that are called: names, or mappings that say more.",
                minItems=1,
                items={"$ref": "#/$defs/expected_call"},
            ),
            "cited": _some("Files that the answer cites, by their names."),
            "never": _some("Functions that are not called."),
            "order": array(
                "Functions that are called one after the other, in this order.",
                minItems=1,
                items=TEXT,
            ),
            "status": word("How it ends; completed if not said.", *STATUSES, default="completed"),
            "seconds": positive("The most seconds that it may take."),
            "tokens": positive("The most tokens that it may take, in and out."),
            "cost": positive("The most that it may cost, by the declared prices."),
            "rubric": _some("What the `judge` must find to be true of the conversation, in words."),
        },
    ),
    "expected_call": {
        **mapping(
            "A call, by the function's name, or a mapping that says more.",
            {
                "function": text("The function's name.", minLength=1),
                "arguments": {
                    "description": "Arguments that it has; more may be there unless `exact`.",
                    "type": "object",
                },
                "exact": flag("Whether there are no other arguments.", default=False),
                "times": integer("How many such calls there are; at least one if not said.", 1),
            },
            required=["function"],
        ),
        "type": ["string", "object"],
        "minLength": 1,
    },
    "stubs": table("Function -> what answers it.", {"$ref": "#/$defs/stub"}),
    "stub": mapping(
        "What answers a function in its place, once its arguments are found to be valid.",
        {
            "returns": {"description": "What it returns."},
            "raises": text("The message of the error that it raises.", minLength=1),
        },
        anyOf=[{"required": ["returns"]}, {"required": ["raises"]}],
        allOf=[{"not": {"required": ["returns", "raises"]}}],
    ),
}
