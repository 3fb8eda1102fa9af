"""A thread that is too long: in all the words for it, with limits that hold.

The endpoint counts (four bytes are a token). What is asked for in the end has to fit, and nothing
may be left out that would have fitted: an eighth of the limit or so, where both numbers were told.
"""

from __future__ import annotations

from tests.server.models.chat import delta
from tests.server.models.replies import SSE, Reply, error, sse, whole
from tests.server.models.switch import Switch, clear, right

LIMIT = 1400
BOTH = 3600
"""The limit of input and output together; the thread is about 1,900 and the cap 2,000."""
LEFT_OUT = "left out|too long|older"


def _gist(least: float, limit: int):
    """Complains if the answered request held less than this part of the limit."""

    def after(exchanges):
        refused = [each for each in exchanges if each.reply.refused or each.asked.tokens > limit]
        taken = exchanges[-1].asked.tokens
        if taken < least * limit:
            return f"only {taken} tokens of {limit} were made use of"
        if len(refused) > 6:
            return f"it was asked in vain {len(refused)} times"
        return None

    return after


def beyond(said):
    """A check that refuses what is beyond the limit, as said."""
    return lambda asked: said(asked) if asked.tokens > LIMIT else None


def too_long(name: str, source: str, said, *, least: float = 0.6, **how) -> Switch:
    """`said` makes the reply from (tokens, limit)."""

    def refuse(asked):
        return said(asked.tokens, LIMIT) if asked.tokens > LIMIT else None

    return right(
        f"overflow-{name}",
        source,
        refuse=[refuse],
        sessions=["long"],
        tells=LEFT_OUT,
        after=_gist(least, LIMIT),
        **how,
    )


def together(name: str, source: str, said, **how) -> Switch:
    """`said` makes the reply from (tokens, cap, limit): both together are too much. Most of the
    thread fits if the cap is lowered by little, or a message is left out."""

    def refuse(asked):
        cap = asked.cap or 0
        return said(asked.tokens, cap, BOTH) if asked.tokens + cap > BOTH else None

    def after(exchanges):
        before, taken = exchanges[0].asked.tokens, exchanges[-1].asked.tokens
        if taken < 0.7 * before:
            return f"of {before} tokens only {taken} were left, for want of {before + 2000 - BOTH}"
        return None

    return right(
        f"overflow-{name}",
        source,
        refuse=[refuse],
        sessions=["capped"],
        tells=f"{LEFT_OUT}|cap|token",
        after=after,
        **how,
    )


def _openai(text: str, status: int = 400, **more):
    return lambda n, most: error(text.format(n=n, most=most, over=n - most), status=status, **more)


def _bare(text: str, status: int = 400):
    return lambda n, most: whole({"error": text.format(n=n, most=most)}, status)


