"""What came with a call and has to come back with it."""

from __future__ import annotations

import copy

from tests.server.models.chat import completion, delta, pieces
from tests.server.models.mind import digest
from tests.server.models.replies import error, whole
from tests.server.models.switch import Switch, right
from tests.server.models.ways import any_message, both, calls_of, ids, parts, when

FOUR = ["plain", "tool", "elsewhere", "toolless"]
_THOUGHT = "The user asks for {}. I shall look it up, 不要猜."
SKIP = "skip_thought_signature_validator"


def thought(message_or_call) -> str:
    """What the model thought before it made these calls: made anew from their arguments."""
    calls = message_or_call.get("tool_calls") or []
    return _THOUGHT.format(" and ".join(call["function"]["arguments"] for call in calls))


def signature(arguments: str) -> str:
    return "CiQB" + digest("signature", arguments)


def mark(asked) -> str:
    """What the ids of the calls begin with that this endpoint has made."""
    return f"call_{digest(asked.model)[:8]}"


def made_here(asked, call) -> bool:
    return str(call.get("id")).startswith(mark(asked))


def here(asked, answer, chunks):
    """Marks the calls."""
    return ids(lambda number, usual: mark(asked) + usual[-12:])(asked, answer, chunks)


# A field of the message with the thoughts, as DeepSeek and Kimi have it.


def thinks(field: str):
    """Streams its thoughts in a field of their own, before all else."""

    def shape(asked, answer, chunks):
        said = _THOUGHT.format(" and ".join(call.json for call in answer.calls))
        opening = [delta(**{field: piece, "content": None}) for piece in pieces(said)]
        return [chunks[0], *opening, *chunks[1:]]

    return shape


def demands(field: str, refusal, *, foreign: bool):
    """Each message with calls has its thoughts; those of others have some at least, since an empty
    text is none (nanobot#946), or may lack them."""

    def lacks(asked, message):
        if not message.get("tool_calls"):
            return False
        if made_here(asked, message["tool_calls"][0]):
            return message.get(field) != thought(message)
        return foreign and not message.get(field)

    return when(lambda asked: any(lacks(asked, each) for each in asked.messages), refusal)


DEEPSEEK = error(
    "The reasoning_content in the thinking mode must be passed back to the API.",
    code="invalid_request_error",
)
DEEPSEEK_BEFORE = error(
    "Missing `reasoning_content` field in the assistant message at message index 2. For more"
    " information, please refer to https://api-docs.deepseek.com/guides/thinking_mode#tool-calls",
    code="invalid_request_error",
)
KIMI = error(
    "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"
)


def _thinking(name: str, source: str, field: str, refusal, **how) -> Switch:
    return right(
        name,
        source,
        shape=both(here, thinks(field)),
        refuse=[demands(field, refusal, foreign=how.pop("foreign", True))],
        keys=frozenset({field}),
        sessions=how.pop("sessions", FOUR),
        **how,
    )


def _with_thought(asked, answer, chunks):
    """The same in one document."""
    body = completion(asked, answer)
    message = body["choices"][0]["message"]
    for call in message.get("tool_calls") or []:
        call["id"] = mark(asked) + call["id"][-12:]
    message["reasoning_content"] = _THOUGHT.format(" and ".join(c.json for c in answer.calls))
    return whole(body)


# A signature at each call, or the first, as Gemini has it.


def signed(where: str):
    """`inline`: with the call's first part. `late`: a part of its own, behind the arguments.
    `last`: with the chunk that ends. `bare`: as late, without the function."""

    def shape(asked, answer, chunks):
        if not answer.calls:
            return chunks
        attached = {"google": {"thought_signature": signature(answer.calls[0].json)}}
        made = copy.deepcopy(chunks)
        opening = next(c for c in made if c["choices"][0]["delta"].get("tool_calls"))
        ending = next(
            n for n, c in enumerate(made) if c["choices"] and c["choices"][0]["finish_reason"]
        )
        part = {"index": 0, "extra_content": attached}
        if where == "inline":
            opening["choices"][0]["delta"]["tool_calls"][0]["extra_content"] = attached
        elif where == "bare":
            made.insert(ending, delta(tool_calls=[part]))
        elif where == "late":
            empty = {
                "id": opening["choices"][0]["delta"]["tool_calls"][0]["id"],
                "type": "function",
            }
            part |= empty | {"function": {"arguments": ""}}
            made.insert(ending, delta(tool_calls=[part]))
        else:
            made[ending]["choices"][0]["delta"] = {"tool_calls": [part]}
        return made

    return shape


