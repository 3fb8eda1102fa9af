"""Parameters that an endpoint refuses: the answer comes without them, and the run says so."""

from __future__ import annotations

import json

from tests.server.models import mind
from tests.server.models.mind import OFFER, Answer
from tests.server.models.replies import error, whole
from tests.server.models.switch import Switch, clear, right
from tests.server.models.ways import unknown, when

_GEMINI = {"code": 400, "status": "INVALID_ARGUMENT"}


def pydantic(name: str):
    detail = {
        "type": "extra_forbidden",
        "loc": ["body", name],
        "msg": "Extra inputs are not permitted",
        "input": None,
    }
    return whole(
        {"object": "error", "message": {"detail": [detail]}, "type": "invalid_request_error"}, 422
    )


def _unsupported(name: str, value: str):
    return error(
        f"Unsupported value: '{name}' does not support {value} with this model. Only the default"
        " (1) value is supported.",
        param=name,
        code="unsupported_value",
    )


def left_out(
    name: str, source: str, field: str, reply, sessions, tells: str | None = None
) -> Switch:
    return right(
        name,
        source,
        refuse=[unknown(field, reply)],
        sessions=sessions,
        tells=tells or field,
        remembered=True,
    )


def _both_given(asked):
    return "temperature" in asked.body and "top_p" in asked.body


WARM = ["warm", "warm-tool"]
EFFORT = ["effort", "effort-tool"]

_TEMPERATURE = [
    left_out(
        "temperature-default-only",
        "LibreChat#14231",
        "temperature",
        _unsupported("temperature", "0.2"),
        ["warm-tool"],
    ),
    right(
        "temperature-and-top-p-default-only",
        "gpt-5 and later",
        refuse=[
            unknown("temperature", _unsupported("temperature", "0.2")),
            unknown("top_p", _unsupported("top_p", "0.9")),
        ],
        sessions=["warm"],
        tells="top_p",
        remembered=True,
    ),
    right(
        "temperature-of-kimi",
        "Kimi K2.5",
        refuse=[
            when(
                lambda asked: asked.body.get("temperature", 1) != 1,
                error("invalid temperature: only 1 is allowed for this model"),
            )
        ],
        sessions=WARM,
        tells="temperature",
        remembered=True,
    ),
    right(
        "top-p-of-kimi",
        "Kimi K2.5",
        refuse=[
            when(
                lambda asked: asked.body.get("top_p", 0.95) != 0.95,
                error("invalid top_p: only 0.95 is allowed for this model"),
            )
        ],
        sessions=["warm"],
        tells="top_p",
        remembered=True,
    ),
    right(
        "temperature-or-top-p",
        "Claude 4.5",
        refuse=[
            when(
                _both_given,
                error(
                    "`temperature` and `top_p` cannot both be specified for this model. Please use"
                    " only one."
                ),
            )
        ],
        sessions=WARM[:1],
        tells="top_p|temperature",
        remembered=True,
    ),
    left_out(
        "temperature-deprecated",
        "Claude 4.7",
        "temperature",
        error("`temperature` is deprecated for this model."),
        WARM,
    ),
    left_out(
        "temperature-forbidden", "servers on FastAPI", "temperature", pydantic("temperature"), WARM
    ),
    left_out(
        "top-p-unsupported",
        "o-series",
        "top_p",
        error(
            "Unsupported parameter: 'top_p' is not supported with this model.",
            param="top_p",
            code="unsupported_parameter",
        ),
        ["warm"],
    ),
    left_out(
        "temperature-as-a-fault-of-the-server",
        "LiteLLM: its own exception as 500",
        "temperature",
        error(
            "litellm.UnsupportedParamsError: gpt-5 models don't support temperature=0.2. Only"
            " temperature=1 is supported.",
            status=500,
            code="500",
        ),
        WARM,
    ),
]

