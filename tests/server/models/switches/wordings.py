"""The same refusals in more words, as they were found in reports; and what must not be mistaken
for one of them."""

from __future__ import annotations

import json

from tests.server.models import mind
from tests.server.models.chat import delta
from tests.server.models.eventful import at_once, failure
from tests.server.models.replies import SSE, Reply, error, sse, whole
from tests.server.models.switch import Switch, clear, right
from tests.server.models.switches.calls import whole_calls
from tests.server.models.switches.errors import once
from tests.server.models.switches.openai import RESPONSES
from tests.server.models.switches.overflow import LEFT_OUT, LIMIT, beyond, together, too_long
from tests.server.models.switches.parameters import (
    EFFORT,
    WARM,
    capped,
    left_out,
    no_force,
    no_schema,
)
from tests.server.models.ways import any_message, first, unknown, when

_UNSUPPORTED = {
    "error": {
        "message": "Unsupported parameter: 'temperature' is not supported with this model.",
        "type": "invalid_request_error",
        "param": "temperature",
        "code": None,
    }
}


def _raw(body) -> Reply:
    """OpenRouter says that a provider refused, and what it said in metadata."""
    said = {"raw": json.dumps(body), "provider_name": "OpenAI"}
    return whole(
        {"error": {"message": "Provider returned error", "code": 400, "metadata": said}}, 400
    )