GEMINI = whole(
    [
        {
            "error": {
                "code": 400,
                "message": "Function call is missing a thought_signature in functionCall parts."
                " This is required for tools to work correctly, and missing thought_signature may"
                " lead to degraded model performance. Additional data, function call"
                " `default_api:price` , position 2. Please refer to"
                " https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                "status": "INVALID_ARGUMENT",
            }
        }
    ],
    400,
)
_CORRUPT = whole(
    [
        {
            "error": {
                "code": 400,
                "message": "Corrupted thought signature.",
                "status": "INVALID_ARGUMENT",
            }
        }
    ],
    400,
)


def signature_of(call) -> str | None:
    google = (call.get("extra_content") or {}).get("google") or {}
    return google.get("thought_signature")


def demands_signature(read=signature_of):
    """The first call of each message is signed: as it was, or as one from elsewhere may be."""

    def check(asked):
        for message in asked.messages:
            for call in (message.get("tool_calls") or [])[:1]:
                given = read(call)
                if given is None:
                    return GEMINI
                usual = signature(call["function"]["arguments"])
                if given != (usual if made_here(asked, call) else SKIP):
                    return _CORRUPT
        return None

    return check


def _gemini(name: str, source: str, where: str, **how) -> Switch:
    return right(
        name,
        source,
        shape=both(here, signed(where), how.pop("shape", lambda asked, answer, chunks: chunks)),
        refuse=[demands_signature()],
        keys=frozenset({"extra_content"}),
        sessions=how.pop("sessions", FOUR),
        **how,
    )


def _indexless(part):
    return {key: value for key, value in part.items() if key != "index"}


# Details in fragments, as OpenRouter has it.


def _details(*fragments):
    """Streams a list under `reasoning_details` beside its thoughts in words."""

    def shape(asked, answer, chunks):
        opening = [
            delta(reasoning="Let me see. ", reasoning_details=[fragment], content="")
            for fragment in fragments
        ]
        return [chunks[0], *opening, *chunks[1:]]

    return shape


def _wants_details(*wanted):
    refusal = error("Provider returned error: Invalid `signature` in `thinking` block", code="400")
    return _each_made_here(lambda m: m.get("reasoning_details") == list(wanted), refusal)


def _each_made_here(whole_again, refusal):
    """Refuses if a message with calls of this endpoint's is not as it is to be."""

    def lacks(asked, message):
        calls = message.get("tool_calls") or []
        return any(made_here(asked, call) for call in calls) and not whole_again(message)

    return when(lambda asked: any(lacks(asked, each) for each in asked.messages), refusal)


_ENCRYPTED = {
    "type": "reasoning.encrypted",
    "data": "CiQBjz1rX2ZvbyBiYXI=",
    "id": "tool_0_price",
    "format": "google-gemini-v1",
    "index": 0,
}
_CLAUDE = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
_OPENROUTER = frozenset({"reasoning_details", "reasoning"})


def _unwanted(field: str, status: int = 400):
    message = f"'messages.2' : property '{field}' is unsupported"
    return any_message(lambda m: field in m, error(message, status=status))


def _blocks(asked, answer, chunks):
    """Anthropic's blocks, as LiteLLM passes them on."""
    block = {"type": "thinking", "thinking": "Let me see.", "signature": "EuYBCkQYAiJA"}
    return [chunks[0], delta(thinking_blocks=[block], reasoning_content="Let me see."), *chunks[1:]]


def _has_blocks(message):
    blocks = message.get("thinking_blocks") or []
    return [block.get("signature") for block in blocks] == ["EuYBCkQYAiJA"]


def _provider_fields(part):
    if "id" not in part:
        return part
    return {**part, "provider_specific_fields": {"thought_signature": "CiQBLite"}}


def _annotated(asked, answer, chunks):
    """The same in one document."""
    body = completion(asked, answer)
    message = body["choices"][0]["message"]
    message["tool_calls"] = [
        _provider_fields({**call, "id": mark(asked) + call["id"][-12:]})
        for call in message.get("tool_calls") or []
    ]
    return whole(body)


def _wants_provider_fields(asked):
    return any(
        (call.get("provider_specific_fields") or {}).get("thought_signature") != "CiQBLite"
        for call in calls_of(asked)
        if made_here(asked, call)
    )