_EFFORT = [
    left_out(
        "effort-ollama",
        "openclaude#1371",
        "reasoning_effort",
        error('"llama3.2:latest" does not support thinking', kind="api_error"),
        EFFORT,
        "reasoning_effort",
    ),
    left_out(
        "effort-groq",
        "Groq",
        "reasoning_effort",
        error("`reasoning_effort` is not supported with this model"),
        EFFORT,
    ),
    right(
        "effort-groq-values",
        "Groq, Qwen",
        refuse=[
            when(
                lambda asked: asked.effort not in (None, "none", "default"),
                error("`reasoning_effort` must be one of `none` or `default`"),
            )
        ],
        sessions=EFFORT,
        tells="reasoning_effort",
        remembered=True,
    ),
    left_out(
        "effort-xai",
        "xAI",
        "reasoning_effort",
        whole(
            {
                "code": "Client specified an invalid argument",
                "error": "Argument not supported on this model: reasoningEffort",
            },
            400,
        ),
        EFFORT,
        "reasoning_effort",
    ),
    left_out(
        "effort-unrecognized",
        "Azure of old",
        "reasoning_effort",
        error("Unrecognized request argument supplied: reasoning_effort"),
        EFFORT,
    ),
    right(
        "effort-values",
        "OpenAI's chat models",
        refuse=[
            when(
                lambda asked: asked.effort not in (None, "medium"),
                error(
                    "Unsupported value: 'low' is not supported with the 'gpt-5.2-chat' model."
                    " Supported values are: 'medium'.",
                    param="reasoning_effort",
                    code="unsupported_value",
                ),
            )
        ],
        sessions=EFFORT,
        tells="reasoning_effort",
        remembered=True,
    ),
    left_out(
        "effort-gemini",
        "Gemini: no field is named",
        "reasoning_effort",
        whole(
            [{"error": {**_GEMINI, "message": "Thinking level is not supported for this model."}}],
            400,
        ),
        EFFORT,
        "reasoning_effort",
    ),
    left_out("effort-mistral", "Mistral", "reasoning_effort", pydantic("reasoning_effort"), EFFORT),
    left_out(
        "effort-anthropic",
        "Anthropic through gateways",
        "reasoning_effort",
        error("This model does not support the effort parameter."),
        EFFORT,
        "reasoning_effort",
    ),
]


def no_force(name: str, source: str, message: str, **how) -> Switch:
    reply = error(message, **how)
    refuse = when(lambda asked: asked.body.get("tool_choice") not in (None, "auto", "none"), reply)
    return right(name, source, refuse=[refuse], sessions=["forced", "named"], tells="tool_choice")


