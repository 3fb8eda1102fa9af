"""The judge judged: the endpoint is as strict as it says, and a verdict is what it means."""

from __future__ import annotations

import json

import pytest

from tests.server.models import judging, responses, sessions
from tests.server.models.asked import Asked
from tests.server.models.endpoint import endpoint_running
from tests.server.models.judging import bench, judge
from tests.server.models.mind import HELLO, Answer, price
from tests.server.models.replies import error, whole
from tests.server.models.switch import clear, respond, right
from tests.server.models.switches import state
from tests.server.models.ways import always, finish

CHAT = right("x", "here")
RESPONSES = right("x", "here", wires=frozenset({"responses"}))
TOOL = sessions.PRICE
FLAT = {"type": "function", **TOOL["function"]}
ASK = {"role": "user", "content": "What do a rose and a lily cost?"}
CALLS = Answer(calls=price("rose", "lily"))


def said(switch, wire, **body):
    """Status, and the error's message or None."""
    path = "/v1/chat/completions" if wire == "chat" else "/v1/responses"
    reply = respond(switch, Asked(wire, path, {}, {}, {"model": switch.name, **body}))
    text = b"".join(piece for piece in reply.pieces if isinstance(piece, bytes))
    return reply.status, json.loads(text)["error"]["message"] if reply.refused else None


def chat(*messages, switch=CHAT, **body):
    return said(switch, "chat", messages=list(messages), **body)


def respond_to(*items, switch=RESPONSES, **body):
    return said(switch, "responses", input=list(items), **body)


def called(call_id="call_a", **more):
    function = {"name": "price", "arguments": '{"flower": "rose"}'}
    call = {"id": call_id, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call], **more}


def output(call_id="call_a"):
    return {"role": "tool", "tool_call_id": call_id, "content": "5"}


@pytest.mark.parametrize(
    ("messages", "body", "refusal"),
    [
        ([], {}, "Invalid 'messages': empty array. Expected an array with minimum length 1."),
        ([ASK], {"input": []}, "Unrecognized request argument supplied: input"),
        (
            [ASK],
            {"temperature": None},
            "Invalid type for 'temperature': expected something, but got null instead.",
        ),
        (
            [ASK],
            {"tools": []},
            "Invalid 'tools': empty array. Expected an array with minimum length 1.",
        ),
        (
            [ASK],
            {"tool_choice": "required"},
            "Invalid value for 'tool_choice': only allowed when 'tools' are specified.",
        ),
        (
            [ASK],
            {"stream_options": {}},
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ),
        ([ASK], {"tools": [FLAT]}, "Invalid 'tools[0].function.name': ''."),
        (
            [ASK, called()],
            {},
            "An assistant message with 'tool_calls' must be followed by tool messages responding"
            " to each 'tool_call_id'. The following tool_call_ids did not have response"
            " messages: call_a",
        ),
        (
            [ASK, output()],
            {},
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding"
            " message with 'tool_calls'.",
        ),
        (
            [ASK, {"role": "assistant", "content": None}],
            {},
            "Invalid value for 'content': expected a string, got null. (messages[1])",
        ),
        (
            [ASK, called(reasoning_content="Hm."), output()],
            {},
            "'messages[1]' : property 'reasoning_content' is unsupported",
        ),
    ],
)
def test_chat_completions_are_refused_as_by_openai(messages, body, refusal):
    assert chat(*messages, **body) == (400, refusal)


def test_what_keeps_to_the_contract_is_answered():
    assert chat(ASK, called(), output(), tools=[TOOL]) == (200, None)
    assert respond_to(ASK, tools=[FLAT]) == (200, None)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"messages": []}, "Unknown parameter: 'messages'."),
        ({"tools": [TOOL]}, "Missing required parameter: 'tools[0].name'."),
        (
            {"max_output_tokens": 5},
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16,"
            " but got 5 instead.",
        ),
        ({"reasoning_effort": "low"}, "Unknown parameter: 'reasoning_effort'."),
        ({"previous_response_id": "resp_1"}, "Previous response with id 'resp_1' not found."),
        (
            {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "a"}]}]},
            "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "call_a", "output": "5"}]},
            "No tool call found for function call output with call_id call_a.",
        ),
        (
            {
                "input": [
                    ASK,
                    {
                        "type": "function_call",
                        "call_id": "call_a",
                        "name": "price",
                        "arguments": "{}",
                        "id": "call_a",
                    },
                ]
            },
            "Invalid 'input[1].id': 'call_a'. Expected an ID that begins with 'fc'.",
        ),
    ],
)
def test_responses_are_refused_as_by_openai(body, refusal):
    assert said(RESPONSES, "responses", **{"input": [ASK], **body}) == (400, refusal)


