"""What is different for one run, and what ends it, as somebody types it."""

import json
import re

import pytest

AT_THREE = """\
targets:
  responses: {api: responses, model: scripted}
  agents: {api: agents, model: scripted, emulate: [file_search]}
"""


@pytest.fixture
def three(shop):
    """The shop, with a target of each API."""
    shop.edit("assistctl.yaml", "targets:\n", AT_THREE)
    return shop


def errors(result):
    assert (result.code, result.out) == (64, "")
    return result.err.split("\nUsage:")[0] + "\n"


def test_what_no_assistant_can_have_no_run_has(shared):
    options = ("--temperature", "3", "--reasoning-effort", "hard", "--max-tokens", "9")
    assert errors(shared("run", "greeter", "Hello", *options, "--model", "")) == (
        "error: --max-tokens: `run.max_completion_tokens` must be at least 256, not 9; raise it\n"
        "--model: `model` is empty; give it a value\n"
        "--reasoning-effort: `reasoning_effort` must be none, minimal, low, medium, high, xhigh or"
        " max, not `hard`; choose one of them\n"
        "--temperature: `temperature` must be at most 2, not 3.0; lower it\n"
    )


def test_what_an_api_has_not_is_refused_with_the_way_out(three):
    options = ("--temperature", "0.5", "--retries", "1")
    assert errors(three("run", "-t", "agents", "greeter", "Hello", *options)) == (
        "error: --retries: it cannot be had at 'agents'; leave it out: the session would have the"
        " message twice\n"
        "--temperature: it cannot be had at 'agents'; leave it out: agents have no such thing\n"
    )
    thread = ("--thread", "sess_1", "--model", "gpt-6.1")
    assert errors(three("run", "-t", "agents", "greeter", "Hello", *thread)) == (
        "error: --model: a thread at 'agents' goes on as it began, without --model; begin a new"
        " one, without --continue and --thread\n"
    )


def test_another_model_is_the_runs_and_no_change_of_the_assistant(synced):
    (synced.root / "short.md").write_text("Be short.\n")
    options = ("--model", "gpt-6.1", "--instructions", "short.md", "--top-p", "0.5")
    code, _, err = synced("run", "greeter", "Hello", *options, "--format", "jsonl")
    assert (code, err) == (0, "")
    thread = json.loads(synced.raw("run", "greeter", "-c", "Bye", "--format", "json").stdout)[
        "thread"
    ]
    with synced.target() as target:
        first, second = target.list(f"/threads/{thread}/runs", order="asc")
    assert (first["model"], first["instructions"], first["top_p"]) == (
        "gpt-6.1",
        "Be short.\n",
        0.5,
    )
    assert (second["model"], second["instructions"]) == (
        "gpt-6-luna",
        "Greet in any language.",
    )
    assert synced("plan").out == "No changes. local is as declared.\n"


def test_instructions_must_be_text(shared):
    (shared.root / "picture.md").write_bytes(b"\x89PNG\xff")
    result = shared("run", "greeter", "Hello", "--instructions", "picture.md")
    said = "picture.md:1:1: byte 0x89 is not UTF-8; save the file as UTF-8\nerror: 1 problem\n"
    assert result == (1, "", said)


@pytest.mark.parametrize("target", ["local", "responses", "agents"])
def test_a_turn_that_is_over_its_limits_is_cancelled_and_says_which(three, target):
    _, _, err = three("run", "-t", target, "clerk", "wait", "--timeout", "1")
    if "sync" in err.splitlines()[-1]:
        three("sync", "-t", target, "--yes")
        _, _, err = three("run", "-t", target, "clerk", "wait", "--timeout", "1")
    assert err.endswith("error: the run ended as cancelled: the turn took longer than 1 s\n")
    code, _, err = three("run", "-t", target, "clerk", "sum", "--max-tool-rounds", "0")
    assert (code, err.splitlines()[-1]) == (
        1,
        "error: the run ended as cancelled: the model asked for tools in more than 0 rounds",
    )
    assert "→" not in err
    assert three("run", "-t", target, "clerk", "sum", "--max-tool-rounds", "1", "-q").code == 0


def test_a_dry_run_tells_what_would_be_sent_and_touches_nothing(shop):
    (shop.root / "short.md").write_text("Be short.\n")
    shop.edit("tools/till.py", "def add", "Path('imported').touch()\n\n\ndef add")
    options = ("--model", "gpt-6.1", "--instructions", "short.md", "--max-tokens", "300")
    attached = ("--attach", "handbook/care.md")
    assert shop("run", "clerk", "Hello,\nyou", "--dry-run", *options, *attached) == (
        0,
        """\
Nothing is sent. assistant/clerk at local would be told:
  thread: a new one
  model: gpt-6.1  (for this run)
  max_completion_tokens: 300  (for this run)
  tool: code_interpreter, 1 file
  tool: file_search, 1 file
  tool: function add(a, b)
  tool: function stuck()
  tool: function wait()
  tool: function refund(amount), which wants approval
  attached: care.md (25 bytes), for code_interpreter and file_search
  instructions, 10 characters  (for this run):
    Be short.
  message, 10 characters:
    Hello,
    you
""",
        "",
    )
    assert not (shop.root / "imported").exists()
    assert not (shop.root / ".assistctl" / "local.db").exists()


