"""Why an answer ended, in the words that are used for it: it is whole for a good one only."""

from __future__ import annotations

from tests.server.models.chat import delta
from tests.server.models.switch import Switch, clear, right
from tests.server.models.ways import cut, finish

_GOOD = {
    "stop": "OpenAI",
    "STOP": "Gemini",
    "eos": "Together",
    "eos_token": "TGI",
    "end_turn": "Anthropic through gateways",
    "stop_sequence": "TGI, Anthropic through gateways",
    "COMPLETE": "Cohere",
}
_BAD = {
    "abort": "vllm#57082",
    "network_error": "GLM's documents",
    "sensitive": "GLM's documents",
    "model_context_window_exceeded": "GLM",
    "function_call_filter: MALFORMED_FUNCTION_CALL": "python-genai#1836",
    "content_filter: PROHIBITED_CONTENT": "python-genai#1836",
    "MALFORMED_FUNCTION_CALL": "Gemini's documents",
    "PROHIBITED_CONTENT": "Gemini's documents",
    "SAFETY": "Gemini's documents",
    "RECITATION": "Gemini's documents",
    "OTHER": "Gemini's documents",
    "BLOCKLIST": "Gemini's documents",
    "error": "OpenRouter's documents",
    "insufficient_system_resource": "DeepSeek's documents",
    "repetition_truncation": "Kimi",
    "timeout": "gateways",
    "cancelled": "gateways",
    "a_word_of_tomorrow": "nobody yet",
}
_LONG = ("length", "max_tokens", "MAX_TOKENS", "model_length")


def _name(word: str) -> str:
    return "finish-" + word.replace(": ", "-").replace("_", "-")


def _good(word: str, source: str) -> Switch:
    return right(_name(word) + ("-caps" if word.isupper() else ""), source, shape=finish(word))


def _bad(word: str, source: str) -> Switch:
    name = _name(word) + ("-caps" if word.isupper() else "")
    return clear(name, source, word, shape=cut(delta(word)))


def _late_null(asked, answer, chunks):
    """No chunk ever says why it ended; [DONE] does."""
    return finish(None)(asked, answer, chunks)


def _bare_end(asked, answer, chunks):
    """The chunk with the reason is missing."""
    return [chunk for chunk in chunks if not _ends(chunk)]


def _ends(chunk):
    return any(choice["finish_reason"] for choice in chunk["choices"])


def _with_last_words(asked, answer, chunks):
    """The reason comes with the last piece, not behind it."""
    at = next(number for number, chunk in enumerate(chunks) if _ends(chunk))
    [reason] = [choice["finish_reason"] for choice in chunks[at]["choices"]]
    [choice] = chunks[at - 1]["choices"]
    last = {**chunks[at - 1], "choices": [{**choice, "finish_reason": reason}]}
    return [*chunks[: at - 1], last, *chunks[at + 1 :]]


def _reason_twice(asked, answer, chunks):
    at = next(number for number, chunk in enumerate(chunks) if _ends(chunk))
    return [*chunks[: at + 1], chunks[at], *chunks[at + 1 :]]


def _native(asked, answer, chunks):
    """OpenRouter adds what the provider itself said."""
    made = []
    for chunk in chunks:
        choices = [
            {**choice, "native_finish_reason": choice["finish_reason"] and "end_turn"}
            for choice in chunk["choices"]
        ]
        made.append({**chunk, "choices": choices})
    return made


def _length_without_a_word(asked, answer, chunks):
    return [chunks[0], delta("length"), *chunks[-1:]]


SWITCHES = [
    *(_good(word, source) for word, source in _GOOD.items()),
    *(_bad(word, source) for word, source in _BAD.items()),
    *(
        clear(
            _name(word) + ("-caps" if word.isupper() else ""),
            "Mistral, Gemini, Anthropic",
            "max_completion_tokens|length|max_tokens",
            shape=cut(delta(word)),
        )
        for word in _LONG
    ),
    clear("finish-content-filter", "OpenAI", "filter", shape=cut(delta("content_filter"))),
    right("finish-stop-with-calls", "Ollama", shape=finish("stop")),
    right("finish-tool-use", "Anthropic through gateways", shape=finish("end_turn", "tool_use")),
    right("finish-tool-call", "Ollama's Go clients", shape=finish("stop", "tool_call")),
    right("finish-function-call", "OpenAI of old", shape=finish("stop", "function_call")),
    right("finish-tool-calls-of-words", "vLLM", shape=finish("tool_calls"), sessions=["plain"]),
    right("finish-null", "old servers", shape=_late_null),
    right("finish-empty", "old servers", shape=finish("")),
    right("finish-missing", "old servers", shape=_bare_end),
    right("finish-with-last-words", "many", shape=_with_last_words),
    right("finish-twice", "proxies", shape=_reason_twice),
    right("finish-native", "OpenRouter's documents", shape=_native),
    clear(
        "finish-length-without-a-word",
        "models that think until the cap",
        "max_completion_tokens|length",
        shape=_length_without_a_word,
        sessions=["plain"],
    ),
]