def _vllm(text: str):
    return lambda n, most: whole(
        {
            "object": "error",
            "message": text.format(n=n, most=most),
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        400,
    )


def _in_stream(body, *, opened: bool = False):
    """An error as the first event of a stream with status 200, or behind an empty delta."""

    def said(n, most):
        text = [sse(delta(role="assistant", content=""))] if opened else []
        return Reply(200, {"content-type": SSE}, [*text, body(n, most), sse("[DONE]")])

    return said


def _event_error(text: str):
    """LM Studio names its events."""
    return lambda n, most: sse({"error": {"message": text.format(n=n, most=most)}}, event="error")


def _chunk_error(text: str, code=400):
    return lambda n, most: sse(
        {"error": {"message": text.format(n=n, most=most), "code": code, "type": "BadRequest"}}
    )


_CODE = {"code": "context_length_exceeded"}
_DASHSCOPE = (
    "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, {most}]"
)

_INPUT = [
    too_long(
        "openai",
        "OpenAI",
        _openai(
            "This model's maximum context length is {most} tokens. However, your messages resulted"
            " in {n} tokens. Please reduce the length of the messages.",
            **_CODE,
        ),
    ),
    too_long(
        "openai-configured",
        "OpenAI, gpt-5",
        _openai(
            "Input tokens exceed the configured limit of {most} tokens. Your messages resulted in"
            " {n} tokens. Please reduce the length of the messages.",
            **_CODE,
        ),
    ),
    too_long(
        "openai-code-only", "a code tells, no words do", _openai("Bad request", **_CODE), least=0.3
    ),
    too_long(
        "vllm-messages",
        "vLLM",
        _vllm(
            "This model's maximum context length is {most} tokens. However, you requested {n}"
            " tokens"
            " in the messages, Please reduce the length of the messages."
        ),
    ),
    too_long(
        "vllm-input",
        "vLLM",
        _vllm(
            "This model's maximum context length is {most} tokens. However, your request has {n}"
            " input tokens. Please reduce the length of the input messages."
        ),
    ),
    too_long(
        "vllm-decoder",
        "vLLM",
        _vllm(
            "The decoder prompt (length {n}) is longer than the maximum model length of {most}."
            " Make"
            " sure that `max_model_len` is no smaller than the number of text tokens."
        ),
    ),
    too_long("anthropic", "Anthropic", _openai("prompt is too long: {n} tokens > {most} maximum")),
    too_long(
        "gemini",
        "Gemini",
        lambda n, most: whole(
            [
                {
                    "error": {
                        "code": 400,
                        "message": f"The input token count ({n}) exceeds the maximum number of"
                        f" tokens allowed ({most}).",
                        "status": "INVALID_ARGUMENT",
                    }
                }
            ],
            400,
        ),
    ),
    too_long(
        "mistral",
        "Mistral",
        lambda n, most: whole(
            {
                "object": "error",
                "message": f"Prompt contains {n} tokens and 0 draft tokens, too large for model"
                " with"
                f" {most} maximum context length",
                "type": "invalid_request_prompt_too_long",
                "code": "3051",
            },
            400,
        ),
    ),
    too_long(
        "groq",
        "Groq",
        _openai("Please reduce the length of the messages or completion.", **_CODE),
        least=0.3,
    ),
    too_long(
        "groq-413",
        "Groq: what the minute allows is less than the request",
        _openai(
            "Request too large for model `llama-3.3-70b-versatile` in organization `org_x` service"
            " tier `on_demand` on tokens per minute (TPM): Limit {most}, Requested {n}, please"
            " reduce your message size and try again.",
            413,
            code="rate_limit_exceeded",
            kind="tokens",
        ),
    ),
    too_long(
        "dashscope",
        "opencode#45834",
        _openai(_DASHSCOPE, code="invalid_parameter_error"),
        least=0.3,
    ),
    too_long(
        "kimi",
        "Kimi",
        _openai(
            "Invalid request: Your request exceeded model token limit: {most} (requested: {n})"
        ),
    ),
    too_long(
        "xai",
        "xAI",
        lambda n, most: whole(
            {
                "code": "Client specified an invalid argument",
                "error": f"This model's maximum prompt length is {most} but the request contains"
                f" {n} tokens.",
            },
            400,
        ),
    ),
    too_long("bedrock", "Bedrock", _openai("Input is too long for requested model."), least=0.3),
    too_long(
        "copilot",
        "GitHub Copilot",
        _openai(
            "prompt token count of {n} exceeds the limit of {most}",
            code="model_max_prompt_tokens_exceeded",
        ),
    ),
    too_long(
        "tgi",
        "TGI",
        _bare(
            "Input validation error: `inputs` must have less than {most} tokens. Given: {n}", 422
        ),
    ),
    too_long(
        "together",
        "Together, TGI",
        _bare(
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {most}. Given:"
            " {n} `inputs` tokens and 0 `max_new_tokens`",
            422,
        ),
    ),
    too_long(
        "glm",
        "GLM",
        lambda n, most: whole(
            {"error": {"code": "1261", "message": "Prompt exceeds max length"}}, 400
        ),
        least=0.3,
    ),
    too_long(
        "llamacpp",
        "llama.cpp",
        lambda n, most: whole(
            {
                "error": {
                    "code": 400,
                    "message": f"request ({n} tokens) exceeds the available context size ({most}"
                    " tokens), try increasing it",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": n,
                    "n_ctx": most,
                }
            },
            400,
        ),
    ),
    too_long(
        "llamacpp-numbers-aside",
        "llama.cpp: the numbers are fields",
        lambda n, most: whole(
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size. try increasing the"
                    " context size or enable context shift",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": n,
                    "n_ctx": most,
                }
            },
            400,
        ),
        least=0.3,
    ),
    too_long(
        "lmstudio",
        "LM Studio",
        _bare(
            "Trying to keep the first {n} tokens when context the overflows. However, the model is"
            " loaded with context length of only {most} tokens, which is not enough. Try to load"
            " the"
            " model with a larger context length, or provide a shorter input"
        ),
    ),
    too_long(
        "lmstudio-keep",
        "LM Studio",
        _bare(
            "The number of tokens to keep from the initial prompt is greater than the context"
            " length."
            " Try to load the model with a larger context length, or provide a shorter input"
        ),
        least=0.3,
    ),
    too_long(
        "ollama-500",
        "Ollama: as a fault of the server",
        _openai("input length exceeds maximum context length", 500, kind="api_error"),
        least=0.3,
    ),
    too_long(
        "localai-500",
        "LocalAI: as a fault of the server",
        _openai(
            "rpc error: code = Internal desc = the request exceeds the available context size, try"
            " increasing it",
            500,
        ),
        least=0.3,
    ),
    too_long(
        "sglang",
        "SGLang",
        _vllm("The input ({n} tokens) is longer than the model's context length ({most} tokens)."),
    ),
    too_long(
        "minimax",
        "MiniMax",
        _openai("invalid params, context window exceeds limit (2013)"),
        least=0.3,
    ),
    too_long(
        "cohere",
        "Cohere",
        _bare(
            "too many tokens: total number of tokens in the prompt cannot exceed {most} - received"
            " {n}. Try using a shorter prompt, or enable prompt truncating."
        ),
    ),
    too_long(
        "openrouter",
        "OpenRouter",
        _openai(
            "This endpoint's maximum context length is {most} tokens. However, you requested about"
            " {n} tokens ({n} of text input). Please reduce the length of either one, or use the"
            ' "middle-out" transform to compress your prompt automatically.',
        ),
    ),
    too_long(
        "cloudflare",
        "Cloudflare Workers AI",
        lambda n, most: whole(
            {
                "success": False,
                "errors": [
                    {
                        "message": "AiError: The estimated number of input and maximum output"
                        " tokens"
                        f" ({n}) exceeded this model context window limit ({most}).",
                        "code": 5021,
                    }
                ],
            },
            413,
        ),
    ),
    too_long(
        "cerebras",
        "Cerebras",
        _openai(
            "Please reduce the length of the messages or completion. Current length is {n} while"
            " limit is {most}",
            **_CODE,
        ),
    ),
    too_long(
        "nginx-413",
        "proxies that limit bodies",
        lambda n, most: whole(
            "<html><head><title>413 Request Entity Too Large</title></head></html>",
            413,
            content_type="text/html",
        ),
        least=0.3,
    ),
    too_long(
        "commas",
        "numbers with commas",
        _openai("prompt is too long: the maximum is 1,400 tokens, yours has {n:,} tokens"),
    ),
]

