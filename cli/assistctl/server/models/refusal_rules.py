"""What a refusal teaches: how the same thing may be asked so that the endpoint takes it.

Each rule looks at one kind of refusal and returns what to ask next, or None. A dialect only grows,
so the asking ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from assistctl.server.models.dialect import DROPPABLE, Api, Dialect, Quirk
from assistctl.server.models.images import has_images
from assistctl.server.models.overflow import Overflow, overflow
from assistctl.server.models.protocol import STATE, ModelError, PromptTooLong, Request
from assistctl.server.models.refusals import FAULTY, Refused

LEAST_ANSWER = 256
"""Tokens: rather than lower an answer's limit below this, the thread is shortened."""


@dataclass(frozen=True)
class Case:
    """A refusal of `body`, which was made from the request in the dialect; `settled` says that
    nothing but the dialect's API may be spoken."""

    told: Refused
    request: Request
    dialect: Dialect
    body: Mapping[str, Any]
    settled: bool

    @property
    def cap(self) -> int | None:
        """The limit of the answer as it was sent."""
        names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
        return next((self.body[name] for name in names if name in self.body), None)

    @property
    def calls(self) -> bool:
        return any(message.get("tool_calls") for message in self.request.messages)


Attempt: TypeAlias = tuple[Dialect, Request]


def learn(case: Case, error: ModelError) -> Attempt | None:
    """What to ask next; None if nothing can be done. Raises PromptTooLong, in the words of the
    error, where less of the thread has to be sent."""
    much = overflow(case.told)
    if much is not None and (much.limit or not _cap(case)):
        return _shorter(case, much, error)
    if case.told.status not in FAULTY:
        return None
    for rule in _RULES:
        attempt = rule(case)
        if attempt is not None and attempt != (case.dialect, case.request):
            return attempt
    return None