_PARAMETERS = [
    left_out(
        "temperature-in-raw-metadata", "litellm#10957", "temperature", _raw(_UNSUPPORTED), WARM
    ),
    left_out(
        "temperature-in-a-cause",
        "llm_wiki#670",
        "temperature",
        whole(
            {
                "error": {
                    "cause": json.dumps(_UNSUPPORTED),
                    "code": 400,
                    "message": "模型服务调用失败",
                    "status": "FAILED_RESPONSE",
                },
                "result": None,
            },
            400,
        ),
        WARM,
    ),
    left_out(
        "temperature-flat",
        "opencode-copilot-chat#20",
        "temperature",
        whole({"message": "temperature is deprecated for this model."}, 400),
        WARM,
    ),
    left_out(
        "temperature-while-thinking",
        "Anthropic's documents",
        "temperature",
        error("`temperature` may only be set to 1 when thinking is enabled."),
        WARM,
    ),
    left_out(
        "temperature-dropped-by-name",
        "LiteLLM",
        "temperature",
        error(
            "litellm.UnsupportedParamsError: openai does not support parameters: ['temperature'],"
            " for model=judge. To drop these, set `litellm.drop_params=True`"
        ),
        WARM,
    ),
    left_out(
        "top-p-in-bedrock",
        "Bedrock",
        "top_p",
        error("The model returned the following errors: `top_p` is deprecated for this model."),
        ["warm"],
    ),
    right(
        "effort-values-of-ollama",
        "DictateKeyboard#186",
        refuse=[
            when(
                lambda asked: asked.effort == "minimal",
                error(
                    'invalid reasoning value: \'minimal\' (must be "high", "medium", "low",'
                    ' "max" or "none")'
                ),
            )
        ],
        run={"reasoning_effort": "minimal"},
        sessions=["plain", "tool"],
        tells="reasoning_effort",
        remembered=True,
    ),
    left_out(
        "effort-dropped-by-name",
        "litellm#18543",
        "reasoning_effort",
        error(
            "litellm.UnsupportedParamsError: openai does not support parameters:"
            " ['reasoning_effort'], for model=openai-open-llm. To drop these, set"
            " `litellm.drop_params=True`"
        ),
        EFFORT,
    ),
    left_out(
        "effort-and-thinking",
        "Roo-Code#11001",
        "reasoning_effort",
        error("Invalid combination of reasoning_effort and thinking type: low + disabled"),
        EFFORT,
    ),
    left_out(
        "effort-moved",
        "openclaude#1638: a gateway that speaks Chat Completions only",
        "reasoning_effort",
        error(
            "Unsupported parameter: 'reasoning_effort'. In the Responses API, this parameter has"
            " moved to 'reasoning.effort'. Try again with the new parameter.",
            code="unsupported_parameter",
        ),
        EFFORT,
    ),
    left_out(
        "effort-budget",
        "Gemini",
        "reasoning_effort",
        error("Thinking budget is not supported for this model.", code="INVALID_ARGUMENT"),
        EFFORT,
    ),
    left_out(
        "effort-in-raw-metadata",
        "OpenRouter",
        "reasoning_effort",
        _raw({"error": {"message": "`reasoning_effort` is not supported with this model"}}),
        EFFORT,
    ),
    no_force(
        "choice-bedrock",
        "Bedrock",
        "This model doesn't support the toolConfig.toolChoice.any field. Remove"
        " toolConfig.toolChoice.any and try again.",
    ),
    no_force(
        "choice-values", "Hugging Face", "tool_choice: Input should be 'auto' or 'none'", status=422
    ),
    no_force(
        "choice-only-auto", "Fireworks, Cerebras", 'Invalid tool_choice: only "auto" is supported'
    ),
    no_schema(
        "format-supported-formats",
        "caura#1475",
        error(
            "This model does not support 'json_schema' response format. Supported formats:"
            " json_object."
        ),
    ),
    no_schema(
        "format-in-raw-metadata",
        "OpenRouter before DeepSeek",
        _raw({"error": {"message": "This response_format type is unavailable now"}}),
    ),
    right(
        "format-one-after-another",
        "servers that know none, and say so each time",
        refuse=[
            when(
                lambda asked: (asked.format or {}).get("type") == "json_schema",
                error("This response_format type is unavailable now"),
            ),
            when(
                lambda asked: (asked.format or {}).get("type") == "json_object",
                error("response_format json_object is not supported"),
            ),
        ],
        sessions=["formatted"],
        tells="response_format",
        remembered=True,
    ),
    right(
        "format-not-with-tools-groq",
        "Groq",
        refuse=[
            when(
                lambda asked: asked.format and asked.tools,
                error("json mode cannot be combined with tool/function calling"),
            )
        ],
        sessions=["formatted-tool"],
        tells="response_format",
    ),
    right(
        "format-not-with-tools-gemini",
        "Gemini",
        refuse=[
            when(
                lambda asked: asked.format and asked.tools,
                error(
                    "Function calling with a response mime type: 'application/json' is unsupported"
                ),
            )
        ],
        sessions=["formatted-tool"],
        tells="response_format",
    ),
    capped(
        "cap-between",
        "KeywordGacha#111",
        "",
        cap=4000,
        reply=whole(
            {
                "code": 400,
                "reason": "INVALID_REQUEST_BODY",
                "message": "max_tokens (current value: 32000) must be between 0 and 4000 ",
                "metadata": {},
            },
            400,
        ),
    ),
    capped(
        "cap-volcengine",
        "Volcengine",
        "The parameter `max_tokens` specified in the request are not valid: integer above maximum"
        " value, expected a value <= 12288, but got 32000 instead.",
        cap=12288,
        code="InvalidParameter",
    ),
    capped(
        "cap-integer-above-maximum",
        "OpenAI",
        "Invalid 'max_completion_tokens': integer above maximum value. Expected a value <= 16384,"
        " but got 32000 instead.",
        cap=16384,
        code="integer_above_max_value",
    ),
    capped(
        "cap-in-raw-metadata",
        "OpenRouter",
        "",
        reply=_raw(
            {
                "error": {
                    "message": "max_tokens: 32000 > 8192, which is the maximum allowed number of"
                    " output tokens for claude-3-5-haiku"
                }
            }
        ),
    ),
    right(
        "no-parallel-tool-calls-of-the-model",
        "LiteLLM, xAI",
        refuse=[
            unknown(
                "parallel_tool_calls",
                error("parallel_tool_calls is not supported by this model", status=422),
            )
        ],
        sessions=["single", "tool"],
        remembered=True,
    ),
]


def _say(text: str, status: int = 400, **how):
    return lambda n, most: error(text.format(n=n, most=most), status=status, **how)


def _minimax(status: int, message: str) -> Reply:
    """MiniMax: errors in a document with status 200, without choices."""
    return whole(
        {"id": "1", "choices": None, "base_resp": {"status_code": status, "status_msg": message}}
    )