def test_a_dry_run_as_json_has_what_each_tool_is(shop):
    code, out, err = shop("run", "greeter", "-", "--dry-run", "--format", "json", stdin="Hello")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "target": "local",
        "api": "assistants",
        "assistant": "assistant/greeter",
        "thread": None,
        "message": "Hello",
        "attachments": [],
        "settings": {"model": "gpt-6-luna", "instructions": "Greet in any language."},
        "run": {},
        "once": [],
        "own": {},
        "tools": [],
    }
    _, out, _ = shop("run", "clerk", "Hello", "--dry-run", "--format", "jsonl")
    tools = json.loads(out)["tools"]
    assert tools[1]["files"] == ["handbook/care.md"]
    assert tools[5] == {
        "type": "function",
        "name": "refund",
        "description": "Give money back.",
        "parameters": {
            "type": "object",
            "properties": {"amount": {"type": "number"}},
            "required": ["amount"],
            "additionalProperties": False,
        },
        "strict": False,
        "approval": "ask",
    }


def test_a_dry_run_refuses_what_the_run_would(three):
    refused = ("--attach", "handbook/care.md")
    assert three("run", "greeter", "Hello", "--dry-run", *refused) == (
        1,
        "",
        "error: assistant/greeter has no tool that reads files; give it code_interpreter or"
        " file_search to use --attach\n",
    )
    code, _, _ = three("run", "-t", "agents", "greeter", "Hi", "--dry-run", "--top-p", "0.5")
    assert code == 64
    assert three("run", "greeter", "--continue", "Hi", "--dry-run").err == (
        "error: no conversation with assistant/greeter at local is known here yet; run it without"
        " --continue, or name a --thread\n"
    )


@pytest.mark.parametrize("target", ["local", "responses", "agents"])
def test_variables_are_of_one_run_and_the_defaults_are_synced(three, target):
    (three.root / "assistants" / "greeter.yaml").write_text(
        "instructions: 'Greet {{ who }}.'\nvariables: {who: everybody}\n"
    )
    three("sync", "-t", target, "--yes")
    at = ("run", "-t", target, "greeter")
    assert three(*at, "Hello", "-q", "--var", "who=Ada") == (0, "Welcome.\n", "")
    if target == "local":
        with three.target() as there:
            held = there.get(f"/assistants/{three.id_of('greeter', there)}")
        assert held["instructions"] == "Greet everybody."
    plan = three("plan", "-t", target)
    assert "No changes." in plan.out
    told = json.loads(three(*at, "Hi", "--var", "who=Ada", "--dry-run", "--format", "json").out)
    assert (told["settings"]["instructions"], told["once"]) == ("Greet Ada.", ["instructions"])
    assert errors(three(*at, "Hello", "--var", "whom=Ada", "--var", "who")) == (
        "error: --var wants NAME=VALUE in UTF-8, not `who`.\n"
    )
    assert errors(three(*at, "Hello", "--var", "whom=Ada")) == (
        "error: --var: assistant/greeter has no variable `whom`; did you mean `who`?\n"
    )


def test_a_variable_without_a_default_is_for_targets_that_hold_no_instructions(three):
    three.edit("assistants/greeter.yaml", "Greet in any language.", "'Greet {{ who }}.'")
    three.edit("assistants/greeter.yaml", "instructions", "variables: {who: }\ninstructions")
    code, _, err = three("validate")
    assert (code, err.splitlines()[0]) == (
        1,
        "assistants/greeter.yaml:1:1: `variables without a default` cannot be had at 'local', which"
        " speaks the Assistants API; give each variable a default, which the instructions can be"
        " synced with",
    )
    three("sync", "-t", "responses", "--yes")
    assert errors(three("run", "-t", "responses", "greeter", "Hi")) == (
        "error: --var: `who` has no default; write --var who=…\n"
    )
    run = three("run", "-t", "responses", "greeter", "Hi", "-q", "--var", "who=Ada")
    assert run == (0, "Welcome.\n", "")


def test_a_turn_that_has_cost_too_much_calls_nothing_more(three):
    three.edit(
        "assistctl.yaml",
        "targets:\n",
        "prices: {gpt-6-luna: {input: 100, output: 900}}\ntargets:\n",
    )
    three("sync", "-t", "responses", "--yes")
    code, _, err = three("run", "-t", "responses", "clerk", "sum", "--max-cost", "0.01")
    assert (code, "→" in err) == (1, False)
    assert re.fullmatch(
        r"error: the run ended as cancelled: the turn has cost 0\.\d{6}, more than 0\.01",
        err.splitlines()[-1],
    )
    assert three("run", "-t", "responses", "clerk", "sum", "--max-cost", "9", "-q").code == 0
    assert errors(three("run", "clerk", "sum", "--max-cost", "9")) == (
        "error: --max-cost: it cannot be had at 'local'; leave it out: what a run has used is told"
        " once it is over; use --max-tokens\n"
    )
    other = ("--model", "gpt-6.1", "--max-cost", "9")
    assert errors(three("run", "-t", "responses", "clerk", "sum", *other)) == (
        "error: --max-cost: `gpt-6.1` has no price; declare it under `prices`\n"
    )
