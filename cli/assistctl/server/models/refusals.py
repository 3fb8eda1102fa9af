"""An endpoint's refusal, with a status or inside a stream, and the error of the run that it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx2

from assistctl.base_urls import with_version
from assistctl.redaction import Redaction
from assistctl.server.models.protocol import ErrorCode, ModelError
from assistctl.server.upstream import sentence

FAULTY = (400, 404, 405, 413, 422, 500, 501)
"""Statuses under which endpoints say what is wrong with a request; busy ones are others."""

_LONGEST = 1 << 20
"""Bytes of a refusal; some repeat the whole request."""
_REMEDIES = dict.fromkeys((401, 403), " Check the model's api_key.")
_ASTRAY = " Check the model's base_url, and the assistant's model name (`models` maps it)."
_NO_MODEL = " Check the assistant's model name (`models` maps it)."
_NO_TOOLS = re.compile(
    r"does not support (tools|function)|tool.{0,20} (is|are) not supported", re.I
)
_NO_TOOLS_REMEDY = (
    " The assistant has tools (code_interpreter and file_search are tools, too), which this model"
    " cannot call: choose another model, or remove them."
)
_STATUS_BY_WORD = (
    (re.compile(r"rate.?limit|too_many_requests|resource_exhausted", re.I), 429),
    (re.compile(r"overloaded|unavailable|server_is_busy", re.I), 529),
    (re.compile(r"authentication|invalid_api_key|unauthorized", re.I), 401),
    (re.compile(r"server_error|internal|timeout", re.I), 500),
)


@dataclass
class Refused(Exception):
    """`said` is its sentence without secrets, `text` all of it; `status` is guessed where it was
    told inside an answer that had begun well (`inside`)."""

    status: int
    said: str
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    inside: bool = False

    @cached_property
    def error(self) -> Mapping[str, Any]:
        """The error object, as far as it has one."""
        try:
            body = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        while isinstance(body, list) and body:
            body = body[0]
        if isinstance(body, dict) and isinstance(body.get("error"), dict):
            body = body["error"]
        return body if isinstance(body, dict) else {}

    @property
    def param(self) -> str:
        return str(self.error.get("param") or "")

    @property
    def code(self) -> str:
        return str(self.error.get("code") or self.error.get("type") or "")

    def mentions(self, pattern: str) -> bool:
        return re.search(pattern, self.text, re.IGNORECASE) is not None


async def refused(response: httpx2.Response, secrets: Sequence[str]) -> Refused:
    """Read what an answer with an error status says."""
    text = await _beginning(response)
    try:
        said = sentence(json.loads(text))
    except (ValueError, RecursionError):
        said = text.strip() or response.reason_phrase
    if response.is_redirect:
        said = f"the address has moved to {response.headers.get('location')}"
    return Refused(response.status_code, hidden(said, secrets)[:1000], text, response.headers)


async def _beginning(response: httpx2.Response) -> str:
    """As much of a body as can be a refusal: the rest is nobody's to wait for."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _LONGEST:
            break
    return body[:_LONGEST].decode(response.encoding or "utf-8", "replace")


def refused_inside(failure: Any, secrets: Sequence[str]) -> Refused:
    """What an event of an answer says of its failure: an object of several shapes, or a text."""
    text = failure if isinstance(failure, str) else json.dumps(failure, ensure_ascii=False)
    said = hidden(sentence(failure), secrets)[:1000]
    told = Refused(500, said, text, inside=True)
    for key in ("code", "status", "status_code"):
        number = str(told.error.get(key))
        if len(number) == 3 and number.isdecimal() and 400 <= int(number) < 600:
            told.status = int(number)
            return told
    words = " ".join(str(told.error.get(key) or "") for key in ("code", "type", "status"))
    for word, status in _STATUS_BY_WORD:
        if word.search(words):
            told.status = status
            return told
    told.status = 400 if "invalid" in words or "context" in words else 500
    return told


def hidden(text: str, secrets: Sequence[str]) -> str:
    """What an endpoint says, which clients and logs get to see, without the secrets that it may
    have been echoed with. To be done before a text is cut, or half a key is left over."""
    for secret in secrets or ("",):
        text = Redaction(secret).text(text)
    return text


def as_error(endpoint: str, told: Refused) -> ModelError:
    """The error that a refusal becomes if nothing can be done about it."""
    status = told.status
    if told.inside:
        text = f"The model endpoint {endpoint} failed while answering: {told.said}"
    else:
        text = f"The model endpoint {endpoint} answered {status}: {told.said}"
    if 300 <= status < 400:
        return ModelError("server_error", f"{text} Check the model's base_url.")
    if status in FAULTY and _NO_TOOLS.search(told.said):
        return ModelError("invalid_prompt", text + _NO_TOOLS_REMEDY)
    if not told.inside:
        text += _remedy(told, endpoint)
    return ModelError(_code(told), text)


def _remedy(told: Refused, endpoint: str) -> str:
    """What to do about it. Who speaks of models in a 404 has an API, but not this model."""
    if told.status != 404:
        return _REMEDIES.get(told.status, "")
    if told.mentions("model"):
        return _NO_MODEL
    meant = with_version(endpoint)
    return _ASTRAY + (f" Is {meant} meant, with /v1 at its end?" if meant else "")


def _code(told: Refused) -> ErrorCode:
    if told.status == 429 or "rate_limit" in told.code:
        return "rate_limit_exceeded"
    if told.status in (400, 413, 422) and not told.inside:
        return "invalid_prompt"
    return "server_error"
