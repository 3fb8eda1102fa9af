import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from assistctl.cases import Case, Expectation, Judge, Matrix, Prompt, Stub, Suite, Turn
from assistctl.errors import Place
from assistctl.resources import (
    Assistant,
    CodeInterpreter,
    File,
    FileSearch,
    Function,
    FunctionTool,
    ScriptedCall,
    Target,
    VectorStore,
    Workspace,
)
from assistctl.spec import load

GOOD = Path(__file__).parent.parent / "workspaces" / "good-full"
ENVIRON = {"OPENAI_API_KEY": "sk-test"}


def file(path: str) -> File:
    data = (GOOD / path).read_bytes()
    return File(path, sha256(data).hexdigest(), len(data))


REFUND = Function(
    name="refund",
    place=Place("tools/bills.yaml", 2, 3),
    description="Refunds an amount.",
    parameters={
        "type": "object",
        "properties": {"amount": {"type": "number"}},
        "required": ["amount"],
    },
    python="bills:refund",
    python_place=Place("tools/bills.yaml", 3, 13),
    approval="ask",
    timeout=10,
)
NOTED = Function("noted", Place("tools/bills.yaml", 11, 3))
SHOP = Assistant(
    key="shop",
    place=Place("assistants/shop.yaml", 1, 1),
    settings={
        "name": "花店",
        "description": "Sells flowers; costs ${5}.",
        "model": "gpt-4.1",
        "instructions": "Sell ${FLOWERS}.\n",
        "top_p": 1,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "answer",
                "schema": {"type": "object", "properties": {"text": {"type": "string"}}},
            },
        },
        "reasoning_effort": "none",
        "metadata": {"team": "sales", "cost": "medium"},
    },
    tools=(
        CodeInterpreter((file("assistants/prices.csv"),)),
        FileSearch(
            "shop.file_search",
            {"max_num_results": 5, "ranking_options": {"ranker": "auto", "score_threshold": 0.5}},
        ),
        FunctionTool(
            Function(
                name="refund",
                place=Place("tools/bills.yaml", 2, 3),
                description="Refunds an amount.",
                parameters=REFUND.parameters,
                python="bills:refund",
                python_place=Place("tools/bills.yaml", 3, 13),
                approval="never",
                timeout=10,
            )
        ),
        FunctionTool(
            Function(
                name="save",
                place=Place("assistants/shop.yaml", 15, 5),
                python="bills:Book.save",
                python_place=Place("assistants/shop.yaml", 16, 13),
                timeout=2.5,
            )
        ),
        FunctionTool(
            Function(
                name="cancel",
                place=Place("assistants/shop.yaml", 20, 7),
                description="Cancels an order.",
                parameters={
                    "type": "object",
                    "properties": {"order": {"$ref": "#/$defs/order"}, "y": {"type": "integer"}},
                    "required": ["order", "y"],
                    "additionalProperties": False,
                    "$defs": {"order": {"type": "string", "pattern": "^[0-9]+$"}},
                },
                strict=True,
            )
        ),
        FunctionTool(Function("today", Place("assistants/shop.yaml", 30, 15))),
    ),
    run={
        "tool_choice": {"type": "function", "function": {"name": "refund"}},
        "max_prompt_tokens": 4096,
        "max_completion_tokens": 1024,
        "truncation_strategy": {"type": "last_messages", "last_messages": 10},
    },
)


def expects(kind: str, value: object, line: int, column: int) -> Expectation:
    return Expectation(kind, value, Place("assistants/shop.tests.yaml", line, column))


