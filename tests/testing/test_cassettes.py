"""Models recorded on a real socket, and replayed where there is none."""

import json
import re

import pytest

from assistctl.errors import AssistctlError, DeclarationError
from assistctl.loading import load
from assistctl.server import EmbeddedServer, Settings
from assistctl.testing import Wanted, try_cases
from assistctl.testing.cassette import steady
from assistctl.verdicts import Outcome
from tests.server.chat_endpoint import Reply, call, chat_endpoint_running, say

KEY = "sk-made-up-0123456789abcdef"
WORKSPACE = """\
version: 1
workspace: shop
defaults: {{model: gpt-6-luna}}
targets:
  local: {{model: {{base_url: "{url}", api_key: "${{SHOP_KEY}}", api: {api}}}}}
  scripted: {{model: scripted, api: responses}}
"""
CLERK = """\
instructions: Sell flowers.
tools:
  - type: function
    function:
      name: sell
      parameters: {type: object, properties: {stems: {type: integer}}, required: [stems]}
"""
CASES = """\
judge: {model: gpt-6.1}
stubs: {sell: {returns: {sold_at: "2026-11-28T21:53:02Z", key: sk-of-somebody-0123456789}}}
cases:
  - name: a sale
    turns:
      - {user: Three roses., expect: {calls: [{function: sell, arguments: {stems: 3}}]}}
      - {user: Thanks!, expect: {contains: welcome}}
    expect: {rubric: The clerk is polite.}
  - name: a greeting
    repeat: 2
    pass_rate: 0.5
    user: Hello
    expect: {contains: Hello}
"""


@pytest.fixture
def endpoint():
    with chat_endpoint_running() as running:
        yield running


