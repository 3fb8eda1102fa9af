"""Threads that a template or a contract does not take as they are."""

from __future__ import annotations

import re
from itertools import pairwise

from tests.server.models import mind
from tests.server.models.mind import Answer
from tests.server.models.replies import error, whole
from tests.server.models.switch import right
from tests.server.models.switches.calls import say
from tests.server.models.ways import any_call, any_message, calls_of, ids, when

ENDS = ["plain", "tool", "last-assistant"]
EVERY = [
    *("plain", "tool", "elsewhere", "toolless", "consecutive", "consecutive-assistants"),
    *("last-assistant", "first-assistant", "instructions-only", "empty"),
]


def roles_of(asked):
    return [message["role"] for message in asked.messages if message["role"] != "system"]


def ends_in_assistant(asked):
    return roles_of(asked)[-1:] == ["assistant"]


def _ids(asked):
    found = [call["id"] for call in calls_of(asked)]
    return found + [m["tool_call_id"] for m in asked.messages if m["role"] == "tool"]


def _other_ids(pattern: str):
    return lambda asked: any(not re.fullmatch(pattern, name) for name in _ids(asked))


def repeats(*roles):
    return lambda asked: any(a == b and a in roles for a, b in pairwise(roles_of(asked)))


def not_alternating(asked):
    """What Mistral's and Gemma's templates count: users, and assistants that call nothing."""
    counted = [
        message["role"]
        for message in asked.messages
        if message["role"] == "user"
        or (message["role"] == "assistant" and not message.get("tool_calls"))
    ]
    return counted != [("user", "assistant")[n % 2] for n in range(len(counted))]


def _mistral(message, status=400, code="3230", kind="invalid_request_message_order"):
    said = {"object": "error", "message": message, "type": kind, "param": None, "code": code}
    return whole(said, status)


def _misplaced_system(asked):
    return any(message["role"] == "system" for message in asked.messages[1:])


def _toolless(asked):
    return calls_of(asked) and not asked.tools


def _continues(asked):
    """llama.cpp takes an assistant's message at the end for the beginning of its own."""
    return Answer(", and we close at six.") if ends_in_assistant(asked) else mind.answer(asked)


def null_content(message):
    return message["role"] == "assistant" and message.get("content", "") is None


def _empty_content(message):
    return message["role"] == "assistant" and message.get("content") == ""


_ALTERNATE = (
    "After the optional system message, conversation roles must alternate user/assistant/user/"
    "assistant/..."
)
_PREFILL = error(
    "This model does not support assistant message prefill. The conversation must end with a user"
    " message."
)
_NO_USER = "No user query found in messages."
_BEDROCK = "The toolConfig field must be defined when using toolUse and toolResult content blocks."