_STREAMED = [
    too_long(
        "sglang-in-stream",
        "sglang#12081",
        _in_stream(
            _chunk_error(
                "Requested token count exceeds the model's maximum context length of {most} tokens."
                " You requested a total of {n} tokens: {n} tokens from the input messages and 0"
                " tokens for the completion."
            )
        ),
    ),
    too_long(
        "lmstudio-in-stream",
        "lmstudio#2322",
        _in_stream(
            _event_error(
                "The number of tokens to keep from the initial prompt is greater than the context"
                " length. Try to load the model with a larger context length, or provide a shorter"
                " input"
            )
        ),
        least=0.3,
    ),
    too_long(
        "in-stream-behind-a-role",
        "gateways: a delta without words comes first",
        _in_stream(
            _chunk_error(
                "This model's maximum context length is {most} tokens. However, your messages"
                " resulted in {n} tokens."
            ),
            opened=True,
        ),
    ),
    too_long(
        "in-stream-with-code",
        "OpenRouter",
        _in_stream(_chunk_error("prompt is too long: {n} tokens > {most} maximum", code=413)),
    ),
    too_long(
        "in-a-document-of-200",
        "gateways",
        lambda n, most: whole(
            {"error": {"message": f"prompt is too long: {n} tokens > {most} maximum", "code": 400}}
        ),
    ),
    too_long(
        "finish-reason-says-so",
        "GLM: model_context_window_exceeded before a word",
        lambda n, most: Reply(
            200,
            {"content-type": SSE},
            [sse(delta("model_context_window_exceeded")), sse("[DONE]")],
        ),
        least=0.3,
        allowed=frozenset({"right", "clear"}),
    ),
]

