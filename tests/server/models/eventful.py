"""Ways to spell and to send an answer by Responses: shapes and senders get its events."""

from __future__ import annotations

import copy
import json

from tests.server.models import mind, responses
from tests.server.models.chat import pieces
from tests.server.models.mind import digest
from tests.server.models.replies import SSE, Reply, sse, whole


def without(*kinds: str):
    return lambda asked, answer, made: [each for each in made if each["type"] not in kinds]


def between(extra):
    """Another event behind each."""
    return lambda asked, answer, made: [each for event in made for each in (event, extra)]


def summarised(asked, answer, made):
    """The reasoning has a summary, which is streamed."""
    made = copy.deepcopy(made)
    thought = {"type": "summary_text", "text": "**Thinking** of flowers"}
    found = [item for event in made for item in items(event) if item["type"] == "reasoning"]
    for item in found:
        item["summary"] = [thought]
    at = next(n for n, event in enumerate(made) if event["type"] == "response.output_item.done")
    named = {"item_id": found[0]["id"], "output_index": 0, "summary_index": 0}
    parts = [
        {"type": "response.reasoning_summary_part.added", **named, "part": {**thought, "text": ""}},
        *(
            {"type": "response.reasoning_summary_text.delta", **named, "delta": piece}
            for piece in pieces(thought["text"])
        ),
        {"type": "response.reasoning_summary_text.done", **named, "text": thought["text"]},
        {"type": "response.reasoning_summary_part.done", **named, "part": thought},
    ]
    return [*made[:at], *parts, *made[at:]]


def items(event):
    if "item" in event:
        return [event["item"]]
    return (event.get("response") or {}).get("output") or []


def thought_aloud(asked, answer, made):
    """vLLM and LM Studio tell the reasoning itself."""
    made = copy.deepcopy(made)
    thought = {"type": "reasoning_text", "text": "The user wants flowers."}
    found = [item for event in made for item in items(event) if item["type"] == "reasoning"]
    for item in found:
        item["content"] = [thought]
    at = next(n for n, event in enumerate(made) if event["type"] == "response.output_item.done")
    named = {"item_id": found[0]["id"], "output_index": 0, "content_index": 0}
    parts = [
        {"type": "response.reasoning_text.delta", **named, "delta": piece}
        for piece in pieces(thought["text"])
    ]
    done = {"type": "response.reasoning_text.done", **named, "text": thought["text"]}
    return [*made[:at], *parts, done, *made[at:]]


def mute_delta(asked, answer, made):
    """Arguments and words come whole, with the items."""
    return without(
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
    )(asked, answer, made)


def only_completed(asked, answer, made):
    return made[-1:]


def bare_completed(asked, answer, made):
    """The last event does not repeat the output."""
    made = copy.deepcopy(made)
    made[-1]["response"]["output"] = []
    return made


def late_seal(asked, answer, made):
    """Only the item that is done has its encrypted content."""
    made = copy.deepcopy(made)
    for event in made:
        if event["type"] == "response.output_item.added":
            event["item"].pop("encrypted_content", None)
    return made


def unnumbered(asked, answer, made):
    """Which item is meant is said by its id alone."""
    places = ("output_index", "content_index")
    return [{key: event[key] for key in event if key not in places} for event in made]


def spent(tokens: int):
    """What has been cut at the limit says that it is completed."""

    def shape(asked, answer, made):
        made = copy.deepcopy(made)
        made[-1]["response"]["usage"]["output_tokens"] = tokens
        return made

    return shape


def numbered_zero(asked, answer, made):
    """All items have one index."""
    return [event | {"output_index": 0} if "output_index" in event else event for event in made]


def renamed(asked, answer, made):
    """Each event has another id of its item."""
    made = copy.deepcopy(made)
    for number, event in enumerate(made):
        if "item_id" in event:
            event["item_id"] += f"a{number}"
        elif "item" in event:
            event["item"]["id"] += f"a{number}"
    return made


def obfuscated(asked, answer, made):
    return [
        {**event, "obfuscation": "aB3"} if event["type"].endswith("delta") else event
        for event in made
    ]


