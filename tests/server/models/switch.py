"""One way in which an endpoint behaves, and what is right to make of it.

A switch is looked up by the name of the model that is asked for. The plain endpoint behind all of
them keeps to OpenAI's contract; a switch says where this one differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tests.server.models import chat, mind, responses
from tests.server.models.asked import Asked, Wire
from tests.server.models.mind import Answer
from tests.server.models.replies import Reply, error, events, stream, whole

Verdict: TypeAlias = Literal["right", "clear", "wrong"]
Check: TypeAlias = Callable[[Asked], Reply | None]
"""Refuses a request, or lets it pass."""
Shape: TypeAlias = Callable[[Asked, Answer, list[Any]], list[Any]]
"""Changes the chunks (or events) of an answer."""
Send: TypeAlias = Callable[[Asked, Answer, list[Any]], Reply]
"""Puts chunks (or events) on the wire."""


@dataclass(frozen=True)
class Switch:
    """`source` is where the behaviour was reported, documented or seen.

    The endpoint: `wires` are those that it has (of others it says that they are not there);
    `refuse` is asked in order before the endpoint's own contract, from which it is free unless it
    is `strict`; `keys` are those of messages and calls, and `parameters` those, that it knows
    beyond OpenAI's; `think`,
    `shape` and `send` make its answer. The conversations: `sessions` by name, with more fields for
    the `assistant` or each `run`; `elsewhere` is the switch that the first turn of some is given
    to. `api` and `settings` are how the server is set up to ask it.

    What is right: `tells` is found in the notes of each run, and `word` in the last_error of one
    that fails (both regular expressions); `says` is what comes of a question here instead of the
    usual, `preface` what is said before or among the calls; what was refused once is not sent in
    the next run if that is to be `remembered`; `after` complains of the exchanges of one turn; the
    run has cost what the endpoint has `counted`, if that is to be looked at."""

    name: str
    source: str
    allowed: frozenset[Verdict] = frozenset({"right"})
    wires: frozenset[Wire] = frozenset({"chat"})
    api: str = "auto"
    refuse: Sequence[Check] = ()
    shape: Shape | None = None
    send: Send | None = None
    think: Callable[[Asked], Answer] = mind.answer
    keys: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    reasoning: bool = True
    strict: bool = True
    sessions: Sequence[str] = ("plain", "tool")
    assistant: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    tells: str | None = None
    word: str | None = None
    remembered: bool = False
    counted: bool = False
    settings: Mapping[str, Any] | None = None
    says: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    preface: str | None = None
    elsewhere: str = "ordinary"
    after: Callable[[Sequence[Any]], str | None] | None = None


def respond(switch: Switch, asked: Asked) -> Reply:
    """What this endpoint says to a request."""
    if asked.wire not in switch.wires:
        return _NOT_HERE[asked.wire](asked)
    for check in switch.refuse:
        if reply := check(asked):
            return reply
    if switch.strict and (reply := _contract(switch, asked)):
        return reply
    answer = switch.think(asked)
    made = (chat.chunks if asked.wire == "chat" else _events(switch))(asked, answer)
    if switch.shape:
        made = switch.shape(asked, answer, made)
    if switch.send:
        return switch.send(asked, answer, made)
    if asked.streamed:
        return stream(made) if asked.wire == "chat" else events(responses.numbered(made))
    return _whole(switch, asked, answer)


def _contract(switch: Switch, asked: Asked) -> Reply | None:
    if asked.wire == "chat":
        return chat.refused(asked, switch.keys, switch.parameters)
    return responses.refused(asked, switch.parameters, reasoning=switch.reasoning)


def _events(switch: Switch) -> Callable[[Asked, Answer], list[dict[str, Any]]]:
    return lambda asked, answer: responses.events(asked, answer, reasoning=switch.reasoning)


def _whole(switch: Switch, asked: Asked, answer: Answer) -> Reply:
    if asked.wire == "chat":
        return whole(chat.completion(asked, answer))
    items = responses.output(asked, answer, reasoning=switch.reasoning)
    return whole(responses.response(asked, answer, items))


_NOT_HERE: Mapping[Wire, Callable[[Asked], Reply]] = {
    "chat": lambda asked: error(
        "This model is only supported in v1/responses and not in v1/chat/completions.",
        404,
        param="model",
    ),
    "responses": lambda asked: error("Not Found", 404),
}


def right(name: str, source: str, **how: Any) -> Switch:
    """Whatever this endpoint does, the run completes with the whole answer."""
    return Switch(name, source, **how)


def clear(name: str, source: str, word: str, **how: Any) -> Switch:
    """There is no answer, and the run says why with the endpoint's word."""
    return Switch(name, source, **{"allowed": frozenset({"clear"}), "word": word, **how})
