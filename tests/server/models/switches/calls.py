"""How calls are spelt by endpoints that get it slightly wrong."""

from __future__ import annotations

import copy
import json

from tests.server.models.chat import call_id, completion, delta
from tests.server.models.replies import whole
from tests.server.models.switch import clear, right
from tests.server.models.ways import both, deltas, finish, ids, parts

TOOL = ["tool"]


def _in_one(asked, answer, chunks, change=lambda part, number: part):
    """Each call whole, in a chunk of its own."""
    made = []
    for number, call in enumerate(answer.calls):
        function = {"name": call.name, "arguments": call.json}
        part = {
            "index": number,
            "id": call_id(answer, number),
            "type": "function",
            "function": function,
        }
        made.append(delta(tool_calls=[change(part, number)]))
    kept = [chunk for chunk in chunks if not _calls(chunk)]
    return [*kept[:-2], *made, *kept[-2:]] if answer.calls else chunks


def _calls(chunk):
    return any(choice["delta"].get("tool_calls") for choice in chunk["choices"])


def whole_calls(change=lambda part, number: part):
    return lambda asked, answer, chunks: _in_one(asked, answer, chunks, change)


def _without(*names):
    return lambda part, number: {key: part[key] for key in part if key not in names}


def _arguments(change):
    def spelt(part, number):
        function = part["function"]
        return {**part, "function": {**function, "arguments": change(function["arguments"])}}

    return spelt


def _all_at_once(asked, answer, chunks):
    """All calls in one chunk."""
    made = _in_one(asked, answer, chunks)
    found = [
        part
        for chunk in made
        if _calls(chunk)
        for part in chunk["choices"][0]["delta"]["tool_calls"]
    ]
    kept = [chunk for chunk in made if not _calls(chunk)]
    return [*kept[:-2], delta(tool_calls=found), *kept[-2:]] if found else chunks


def _with_the_end(asked, answer, chunks):
    """The calls come with the finish_reason."""
    made = _all_at_once(asked, answer, chunks)
    if not answer.calls:
        return chunks
    at = next(number for number, chunk in enumerate(made) if _calls(chunk))
    last = copy.deepcopy(made[at])
    last["choices"][0]["finish_reason"] = "tool_calls"
    return [*made[:at], last, *made[at + 2 :]]


def _interleaved(asked, answer, chunks):
    """Arguments of two calls by turns."""
    made = [chunk for chunk in chunks if _calls(chunk)]
    if len(answer.calls) < 2:
        return chunks
    half = len(made) // 2
    mixed = [chunk for pair in zip(made[:half], made[half:], strict=True) for chunk in pair]
    kept = [chunk for chunk in chunks if not _calls(chunk)]
    return [*kept[:-2], *mixed, *kept[-2:]]


def _object_instead_of_list(part_of):
    def change(d):
        if d.get("tool_calls"):
            d["tool_calls"] = d["tool_calls"][0]
        return d

    return deltas(change)


def _function_call(asked, answer, chunks):
    """As it was before there were tools: one call, without an id."""
    if not answer.calls:
        return chunks
    call = answer.calls[0]
    spelt = delta(function_call={"name": call.name, "arguments": call.json})
    return [chunks[0], spelt, delta("function_call"), *chunks[-1:]]


def _one_by_one(asked):
    """A model that makes one call at a time."""
    from dataclasses import replace

    from tests.server.models import mind

    answer = mind.answer(asked)
    return replace(answer, calls=answer.calls[:1])


def say(*places):
    """White space and words around the calls: before the first, between, behind the last."""

    def shape(asked, answer, chunks):
        if not answer.calls:
            return chunks
        made, number = [], -1
        for chunk in chunks:
            begins = _calls(chunk) and "id" in chunk["choices"][0]["delta"]["tool_calls"][0]
            number += begins
            if begins and number < len(places) - 1 and places[number]:
                made.append(delta(content=places[number]))
            if chunk["choices"] and chunk["choices"][0]["finish_reason"] and places[-1]:
                made.append(delta(content=places[-1]))
            made.append(chunk)
        return made

    return shape