_TOGETHER = [
    together(
        "together-openai",
        "OpenAI, DeepSeek",
        lambda n, cap, most: error(
            f"This model's maximum context length is {most} tokens. However, you requested"
            f" {n + cap} tokens ({n} in the messages, {cap} in the completion). Please reduce the"
            " length of the messages or completion.",
            code="context_length_exceeded",
        ),
    ),
    together(
        "together-vllm",
        "vllm#42474",
        lambda n, cap, most: error(
            f"'max_tokens' or 'max_completion_tokens' is too large: {cap}. This model's maximum"
            f" context length is {most} tokens and your request has {n} input tokens ({cap} >"
            f" {most} - {n}).",
            kind="BadRequestError",
        ),
    ),
    together(
        "together-anthropic",
        "kon#91",
        lambda n, cap, most: error(
            f"input length and `max_tokens` exceed context limit: {n} + {cap} > {most}, decrease"
            " input length or `max_tokens` and try again"
        ),
    ),
    together(
        "together-tgi",
        "TGI",
        lambda n, cap, most: whole(
            {
                "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <="
                f" {most}. Given: {n} `inputs` tokens and {cap} `max_new_tokens`",
                "error_type": "validation",
            },
            422,
        ),
    ),
    together(
        "together-sglang",
        "SGLang",
        lambda n, cap, most: error(
            f"Requested token count exceeds the model's maximum context length of {most} tokens."
            " You"
            f" requested a total of {n + cap} tokens: {n} tokens from the input messages and {cap}"
            " tokens for the completion. Please reduce the number of tokens in the input messages"
            " or"
            " the completion to fit within the limit."
        ),
    ),
    together(
        "together-openrouter",
        "OpenRouter",
        lambda n, cap, most: error(
            f"This endpoint's maximum context length is {most} tokens. However, you requested about"
            f" {n + cap} tokens ({n} of text input, {cap} in the output). Please reduce the length"
            " of"
            " either one."
        ),
    ),
]


def _hopeless(asked):
    n = asked.tokens
    return error(f"prompt is too long: {n} tokens > 1 maximum")


SWITCHES = [
    *_INPUT,
    *_STREAMED,
    *_TOGETHER,
    clear(
        "overflow-whatever-is-left-out",
        "a model that can take nothing",
        "too long",
        refuse=[_hopeless],
        sessions=["plain", "long"],
    ),
    clear(
        "overflow-not-to-be-truncated",
        "messages asked for by number",
        "too long",
        refuse=[lambda asked: error("prompt is too long") if asked.tokens > LIMIT else None],
        run={"truncation_strategy": {"type": "last_messages", "last_messages": 16}},
        sessions=["long"],
    ),
]
