"""The flower shop behind six endpoints as they are: what each model does, refuses and demands.

The model runs code over the price list and searches it, saves the bill with the sums that the code
has printed, and cites what it found. In the second turn its code goes on with the variables of the
first, and its words with the numbers that it said.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from tests.server.models.asked import Asked
from tests.server.models.mind import FORGOTTEN, LOST, Answer, Call
from tests.server.models.replies import error, whole
from tests.server.models.switch import Switch, right
from tests.server.models.switches import openai, shapes, state
from tests.server.models.switches.calls import whole_calls
from tests.server.models.switches.parameters import pydantic
from tests.server.models.switches.thoughts import THOUGHT, before
from tests.server.models.ways import any_message, both, finish, first, unknown, when

SOLD = "今天卖出红玫瑰3支、郁金香2支、百合6支，请计算并保存账单。"
MORE = "再加两支向日葵"
SAVED = "账单已保存：成本 37.5 元，收入 75.0 元。{}"
BOTH = "已追加：成本 4.0 元，收入 10.0 元；两笔合计成本 41.5 元。"
_CODE = """
import csv
with open('/mnt/data/flower_prices.csv', encoding='utf-8') as file:
    prices = {row['花名']: row for row in csv.DictReader(file)}
def sums(sale):
    cost = sum(float(prices[name]['成本']) * number for name, number in sale.items())
    income = sum(float(prices[name]['售价']) * number for name, number in sale.items())
    print('sums', cost, income)
sums({'红玫瑰': 3, '郁金香': 2, '百合': 6})
"""
_MORE_CODE = "sums({'向日葵': 2})"
_MARK = re.compile(r"【\d+:\d+†source】")


def think(asked: Asked) -> Answer:
    if "向日葵" in asked.question:
        return _add(asked)
    if "红玫瑰" in asked.question:
        return _sell(asked)
    return Answer(LOST)


def _sell(asked: Asked) -> Answer:
    if not {"code_interpreter", "file_search", "save_bill"} <= set(asked.tools):
        return Answer(LOST)
    heard = {call.name: output for call, output in asked.outputs}
    if not heard:
        search = Call("file_search", {"query": "百合 售价"})
        return Answer(calls=(Call("code_interpreter", {"code": _CODE}), search))
    sums = re.search(r"sums ([\d.]+) ([\d.]+)", heard.get("code_interpreter", ""))
    mark = _MARK.search(heard.get("file_search", ""))
    if sums is None or mark is None:
        return Answer(LOST)
    cost, income = map(float, sums.groups())
    if "save_bill" not in heard:
        return Answer(calls=(Call("save_bill", {"totalCost": cost, "totalIncome": income}),))
    return Answer(SAVED.format(mark[0]))


def _add(asked: Asked) -> Answer:
    if "成本 37.5 元" not in asked.history:
        return Answer(FORGOTTEN)
    heard = {call.name: output for call, output in asked.outputs}
    if not heard:
        return Answer(calls=(Call("code_interpreter", {"code": _MORE_CODE}),))
    sums = re.search(r"sums ([\d.]+) ([\d.]+)", heard.get("code_interpreter", ""))
    if sums is None:
        return Answer(LOST)
    cost, income = map(float, sums.groups())
    if "save_bill" not in heard:
        return Answer(calls=(Call("save_bill", {"totalCost": cost, "totalIncome": income}),))
    return Answer(BOTH)


def _unnamed(asked: Asked) -> bool:
    """Gemini wants the function's name with each output."""
    names = {item.call_id: item.name for item in asked.items if item.kind == "call"}
    outputs = [item for item in asked.items if item.kind == "output"]
    return any((item.raw or {}).get("name") != names.get(item.call_id) for item in outputs)


def _out_of_order(asked: Asked) -> bool:
    roles = [message["role"] for message in asked.messages if message["role"] != "system"]
    wrong = {("user", "user"), ("assistant", "assistant"), ("tool", "user")}
    return roles[:1] != ["user"] or roles[-1] == "assistant" or bool(wrong & set(pairwise(roles)))


def _as_ollama(part, number):
    return {**part, "index": 0, "id": f"call_{part['id'][6:13]}{number}"}


_MISTRAL_IDS = next(each for each in shapes.SWITCHES if each.name == "mistral-ids")
_OPENAI = replace(openai.LUNA, name="shop-openai", think=think, tells="temperature")
_OPENAI_REFUSES = when(
    lambda asked: asked.wire == "responses" and asked.body.get("store") is not False,
    error("store is not allowed for this organization", param="store"),
)

SHOPS: dict[str, Switch] = {
    switch.name: switch
    for switch in (
        replace(_OPENAI, refuse=[*openai.LUNA.refuse, _OPENAI_REFUSES]),
        right(
            "shop-deepseek",
            "api-docs.deepseek.com/guides/thinking_mode",
            think=think,
            shape=both(state.here, state.thinks("reasoning_content")),
            refuse=[state.demands("reasoning_content", state.DEEPSEEK, foreign=True)],
            keys=frozenset({"reasoning_content"}),
        ),
        right(
            "shop-gemini",
            "ai.google.dev/gemini-api/docs/openai and /thought-signatures",
            think=think,
            shape=both(whole_calls(), state.here, state.signed("inline")),
            refuse=[
                state.demands_signature(),
                when(
                    _unnamed,
                    whole(
                        [
                            {
                                "error": {
                                    "code": 400,
                                    "message": "GenerateContentRequest.contents[2].parts[0]."
                                    "function_response.name: Name cannot be empty.",
                                    "status": "INVALID_ARGUMENT",
                                }
                            }
                        ],
                        400,
                    ),
                ),
            ],
            keys=frozenset({"extra_content"}),
        ),
        right(
            "shop-mistral",
            "docs.mistral.ai/capabilities/function_calling, mistral-common",
            think=think,
            shape=both(whole_calls(), _MISTRAL_IDS.shape),
            refuse=[
                *_MISTRAL_IDS.refuse,
                when(_out_of_order, error("Expected last role User or Tool", code="3230")),
                unknown("stream_options", pydantic("stream_options")),
            ],
        ),
        right(
            "shop-ollama",
            "docs.ollama.com/api/openai-compatibility",
            think=think,
            shape=both(
                before(reasoning=THOUGHT, content=""),
                whole_calls(_as_ollama),
                finish("stop"),
            ),
            keys=frozenset({"reasoning"}),
        ),
        right(
            "shop-llamacpp",
            "llama.cpp's tools/server/README.md",
            think=think,
            shape=before(reasoning_content=THOUGHT),
            refuse=[
                first(
                    1,
                    whole(
                        {
                            "error": {
                                "message": "Loading model",
                                "type": "unavailable_error",
                                "code": 503,
                            }
                        },
                        503,
                    ),
                ),
                when(
                    lambda asked: asked.messages[-1]["role"] == "assistant",
                    error("Cannot continue an assistant message", status=500),
                ),
                any_message(
                    lambda message: message["role"] == "developer",
                    error("Unknown role: developer", status=500),
                ),
            ],
            keys=frozenset({"reasoning_content"}),
        ),
    )
}