PROMPT = (GOOD / "assistants" / "shop.md").read_text("utf-8-sig")
TESTS = Suite(
    key="shop",
    file="assistants/shop.tests.yaml",
    cases=(
        Case(
            name="a refund with ${no variable}",
            place=Place("assistants/shop.tests.yaml", 8, 5),
            turns=(
                Turn(
                    "Give me my money back.",
                    (
                        expects("contains", "Done", 12, 17),
                        expects("not_contains", "sorry", 13, 22),
                        expects("not_contains", "no", 13, 29),
                        expects("regex", "^D", 14, 14),
                        expects("equals", "Done.", 15, 15),
                        expects(
                            "json_schema", {"type": ["string", "array"], "minLength": 1}, 16, 20
                        ),
                        expects("calls", {"function": "refund"}, 18, 11),
                        expects(
                            "calls",
                            {
                                "function": "refund",
                                "arguments": {"amount": 1.5},
                                "exact": True,
                                "times": 1,
                            },
                            19,
                            11,
                        ),
                        expects("never", "cancel", 20, 15),
                        expects("order", ["today", "refund"], 21, 14),
                        expects("status", "completed", 22, 15),
                        expects("seconds", 0.5, 23, 16),
                        expects("tokens", 1000, 24, 15),
                        expects("cost", 0.25, 25, 13),
                        expects("cited", "care.txt", 26, 14),
                        expects("rubric", "Is it kind?", 27, 15),
                    ),
                    ("assistants/handbook/care.txt",),
                ),
            ),
            stubs={"refund": Stub()},
            repeat=3,
            pass_rate=0.5,
        ),
        Case(
            name="two turns",
            place=Place("assistants/shop.tests.yaml", 28, 5),
            turns=(
                Turn("Hello"),
                Turn(
                    "Cancel it.",
                    (expects("status", "incomplete", 34, 26),),
                    ("assistants/prices.csv",),
                ),
            ),
            expect=(expects("calls", {"function": "cancel"}, 36, 22),),
            stubs={"refund": Stub(), "cancel": Stub(raises="It has left.")},
            repeat=1,
            pass_rate=0.5,
        ),
    ),
    judge=Judge("gpt-6.1", "Be strict."),
    matrix=Matrix(("local",), ("gpt-6.1",), (Prompt("shop.md", PROMPT),)),
)
DESK = Assistant(
    key="desk",
    place=Place("assistants/desk.yaml", 2, 1),
    settings={
        "model": "gpt-4.1-mini",
        "temperature": 0.5,
        "instructions": "You answer questions.\n\nBe kind.\n",
        "metadata": {"team": "sales", "cost": "low", "a": "same", "b": "same"},
        "response_format": "auto",
    },
    tools=(FileSearch("docs"),),
    run={"parallel_tool_calls": False},
)
DOCS = VectorStore(
    key="docs",
    place=Place("assistctl.yaml", 43, 3),
    files=(file("docs/a.md"), file("docs/deep/b.md")),
    name="Documents",
    chunking_strategy={
        "type": "static",
        "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400},
    },
    expires_after={"anchor": "last_active_at", "days": 7},
    metadata={"kind": "docs"},
)
SPARE = VectorStore("spare", Place("assistctl.yaml", 51, 3))
HANDBOOK = VectorStore(
    "shop.file_search",
    Place("assistants/shop.yaml", 8, 5),
    files=(file("assistants/handbook/care.txt"),),
    implicit=True,
)
LOCAL = Target(
    name="local",
    api="assistants",
    namespace="flowers",
    place=Place("assistctl.yaml", 11, 3),
    model={
        "base_url": "http://localhost:11434/v1",
        "api_key": "sk-test",
        "api": "chat",
        "profile": "ollama",
        "headers": {"X-Team": "flowers", "Authorization": "Bearer sk-test"},
        "extra_body": {"thinking": {"type": "disabled"}, "stop": ["a", 1, 2.5, True, None]},
        "drop": ["temperature", "top_p"],
        "stream": False,
        "query": {"api-version": "2026-05-01"},
        "ca_file": str(GOOD.resolve() / "certs" / "company.pem"),
        "context": 32768,
        "run_seconds": 3600,
        "timeout": 30,
        "models": {
            "gpt-4.1": "llama",
            "gpt-5": {
                "name": "qwen",
                "api": "auto",
                "profile": "vllm",
                "headers": {"a": "b"},
                "extra_body": {},
                "drop": [],
            },
            "gpt-6": {
                "stream": True,
                "query": {"a": "b"},
                "context": 256,
                "run_seconds": 1,
                "timeout": 0.5,
            },
        },
    },
)