def _shorter(case: Case, much: Overflow, error: ModelError) -> Attempt:
    """The answer's limit gives way first, down to a point."""
    cap, room = case.cap, much.room
    if cap is not None and room is not None and LEAST_ANSWER <= room < cap:
        dialect = replace(case.dialect, context=much.limit)
        return dialect, replace(case.request, max_completion_tokens=room)
    if cap is not None and much.limit and much.prompt:
        much = replace(much, output=min(cap, max(LEAST_ANSWER, much.limit // 8)))
    raise PromptTooLong(error.message, much.excess, much.limit)


def _other_api(case: Case) -> Attempt | None:
    """The API that the endpoint says it wants, or the one that may be there where the other is
    not; what it does not have is not tried again."""
    told, dialect = case.told, case.dialect
    if case.settled:
        return None
    other: Api = "responses" if dialect.api == "chat" else "chat"
    if other == "responses" and other in dialect.refused_apis:
        return None  # where neither is there, Chat Completions have the last word
    if dialect.api == "chat" and told.status in (400, 404) and told.mentions(_WANTS_RESPONSES):
        return replace(dialect, api="responses"), case.request
    about_model = told.mentions(_OF_THE_MODEL)
    missing = told.status in (404, 405, 501) and not about_model
    if not missing and not (dialect.api == "responses" and told.mentions(_NOT_BY_RESPONSES)):
        return None
    refused = dialect.refused_apis | {dialect.api}
    return replace(dialect, api=other, refused_apis=refused), case.request


_OF_THE_MODEL = (
    r"model_not_found|deployment|model\b.{0,80}(not found|not exist)|(no such|unknown) model"
)
_WANTS_RESPONSES = r"v1/responses|\bresponses api"
_NOT_BY_RESPONSES = r"(not supported|cannot be used) (with|by|in) the responses"
_NO_IMAGES = (
    r"image input.{0,30}not (supported|enabled|available)|support image input|not a multimodal"
    r"|not support (images?\b(?! ?(type|format|url|file|/))|vision|multimodal|multi-modal)"
    r"|at most 0 image|missing data required for image input|unknown variant \W?image_url"
)


def _images(case: Case) -> Attempt | None:
    if has_images(case.request.messages) and case.told.mentions(_NO_IMAGES):
        return case.dialect.but(Quirk.NO_IMAGES), case.request
    return None


def _no_reasoning_with_tools(case: Case) -> Attempt | None:
    told = case.told
    if told.mentions(r"tools with reasoning_effort are not supported") and told.mentions(r"'none'"):
        return case.dialect.but(Quirk.EFFORT_NONE), case.request
    return None


def _state(case: Case) -> Attempt | None:
    """What has to come back, or what came back and is not taken."""
    told, dialect, request = case.told, case.dialect, case.request
    if told.mentions(r"encrypted.{0,3}content.{0,40}not supported"):
        return dialect.without(["include"]), request
    if told.mentions(
        r"invalid_encrypted_content|encrypted.{0,3}content.{0,120}(verif|decrypt|invalid)"
    ):
        return dialect, _stateless(request)
    if told.mentions(r"without its required|required following item|item with id .{0,80}not found"):
        stateless = _stateless(request)
        if stateless != request:
            return dialect, stateless
        return dialect.but(Quirk.CALLS_IN_WORDS), request
    if told.mentions(
        r"reasoning_content.{0,120}(must|missing|requir|need|pass)|missing.{0,20}reasoning_content"
    ):
        return dialect.but(Quirk.REASONING_OWED), request
    if told.mentions(r"thought.?signature"):
        if told.mentions(r"corrupt|not valid|invalid|mismatch") and dialect.has(Quirk.SIGNED_CALLS):
            return dialect, _stateless(request)
        return dialect.but(Quirk.SIGNED_CALLS), request
    return None


def _stateless(request: Request) -> Request:
    """The request without the state of earlier turns; if there is none, without any."""
    messages = request.messages
    users = [at for at, message in enumerate(messages) if message["role"] == "user"]
    old = range(users[-1] if users else 0)
    if not any(STATE in messages[at] for at in old):
        old = range(len(messages))
    bare = [
        {key: value for key, value in message.items() if key != STATE or at not in old}
        for at, message in enumerate(messages)
    ]
    return replace(request, messages=bare)


def _shape(case: Case) -> Attempt | None:
    """What a template or a validator says of the thread."""
    told, dialect = case.told, case.dialect
    quirk: Quirk | None = None
    if told.mentions(
        r"tool.?call.?id|tool_calls\S*\.id|tool_?use[._]?id|call_id"
    ) and told.mentions(r"must|length|pattern|match|a-z|too long|invalid"):
        quirk = Quirk.SHORT_IDS
    elif told.mentions(r"start with a user|first message.{0,40}\buser\b"):
        quirk = Quirk.USER_FIRST
    elif told.mentions(r"unexpected role 'user' after role 'tool'"):
        quirk = Quirk.TOOLS_ANSWERED
    elif told.mentions(
        r"system (role|message|prompt|instruction).{0,60}not (supported|enabled)"
    ) or (told.mentions(r"roles must alternate")):
        quirk = Quirk.NO_SYSTEM
    elif told.mentions(r"function_?response\.name|tool message.{0,60}\bname\b"):
        quirk = Quirk.NAMED_OUTPUTS
    elif case.calls and not case.request.tools and _wants_tools(told):
        quirk = Quirk.CALLS_IN_WORDS
    elif (
        case.calls
        and told.mentions(r"content")
        and told.mentions(
            r"null|\bnone\b|nil|must be a|should be a|required|missing|empty|invalid type|string"
        )
    ):
        return _other_content(case)
    if quirk is None:
        return None
    return dialect.but(quirk), case.request


def _wants_tools(told: Refused) -> bool:
    return told.mentions(
        r"toolConfig|tools=|\btools\b.{0,60}(must|requir|defin|param|specif|empty)"
    )


def _other_content(case: Case) -> Attempt | None:
    """Beside calls: null, else an empty text, else nothing at all."""
    dialect = case.dialect
    if dialect.api == "responses" or dialect.has(Quirk.NO_CONTENT):
        return None
    if dialect.has(Quirk.EMPTY_CONTENT):
        return dialect.but(Quirk.NO_CONTENT, no_longer=[Quirk.EMPTY_CONTENT]), case.request
    return dialect.but(Quirk.EMPTY_CONTENT), case.request


def _whole(case: Case) -> Attempt | None:
    told = case.told
    refused = told.param == "stream" or told.mentions(
        r"\bstream(ing|ed)?\b.{0,60}(not supported|unsupported|not allowed|not available|false)"
        r"|not support.{0,60}\bstream(ing)?\b|\bstream(ing)? (must be|is) (not|false|disabled)"
    )
    if refused and case.body.get("stream"):
        return case.dialect.but(Quirk.WHOLE), case.request
    return None


_MENTIONS: Mapping[str, str] = {
    "temperature": r"\btemperature\b",
    "top_p": r"\btop_p\b",
    "reasoning_effort": r"reasoning[_.]?effort|\beffort\b|\breasoning\b|\bthinking\b|\bthink\b",
    "tool_choice": r"tool.?choice",
    "response_format": r"response.?format|json.?schema|json.?mode|json_object|structured output"
    r"|text\.format|guided|response.?mime",
    "parallel_tool_calls": r"parallel.?tool",
    "stream_options": r"stream_options",
    "max_completion_tokens": r"max_(completion_|output_)?tokens",
    "include": r"\binclude\b",
    "store": r"\bstore\b",
    "strict": r"\bstrict\b",
}
_SENT_AS: Mapping[str, tuple[str, ...]] = {
    "reasoning_effort": ("reasoning_effort", "reasoning"),
    "response_format": ("response_format", "text"),
    "max_completion_tokens": ("max_completion_tokens", "max_tokens", "max_output_tokens"),
}
_USERS_FAULT = re.compile(
    r"invalid schema|invalid_json_schema|invalid_function_parameters|not found in"
    r"|tool.?choice.{0,40}(does not exist|unknown function)",
    re.IGNORECASE,
)


def _cap(case: Case) -> Attempt | None:
    """An answer longer than the model ever gives: its limit is one of the numbers told."""
    told, cap = case.told, case.cap
    if cap is None or not told.mentions(r"max\w{0,12}[ _]?tokens|completion tokens|output tokens"):
        return None
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", told.said)]
    less = [number for number in numbers if 1 < number < cap]
    if not less or not told.mentions(r"large|most|range|between|maximum|exceed|<=|>|less|limit"):
        return None
    beyond = told.mentions(r"exclusive|(lower|less|smaller) than (?!or)")
    return replace(case.dialect, cap=max(less) - beyond), case.request


def _parameters(case: Case) -> Attempt | None:
    """Options that are not known or not taken."""
    told = case.told
    if _USERS_FAULT.search(told.text):
        return None
    sent = [name for name in _MENTIONS if _is_sent(name, case)]
    sent += [key for key in _state_keys(case) if key not in sent]
    names = _named_by_param(told, sent) or [
        name for name in sent if told.mentions(_MENTIONS.get(name, rf"\b{re.escape(name)}\b"))
    ]
    if {"temperature", "top_p"} <= set(names) and told.mentions(r"\bboth\b"):
        names = ["top_p"]
    if not names or (told.status >= 404 and told.status != 422 and not _says_no(told)):
        return None
    dialect = case.dialect
    for name in names:
        dialect = _dropped(name, dialect, case)
    return dialect, case.request


def _is_sent(name: str, case: Case) -> bool:
    if name == "strict":
        return any(
            "strict" in (tool.get("function") or tool) for tool in case.body.get("tools", ())
        )
    return any(sent in case.body for sent in _SENT_AS.get(name, (name,)))


def _state_keys(case: Case) -> list[str]:
    """What state has brought back into the messages."""
    return [
        key
        for message in case.body.get("messages", ())
        if message.get("role") == "assistant"
        for key in message
        if key not in ("role", "content", "tool_calls", "refusal")
    ]


def _named_by_param(told: Refused, sent: list[str]) -> list[str]:
    top = re.split(r"[.\[]", told.param)[0]
    return [name for name in sent if top and top in _SENT_AS.get(name, (name,))]


def _says_no(told: Refused) -> bool:
    return told.mentions(
        r"support|unknown|unrecogni|permitted|unexpected|invalid|allow|not available"
        r"|unavailable|requires"
    )


def _dropped(name: str, dialect: Dialect, case: Case) -> Dialect:
    told = case.told
    if name == "response_format":
        kind = (case.request.response_format or {}).get("type")
        if kind == "json_schema" and dialect.api == "chat" and not dialect.has(Quirk.JSON_OBJECT):
            return dialect.but(Quirk.JSON_OBJECT)
    if name == "tool_choice" and dialect.api == "chat" and not dialect.has(Quirk.UNNAMED_CHOICE):
        named = isinstance(case.request.tool_choice, Mapping)
        if named and told.mentions(r"'object'|string values|(valid|be a) string"):
            return dialect.but(Quirk.UNNAMED_CHOICE)
    if name == "max_completion_tokens" and dialect.api == "chat":
        if not dialect.has(Quirk.OLD_CAP):
            return dialect.but(Quirk.OLD_CAP)
        if not _says_no(told):
            return dialect
        if told.mentions("max_completion_tokens"):
            return dialect.but(no_longer=[Quirk.OLD_CAP])
    elif name == "max_completion_tokens" and not _says_no(told):
        return dialect
    return dialect.without([name])


_RULES: tuple[Callable[[Case], Attempt | None], ...] = (
    _images,
    _other_api,
    _no_reasoning_with_tools,
    _state,
    _cap,
    _whole,
    _shape,
    _parameters,
)

assert set(DROPPABLE) <= set(_MENTIONS)