SWITCHES = [
    _thinking("deepseek-thinking", "opencode#24722, deer-flow#3043", "reasoning_content", DEEPSEEK),
    _thinking(
        "deepseek-thinking-before-v4",
        "deepseek-ai/DeepSeek-V3#1053, nanobot#946",
        "reasoning_content",
        DEEPSEEK_BEFORE,
    ),
    _thinking("kimi-thinking", "mastra#12592", "reasoning_content", KIMI),
    _thinking(
        "thoughts-go-back-as-reasoning",
        "gateways that keep OpenRouter's name",
        "reasoning",
        error("The `reasoning` in the thinking mode must be passed back to the API."),
        foreign=False,
    ),
    _thinking(
        "thinking-in-one-document",
        "DeepSeek behind gateways that do not stream",
        "reasoning_content",
        DEEPSEEK,
        send=_with_thought,
        sessions=["plain", "tool"],
    ),
    _thinking(
        "thinking-one-call-at-a-time",
        "DeepSeek: several rounds within one turn",
        "reasoning_content",
        DEEPSEEK,
        sessions=["single"],
    ),
    right(
        "thoughts-unasked-for-come-back",
        "vLLM: shown, accepted, and not demanded",
        shape=both(here, thinks("reasoning_content")),
        keys=frozenset({"reasoning_content"}),
        sessions=FOUR,
    ),
    right(
        "thoughts-refused",
        "Groq, Cerebras: shown, and refused when they come back",
        shape=both(here, thinks("reasoning_content")),
        refuse=[_unwanted("reasoning_content")],
        remembered=True,
        sessions=FOUR,
    ),
    right(
        "reasoning-refused",
        "Mistral's 422 for fields that it does not know",
        shape=both(here, thinks("reasoning")),
        refuse=[
            any_message(
                lambda message: "reasoning" in message,
                whole(
                    {
                        "detail": [
                            {
                                "type": "extra_forbidden",
                                "loc": ["body", "messages", 2, "assistant", "reasoning"],
                                "msg": "Extra inputs are not permitted",
                            }
                        ]
                    },
                    422,
                ),
            )
        ],
        remembered=True,
    ),
    _gemini("gemini-signature", "Gemini's documents on thought signatures", "inline"),
    _gemini("gemini-signature-late", "open-webui/computer#224", "late"),
    _gemini("gemini-signature-bare", "paws#103: a delta of metadata only", "bare"),
    _gemini("gemini-signature-last", "with the chunk that ends", "last"),
    _gemini(
        "gemini-signature-without-index",
        "Gemini leaves out the index",
        "inline",
        shape=parts(_indexless),
    ),
    right(
        "gemini-signature-on-words",
        "Gemini's documents: on text it is recommended, not demanded",
        shape=lambda asked, answer, chunks: [
            *chunks[:-2],
            delta(extra_content={"google": {"thought_signature": "CiQBwords"}}),
            *chunks[-2:],
        ],
        keys=frozenset({"extra_content"}),
    ),
    right(
        "openrouter-details",
        "OpenRouter's documents on preserving reasoning",
        shape=both(here, _details(_ENCRYPTED)),
        refuse=[_wants_details(_ENCRYPTED)],
        keys=_OPENROUTER,
        sessions=FOUR,
    ),
    right(
        "openrouter-details-in-fragments",
        "agno#5802",
        shape=both(
            here,
            _details(
                {**_CLAUDE, "text": "Let"},
                {**_CLAUDE, "text": " me compute."},
                {**_CLAUDE, "signature": "Et8BCmUIDxgC"},
            ),
        ),
        refuse=[
            _wants_details({**_CLAUDE, "text": "Let me compute.", "signature": "Et8BCmUIDxgC"})
        ],
        keys=_OPENROUTER,
    ),
    right(
        "openrouter-details-of-two-kinds",
        "agno#5802: each index is one",
        shape=both(here, _details({**_CLAUDE, "text": "Hm."}, {**_ENCRYPTED, "index": 1})),
        refuse=[_wants_details({**_CLAUDE, "text": "Hm."}, {**_ENCRYPTED, "index": 1})],
        keys=_OPENROUTER,
    ),
    right(
        "anthropic-thinking-blocks",
        "LiteLLM's documents on thinking",
        shape=both(here, _blocks),
        refuse=[
            _each_made_here(
                _has_blocks,
                error(
                    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but"
                    " found `tool_use`. When `thinking` is enabled, a final `assistant` message"
                    " must start with a thinking block."
                ),
            )
        ],
        keys=frozenset({"thinking_blocks", "reasoning_content"}),
    ),
    right(
        "litellm-provider-fields",
        "LiteLLM's documents on Gemini 3",
        shape=both(here, parts(_provider_fields)),
        refuse=[when(_wants_provider_fields, GEMINI)],
        keys=frozenset({"provider_specific_fields"}),
    ),
    right(
        "litellm-provider-fields-in-one-document",
        "LiteLLM's documents on Gemini 3",
        send=_annotated,
        refuse=[when(_wants_provider_fields, GEMINI)],
        keys=frozenset({"provider_specific_fields"}),
    ),
]