@pytest.fixture
def shop(tmp_path, endpoint, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", KEY)
    files = {
        "assistctl.yaml": WORKSPACE.format(url=endpoint.url, api="chat"),
        "assistants/clerk.yaml": CLERK,
        "assistants/clerk.tests.yaml": CASES,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def answers(endpoint, *, verdict="pass"):
    judgement = json.dumps({"reason": "It says so.", "verdict": verdict})
    endpoint.answer(
        call(("call_1", "sell", '{"stems": 3}')),
        say("Sold."),
        say("You are welcome."),
        say(judgement),
        say("Hello!"),
        say("Go away."),
    )


def recorded(shop, endpoint, **more):
    answers(endpoint, **more)
    report = try_cases(load(shop), Wanted(jobs=1, taping="record"))
    return report, shop / "assistants" / "clerk.cassette.json"


def replayed(shop, **more):
    return try_cases(load(shop, keyless=True), Wanted(taping="replay", **more))


def outcomes(report):
    return [(it.case.name, it.outcome.value, it.passed) for it in report.results]


def said(report):
    return [
        [answer.finished.text for answer in attempt.answers]
        for result in report.results
        for attempt in result.attempts
    ]


def told(report):
    return [
        verdict.came
        for result in report.results
        for attempt in result.attempts
        for verdict in attempt.unmet
    ]


PASSED = [("a sale", "passed", 1), ("a greeting", "passed", 1)]


def test_what_was_recorded_is_replayed_without_a_model_or_a_key(shop, endpoint, monkeypatch):
    report, cassette = recorded(shop, endpoint)
    assert outcomes(report) == PASSED, told(report)
    asked, before = len(endpoint.requests), cassette.read_bytes()
    assert asked == 6
    monkeypatch.delenv("SHOP_KEY")
    with pytest.raises(DeclarationError):
        load(shop)
    again = replayed(shop)
    assert outcomes(again) == PASSED, told(again)
    assert said(again) == [["Sold.", "You are welcome."], ["Hello!"], ["Go away."]]
    assert (len(endpoint.requests), cassette.read_bytes()) == (asked, before)


def test_a_cassette_holds_no_secret_and_nothing_of_the_moment(shop, endpoint):
    _, cassette = recorded(shop, endpoint)
    text = cassette.read_text("utf-8")
    assert KEY not in text
    assert "sk-of-somebody" not in text
    assert "[redacted]" in text
    assert "2026-11-28" not in text
    document = json.loads(text)
    assert document["endpoint"] == endpoint.url
    assert [it["take"] for it in document["exchanges"]].count(1) == 1
    assert all(it["target"] == "local" for it in document["exchanges"])


def test_recording_the_same_answers_again_writes_the_same_file(shop, endpoint):
    _, cassette = recorded(shop, endpoint)
    first = cassette.read_text("utf-8")
    recorded(shop, endpoint)
    assert cassette.read_text("utf-8") == first


def test_a_miss_is_an_error_that_says_what_differs(shop, endpoint):
    recorded(shop, endpoint)
    tests = shop / "assistants" / "clerk.tests.yaml"
    tests.write_text(CASES.replace("user: Hello", "user: Good evening"))
    asked = len(endpoint.requests)
    report = replayed(shop, only=("greeting",))
    assert outcomes(report) == [("a greeting", "error", 0)]
    first, _ = told(report)
    assert first == (
        "it ended as failed: server_error: "
        "clerk.cassette.json has no answer to what the model is asked now; the nearest differs in "
        'messages[1].content: "Good evening", recorded was "Hello"; record it anew with --record'
    )
    assert len(endpoint.requests) == asked


def test_the_nearest_request_is_the_one_whose_texts_are_most_alike(shop, endpoint):
    said = ("Hello", "Bye my key is on the table", "Rep")
    cases = [f"  - {{name: case {n}, user: {text}}}\n" for n, text in enumerate(said)]
    tests = shop / "assistants" / "clerk.tests.yaml"
    tests.write_text("cases:\n" + "".join(cases))
    endpoint.answer(say("Hello!"), say("Bye!"), say("What?"))
    try_cases(load(shop), Wanted(jobs=1, taping="record"))
    for asked, nearest in (("Hello you", 0), ("Bye, my key is on the bed", 1), ("Reply", 2)):
        tests.write_text(f'cases: [{{name: one, user: "{asked}"}}]')
        (came,) = told(replayed(shop))
        assert f'messages[1].content: "{asked}", recorded was "{said[nearest]}"' in came


def test_of_a_model_that_only_refuses_nothing_is_recorded(shop, endpoint):
    tests = shop / "assistants" / "clerk.tests.yaml"
    tests.write_text("cases: [{name: one, user: Hello}]")
    cassette = shop / "assistants" / "clerk.cassette.json"
    refusal = Reply(404, {"error": {"message": "The model `gpt-6-luna` does not exist"}})
    endpoint.answer(refusal)
    assert not try_cases(load(shop), Wanted(taping="record")).good
    assert not cassette.exists()
    endpoint.answer(say("Hello!"))
    assert try_cases(load(shop), Wanted(taping="record")).good
    before = cassette.read_text("utf-8")
    endpoint.answer(refusal)
    assert not try_cases(load(shop), Wanted(taping="record")).good
    assert cassette.read_text("utf-8") == before


def test_more_tries_than_were_recorded_are_a_miss(shop, endpoint):
    recorded(shop, endpoint)
    tests = shop / "assistants" / "clerk.tests.yaml"
    tests.write_text(CASES.replace("repeat: 2", "repeat: 3"))
    report = replayed(shop, only=("greeting",))
    assert [it.outcome for it in report.results[0].attempts] == [
        Outcome.PASSED,
        Outcome.FAILED,
        Outcome.ERROR,
    ]
    assert "in try 3, of which it has fewer" in told(report)[-1]


def test_only_what_is_recorded_anew_is_replaced(shop, endpoint):
    _, cassette = recorded(shop, endpoint)
    before = len(json.loads(cassette.read_text("utf-8"))["exchanges"])
    endpoint.answer(say("Hello there!"))
    try_cases(load(shop), Wanted(only=("greeting",), jobs=1, taping="record"))
    after = json.loads(cassette.read_text("utf-8"))["exchanges"]
    assert len(after) == before
    assert outcomes(replayed(shop)) == [("a sale", "passed", 1), ("a greeting", "passed", 2)]


def test_what_an_endpoint_refused_and_taught_is_replayed_too(shop, endpoint):
    sentence = "Unsupported parameter: 'stream_options' is not supported with this model."
    error = {"message": sentence, "type": "invalid_request_error", "param": "stream_options"}
    endpoint.answer(Reply(400, {"error": error}), say("Hello!"))
    report = try_cases(load(shop), Wanted(only=("greeting",), jobs=1, taping="record"))
    assert outcomes(report) == [("a greeting", "passed", 2)], told(report)
    assert outcomes(replayed(shop, only=("greeting",))) == [("a greeting", "passed", 2)]


def test_an_endpoint_that_is_busy_is_asked_again_and_that_is_not_kept(shop, endpoint):
    endpoint.answer(Reply(503, {"error": {"message": "busy"}}), say("Hello!"))
    report = try_cases(load(shop), Wanted(only=("greeting",), jobs=1, taping="record"))
    assert outcomes(report) == [("a greeting", "passed", 2)], told(report)
    cassette = json.loads((shop / "assistants" / "clerk.cassette.json").read_text("utf-8"))
    assert [it["status"] for it in cassette["exchanges"]] == [200, 200]


@pytest.mark.parametrize(
    ("verdict", "outcome", "came"),
    [
        ("fail", "failed", "the judge: It says so."),
        ("unknown", "error", "the judge cannot say: It says so."),
        ("perhaps", "error", "the judge cannot say: It says so."),
    ],
)
def test_a_judge_who_does_not_say_pass_is_no_pass(shop, endpoint, verdict, outcome, came):
    report, _ = recorded(shop, endpoint, verdict=verdict)
    assert outcomes(report)[0] == ("a sale", outcome, 0)
    assert told(report)[0] == came


def test_a_judge_is_shown_the_conversation_and_must_answer_in_json(shop, endpoint):
    recorded(shop, endpoint)
    (asked,) = (it for it in endpoint.requests if it["model"] == "gpt-6.1")
    assert asked["response_format"]["json_schema"]["name"] == "judgement"
    question = asked["messages"][-1]["content"]
    assert question.startswith("The criterion: The clerk is polite.\n\nThe conversation:\n")
    said = json.loads(question.partition("The conversation:\n")[2])
    assert [next(iter(each)) for each in said] == [
        *("user", "call", "assistant", "user", "assistant")
    ]


def test_a_judge_who_gives_no_json_is_an_error(shop, endpoint):
    endpoint.answer(
        call(("call_1", "sell", '{"stems": 3}')), say("Sold."), say("welcome"), say("Fine.")
    )
    report = try_cases(load(shop), Wanted(only=("sale",), jobs=1))
    assert outcomes(report) == [("a sale", "error", 0)]
    assert told(report) == ["the judge gave no verdict: 'Fine.'"]


@pytest.mark.parametrize("taping", ["record", "replay"])
def test_a_scripted_model_can_be_neither_recorded_nor_replayed(shop, taping):
    told = f"is scripted: there is nothing to {taping}; .* or leave out --{taping}$"
    with pytest.raises(AssistctlError, match=told):
        try_cases(load(shop, "scripted"), Wanted(taping=taping))


def test_what_was_not_recorded_cannot_be_replayed(shop):
    with pytest.raises(AssistctlError, match=r"there is no clerk\.cassette\.json to replay"):
        replayed(shop)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 9}', '{"version": 1, "exchanges": [{}], "endpoint": ""}']
)
def test_a_file_that_is_no_cassette_is_told(shop, text):
    (shop / "assistants" / "clerk.cassette.json").write_text(text)
    with pytest.raises(AssistctlError, match=r"^clerk\.cassette\.json is .*record it anew"):
        replayed(shop)


