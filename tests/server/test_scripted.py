"""The scripted model, turn by turn."""

from __future__ import annotations

import asyncio
import json

import pytest

from assistctl.server.models import Models
from assistctl.server.models.protocol import CallPart, Finish, ModelError, Request, TextPart
from assistctl.server.models.scripted import Scripted

TURNS = [
    {"when": "bill|账单", "call": {"save": {"sum": 3}, "log": None}, "say": "Saved the bill."},
    {"when": "^call only$", "call": {"save": {}}},
    {"when": "hello", "say": "Good day to you."},
]
NO_TURN = (
    "This is the scripted model, not a language model: no turn of its script matches this message."
)


def play(*messages, turns=TURNS, **options):
    async def collect():
        request = Request("any", list(messages), **options)
        return [part async for part in Scripted(turns).stream(request)]

    return asyncio.run(collect())


def user(content):
    return {"role": "user", "content": content}


def spoken(parts):
    return "".join(part.text for part in parts if isinstance(part, TextPart))


def calls(parts):
    found = {}
    for part in parts:
        if isinstance(part, CallPart):
            name, arguments = found.get(part.index, ("", ""))
            found[part.index] = (name + part.name, arguments + part.arguments)
    return [(name, json.loads(arguments)) for name, arguments in found.values()]


TOOL_ROUND = (
    {"role": "assistant", "tool_calls": [{"id": "c1"}]},
    {"role": "tool", "tool_call_id": "c1", "content": "ok"},
)


def test_the_first_matching_turn_speaks_in_several_deltas_and_stops():
    parts = play(user("hello there"))
    assert spoken(parts) == "Good day to you."
    assert len(parts) > 3
    assert isinstance(parts[-1], Finish) and parts[-1].reason == "stop"


def test_calls_go_out_in_one_round_and_the_words_follow_the_outputs():
    asked = play(user("the 账单 please"))
    assert calls(asked) == [("save", {"sum": 3}), ("log", {})]
    assert spoken(asked) == "" and asked[-1].reason == "tool_calls"
    answered = play(user("the 账单 please"), *TOOL_ROUND)
    assert spoken(answered) == "Saved the bill." and calls(answered) == []


def test_outputs_of_an_earlier_message_do_not_answer_a_later_one():
    assert calls(play(user("bill"), *TOOL_ROUND, user("another bill"))) != []


def test_only_the_last_user_message_is_searched_even_in_parts():
    parts = [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "hello"}]
    assert spoken(play(user("bill"), user(parts))) == "Good day to you."


def test_without_a_matching_turn_it_says_what_it_is():
    assert spoken(play(user("anything"))) == NO_TURN
    assert spoken(play(turns=[])) == NO_TURN


def test_a_turn_without_words_says_that_the_outputs_have_arrived():
    said = spoken(play(user("call only"), *TOOL_ROUND))
    assert said == (
        "The tool outputs have arrived. (This is the scripted model; the turn has no `say`.)"
    )


def test_a_turn_without_when_always_plays():
    assert spoken(play(user("?"), turns=[{"say": "ok"}])) == "ok"


def test_tool_choice_none_is_obeyed():
    assert calls(play(user("bill"), tool_choice="none")) == []


def test_usage_is_an_estimate_of_prompt_and_words():
    usage = play(user("hello"))[-1].usage
    assert (usage.prompt, usage.completion) == (5, 5)


def test_a_broken_pattern_names_its_turn():
    with pytest.raises(ModelError) as caught:
        play(user("x"), turns=[{"when": "(", "say": "never"}])
    assert caught.value.message.startswith(
        "Turn 1 of the script: `when` is not a regular expression"
    )


def test_the_assistants_metadata_finds_its_script():
    models = Models(None, {"shop/flowers": TURNS})
    assert models.answering("shop/flowers").note == (
        "answered by the scripted model, not by a language model"
    )


def test_without_model_and_script_the_error_names_the_ways_out():
    with pytest.raises(ModelError) as caught:
        Models(None, {}).answering("")
    assert caught.value.message == (
        "No model is set up to answer. Declare targets.local.model (an endpoint, or `scripted`),"
        " set OPENAI_API_KEY, or write a script for the assistant (<key>.script.yaml)."
    )


def test_the_word_scripted_answers_assistants_without_a_script_too():
    assert isinstance(Models("scripted", {}).answering(""), Scripted)


def test_an_endpoint_comes_before_a_script():
    models = Models({"base_url": "http://127.0.0.1:1/v1"}, {"a/b": TURNS})
    assert models.answering("a/b").note is None
    asyncio.run(models.aclose())


def test_another_word_than_scripted_is_refused():
    with pytest.raises(ValueError, match="model must be `scripted` or an endpoint, not 'gpt'"):
        Models("gpt", {})


def test_the_words_are_not_said_after_a_failed_call():
    failed = json.dumps({"error": {"type": "exception", "message": "disk full"}})
    output = {"role": "tool", "tool_call_id": "c1", "content": failed}
    parts = play(user("the bill"), TOOL_ROUND[0], output)
    assert spoken(parts) == (
        "A tool call failed: disk full (This is the scripted model; it does not try again.)"
    )


def test_an_output_that_cannot_be_read_is_no_failure():
    output = {"role": "tool", "tool_call_id": "c1", "content": "[" * 100_000}
    assert spoken(play(user("the bill"), TOOL_ROUND[0], output)) == "Saved the bill."


def test_an_assistant_without_a_script_borrows_the_turns_that_fit_its_tools():
    model = Models("scripted", {"a/b": TURNS}).answering("")
    assert isinstance(model, Scripted)

    def borrowed(*names):
        tools = [{"type": "function", "function": {"name": name}} for name in names]

        async def collect():
            request = Request("any", [user("the bill, hello")], tools=tools)
            return [part async for part in model.stream(request)]

        return asyncio.run(collect())

    assert calls(borrowed("save", "log", "more")) == [("save", {"sum": 3}), ("log", {})]
    assert spoken(borrowed("save")) == NO_TURN