_OVERFLOW = [
    too_long(
        "vllm-at-least",
        "pi#5929",
        _say(
            "This model's maximum context length is {most} tokens. However, you requested 0 output"
            " tokens and your prompt contains at least {n} input tokens, for a total of at least"
            " {n} tokens. Please reduce the length of the input prompt or the number of requested"
            " output tokens. (parameter=input_tokens, value={n})"
        ),
    ),
    too_long(
        "poolside",
        "pi#4943",
        _say("Input length {n} exceeds the maximum allowed input length of {most} tokens."),
    ),
    too_long(
        "atlas",
        "inference-atlas#186",
        _say(
            "Prompt too long: {n} tokens exceeds max_seq_len {most} (leave room for output tokens)"
        ),
    ),
    too_long(
        "glm-in-chinese",
        "GLM",
        lambda n, most: whole({"error": {"code": "1261", "message": "Prompt 超长"}}, 400),
        least=0.3,
    ),
    too_long(
        "volcengine",
        "Volcengine",
        _say("Total tokens of image and text exceed max message tokens"),
        least=0.3,
    ),
    too_long(
        "openai-model-maximum",
        "OpenAI",
        _say("The input exceeds the model's maximum context length of {most} tokens."),
        least=0.3,
    ),
    too_long(
        "in-raw-metadata",
        "OpenRouter",
        lambda n, most: _raw(
            {"error": {"message": f"prompt is too long: {n} tokens > {most} maximum"}}
        ),
    ),
    too_long(
        "openclaw",
        "openclaw#20539: a gateway's words before",
        _say("LLM request rejected: prompt is too long: {n} tokens > {most} maximum"),
    ),
    too_long(
        "litellm",
        "LiteLLM",
        _say(
            "litellm.ContextWindowExceededError: litellm.BadRequestError: AnthropicException - "
            '{{"type":"error","error":{{"type":"invalid_request_error","message":"prompt is too'
            " long:"
            ' {n} tokens > {most} maximum"}}}}'
        ),
    ),
    too_long(
        "minimax-base-resp",
        "MiniMax-01#15",
        lambda n, most: _minimax(1039, "token limit"),
        least=0.3,
    ),
    together(
        "together-vllm-at-least",
        "pi#5929",
        lambda n, cap, most: error(
            f"This model's maximum context length is {most} tokens. However, you requested {cap}"
            f" output tokens and your prompt contains at least {n} input tokens, for a total of at"
            f" least {n + cap} tokens. Please reduce the length of the input prompt or the number"
            " of"
            " requested output tokens."
        ),
    ),
    together(
        "together-in-raw-metadata",
        "OpenRouter",
        lambda n, cap, most: _raw(
            {
                "error": {
                    "message": f"input length and `max_tokens` exceed context limit: {n} + {cap} >"
                    f" {most}, decrease input length or `max_tokens` and try again"
                }
            }
        ),
    ),
]


def _whole_thread(exchanges):
    """Nothing of the thread may be left out for what was no overflow."""
    sizes = {each.asked.tokens for each in exchanges}
    return None if len(sizes) == 1 else f"the thread was shortened for nothing: {sizes}"


