"""The API's first version, which a client asks for by `OpenAI-Beta: assistants=v1`.

A layer at the border: requests become those of v2 and answers those of v1, on the same addresses.
What is behind knows v2 only, so whatever one version has written the other can read. What an
assistant's `file_ids` are there, is decided in `files`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from assistctl.server.assistants_api.v1 import assistants, messages, requests
from assistctl.server.assistants_api.v1.answers import Translator
from assistctl.server.http.call import Answer, Call, Endpoint
from assistctl.server.http.idempotency import Answered
from assistctl.server.wire import Document

_REQUESTS: Mapping[tuple[str, str], Callable[[Document], Document]] = {
    ("POST", "/threads"): requests.thread,
    ("POST", "/threads/{thread_id}"): requests.thread_changes,
    ("POST", "/threads/{thread_id}/messages"): requests.message,
    ("POST", "/threads/{thread_id}/runs"): requests.run,
    ("POST", "/threads/runs"): requests.thread_and_run,
}


def _answer(endpoint: Endpoint, call: Call) -> Answer:
    translate = _REQUESTS.get((endpoint.method, endpoint.path))
    if translate is not None and isinstance(call.body, dict):  # else v2 says what is wrong
        call = replace(call, body=translate(call.body))
    translator = Translator(call.database, call.project)
    try:
        answer = endpoint.handler(call)
    except Answered as before:  # the answer that is kept is v2's, whoever asked first
        raise Answered(translator.document(before.answer)) from None
    return translator.answer(answer)


def endpoints(word: str, current: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """v1's own whose paths begin with a word (`assistants`, `threads`), and the `current` ones of
    v2."""
    everything = (*assistants.ENDPOINTS, *messages.ENDPOINTS)
    own = [each for each in everything if each.path.startswith(f"/{word}")]
    known = {(endpoint.method, endpoint.path) for endpoint in own}
    rest = [each for each in current if (each.method, each.path) not in known]
    return tuple(replace(each, handler=partial(_answer, each)) for each in (*own, *rest))
