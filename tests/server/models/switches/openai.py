"""OpenAI's models of today: what they refuse behind Chat Completions, and take by Responses."""

from __future__ import annotations

from tests.server.models.replies import error
from tests.server.models.switch import Switch, right
from tests.server.models.ways import always, unknown

BOTH = frozenset({"chat", "responses"})
RESPONSES = frozenset({"responses"})
FOUR = ["plain", "tool", "elsewhere", "toolless"]


def on(wire, check):
    return lambda asked: check(asked) if asked.wire == wire else None


# Behind Chat Completions.


def _no_functions(model: str, *, none: bool = True):
    """Functions are refused unless no reasoning is asked for, also where nothing was said."""
    refused = error(
        f"Function tools with reasoning_effort are not supported for {model} in"
        " /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to"
        " 'none'.",
        param="reasoning_effort",
    )
    unknown_effort = error(
        f"Unsupported value: 'reasoning_effort' does not support 'none' with {model}."
        " Supported values"
        " are: 'low', 'medium', 'high', and 'xhigh'.",
        param="reasoning_effort",
        code="unsupported_value",
    )

    def check(asked):
        if asked.effort == "none" and not none:
            return unknown_effort
        return refused if asked.tools and asked.effort != "none" else None

    return on("chat", check)


def default_only(name: str):
    """Sampling is refused on either wire, in different words, while the model reasons."""

    def check(asked):
        value = asked.body.get(name, 1)
        if value == 1 or asked.effort == "none":
            return None
        if asked.wire == "responses":
            return error(
                f"Unsupported parameter: '{name}' is not supported with this model.", param=name
            )
        return error(
            f"Unsupported value: '{name}' does not support {value} with this model. Only the"
            " default"
            " (1) value is supported.",
            param=name,
            code="unsupported_value",
        )

    return check


_MAX_TOKENS = unknown(
    "max_tokens",
    error(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
        " 'max_completion_tokens' instead.",
        param="max_tokens",
        code="unsupported_parameter",
    ),
)


def _today(name: str, model: str, *, none: bool = True, **how) -> Switch:
    return right(
        name,
        "LibreChat#14231, goose#11413, litellm#34569, openai-openapi#541",
        wires=how.pop("wires", BOTH),
        refuse=[
            _no_functions(model, none=none),
            default_only("temperature"),
            default_only("top_p"),
            _MAX_TOKENS,
            *how.pop("refuse", ()),
        ],
        **how,
    )


LUNA = _today(
    "gpt-6-luna",
    "gpt-6-luna",
    sessions=[*FOUR, "forced", "named", "single", "cap", "pictured", "effort-tool"],
    remembered=True,
    counted=True,
)

SWITCHES = [
    LUNA,
    _today("gpt-6-astra", "gpt-6-astra", none=False, sessions=[*FOUR, "effort-tool"]),
    _today("gpt-6.1-sol", "gpt-6.1-sol", none=False, sessions=["tool", "long"]),
    _today("gpt-5.6-terra", "gpt-5.6-terra", sessions=["tool"]),
    _today("gpt-6-luna-warm", "gpt-6-luna", sessions=["warm", "warm-tool"], tells="temperature"),
    right(
        "gpt-5.4-please",
        "pipecat#4043: other words for it",
        wires=BOTH,
        refuse=[
            on(
                "chat",
                unknown(
                    "tools",
                    error(
                        "Function tools with reasoning_effort are not supported for gpt-5.4 in"
                        " /v1/chat/completions. Please use /v1/responses instead.",
                        param="reasoning_effort",
                    ),
                ),
            )
        ],
        sessions=["tool", "effort-tool"],
    ),
    right(
        "responses-only",
        "o1-pro, codex: 404 in Chat Completions",
        wires=RESPONSES,
        sessions=FOUR,
    ),
    right(
        "not-a-chat-model",
        "codex of old: 404, and no word of Responses",
        allowed=frozenset({"right", "clear"}),
        wires=BOTH,
        refuse=[
            on(
                "chat",
                always(
                    error(
                        "This is not a chat model and thus not supported in the"
                        " v1/chat/completions endpoint. Did you mean to use v1/completions?",
                        status=404,
                        param="model",
                    )
                ),
            )
        ],
        sessions=["plain"],
    ),
    right(
        "azure-unsupported-operation",
        "Azure: models for Responses only",
        wires=BOTH,
        refuse=[
            on(
                "chat",
                always(
                    error(
                        "The requested operation is unsupported. This model only supports the"
                        " Responses API: use /v1/responses.",
                        code="OperationNotSupported",
                    )
                ),
            )
        ],
        sessions=["plain", "tool"],
    ),
]
