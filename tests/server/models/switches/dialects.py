"""Once more the same in other words: those of the smaller providers, and of older versions."""

from __future__ import annotations

from tests.server.models.replies import error, whole
from tests.server.models.switch import Switch, right
from tests.server.models.switches.overflow import too_long
from tests.server.models.switches.parameters import EFFORT, WARM, capped, left_out, no_schema
from tests.server.models.switches.shapes import (
    ends_in_assistant,
    not_alternating,
    null_content,
    repeats,
    roles_of,
)
from tests.server.models.ways import any_message, when


def _say(text: str, status: int = 400, **how):
    return lambda n, most: error(text.format(n=n, most=most), status=status, **how)


def _detail(kind: str, message: str, *where, **more):
    found = {"type": kind, "loc": ["body", *where], "msg": message, **more}
    return whole({"detail": [found]}, 422)


def _fits(name: str, source: str, wrong, message: str, *sessions: str, **how) -> Switch:
    return right(
        f"dialect-{name}",
        source,
        refuse=[when(wrong, error(message, **how))],
        sessions=["plain", *sessions],
    )


_OVERFLOW = [
    too_long(
        "databricks", "Databricks", _say("Input length {n} exceeds model context length {most}")
    ),
    too_long(
        "sambanova",
        "SambaNova",
        _say(
            "Requested generation length 1 is not possible! The provided prompt is {n} tokens long,"
            " so generating 1 tokens requires a sequence length of {n}, but the maximum supported"
            " sequence length is just {most}!"
        ),
        least=0.3,
    ),
    too_long(
        "perplexity",
        "Perplexity",
        _say("Requested context length of {n} tokens exceeds limit of {most}"),
    ),
    too_long(
        "nova",
        "Amazon Nova",
        _say(
            "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update"
            " the input to try again."
        ),
        least=0.3,
    ),
    too_long("writer", "Writer", _say("context window exceeded"), least=0.3),
    too_long(
        "bedrock-llama",
        "Bedrock",
        _say(
            "This model's maximum context length is {most} tokens. Please reduce the length of"
            " the prompt"
        ),
        least=0.3,
    ),
]

_PARAMETERS = [
    left_out(
        "dialect-temperature-extra",
        "Anthropic's own",
        "temperature",
        error("temperature: Extra inputs are not permitted"),
        WARM,
    ),
    left_out(
        "dialect-temperature-only",
        "Kimi through gateways",
        "temperature",
        error("This model only supports temperature = 1.0"),
        WARM,
    ),
    left_out(
        "dialect-effort-extra",
        "Anthropic's own",
        "reasoning_effort",
        error("reasoning_effort: Extra inputs are not permitted"),
        EFFORT,
    ),
    left_out(
        "dialect-effort-thinking",
        "gateways",
        "reasoning_effort",
        error("thinking is not supported by this model"),
        EFFORT,
    ),
    left_out(
        "dialect-effort-reasoning",
        "gateways",
        "reasoning_effort",
        error("Reasoning is not supported by this model"),
        EFFORT,
    ),
    no_schema(
        "dialect-format-openai",
        "OpenAI's older models",
        error(
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this"
            " model. Learn more about supported models at the Structured Outputs guide",
            param="response_format",
        ),
    ),
    capped(
        "dialect-cap-cohere",
        "Cohere",
        "max_tokens must be less than or equal to 4096, the maximum output length for this model -"
        " received 32000.",
        cap=4096,
    ),
    capped("dialect-cap-exceed", "xAI", "max_tokens cannot exceed 8192"),
    capped(
        "dialect-cap-pydantic",
        "servers on FastAPI",
        "",
        cap=4096,
        reply=_detail(
            "less_than_equal",
            "Input should be less than or equal to 4096",
            "max_completion_tokens",
            input=32000,
            ctx={"le": 4096},
        ),
    ),
]

_SHAPES = [
    _fits(
        "alternate-anthropic",
        "Anthropic",
        repeats("user"),
        'messages: roles must alternate between "user" and "assistant", but found multiple "user"'
        " roles in a row",
        "consecutive",
    ),
    _fits(
        "alternate-bedrock",
        "Bedrock",
        not_alternating,
        "A conversation must alternate between user and assistant roles. Make sure the conversation"
        " alternates between user and assistant roles and try again.",
        "consecutive",
        "consecutive-assistants",
    ),
    _fits(
        "alternate-perplexity",
        "Perplexity",
        repeats("user", "assistant"),
        "After the (optional) system message(s), user or tool message(s) should alternate with"
        " assistant message(s).",
        "consecutive",
        "consecutive-assistants",
    ),
    _fits(
        "last-perplexity",
        "Perplexity",
        ends_in_assistant,
        "Last message must have role `user` or `tool`.",
        "last-assistant",
    ),
    _fits(
        "last-cohere",
        "Cohere",
        ends_in_assistant,
        "invalid request: the last message must be from the user",
        "last-assistant",
    ),
    _fits(
        "first-bedrock",
        "Bedrock",
        lambda asked: roles_of(asked)[:1] != ["user"],
        "A conversation must start with a user message. Try again with a conversation that starts"
        " with a user message.",
        "first-assistant",
        "instructions-only",
    ),
    right(
        "dialect-content-null-pydantic-1",
        "servers on the first Pydantic",
        refuse=[
            any_message(
                null_content,
                _detail(
                    "type_error.none.not_allowed",
                    "none is not an allowed value",
                    *("messages", 1, "content"),
                ),
            )
        ],
        sessions=["tool"],
        remembered=True,
    ),
]

SWITCHES = [*_OVERFLOW, *_PARAMETERS, *_SHAPES]