def test_requests_are_the_same_whatever_ids_and_times_they_have():
    def request(*ids, at):
        return {"messages": [f"{ids[0]} is not {ids[1]}", f"{ids[0]} at {at}"], "model": "gpt-6.1"}

    one = request("file-a1b2c3d4e5f6a1b2", "call_9z8y7x6w5v4u3t2s", at="2026-11-28T21:53:02Z")
    other = request(
        "file-b1b2c3d4e5f6a1b2", "call_8z8y7x6w5v4u3t2s", at="2027-01-01 00:00:00+01:00"
    )
    expected = {"messages": ["file-1 is not call_2", "file-1 at (time)"], "model": "gpt-6.1"}
    assert steady(one) == steady(other) == expected
    assert steady("run_in_background_is_a_word") == "run_in_background_is_a_word"


def test_answers_by_responses_in_one_piece_are_replayed_too(shop, endpoint):
    (shop / "assistctl.yaml").write_text(
        WORKSPACE.format(url=endpoint.url, api="responses, stream: false"), encoding="utf-8"
    )
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Hello!", "annotations": []}],
    }
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    body = {"id": "resp_1", "object": "response", "status": "completed", "output": [message]}
    endpoint.answer(Reply(200, body | {"usage": usage}))
    report = try_cases(load(shop), Wanted(only=("greeting",), taping="record"))
    assert outcomes(report) == [("a greeting", "passed", 2)], told(report)
    assert {path.rpartition("/")[2] for path in endpoint.paths} == {"responses"}
    asked = len(endpoint.requests)
    assert outcomes(replayed(shop, only=("greeting",))) == [("a greeting", "passed", 2)]
    assert len(endpoint.requests) == asked


def test_streamed_answers_by_responses_are_replayed_too(shop, tmp_path, monkeypatch):
    turns = [{"when": "roses", "call": {"sell": {"stems": 3}}, "say": "Sold."}]
    settings = Settings(tmp_path / "model.db", model="scripted", scripts={"any/model": turns})
    tests = CASES.replace("    expect: {rubric: The clerk is polite.}\n", "")
    tests = re.sub("contains: (welcome|Hello)", "contains: scripted", tests)
    (shop / "assistants" / "clerk.tests.yaml").write_text(tests, encoding="utf-8")
    with EmbeddedServer(settings) as model:
        monkeypatch.setenv("SHOP_KEY", model.api_key)
        (shop / "assistctl.yaml").write_text(
            WORKSPACE.format(url=model.base_url, api="responses"), encoding="utf-8"
        )
        report = try_cases(load(shop), Wanted(jobs=1, taping="record"))
    recorded_of_all = [("a sale", "passed", 1), ("a greeting", "passed", 2)]
    assert outcomes(report) == recorded_of_all, told(report)
    exchanges = json.loads((shop / "assistants" / "clerk.cassette.json").read_text("utf-8"))[
        "exchanges"
    ]
    assert [it["request"]["stream"] for it in exchanges] == [True] * 5
    streamed = ["response.output_text.delta" in json.dumps(it) for it in exchanges]
    assert sorted(streamed) == [False, True, True, True, True]  # one calls a function
    again = replayed(shop)
    assert outcomes(again) == recorded_of_all, told(again)
    assert said(again) == said(report)
