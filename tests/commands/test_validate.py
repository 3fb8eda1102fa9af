import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import calling


def validate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return calling.run(["validate", "-C", str(root), *arguments])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Two assistants that share a function and a file."""
    texts = {
        "assistctl.yaml": """\
version: 1
workspace: shop
defaults: {model: gpt-4.1-mini}
vector_stores:
  handbook: {files: [prices.csv, handbook.md]}
""",
        "prices.csv": "花名,成本,售价\n红玫瑰,3,5\n",
        "handbook.md": "Water the roses.\n",
        "assistants/a.yaml": """\
instructions: Sell.
tools:
  - {type: code_interpreter, files: [../prices.csv]}
  - {type: function, function: refund}
""",
        "assistants/b.yaml": """\
instructions: Help.
tools:
  - {type: file_search, vector_store: handbook}
  - {type: function, function: refund}
  - {type: function, python: "bills:save"}
""",
        "tools/refund.yaml": """\
functions:
  refund: {description: Give it back., parameters: {type: object, properties: {}}}
""",
        "tools/bills.py": """\
raise SystemExit("validate must not run this")


def save(total: float) -> str:
    \"\"\"Save a bill.\"\"\"
""",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_a_valid_workspace_is_counted_in_one_line(workspace: Path) -> None:
    result = validate(workspace)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "Valid: 2 assistants, 2 functions, 2 files.\n"


def test_functions_are_counted_as_tools_list_and_doctor_have_them(workspace: Path) -> None:
    shared = '- {type: function, python: "bills:save"}'
    for key in ("c", "d"):
        (workspace / "assistants" / f"{key}.yaml").write_text(f"tools:\n{shared}\n")
    assert validate(workspace).stdout == "Valid: 4 assistants, 2 functions, 2 files.\n"


def test_a_valid_workspace_has_no_problems_in_json_and_no_words_with_quiet(
    workspace: Path,
) -> None:
    assert json.loads(validate(workspace, "--format", "json").stdout) == {
        "problems": [],
        "warnings": [],
    }
    quiet = validate(workspace, "-q")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_every_problem_is_shown_at_once_and_counted(workspace: Path) -> None:
    (workspace / "assistants" / "a.yaml").write_text("modle: gpt-5\n")
    (workspace / "tools" / "bills.py").write_text("def store() -> None: ...\n")
    result = validate(workspace)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "assistants/a.yaml:1:1: unknown key `modle`; did you mean `model`?\n"
        "assistants/b.yaml:5:30: tools/bills.py has no function 'save'; "
        "write it, or correct the name\n"
        "error: 2 problems\n"
    )
    as_json = validate(workspace, "--format", "json")
    assert (as_json.returncode, as_json.stderr) == (1, "")
    assert json.loads(as_json.stdout) == {
        "problems": [
            {
                "file": "assistants/a.yaml",
                "line": 1,
                "column": 1,
                "what": "unknown key `modle`",
                "remedy": "did you mean `model`?",
            },
            {
                "file": "assistants/b.yaml",
                "line": 5,
                "column": 30,
                "what": "tools/bills.py has no function 'save'",
                "remedy": "write it, or correct the name",
            },
        ],
        "warnings": [],
    }


def test_what_a_model_will_not_take_is_a_warning_and_no_problem(workspace: Path) -> None:
    with (workspace / "assistctl.yaml").open("a") as top:
        top.write("targets:\n  local:\n    model: {base_url: https://api.openai.com/v1}\n")
    (workspace / "assistants" / "b.yaml").write_text("model: gpt-6-luna\ntop_p: 0.5\n")
    result = validate(workspace)
    assert (result.returncode, result.stdout) == (0, "Valid: 2 assistants, 1 function, 2 files.\n")
    assert result.stderr == (
        "assistants/b.yaml:2:8: warning: `gpt-6-luna` takes no `top_p` but 1 while it reasons: "
        "it is left out; remove it, or declare `reasoning_effort: none`\n"
        "assistctl.yaml:3:19: warning: OpenAI has `gpt-4.1-mini` until 2027-01-14 and no longer; "
        "choose another, such as gpt-6-luna\n"
    )
    as_json = validate(workspace, "--format", "json")
    assert (as_json.returncode, as_json.stderr) == (0, "")
    told = json.loads(as_json.stdout)
    assert told["problems"] == []
    assert [(w["file"], w["line"], w["column"]) for w in told["warnings"]] == [
        ("assistants/b.yaml", 2, 8),
        ("assistctl.yaml", 3, 19),
    ]
    quiet = validate(workspace, "-q")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_validate_imports_neither_the_sdk_nor_the_differ(workspace: Path) -> None:
    code = (
        "import sys\n"
        "from assistctl.main import main\n"
        "try:\n    main(['-C', sys.argv[1], 'validate'])\n"
        "except SystemExit as left:\n    assert left.code == 0\n"
        "heavy = {'openai', 'deepdiff', 'rich', 'starlette', 'uvicorn', 'pydantic', 'bills'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(workspace)], capture_output=True, text=True
    )
    assert result.stdout.splitlines()[-1:] == ["[]"], result.stderr


def test_calls_in_a_script_that_could_not_be_made_are_warnings_with_their_places(shop):
    (shop.root / "assistants" / "clerk.script.yaml").write_text(
        """\
