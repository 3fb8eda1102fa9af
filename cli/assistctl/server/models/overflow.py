"""A prompt, or a prompt with its answer, that is too long: recognised in the words of many.

Most endpoints say two numbers, how much may be and how much it was; some add the length that the
answer was to have, which is part of their limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistctl.server.models.refusals import FAULTY, Refused

_TOO_LONG = re.compile(
    r"context[ _-]?(length|size|window|limit)"
    r"|context_length|exceed_context|overflows"
    r"|(prompt|input|request|message)s? (is |are )?too (long|large)"
    r"|too many (input |prompt )?tokens"
    r"|exceeds? the (maximum number of tokens|max(imum)? (input |model |prompt )?length)"
    r"|(token count|tokens?).{0,40} exceeds the (limit|max)"
    r"|exceeds the limit of \d+|token limit|exceeds max length"
    r"|exceeds? (the )?max(imum)? (allowed )?(message|prompt|input|total) ?(tokens|length)"
    r"|超长|过长|超出.{0,12}(长度|上限|限制)"
    r"|maximum (prompt|context|input|model) length"
    r"|range of input length|longer than the (maximum )?model"
    r"|inputs?` (tokens )?.{0,40}must (be <=|have less than)"
    r"|reduce the length of|input length and|decoder prompt"
    r"|request too large for .{0,200}tokens per min"
    r"|cannot exceed \d+ - received",
    re.IGNORECASE | re.DOTALL,
)
_LIKELY = re.compile(
    r"\b(input|prompt|context|sequence|conversation|message|token)s?\b.{0,60}"
    r"\b(exceed\w*|overflow\w*|too (long|large|big)|longer than|greater than|more than|surpass\w*)"
    r".{0,60}\b(length|limit|max\w*|context|window|size|tokens)\b"
    r"|maximum (supported )?sequence length",
    re.IGNORECASE | re.DOTALL,
)
"""What says so in no words that are known, unless it is about the length of the answer."""
_OF_THE_ANSWER = re.compile(r"max\w{0,12}[ _]?tokens|(output|completion) tokens", re.IGNORECASE)
_NOT_THIS = re.compile(
    r"tool.?calls? .{0,20}too long|(name|description|id)\W? .{0,30}too long", re.I
)


def _pattern(text: str) -> re.Pattern[str]:
    """L, P, O and T stand for the limit, the prompt, the output and their total, as numbers."""
    for letter, name in (("L", "limit"), ("P", "prompt"), ("O", "output"), ("T", "total")):
        text = text.replace(f"<{letter}>", rf"(?<![\d,])(?P<{name}>\d[\d,]*)")
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_WORDINGS = tuple(
    map(
        _pattern,
        (
            # OpenAI, DeepSeek, vLLM, SGLang and what imitates them
            r"maximum context length (?:is|of) <L>.*?<T> tokens.{0,4}<P> (?:in the messages"
            r"|from the input messages|in your prompt|text tokens|of text input).*?<O>",
            r"maximum context length (?:is|of) <L>.*?request has <P> input tokens"
            r"(?:.*?\(<O> > )?",
            r"maximum context length (?:is|of) <L>.*?(?:resulted in|requested|contains?|has)"
            r"(?: at least)? <T>",
            r"context length of <L> tokens.*?total of <T> tokens: <P> tokens from the input"
            r" messages and <O>",
            # Anthropic
            r"exceed context limit: <P> \+ <O> > <L>",
            r"prompt is too long: <P>(?: tokens)? > <L>",
            # TGI and Together
            r"must be <= <L>\. Given: <P> .{0,60}and <O>",
            r"must (?:be <=|have less than) <L>(?: tokens)?\. Given: <P>",
            # vLLM's older words, SGLang
            r"prompt \(length <P>\) is longer than the maximum model length of <L>",
            r"input \(<P> tokens\) is longer than the model's context length \(<L>",
            # llama.cpp
            r'"n_prompt_tokens":\s*<P>.*?"n_ctx":\s*<L>',
            r"request \(<P> tokens\) exceeds the available context size \(<L>",
            r"exceeds the available context size \(<L>",
            # Mistral, Kimi, xAI, Copilot, Gemini, Groq, Fireworks, Cohere, LM Studio
            r"contains <P> tokens.*?<L> maximum context length",
            r"token limit: <L> \(requested: <P>\)",
            r"maximum prompt length is <L> but the request contains <P>",
            r"token count (?:of )?\(?<P>\)? exceeds the"
            r" (?:limit of|maximum number of tokens allowed) \(?<L>",
            r"limit:? <L>,? requested:? <P>",
            r"length <P> exceeds the maximum allowed (?:input|prompt) length of <L>",
            r"too long: <P>, model maximum context length: <L>",
            r"cannot exceed <L> - received <P>",
            r"prompt is <P> tokens long.*?maximum supported sequence length is just <L>",
            r"first <P> tokens.*?context length of only <L>",
            # DashScope
            r"range of input length should be \[\d+, ?<L>\]",
        ),
    )
)


@dataclass(frozen=True)
class Overflow:
    """Tokens, as the endpoint counts them, where it says so; `output` counts towards `limit`."""

    limit: int | None = None
    prompt: int | None = None
    output: int = 0

    @property
    def excess(self) -> float | None:
        """How many times too long the prompt is beside the answer."""
        if not self.limit or not self.prompt:
            return None
        room = self.limit - self.output
        return self.prompt / room if 0 < room < self.prompt else None

    @property
    def room(self) -> int | None:
        """What the prompt leaves for an answer."""
        return self.limit - self.prompt if self.limit and self.prompt else None


def overflow(told: Refused) -> Overflow | None:
    """What a refusal says of the length; None if it is about something else."""
    if told.status == 413:
        return _numbers(told)
    per_minute = told.status == 429 and told.mentions("request too large for")
    if not (told.status in FAULTY or per_minute):
        return None
    if _NOT_THIS.search(told.text):
        return None
    likely = _LIKELY.search(told.said) and not _OF_THE_ANSWER.search(told.said)
    return _numbers(told) if likely or _TOO_LONG.search(told.text) else None


def _numbers(told: Refused) -> Overflow:
    for wording in _WORDINGS:
        if found := wording.search(told.text):
            named = {name: _number(text) for name, text in found.groupdict().items() if text}
            prompt = named.get("prompt", named.get("total"))
            return Overflow(named.get("limit"), prompt, named.get("output", 0))
    return _guessed(told.text)


def _guessed(text: str) -> Overflow:
    """Of two numbers of tokens the smaller is the limit."""
    numbers = [
        _number(found) for found in re.findall(r"(\d[\d,]*) ?(?:input |prompt )?tokens", text)
    ]
    if len(numbers) < 2 or min(numbers[:2]) <= 0:
        return Overflow()
    return Overflow(min(numbers[:2]), max(numbers[:2]))


def _number(text: str) -> int:
    return int(text.replace(",", ""))
