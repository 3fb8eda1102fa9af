"""What every answer has in common: kinds of objects and their ids, errors, the clock.

An error is always `{"error": {"message", "type", "param", "code"}}`, all four keys present. The
texts are the API's own where clients are known to parse them.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Any
Document: TypeAlias = dict[str, Any]
"""One object as the API shows it; keys that begin with `_` are the server's own, see `public`."""

_ALPHABET = string.ascii_letters + string.digits


class ApiError(Exception):
    """An answer other than 2xx.

    `type` is the API's class of error; `param` names the offending parameter and `code` the
    reason, either may be None. SDKs retry 408, 409, 429 and 5xx: a logic error has none of these.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",  # noqa: A002 - the wire's own word
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.param = param
        self.code = code

    def document(self) -> Document:
        """The body of the answer."""
        return {
            "error": {
                "message": str(self),
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


def invalid(param: str, why: str, code: str | None = "invalid_value") -> ApiError:
    """What stands in a parameter cannot be taken."""
    return ApiError(f"Invalid '{param}': {why}", param=param, code=code)


@dataclass(frozen=True)
class Kind:
    """A kind of object: its name in the store, what its ids begin with, what errors call it.

    Objects that come from elsewhere may have ids that begin with `foreign_prefix`. `within` is what
    errors call the object below which it stands, where they name that.
    """

    name: str
    prefix: str
    noun: str
    foreign_prefix: str | None = None
    within: str | None = None

    def new_id(self) -> str:
        """A fresh id: the prefix and 24 alphanumerics, since clients match ids by regex."""
        return self.prefix + "".join(secrets.choice(_ALPHABET) for _ in range(24))

    def names(self, value: str) -> bool:
        """Whether `value` can be an id of this kind."""
        foreign = self.foreign_prefix
        return value.startswith(self.prefix) or bool(foreign and value.startswith(foreign))

    def checked(self, value: str, param: str) -> str:
        """`value` if it can be an id of this kind; else 400, before anything is looked up."""
        if self.names(value):
            return value
        stem = self.prefix.rstrip("_-")
        raise invalid(param, f"'{value}'. Expected an ID that begins with '{stem}'.")

    def missing(self, value: str, parent: str = "") -> ApiError:
        """The 404 for an id that nothing has, or nothing below `parent`."""
        where = f" in {self.within} '{parent}'" if self.within else ""
        return ApiError(f"No {self.noun} found with id '{value}'{where}.", status=404)


ASSISTANT = Kind("assistant", "asst_", "assistant")
THREAD = Kind("thread", "thread_", "thread", "conv_")
CONVERSATION = Kind("thread", "conv_", "conversation", "thread_")
"""A conversation is a thread by another API's name: one object, found by either kind."""
ITEM = Kind("conversation.item", "item_", "item")
"""What a conversation holds beside messages and steps: what the Assistants API has no object for.
"""
MESSAGE = Kind("message", "msg_", "message")
RUN = Kind("run", "run_", "run")
RESPONSE = Kind("response", "resp_", "response")
STEP = Kind("step", "step_", "run step")
AGENT = Kind("agent", "agent_", "agent")
SESSION = Kind("agent.session", "sess_", "session")
TURN = Kind("run", "turn_", "turn")
"""A turn of a session is a run by another API's name."""
CALL = Kind("call", "call_", "tool call")
_AT_AZURE = "assistant-"
FILE = Kind("file", "file-", "file", _AT_AZURE)
UPLOAD = Kind("upload", "upload_", "upload")
UPLOAD_PART = Kind("upload.part", "part_", "upload part")
VECTOR_STORE = Kind("vector_store", "vs_", "vector store")
STORE_FILE = Kind("vector_store.file", "file-", "file", _AT_AZURE, "vector store")
STORE_BATCH = Kind("vector_store.file_batch", "vsfb_", "file batch")


def now() -> int:
    """The API's clock: seconds since the epoch, as an integer."""
    return int(time.time())


def public(document: Mapping[str, Any]) -> Document:
    """The document as clients see it, without the server's own `_` keys."""
    return {key: value for key, value in document.items() if not key.startswith("_")}


def deleted(kind: str, identity: str) -> Document:
    """The answer to DELETE; `kind` is the object name, such as "assistant.deleted"."""
    return {"id": identity, "object": kind, "deleted": True}


def whole_characters(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON may bring but nothing can store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