turns:
  - when: sum
    call: {ad: {a: 1, b: 2}}
  - when: more
    call:
      add: {a: 1, c: "2"}
      code_interpreter: {python: "1 + 1"}
      file_search: {query: roses}
  - when: fine
    call: {add: {a: 1, b: 2}, refund: {amount: 5}}
"""
    )
    (shop.root / "assistants" / "greeter.script.yaml").write_text("turns: [{call: {add: {}}}]\n")
    code, out, err = shop("validate")
    assert (code, out) == (0, "Valid: 2 assistants, 4 functions, 2 files.\n")
    clerk, fit = "assistants/clerk.script.yaml", "the arguments do not fit the parameters of"
    assert err.splitlines() == [
        f"{clerk}:3:12: warning: the assistant clerk has no function 'ad' to call; did you mean "
        "'add'?",
        f"{clerk}:6:7: warning: {fit} add; 'b' is a required property; Additional properties are "
        "not allowed ('c' was unexpected)",
        f"{clerk}:7:7: warning: {fit} code_interpreter; 'code' is a required property",
        "assistants/greeter.script.yaml:1:17: warning: the assistant greeter has no function 'add' "
        "to call; it has none",
    ]
    assert shop("validate", "--strict").code == 1


def test_a_python_for_the_tools_that_is_not_there_is_a_warning_since_a_plan_does_without(shop):
    with (shop.root / "assistctl.yaml").open("a") as file:
        file.write("tools: {python: .venv/bin/python}\n")
    warned = (
        "assistctl.yaml:11:17: warning: `python`: .venv/bin/python does not exist; make the "
        "environment, or correct the path\n"
    )
    code, out, err = shop("validate")
    assert (code, err) == (0, warned)
    assert out.startswith("Valid: ")
    assert shop("validate", "--strict").code == 1
    assert shop("plan").err == ""


def test_what_is_wrong_with_tests_alone_keeps_nothing_but_validate_and_test_from_work(shop):
    tests = shop.root / "assistants" / "greeter.tests.yaml"
    tests.write_text("cases:\n  - {name: greets, user: hello, expect: {contians: Welcome}}\n")
    (shop.root / "assistants" / "gone.tests.yaml").write_text("cases: [{name: a, user: b}]\n")
    faults = [
        "assistants/gone.tests.yaml: {}there is no assistant `gone` beside these tests; write "
        "assistants/gone.yaml, or rename the file after its assistant\n",
        "assistants/greeter.tests.yaml:2:42: {}unknown key `contians` in `cases[0].expect`; did "
        "you mean `contains`?\n",
    ]
    wrong = "".join(it.format("") for it in faults) + "error: 2 problems\n"
    for command in (["validate"], ["test"], ["plan", "--with-tests"]):
        assert shop(*command) == (1, "", wrong)
    warned = "".join(it.format("warning: ") for it in faults)
    assert (shop("plan").code, shop("plan").err) == (0, warned)
    code, _, err = shop("sync", "--yes")
    assert (code, err.startswith(warned)) == (0, True)
    assert shop("plan", "-q") == (0, "No changes. local is as declared.\n", "")
    assert shop("list").code == 0
    assert shop("run", "greeter", "hello").out == "Welcome.\n"
    shop.edit("assistctl.yaml", "version: 1", "versoin: 1")
    assert len(shop("plan").err.splitlines()) == 5  # with all else that is wrong it is told