_MISTAKABLE = [
    right(
        "throttled-too-many-tokens",
        "agentao#88: Bedrock's throttling",
        refuse=[first(1, error("Too many tokens, please wait before trying again.", status=429))],
        sessions=["long"],
        after=_whole_thread,
    ),
    right(
        "throttled-tokens-per-minute",
        "OpenAI",
        refuse=[
            first(
                1,
                error(
                    "Rate limit reached for gpt-6-luna on tokens per min (TPM): Limit 200000, Used"
                    " 199000, Requested 1900. Please try again in 270ms.",
                    status=429,
                    code="rate_limit_exceeded",
                ),
            )
        ],
        sessions=["long"],
        after=_whole_thread,
    ),
    clear(
        "no-temperature-mentioned-in-passing",
        "an error of another kind that names a parameter",
        "schema",
        refuse=[
            unknown(
                "tools",
                error("Invalid schema for function 'price': 'temperature' is not a valid type"),
            )
        ],
        sessions=["warm-tool"],
        after=lambda exchanges: None,
    ),
    clear(
        "balance-in-a-document-of-200",
        "MiniMax",
        "insufficient balance",
        refuse=[lambda asked: _minimax(1008, "insufficient balance")],
        sessions=["plain"],
    ),
    clear(
        "failure-in-a-document-of-200",
        "gateways: choices are null",
        "wilted",
        refuse=[
            lambda asked: whole({"choices": None, "error": {"message": "the flowers have wilted"}})
        ],
        sessions=["plain"],
    ),
    right(
        "answer-about-errors",
        "a model that talks of errors",
        think=lambda asked: mind.Answer("error: prompt is too long, said the rose. <|end|>"),
        says={
            question: ["error: prompt is too long, said the rose. <|end|>"]
            for question in ("Say good day.", "Once more, please.")
        },
        sessions=["plain"],
    ),
    right(
        "answer-that-is-json",
        "a model that answers in JSON, unasked",
        think=lambda asked: mind.Answer('{"error": {"message": "the rose is red"}}'),
        says={
            question: ['{"error": {"message": "the rose is red"}}']
            for question in ("Say good day.", "Once more, please.")
        },
        sessions=["plain"],
    ),
    right(
        "error-is-null",
        "gateways: each chunk has an error of null",
        shape=lambda asked, answer, chunks: [{**chunk, "error": None} for chunk in chunks],
    ),
    right(
        "stream-429-behind-a-role",
        "OpenRouter: nothing has been said yet",
        refuse=[
            first(
                1,
                Reply(
                    200,
                    {"content-type": SSE},
                    [
                        sse(delta(role="assistant", content="")),
                        sse({"error": {"code": 429, "message": "Provider returned error"}}),
                    ],
                ),
            )
        ],
        sessions=["plain", "tool"],
    ),
    right(
        "silence-after-outputs",
        "models that have nothing to add",
        think=lambda asked: mind.Answer() if asked.outputs else mind.answer(asked),
        refuse=[
            when(
                lambda asked: any(
                    (one["role"], other["role"]) == ("tool", "user")
                    for one, other in zip(asked.messages, asked.messages[1:], strict=False)
                ),
                error("Unexpected role 'user' after role 'tool'", code="3230"),
            ),
            any_message(
                lambda m: not m.get("content") and not m.get("tool_calls"),
                error("messages.3: all messages must have non-empty content"),
            ),
        ],
        sessions=["silent"],
    ),
    right(
        "calls-whole-and-again",
        "servers that repeat the whole call at the end",
        shape=lambda asked, answer, chunks: _repeated(asked, answer, chunks),
        sessions=["tool"],
        allowed=frozenset({"right", "clear"}),
    ),
]


def _repeated(asked, answer, chunks):
    made = whole_calls()(asked, answer, chunks)
    return [
        *made[:-2],
        *(c for c in made if c["choices"] and c["choices"][0]["delta"].get("tool_calls")),
        *made[-2:],
    ]


def _by_responses(name: str, source: str, **how) -> Switch:
    how = {"wires": RESPONSES, "api": "responses", **how}
    return right(f"responses-{name}", source, **how)


_OVERLOADED = {
    "type": "error",
    "error": {
        "type": "service_unavailable_error",
        "code": "server_is_overloaded",
        "message": "Our servers are currently overloaded. Please try again later.",
        "param": None,
    },
}

_RESPONSES = [
    _by_responses(
        "overloaded-event",
        "opencode#25730",
        refuse=[once(at_once(_OVERLOADED))],
        sessions=["plain"],
    ),
    _by_responses(
        "overloaded-failure",
        "codex-proxy-rs#152",
        refuse=[once(at_once(failure("slow_down", "Please slow down")))],
        sessions=["plain"],
    ),
    _by_responses(
        "overflow-on-vllm",
        "vLLM by Responses",
        refuse=[
            beyond(
                lambda asked: error(
                    f"This model's maximum context length is {LIMIT} tokens. However, your request"
                    f" has {asked.tokens} input tokens.",
                    kind="BadRequestError",
                )
            )
        ],
        sessions=["long"],
        tells=LEFT_OUT,
    ),
    _by_responses(
        "no-seals-on-vllm",
        "vllm#28248: encrypted content is not for it",
        refuse=[
            when(
                lambda asked: "reasoning.encrypted_content" in (asked.body.get("include") or []),
                error("Encrypted content is not supported."),
            )
        ],
        reasoning=False,
        sessions=["plain", "tool"],
    ),
    _by_responses(
        "verbose-unknown-include",
        "LM Studio of old",
        refuse=[unknown("include", error("Unrecognized key(s) in object: 'include'"))],
        reasoning=False,
        sessions=["plain", "tool"],
    ),
    _by_responses(
        "unknown-store",
        "servers that store nothing",
        refuse=[unknown("store", error("Unknown parameter: 'store'.", param="store"))],
        sessions=["plain", "tool"],
        allowed=frozenset({"right", "clear"}),
    ),
]

SWITCHES = [*_PARAMETERS, *_OVERFLOW, *_MISTAKABLE, *_RESPONSES]