def _document(change):
    def send(asked, answer, chunks):
        body = completion(asked, answer)
        message = body["choices"][0]["message"]
        for number, call in enumerate(message.get("tool_calls") or []):
            message["tool_calls"][number] = change(call, number)
        return whole(body)

    return send


def _letter_by_letter(part):
    return part


def _name_again(name):
    """Continuations repeat the name, or say null or nothing."""

    def change(part):
        if "id" in part:
            return part
        return {**part, "function": {**part["function"], "name": name}}

    return parts(change)


def _new_id_each_time(asked, answer, chunks):
    made = copy.deepcopy(chunks)
    for number, chunk in enumerate(made):
        for part in (chunk["choices"] or [{"delta": {}}])[0]["delta"].get("tool_calls") or []:
            part["id"] = f"{part['index']}chatcmpl-tool-{number}"
    return made


def _brace_twice(asked, answer, chunks):
    """The same index, no ids, one name: a second object begins."""
    return _in_one(
        asked, answer, chunks, lambda part, number: {"index": 0, "function": part["function"]}
    )


def _zero_in_parts(*kept: str):
    """The parts of all calls have one index, and only these of a call's fields."""

    def change(part):
        return {"index": 0} | {name: part[name] for name in part if name in (*kept, "function")}

    return parts(change)


def _stringly(asked, answer, chunks):
    return _in_one(asked, answer, chunks, lambda part, number: {**part, "index": str(number)})


def _nameless(asked, answer, chunks):
    made = copy.deepcopy(chunks)
    for chunk in made:
        for part in (chunk["choices"] or [{"delta": {}}])[0]["delta"].get("tool_calls") or []:
            part["function"].pop("name", None)
    return made