def said_before(words: str):
    """A message comes before the calls."""

    def shape(asked, answer, made):
        if not answer.calls:
            return made
        talk = mind.Answer(words)
        said = responses.events(asked, talk, reasoning=False)
        message = said[-1]["response"]["output"][0] | {
            "id": "msg_" + digest(answer.key[:15])[:40] + "00"
        }
        inner = [
            json.loads(json.dumps(e).replace(responses.item_id("msg", talk.key), message["id"]))
            for e in said[2:-1]
        ]
        for event in inner:
            event["output_index"] = 1
        shifted = [
            {**event, "output_index": event["output_index"] + 1}
            if event.get("output_index")
            else event
            for event in made
        ]
        at = next(n for n, event in enumerate(shifted) if event.get("output_index", 0) > 1)
        last = copy.deepcopy(made[-1])
        last["response"]["output"].insert(1, message)
        return [*shifted[:at], *inner, *shifted[at:-1], last]

    return shape


def searched(asked, answer, made):
    """An item of a kind that nobody here has asked for."""
    item = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {}}
    found = [
        {"type": "response.output_item.added", "output_index": 9, "item": item},
        {"type": "response.web_search_call.completed", "output_index": 9, "item_id": "ws_1"},
        {"type": "response.output_item.done", "output_index": 9, "item": item},
    ]
    return [*made[:2], *found, *made[2:]]


def refused(asked, answer, made):
    """The model refuses, in a part of its own kind."""
    made = copy.deepcopy(made)
    kept = []
    for event in made:
        kind = event["type"]
        if kind.startswith("response.output_text"):
            event = {key: event[key] for key in event if key not in ("logprobs", "text")}
            event["type"] = kind.replace("output_text", "refusal")
            if kind.endswith("done"):
                event["refusal"] = answer.text
        for item in items(event):
            for part in item.get("content") or []:
                if part.get("type") == "output_text":
                    text = part.pop("text")
                    part.clear()
                    part.update(type="refusal", refusal=text)
        if "part" in event:
            text = event["part"].get("text", "")
            event["part"] = {"type": "refusal", "refusal": text}
        kept.append(event)
    return kept


def ended(kind: str, **fields):
    """Breaks off half-way; the response tells how it ended."""

    def shape(asked, answer, made):
        said = [n for n, event in enumerate(made) if event["type"].endswith(".delta")]
        cut = made[: said[len(said) // 2]]
        last = {**made[-1]["response"], "status": kind, "output": [], **fields}
        return [*cut, {"type": f"response.{kind}", "response": last}]

    return shape


def erring(event):
    def shape(asked, answer, made):
        said = [n for n, each in enumerate(made) if each["type"].endswith(".delta")]
        return [*made[: said[len(said) // 2]], event]

    return shape


def at_once(event):
    """Nothing but this, behind the first two events."""
    return lambda asked: Reply(
        200,
        {"content-type": SSE},
        [sse({**event, "sequence_number": 2}, str(event["type"]))],
    )


def failure(code: str, message: str, **response):
    failed = {"id": "resp_1", "object": "response", "status": "failed", "output": []}
    failed |= {"error": {"code": code, "message": message}, **response}
    return {"type": "response.failed", "response": failed}


def sent(spell, last: bytes = b""):
    def send(asked, answer, made):
        pieces_ = [spell(event) for event in responses.numbered(made)]
        return Reply(200, {"content-type": SSE}, [*pieces_, last])

    return send


def rewritten(change):
    def send(asked, answer, made):
        text = b"".join(sse(event, event["type"]) for event in responses.numbered(made))
        return Reply(200, {"content-type": SSE}, change(text))

    return send


def document(kind: str):
    def send(asked, answer, made):
        return whole(made[-1]["response"], content_type=kind)

    return send


def cut(asked, answer, made):
    sent = [sse(event, event["type"]) for event in responses.numbered(made)]
    return Reply(200, {"content-type": SSE}, sent[: len(sent) // 2], ended=False)