_CHOICE = [
    no_force(
        "choice-qwen",
        "eino#994",
        "<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not support"
        " being set to required or object in thinking mode",
        code="invalid_parameter_error",
    ),
    no_force("choice-kimi", "Kimi", "tool_choice 'required' is incompatible with thinking enabled"),
    no_force(
        "choice-deepseek", "litellm#37470", "deepseek-reasoner does not support this tool_choice"
    ),
    no_force(
        "choice-anthropic",
        "Anthropic's documents",
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    no_force(
        "choice-llamacpp",
        "llama.cpp of old",
        "tool_choice param requires --jinja flag",
        status=500,
        kind="server_error",
    ),
    right(
        "choice-unknown",
        "servers that do not know it",
        refuse=[unknown("tool_choice", pydantic("tool_choice"))],
        sessions=["forced"],
        tells="tool_choice",
    ),
]


def no_images(name: str, source: str, message: str, **how) -> Switch:
    """The model is told that there was one."""
    return right(
        f"images-{name}",
        source,
        refuse=[when(lambda asked: mind.PICTURE in json.dumps(asked.body), error(message, **how))],
        sessions=["pictured"],
        says={"What is in the picture?": [mind.FORGOTTEN]},
        tells="no images",
        remembered=True,
    )


_IMAGES = [
    no_images(
        "llamacpp",
        "llama.cpp (xllamacpp 2026.10.11549), seen",
        "image input is not supported - hint: if this is unexpected, you may need to provide the"
        " mmproj",
        status=500,
        kind="server_error",
    ),
    no_images("ollama", "ollama#17301", "this model does not support image input (ref: b8bd630e)"),
    no_images(
        "lmstudio",
        "lmstudio-bug-tracker#362",
        "Model does not support images. Please use a model that does.",
    ),
    no_images("vllm", "dots.ocr#61", "facebook/opt-125m is not a multimodal model None"),
    no_images("openrouter", "nexu#733", "No endpoints found that support image input", status=404),
    clear(
        "images-of-another-kind",
        "OpenAI: the image is at fault, not the model",
        "unsupported image",
        refuse=[
            when(
                lambda asked: mind.PICTURE in json.dumps(asked.body),
                error(
                    "You uploaded an unsupported image. Please make sure your image has of one the"
                    " following formats: ['png', 'jpeg', 'gif', 'webp'].",
                    code="invalid_image_format",
                ),
            )
        ],
        sessions=["pictured"],
    ),
]


def no_schema(name: str, source: str, reply, **how) -> Switch:
    """The format is asked for in words, then."""
    kinds = how.pop("kinds", ("json_schema",))
    refuse = when(lambda asked: (asked.format or {}).get("type") in kinds, reply)
    sessions = how.pop("sessions", ["formatted"])
    return right(
        name,
        source,
        refuse=[refuse],
        sessions=sessions,
        tells="response_format",
        remembered=True,
        **how,
    )


_UNAVAILABLE = error("This response_format type is unavailable now")


def _chatty(asked):
    """Asked in words it talks first, and gives JSON when it is told again."""
    answer = mind.answer(asked)
    told = any(item.role == "assistant" and "Sure!" in item.text for item in asked.items)
    if asked.format or not answer.text.startswith("```"):
        return Answer(OFFER) if told else answer
    return Answer('Sure! A rose for 5 yuan. Here: {"flower": "rose"')


def _never(asked):
    return Answer("A rose? Gladly, for 5 yuan.")


def _half_schema(asked):
    """Asked in words it forgets what is required, and mends it when it is told."""
    answer = mind.answer(asked)
    told = any(item.role == "assistant" and "cost" in item.text for item in asked.items)
    if told:
        return Answer(OFFER)
    return answer if asked.format else Answer('{"flower": "rose", "cost": "5"}')


_FORMAT = [
    no_schema("format-deepseek", "DeepSeek", _UNAVAILABLE),
    no_schema(
        "format-groq",
        "Groq",
        error(
            "This model does not support response format `json_schema`. See supported models at"
            " https://console.groq.com/docs/structured-outputs#supported-models"
        ),
    ),
    no_schema(
        "format-values",
        "servers that know two types",
        error(
            "'response_format.type' : value is not one of the allowed values ['text','json_object']"
        ),
    ),
    no_schema(
        "format-unknown",
        "servers that know none",
        pydantic("response_format"),
        kinds=("json_schema", "json_object"),
    ),
    no_schema(
        "format-lmstudio",
        "LM Studio knows schemas only",
        whole({"error": "'response_format.type' must be 'json_schema' or 'text'"}, 400),
        kinds=("json_object",),
        sessions=["object"],
    ),
    no_schema("format-talked-about", "a model that talks first", _UNAVAILABLE, think=_chatty),
    no_schema("format-half-kept", "a model that forgets a key", _UNAVAILABLE, think=_half_schema),
    clear(
        "format-never-kept",
        "a model that cannot",
        "response_format|JSON|schema",
        refuse=[
            when(lambda asked: (asked.format or {}).get("type") == "json_schema", _UNAVAILABLE)
        ],
        think=_never,
        sessions=["formatted"],
    ),
    right("format-kept", "OpenAI", sessions=["formatted", "object"]),
]

CAP = 8192


def capped(name: str, source: str, message: str, *, cap: int = CAP, **how) -> Switch:
    """Refuses more than it can say; what is asked for then must not be far below."""
    remembered = how.pop("remembered", True)
    reply = how.pop("reply", None) or error(message, **how)

    def after(exchanges):
        taken = [each.asked.cap for each in exchanges if not each.reply.refused]
        if any(given is None or not cap / 2 <= given <= cap for given in taken):
            return f"the cap of {cap} became {taken}"
        return None

    return right(
        name,
        source,
        refuse=[when(lambda asked: asked.cap is not None and asked.cap > cap, reply)],
        sessions=["cap"],
        tells="token|cap",
        remembered=remembered,
        after=after,
    )


_CAPS = [
    capped(
        "cap-openai",
        "OpenAI",
        "max_tokens is too large: 32000. This model supports at most 16384 completion tokens,"
        " whereas you provided 32000.",
        cap=16384,
        param="max_tokens",
    ),
    capped(
        "cap-deepseek",
        "DeepSeek",
        "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    ),
    capped(
        "cap-groq",
        "Groq",
        "`max_completion_tokens` must be less than or equal to `8192`, the maximum value for"
        " `max_completion_tokens` is less than the `context_window` for this model",
        param="max_completion_tokens",
    ),
    capped(
        "cap-anthropic",
        "Anthropic",
        "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for"
        " claude-3-5-haiku-20241022",
    ),
    capped(
        "cap-dashscope",
        "DashScope",
        "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]",
        code="invalid_parameter_error",
    ),
    capped(
        "cap-gemini",
        "Vertex AI",
        "",
        reply=whole(
            [
                {
                    "error": {
                        **_GEMINI,
                        "message": "Unable to submit request because it has a maxOutputTokens value"
                        " of 32000 but the supported range is from 1 (inclusive) to 8193"
                        " (exclusive).",
                    }
                }
            ],
            400,
        ),
    ),
    capped(
        "cap-bedrock",
        "Bedrock",
        "The maximum tokens you requested exceeds the model limit of 8192. Try again with a maximum"
        " tokens value that is lower than 8193.",
    ),
    capped(
        "cap-vllm",
        "vllm#42474",
        "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context"
        " length is 16384 tokens and your request has 120 input tokens (32000 > 16384 - 120).",
        cap=16264,
        remembered=False,  # what is left depends on the thread
    ),
]


def _older(name: str, source: str, reply) -> Switch:
    """`max_completion_tokens` goes by its older name."""
    return right(
        name,
        source,
        refuse=[unknown("max_completion_tokens", reply)],
        sessions=["cap"],
        remembered=True,
        after=lambda exchanges: (
            None
            if exchanges[-1].asked.body.get("max_tokens") == 32000
            else "the cap has gone, instead of going by its older name"
        ),
    )


_OLDER = [
    _older(
        "older-cap",
        "old servers",
        error("Unrecognized request argument supplied: max_completion_tokens"),
    ),
    _older("older-cap-forbidden", "Mistral", pydantic("max_completion_tokens")),
    right(
        "no-stream-options",
        "Mistral of old",
        refuse=[unknown("stream_options", pydantic("stream_options"))],
        remembered=True,
    ),
    right(
        "no-stream-options-in-words",
        "Azure of old",
        refuse=[
            unknown(
                "stream_options", error("Unrecognized request argument supplied: stream_options")
            )
        ],
        remembered=True,
    ),
    right(
        "no-parallel-tool-calls",
        "xAI, old servers",
        refuse=[unknown("parallel_tool_calls", error("Unknown parameter: 'parallel_tool_calls'."))],
        sessions=["single", "tool"],
        remembered=True,
    ),
    right(
        "nothing-but-messages",
        "a server that refuses one thing after another",
        refuse=[
            unknown(name, pydantic(name))
            for name in ("stream_options", "temperature", "top_p", "max_completion_tokens")
        ],
        sessions=["warm"],
        run={"max_completion_tokens": 1000},
        tells="temperature",
        remembered=True,
    ),
    right(
        "all-at-once-refused",
        "FastAPI lists them all",
        refuse=[
            when(
                lambda asked: {"temperature", "top_p", "stream_options"} & set(asked.body),
                whole(
                    {
                        "detail": [
                            {
                                "type": "extra_forbidden",
                                "loc": ["body", name],
                                "msg": "Extra inputs",
                            }
                            for name in ("temperature", "top_p", "stream_options")
                        ]
                    },
                    422,
                ),
            )
        ],
        sessions=["warm"],
        tells="temperature",
        remembered=True,
    ),
    clear(
        "no-tools-ollama",
        "Ollama: models without templates for tools",
        "does not support tools",
        refuse=[
            unknown(
                "tools",
                error(
                    "registry.ollama.ai/library/gemma3:4b does not support tools", kind="api_error"
                ),
            )
        ],
        sessions=["tool"],
    ),
    clear(
        "no-tools-vllm",
        "vLLM without its flags",
        "enable-auto-tool-choice",
        refuse=[
            unknown(
                "tools",
                error(
                    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'
                    " to be set"
                ),
            )
        ],
        sessions=["tool"],
    ),
]

SWITCHES = [*_TEMPERATURE, *_EFFORT, *_CHOICE, *_IMAGES, *_FORMAT, *_CAPS, *_OLDER]