def made(include=(responses.ENCRYPTED,)):
    """What the model gave out for the question about two prices, and its outputs."""
    asked = Asked("responses", "/v1/responses", {}, {}, {"model": "x", "include": list(include)})
    items = responses.output(asked, CALLS)
    calls = [item for item in items if item["type"] == "function_call"]
    return items, [
        {"type": "function_call_output", "call_id": call["call_id"], "output": "5"}
        for call in calls
    ]


def test_calls_come_back_with_their_reasoning_and_outputs():
    (reasoning, first, second), outputs = made()
    assert respond_to(ASK, reasoning, first, second, *outputs) == (200, None)
    refused = (
        f"Item '{first['id']}' of type 'function_call' was provided without its required"
        f" 'reasoning' item: '{reasoning['id']}'."
    )
    assert respond_to(ASK, first, second, *outputs) == (400, refused)
    missing = f"No tool output found for function call {second['call_id']}."
    assert respond_to(ASK, reasoning, first, second, outputs[0]) == (400, missing)


def test_reasoning_that_is_not_as_it_was_is_refused():
    (reasoning, *calls), outputs = made()
    changed = {**reasoning, "encrypted_content": "gAAAAAother"}
    status, message = respond_to(ASK, changed, *calls, *outputs)
    assert (status, "could not be verified" in message) == (400, True)
    (bare, *_), _ = made(include=())
    status, message = respond_to(ASK, bare, *calls, *outputs)
    assert (status, "Items are not persisted" in message) == (404, True)


def test_reasoning_leads_to_something():
    (reasoning, *_), _ = made()
    status, message = respond_to(ASK, reasoning)
    assert (status, message) == (
        400,
        f"Item '{reasoning['id']}' of type 'reasoning' was provided without its required following"
        " item.",
    )


def test_a_signature_that_is_not_as_it_was_is_refused():
    switch = next(each for each in state.SWITCHES if each.name == "gemini-signature")
    call = called(f"call_{state.digest(switch.name)[:8]}0001")
    path = "/v1/chat/completions"

    def answer(attached):
        call["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": attached}}
        messages = [ASK, call, output(call["tool_calls"][0]["id"])]
        body = {"model": switch.name, "messages": messages}
        return respond(switch, Asked("chat", path, {}, {}, body)).status

    arguments = call["tool_calls"][0]["function"]["arguments"]
    assert answer(state.signature(arguments)) == 200
    assert answer(state.signature(arguments) + "x") == 400
    assert answer(state.SKIP) == 400


def judged(switch, tmp_path):
    with endpoint_running({switch.name: switch}) as endpoint, bench(endpoint, tmp_path) as on:
        return judge(on, switch, thorough=True)


HALF = whole(
    {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Good"},
                "finish_reason": "stop",
            }
        ]
    }
)


@pytest.mark.parametrize(
    ("switch", "verdict", "why"),
    [
        (right("usual", "x"), "right", ""),
        (
            right("half", "x", send=lambda *_: HALF, sessions=["plain"]),
            "wrong",
            f"plain: it said ['Good'], not ['{HELLO}']",
        ),
        (
            right("untold", "x", tells="temperature", sessions=["plain"]),
            "wrong",
            "plain: the notes do not tell of /temperature/: []",
        ),
        (
            clear("opaque", "x", "wilted", refuse=[always(error("No.", status=403))]),
            "wrong",
            "plain: failed without the endpoint's word: The model endpoint URL answered 403: No."
            " Check the model's api_key.",
        ),
        (
            clear("told", "x", "No", refuse=[always(error("No.", status=403))], sessions=["plain"]),
            "clear",
            "plain: polled, turn 1: failed: The model endpoint URL answered 403: No. Check the"
            " model's api_key.",
        ),
        (
            right("set", "x", settings={"nonsense": 1}, sessions=["plain"]),
            "wrong",
            "plain: the server does not start: unknown key of a model endpoint: nonsense",
        ),
        (
            right("cut", "x", shape=finish("length"), sessions=["tool"]),
            "clear",
            "tool: polled, turn 1: incomplete: max_completion_tokens",
        ),
        (
            right("else", "x", says={"Say good day.": ["Bye."]}, sessions=["plain"]),
            "wrong",
            f"plain: it said ['{HELLO}'], not ['Bye.']",
        ),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_a_verdict_is_what_it_means(switch, verdict, why, tmp_path, monkeypatch):
    found = judged(switch, tmp_path)
    address = found.why.split("endpoint ")[-1].split(" answered")[0]
    assert (found.verdict, found.why.replace(address, "URL") if "//" in address else found.why) == (
        verdict,
        why,
    )


def test_a_run_that_does_not_rest_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "_PATIENCE", 0.2)
    slow = right("slow", "x", send=lambda *_: whole("", 429, retry_after="5"), sessions=["plain"])
    with endpoint_running({"slow": slow}) as endpoint, bench(endpoint, tmp_path) as on:
        found = judge(on, slow)
    assert (found.verdict, found.why) == (
        "wrong",
        "plain: after 0.2 s the run is still in_progress",
    )