SWITCHES = [
    right("calls-whole", "Gemini, Mistral, Ollama", shape=whole_calls(), sessions=TOOL),
    right("calls-in-one-chunk", "Mistral", shape=_all_at_once, sessions=TOOL),
    right("calls-with-the-end", "Mistral", shape=_with_the_end, sessions=TOOL),
    right("calls-interleaved", "the contract allows it", shape=_interleaved, sessions=TOOL),
    right("calls-one-by-one", "Llama", think=_one_by_one, sessions=TOOL),
    right("index-missing", "Gemini", shape=whole_calls(_without("index")), sessions=TOOL),
    right(
        "index-null",
        "gateways",
        shape=whole_calls(lambda p, n: {**p, "index": None}),
        sessions=TOOL,
    ),
    right(
        "index-missing-in-parts",
        "Gemini",
        shape=parts(lambda part: {key: part[key] for key in part if key != "index"}),
        sessions=TOOL,
    ),
    right(
        "index-zero-for-all",
        "Ollama",
        shape=both(whole_calls(lambda part, number: {**part, "index": 0}), finish("stop")),
        sessions=TOOL,
    ),
    right("index-as-text", "gateways", shape=_stringly, sessions=TOOL),
    right(
        "index-from-one",
        "gateways to Anthropic, whose words are block 0",
        shape=parts(lambda part: {**part, "index": part["index"] + 1}),
        sessions=TOOL,
    ),
    right(
        "index-with-gaps",
        "gateways",
        shape=parts(lambda part: {**part, "index": part["index"] * 3}),
        sessions=TOOL,
    ),
    right(
        "index-zero-and-no-ids",
        "one index, two objects",
        shape=_brace_twice,
        sessions=TOOL,
    ),
    right(
        "index-zero-in-parts-and-two-names",
        "one index, no ids: the name says that another begins",
        shape=_zero_in_parts(),
        sessions=["two-tools"],
    ),
    right(
        "index-zero-in-parts-and-ids",
        "one index: the id says that another begins",
        shape=_zero_in_parts("id", "type"),
        sessions=["tool", "two-tools"],
    ),
    right(
        "index-zero-whole-and-two-names",
        "one index, no ids",
        shape=_brace_twice,
        sessions=["two-tools"],
    ),
    right(
        "index-zero-whole-and-one-id",
        "one index, one id: the name says that another begins",
        shape=whole_calls(lambda part, number: {**part, "index": 0, "id": "call_0"}),
        sessions=["two-tools"],
    ),
    right("ids-empty", "llama.cpp of old", shape=ids(lambda number, usual: ""), sessions=TOOL),
    right("ids-null", "gateways", shape=ids(lambda number, usual: None), sessions=TOOL),
    right("ids-missing", "gateways", shape=whole_calls(_without("id")), sessions=TOOL),
    right("ids-the-same", "gateways", shape=ids(lambda number, usual: "call_0"), sessions=TOOL),
    right("ids-as-numbers", "gateways", shape=ids(lambda number, usual: number + 7), sessions=TOOL),
    right("ids-new-in-each-part", "SGLang of old", shape=_new_id_each_time, sessions=TOOL),
    right(
        "ids-like-kimi",
        "Kimi: functions.name:number",
        shape=ids(lambda number, usual: f"functions.price:{number}"),
        sessions=TOOL,
    ),
    right(
        "ids-of-a-hundred", "gateways", shape=ids(lambda n, usual: usual + "x" * 80), sessions=TOOL
    ),
    right("names-repeated", "SGLang", shape=_name_again("price"), sessions=TOOL),
    right("names-null-afterwards", "vLLM", shape=_name_again(None), sessions=TOOL),
    right("names-empty-afterwards", "Qwen on DashScope", shape=_name_again(""), sessions=TOOL),
    right("type-missing", "gateways", shape=whole_calls(_without("type")), sessions=TOOL),
    right(
        "type-null-afterwards",
        "vLLM",
        shape=parts(lambda part: {"type": None, "id": None, **part}),
        sessions=TOOL,
    ),
    right(
        "arguments-as-object",
        "Ollama's own",
        shape=whole_calls(_arguments(json.loads)),
        sessions=TOOL,
    ),
    right(
        "arguments-with-white-space",
        "Llama",
        shape=whole_calls(_arguments(lambda text: f"\n {text}\n\n")),
        sessions=TOOL,
    ),
    right(
        "arguments-escaped",
        "json.dumps",
        shape=whole_calls(_arguments(lambda text: text.replace("o", "\\u006f"))),
        sessions=TOOL,
    ),
    right("list-as-object", "gateways", shape=_object_instead_of_list(None), sessions=TOOL),
    right(
        "function-call-of-old",
        "OpenAI before tools",
        shape=_function_call,
        think=_one_by_one,
        sessions=TOOL,
    ),
    right("newline-before-calls", "pydantic-ai#8208", shape=say("\n", "", ""), sessions=TOOL),
    right(
        "newline-between-calls",
        "pydantic-ai#8208, vllm#49412",
        shape=say("", "\n", ""),
        sessions=TOOL,
    ),
    right("newlines-behind-calls", "vllm#49412", shape=say("", "", "\n\n"), sessions=TOOL),
    right("newlines-everywhere", "vllm#49412", shape=say("\n\n", "\n", "\n"), sessions=TOOL),
    right(
        "document-arguments-as-object",
        "Ollama's own",
        send=_document(lambda call, n: _arguments(json.loads)(call, n)),
        sessions=TOOL,
    ),
    right(
        "document-without-ids", "old servers", send=_document(_without("id", "type")), sessions=TOOL
    ),
    right(
        "document-with-index",
        "Gemini",
        send=_document(lambda c, n: {**c, "index": n}),
        sessions=TOOL,
    ),
    clear(
        "call-without-a-name",
        "models that lose the thread",
        "without saying which|name",
        shape=_nameless,
        sessions=TOOL,
    ),
]