def test_everything_that_can_be_declared_arrives() -> None:
    workspace, problems = load(GOOD, environ=ENVIRON)
    assert problems == ()
    assert workspace == Workspace(
        root=GOOD.resolve(),
        name="flowers",
        target=LOCAL,
        targets=("local", "prod", "elsewhere"),
        assistants={"desk": DESK, "shop": SHOP},
        stores={"docs": DOCS, "spare": SPARE, "shop.file_search": HANDBOOK},
        functions={"refund": REFUND, "noted": NOTED},
        scripts={
            "shop": [
                {
                    "when": r"(?i)hello|\${not a variable}",
                    "call": {"refund": {"amount": 1.5, "items": ["a", "b"]}},
                    "say": "Done.",
                },
                {"say": "Sorry?"},
            ]
        },
        scripted_calls=(
            ScriptedCall(
                Place("assistants/shop.script.yaml", 3, 12),
                "shop",
                "refund",
                {"amount": 1.5, "items": ["a", "b"]},
            ),
        ),
        suites={"shop": TESTS},
    )


def test_what_arrives_is_plain_json() -> None:
    workspace, _ = load(GOOD, environ=ENVIRON)
    shop = workspace.assistants["shop"]
    values = [shop.settings, shop.run, workspace.scripts["shop"], shop.functions[2].parameters]
    assert [type(value) for value in values] == [dict, dict, list, dict]
    assert type(shop.settings["response_format"]["json_schema"]) is dict


def test_a_target_has_its_own_overrides_namespace_and_key() -> None:
    workspace, problems = load(
        GOOD, target="prod", environ={**ENVIRON, "MODEL": "gpt-5-mini", "AGENTS_URL": ""}
    )
    assert problems == ()
    assert workspace.target == Target(
        name="prod",
        api="agents",
        namespace="flowers-prod",
        place=Place("assistctl.yaml", 30, 3),
        base_url="https://api.openai.com/v1",
        api_key="sk-test",
    )
    shop, desk = workspace.assistants["shop"].settings, workspace.assistants["desk"].settings
    assert (desk["model"], desk["temperature"]) == ("gpt-5-mini", 0.5)
    assert (shop["model"], shop.get("temperature", "undeclared")) == ("gpt-5", "undeclared")
    assert shop["metadata"] == {"team": "sales", "cost": "high", "stage": "prod"}
    docs = workspace.stores["docs"]
    assert (docs.name, docs.files) == ("Documents of prod", (file("docs/a.md"),))
    assert docs.chunking_strategy == DOCS.chunking_strategy


def test_a_secret_is_in_no_repr() -> None:
    local, _ = load(GOOD, environ=ENVIRON)
    prod, _ = load(GOOD, target="prod", environ=ENVIRON)
    assert "sk-test" not in repr((local, prod))


def test_an_almost_empty_workspace_is_one() -> None:
    root = GOOD.parent / "good-minimal"
    workspace, problems = load(root, environ={})
    assert problems == ()
    assert workspace == Workspace(
        root=root.resolve(),
        name="empty",
        target=Target("local", "assistants", "empty", Place("assistctl.yaml", 1, 1)),
        targets=("local",),
    )


def test_a_relative_root_is_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOOD)
    assert load(Path(), environ=ENVIRON) == load(GOOD, environ=ENVIRON)


def test_validating_imports_neither_the_sdk_nor_deepdiff() -> None:
    code = (
        "import sys; from pathlib import Path; from assistctl.spec import load;"
        f"print(load(Path({str(GOOD)!r}), environ={ENVIRON!r})[1]);"
        "print({'openai', 'deepdiff', 'pydantic', 'click'} & {*sys.modules})"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "()\nset()\n"
