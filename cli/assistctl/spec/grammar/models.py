"""Who answers on the embedded server: a model endpoint, and how it is asked."""

from __future__ import annotations

from assistctl.spec.grammar.parts import (
    Schema,
    array,
    flag,
    inherited,
    integer,
    mapping,
    positive,
    ref,
    table,
    text,
    word,
    word_or_mapping,
)

PROFILES = (
    *("openai", "azure", "gemini", "deepseek", "kimi", "mistral", "groq", "openrouter"),
    *("anthropic", "ollama", "vllm", "llama.cpp", "lmstudio"),
)
DROPPABLE = (
    *("temperature", "top_p", "reasoning_effort", "tool_choice", "response_format"),
    *("parallel_tool_calls", "stream_options", "max_completion_tokens"),
)

# What the endpoint as a whole and each entry of `models` can say.
_WAY: Schema = {
    "api": word(
        "How it is asked: chat (Chat Completions), responses (Responses), or auto, which asks "
        "OpenAI and Azure by Responses and others by Chat Completions until they say otherwise.",
        *("auto", "chat", "responses"),
        default="auto",
        examples=["responses"],
    ),
    "profile": word(
        "Whose peculiarities it has; the host of base_url tells if left out.",
        *PROFILES,
        examples=["vllm"],
    ),
    "headers": table(
        "Headers of every request. Secrets only as ${NAME}, or after a scheme: Bearer ${NAME}.",
        text("The header's value."),
        names="header_name",
        examples=[{"api-key": "${AZURE_KEY}", "HTTP-Referer": "https://example.com"}],
    ),
    "extra_body": {
        "description": "Fields that are added to the body of every request, over our own.",
        "type": "object",
        "examples": [{"chat_template_kwargs": {"enable_thinking": False}}],
    },
    "drop": array(
        "Options that are never sent.",
        items=word("An option.", *DROPPABLE),
        uniqueItems=True,
        examples=[["temperature", "top_p"]],
    ),
    "stream": flag("Shall answers be streamed? true if left out.", default=True, examples=[False]),
    "query": table(
        "What is added to the address of every request: ?name=value.",
        text("The value."),
        examples=[{"api-version": "2026-05-01"}],
    ),
    "context": integer(
        "How many tokens the model takes, prompt and answer together, where it will not say.",
        256,
        examples=[32768],
    ),
    "run_seconds": integer(
        "How long a run may take, in seconds; 600 if left out.",
        1,
        86_400,
        default=600,
        examples=[3600],
    ),
    "timeout": positive(
        "The longest silence that is put up with, in seconds; that of a whole run if left out.",
        examples=[120],
    ),
}

MODELS: dict[str, Schema] = {
    "model": word_or_mapping(
        ["scripted"],
        mapping(
            "scripted (answers from *.script.yaml), or a model endpoint.",
            {
                "base_url": ref(
                    "url",
                    "The address of the endpoint, up to what comes before /chat/completions.",
                    examples=["https://api.openai.com/v1", "http://localhost:11434/v1"],
                ),
                "api_key": ref(
                    "api_key",
                    "The key, by the name of its environment variable.",
                    examples=["${OPENAI_API_KEY}"],
                ),
                **_WAY,
                "ca_file": text(
                    "Certificates (PEM) of those who vouch for the endpoint; relative to "
                    "assistctl.yaml, or absolute.",
                    minLength=1,
                    examples=["certs/company.pem"],
                ),
                "models": table(
                    "What is different for single models, by the names that assistants declare: "
                    "the endpoint's name, or a mapping.",
                    {"$ref": "#/$defs/endpoint_model"},
                    examples=[{"gpt-4o": "qwen3:8b", "gpt-4.1": {"name": "r1", "context": 65536}}],
                ),
                "embeddings": ref(
                    "embeddings",
                    "Where file_search gets its embeddings; the offline encoder if left out.",
                ),
            },
            required=["base_url"],
        ),
        advice="write scripted, or a mapping with the base_url of an endpoint",
    ),
    "endpoint_model": {
        **mapping(
            "The endpoint's name of a model, or how that model is asked.",
            {
                "name": text("The endpoint's name; the declared one if left out.", minLength=1),
                **inherited(_WAY),
            },
        ),
        "type": ["string", "object"],
        "minLength": 1,
    },
    "embeddings": mapping(
        "An embeddings endpoint for file_search.",
        {
            "model": text("The embedding model, such as text-embedding-3-small.", minLength=1),
            "base_url": ref("url", "The address of the endpoint; the model's if left out."),
            "api_key": ref("api_key", "The key; the model's if base_url is left out too."),
            "timeout": positive("Seconds to wait for the endpoint.", default=30),
        },
        required=["model"],
    ),
}
