"""What is sent of an assistant with each response."""

from assistctl.apis.responses.requests import request
from assistctl.errors import Place
from assistctl.resources import Assistant, FileSearch

PLACE = Place("assistants/shop.yaml", 1, 1)


def sent(settings, *tools, **more):
    fields = request(Assistant("shop", PLACE, settings, tools, **more), "ws/shop", [], ["vs_1"])
    assert fields.pop("metadata")["assistctl"] == "ws/shop"
    assert fields.pop("truncation") == "auto"
    return fields


def test_formats_are_flat():
    schema = {"name": "bill", "schema": {"type": "object"}, "strict": True}
    declared = {"response_format": {"type": "json_schema", "json_schema": schema}}
    assert sent(declared) == {"text": {"format": {"type": "json_schema", **schema}}}
    assert sent({"response_format": {"type": "json_object"}}) == {
        "text": {"format": {"type": "json_object"}}
    }
    assert sent({"response_format": "auto"}) == {}


def test_what_only_this_api_has_is_put_beside_what_all_have():
    own = {
        "reasoning": {"summary": "concise"},
        "text": {"verbosity": "low"},
        "tools": [{"type": "web_search"}],
        "max_tool_calls": 3,
    }
    settings = {"model": "gpt-6.1", "reasoning_effort": "low", "temperature": 0}
    search = FileSearch("handbook", {"max_num_results": 5})
    assert sent(settings, search, own={"responses": own}) == {
        "model": "gpt-6.1",
        "temperature": 0,
        "reasoning": {"summary": "concise", "effort": "low"},
        "text": {"verbosity": "low"},
        "tools": [
            {"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 5},
            {"type": "web_search"},
        ],
        "include": ["file_search_call.results"],
        "max_tool_calls": 3,
    }


def test_a_tool_is_chosen_by_its_name():
    chosen = {"tool_choice": {"type": "function", "function": {"name": "save"}}}
    assert sent({}, run=chosen) == {"tool_choice": {"type": "function", "name": "save"}}
    assert sent({}, run={"tool_choice": {"type": "file_search"}}) == {
        "tool_choice": {"type": "file_search"}
    }
    later = request(Assistant("shop", PLACE, {}, run=chosen), "ws/shop", [], [], begins=False)
    assert "tool_choice" not in later


def test_tokens_that_the_turn_has_used_are_taken_off():
    limited = Assistant("shop", PLACE, {}, run={"max_completion_tokens": 300})
    left = [request(limited, "o", [], [], spent=n)["max_output_tokens"] for n in (0, 100, 299)]
    assert left == [300, 200, 16]