SWITCHES = [
    right(
        "mistral-ids",
        "opencode#1680",
        refuse=[
            when(
                _other_ids("[a-zA-Z0-9]{9}"),
                _mistral(
                    "Tool call id was call_0fypS1hVX but must be a-z, A-Z, 0-9, with a length of"
                    " 9.",
                    code="3280",
                    kind="invalid_function_call",
                ),
            )
        ],
        shape=ids(lambda number, usual: f"{usual[-12:-4]}{number}"),
        sessions=["tool", "elsewhere"],
    ),
    right(
        "nine-letters-as-a-fault-of-the-server",
        "omlx#1995: 500",
        refuse=[
            when(
                _other_ids("[a-zA-Z0-9]{9}"),
                error(
                    "Tool call id was call_49c89af0 but must be a-z, A-Z, 0-9, with a length of 9",
                    status=500,
                ),
            )
        ],
        sessions=["tool", "elsewhere"],
    ),
    right(
        "mistral-last-role",
        "mistral-common",
        refuse=[
            when(
                ends_in_assistant,
                _mistral(
                    "Expected last role User or Tool (or Assistant with prefix True) for serving"
                    " but got assistant"
                ),
            )
        ],
        sessions=ENDS,
    ),
    right(
        "mistral-words-between-calls",
        "pydantic-ai#8208: words behind the outputs",
        refuse=[when(ends_in_assistant, _mistral("Expected last role User or Tool"))],
        shape=say("", "I look, too: ", "Moment."),
        says={"And a tulip?": ["Moment.", mind.TULIP]},
        preface="I look, too: Moment.",
        sessions=["tool"],
    ),
    right(
        "claude-words-behind-calls",
        "Kilo#8260",
        refuse=[when(ends_in_assistant, _PREFILL)],
        shape=say("", "", "I am looking."),
        preface="I am looking.",
        sessions=["tool"],
    ),
    right(
        "words-before-calls",
        "many",
        refuse=[when(ends_in_assistant, _PREFILL)],
        shape=say("Let me look. ", "", ""),
        preface="Let me look.",
        sessions=["tool"],
    ),
    right(
        "claude-no-prefill", "Kilo#8260", refuse=[when(ends_in_assistant, _PREFILL)], sessions=ENDS
    ),
    right("llamacpp-continues", "llama.cpp's documents", think=_continues, sessions=ENDS),
    right(
        "llamacpp-two-assistants",
        "llama.cpp",
        refuse=[
            when(
                lambda asked: roles_of(asked)[-2:] == ["assistant"] * 2,
                error("Cannot have 2 or more assistant messages at the end of the list."),
            )
        ],
        sessions=["plain", "consecutive-assistants"],
    ),
    right(
        "consecutive-users",
        "vllm#6862",
        refuse=[when(repeats("user"), error(_ALTERNATE, kind="BadRequestError"))],
        sessions=["plain", "tool", "consecutive"],
    ),
    right(
        "consecutive-users-as-a-fault-of-the-server",
        "llama.cpp, LM Studio: the template raises, 500",
        refuse=[
            when(
                repeats("user"),
                whole({"error": {"code": 500, "message": _ALTERNATE, "type": "server_error"}}, 500),
            )
        ],
        sessions=["plain", "tool", "consecutive"],
    ),
    right(
        "consecutive-users-in-words-of-jinja",
        "crush#279",
        refuse=[
            when(
                repeats("user", "assistant"),
                whole(
                    {
                        "error": 'Error rendering prompt with jinja template: "Error: Conversation'
                        ' roles must alternate user/assistant/user/assistant/..."'
                    },
                    400,
                ),
            )
        ],
        sessions=["plain", "consecutive", "consecutive-assistants"],
    ),
    right(
        "alternating",
        "Gemma's template",
        refuse=[when(not_alternating, error(_ALTERNATE))],
        sessions=["plain", "tool", "consecutive", "consecutive-assistants", "first-assistant"],
    ),
    right(
        "a-user-is-wanted",
        "Qwen's template",
        refuse=[when(lambda asked: "user" not in roles_of(asked), error(_NO_USER))],
        sessions=["plain", "instructions-only", "empty"],
    ),
    right(
        "contents-are-wanted",
        "Gemini",
        refuse=[
            when(
                lambda asked: not roles_of(asked),
                whole(
                    [
                        {
                            "error": {
                                "code": 400,
                                "message": "GenerateContentRequest.contents: contents is not"
                                " specified",
                                "status": "INVALID_ARGUMENT",
                            }
                        }
                    ],
                    400,
                ),
            )
        ],
        sessions=["plain", "instructions-only", "empty"],
    ),
    right(
        "a-message-is-wanted",
        "Anthropic through gateways",
        refuse=[
            when(
                lambda asked: not roles_of(asked),
                error("messages: at least one message is required"),
            )
        ],
        sessions=["plain", "instructions-only", "empty"],
    ),
    right(
        "system-comes-first",
        "Qwen's template",
        refuse=[when(_misplaced_system, error("System message must be at the beginning."))],
        sessions=EVERY,
    ),
    right(
        "one-system-message",
        "Gemma, MiniMax",
        refuse=[
            when(
                lambda asked: sum(message["role"] == "system" for message in asked.messages) > 1,
                error("invalid params, chat content has multiple system messages"),
            )
        ],
        sessions=EVERY,
    ),
    right(
        "no-developers",
        "lmstudio#669",
        refuse=[
            any_message(
                lambda message: message["role"] == "developer",
                error(
                    "'messages' array must only contain objects with a 'role' field that is in"
                    " [user, assistant, system, tool]. Got 'developer'"
                ),
            )
        ],
    ),
    right(
        "ids-of-forty",
        "OpenAI, Azure",
        refuse=[
            when(
                _other_ids(".{1,40}"),
                error(
                    "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string"
                    " with maximum length 40, but got a string with length 104 instead.",
                    param="messages[2].tool_calls[0].id",
                    code="string_above_max_length",
                ),
            )
        ],
        sessions=["tool", "elsewhere"],
        elsewhere="ids-of-a-hundred",
    ),
    right(
        "ids-of-letters",
        "Anthropic",
        refuse=[
            when(
                _other_ids("[a-zA-Z0-9_-]+"),
                error(
                    "messages.1.content.0.tool_use.id: String should match pattern"
                    " '^[a-zA-Z0-9_-]+$'"
                ),
            )
        ],
        sessions=["tool", "elsewhere"],
        elsewhere="ids-like-kimi",
    ),
    right(
        "ids-of-sixty-four",
        "Bedrock",
        refuse=[
            when(
                _other_ids("[a-zA-Z0-9_-]{1,64}"),
                error(
                    "1 validation error detected: Value at"
                    " 'messages.2.member.content.1.member.toolUse.toolUseId' failed to satisfy"
                    " constraint: Member must have length less than or equal to 64"
                ),
            )
        ],
        sessions=["elsewhere"],
        elsewhere="ids-of-a-hundred",
    ),
    right(
        "ids-are-unique",
        "Anthropic: no two calls of a thread may share one",
        refuse=[
            when(
                lambda asked: len({c["id"] for c in calls_of(asked)}) < len(calls_of(asked)),
                error("messages.3.content.0: `tool_use` ids must be unique"),
            )
        ],
        shape=ids(lambda number, usual: f"call_{number}"),
        sessions=["tool", "elsewhere"],
    ),
    right(
        "content-null-refused",
        "lmstudio#261",
        refuse=[
            any_message(
                null_content,
                whole(
                    {
                        "error": "Invalid 'content': 'content' field must be a string or an array"
                        " of objects."
                    },
                    400,
                ),
            )
        ],
        sessions=["tool", "elsewhere"],
        remembered=True,
    ),
    right(
        "content-null-refused-in-words-of-pydantic",
        "servers on FastAPI",
        refuse=[
            any_message(
                null_content,
                whole(
                    {
                        "detail": [
                            {
                                "type": "string_type",
                                "loc": ["body", "messages", 2, "content"],
                                "msg": "Input should be a valid string",
                                "input": None,
                            }
                        ]
                    },
                    422,
                ),
            )
        ],
        sessions=["tool", "elsewhere"],
        remembered=True,
    ),
    right(
        "content-null-demanded",
        "vercel/ai#13505",
        refuse=[
            any_message(_empty_content, error("messages: text content blocks must be non-empty"))
        ],
        sessions=["tool", "elsewhere"],
        remembered=True,
    ),
    right(
        "content-is-there",
        "servers in Rust",
        refuse=[
            any_message(
                lambda message: "content" not in message,
                error("Failed to deserialize the JSON body: messages[2]: missing field `content`"),
            )
        ],
        sessions=["tool", "elsewhere"],
    ),
    right(
        "content-of-text-is-a-string",
        "Mistral.rs, Groq of old, llama.cpp's templates",
        refuse=[
            any_message(
                lambda message: isinstance(message.get("content"), list),
                error("'messages.1.content' must be a string"),
            )
        ],
        sessions=EVERY,
    ),
    right(
        "empty-words-refused",
        "Anthropic, Bedrock: assistants that say nothing",
        refuse=[
            any_message(
                lambda message: not message.get("content") and not message.get("tool_calls"),
                error("messages.1: all messages must have non-empty content"),
            )
        ],
        sessions=EVERY,
    ),
    right(
        "outputs-have-names",
        "Gemini",
        refuse=[
            any_message(
                lambda message: message["role"] == "tool" and message.get("name") != "price",
                whole(
                    [
                        {
                            "error": {
                                "code": 400,
                                "message": "GenerateContentRequest.contents[2].parts[0]."
                                "function_response.name: Name cannot be empty.",
                                "status": "INVALID_ARGUMENT",
                            }
                        }
                    ],
                    400,
                ),
            )
        ],
        sessions=["tool", "elsewhere"],
    ),
    right(
        "calls-without-tools-bedrock",
        "browser-use#1243",
        refuse=[when(_toolless, error(_BEDROCK))],
        sessions=["tool", "toolless"],
    ),
    right(
        "calls-without-tools-litellm",
        "LiteLLM before Bedrock and Anthropic",
        refuse=[
            when(
                _toolless,
                error(
                    "litellm.UnsupportedParamsError: Anthropic expects the `tools=` param to be"
                    " passed in when tool calls are in the messages."
                ),
            )
        ],
        sessions=["toolless"],
    ),
    right(
        "arguments-are-json",
        "vLLM, llama.cpp parse them",
        refuse=[
            any_call(
                lambda call: not call["function"]["arguments"].startswith("{"),
                error("Failed to parse tool call arguments as JSON", status=500),
            )
        ],
        sessions=["tool", "elsewhere"],
    ),
    right(
        "outputs-in-the-order-of-calls",
        "Mistral, Gemini",
        refuse=[
            when(
                lambda asked: (
                    _ids(asked)[: len(calls_of(asked))] != _ids(asked)[len(calls_of(asked)) :]
                ),
                error("Not the same number or order of function calls and responses"),
            )
        ],
        sessions=["tool", "elsewhere"],
    ),
]
