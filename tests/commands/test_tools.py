"""assistctl tools: what is declared, what the model is told of it, and a call by hand."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def test_every_function_is_listed_with_its_place_and_who_has_it(synced):
    synced.edit(
        "assistants/greeter.yaml",
        "instructions",
        "tools: [{type: function, python: "
        "'till:add'}, {type: function, python: 'till:wait', timeout: 5}]\ninstructions",
    )
    (synced.root / "tools" / "spare.yaml").write_text(
        "functions:\n  spare: {description: Nobody has it., strict: true, parameters: "
        "{type: object, properties: {}, required: [], additionalProperties: false}}\n"
    )
    assert synced("tools", "list") == (
        0,
        """\
FUNCTION  CALLS        WHERE                 USED BY         APPROVAL  STRICT
add       till:add     tools/till.py:7       clerk, greeter  never
refund    till:refund  tools/till.py:24      clerk           ask
spare                  tools/spare.yaml:2:3                  never     yes
stuck     till:stuck   tools/till.py:12      clerk           never
wait      till:wait    tools/till.py:17      clerk           never
wait      till:wait    tools/till.py:17      greeter         never
""",
        "",
    )
    code, out, err = synced("tools", "list", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)[-1] == {
        "name": "wait",
        "python": "till:wait",
        "mcp": None,
        "source": "tools/till.py:17",
        "declared": "assistants/greeter.yaml:1:47",
        "used_by": ["greeter"],
        "approval": "never",
        "timeout": 5,
        "strict": False,
        "context": [],
    }


def test_without_functions_that_is_said(shared, tmp_path):
    (tmp_path / "assistctl.yaml").write_text("version: 1\nworkspace: empty\n")
    assert shared("tools", "list", "-C", str(tmp_path)) == (0, "No functions are declared.\n", "")


def test_a_function_is_shown_as_the_model_gets_it(shared):
    code, out, err = shared("tools", "show", "refund")
    assert (code, err) == (0, "")
    facts, brace, schema = out.partition("{")
    assert (
        facts
        == """\
refund
  python: till:refund
  source: tools/till.py:24
  declared: assistants/clerk.yaml:16:5
  used by: clerk
  approval: ask
"""
    )
    assert json.loads(brace + schema) == {
        "name": "refund",
        "description": "Give money back.",
        "parameters": {
            "type": "object",
            "properties": {"amount": {"type": "number"}},
            "required": ["amount"],
            "additionalProperties": False,
        },
    }
    whole = json.loads(shared("tools", "show", "refund", "--format", "json").out)
    assert (whole["approval"], whole["function"]) == ("ask", json.loads(brace + schema))


def test_a_call_writes_what_the_model_would_get_and_the_rest_beside_it(shared):
    call = '{"a": 1, "b": 2}'
    assert shared("tools", "call", "add", call) == (0, "3\n", "← add ok  … s\n")
    assert shared("tools", "-q", "call", "add", "-", stdin=call) == (0, "3\n", "")
    assert shared("-q", "tools", "call", "clerk/add", call) == (0, "3\n", "")


def test_a_call_that_fails_shows_the_traceback_and_exits_1(shared):
    output = '{"error": {"type": "exception", "message": "OSError: the till is stuck"}}\n'
    assert shared("tools", "call", "stuck") == (
        1,
        output,
        "✗ stuck exception: OSError: the till is stuck  … s\n"
        "    Traceback (most recent call last):\n"
        f'      File "{shared.root}/tools/till.py", line 14, in stuck\n'
        '        raise OSError("the till is stuck")\n'
        "    OSError: the till is stuck\n",
    )
    code, out, err = shared("tools", "call", "stuck", "-q", "--format", "json")
    assert (code, err) == (1, "✗ stuck exception: OSError: the till is stuck  … s\n")
    answer = json.loads(out)
    assert answer.pop("trace")["short"] == (
        'tools/till.py:14 in stuck: raise OSError("the till is stuck")'
    )
    assert answer == {
        "name": "stuck",
        "arguments": {},
        "output": output.strip(),
        "seconds": 0,
        "error": "exception: OSError: the till is stuck",
    }


def test_arguments_are_held_against_the_schema(shared):
    code, out, _ = shared("tools", "call", "add", '{"a": 1, "b": "2"}')
    assert (code, json.loads(out)["error"]["details"]) == (
        1,
        [{"at": "b", "message": "'2' is not of type 'integer'"}],
    )


def test_who_must_approve_is_asked_on_a_terminal_and_nobody_elsewhere(synced):
    call = ("tools", "call", "refund", '{"amount": 5}')
    refusal = "refund needs approval, and nobody can be asked"
    assert synced(*call) == (
        1,
        f'{{"error": {{"type": "not_approved", "message": "{refusal}"}}}}\n',
        f"✗ refund not_approved: {refusal}  … s\n",
    )
    with synced.on_terminal(*call) as terminal:
        terminal.wait_for('Call refund({"amount": 5})? [y/N]: ')
        terminal.type("n\n")
        assert terminal.end() == 1
    assert not (synced.root / "refunded").exists()
    with synced.on_terminal(*call) as terminal:
        terminal.wait_for("[y/N]: ")
        terminal.type("y\n")
        assert terminal.end() == 0
    (synced.root / "refunded").unlink()
    assert synced(*call, "--approve-all", "-q") == (0, "refunded\n", "")
    assert (synced.root / "refunded").read_text() == "5.0"


def test_what_a_tool_returns_is_harmless_on_a_terminal(synced):
    synced.edit("tools/till.py", "return a + b", 'return "\\x1b[2J"')
    synced.edit("tools/till.py", "-> int", "-> str")
    call = ("tools", "call", "add", '{"a": 1, "b": 2}', "-q")
    assert synced(*call) == (0, "\x1b[2J\n", "")
    with synced.on_terminal(*call) as terminal:
        assert terminal.end() == 0
    assert terminal.shown == "\\x1b[2J\n"


def apart(shop):
    """Let its tools run in an interpreter of their own, whose streams are the command's."""
    shop.forks = True
    python = shop.root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True)
    shop.edit(
        "assistctl.yaml", "vector_stores:", "tools: {python: .venv/bin/python}\nvector_stores:"
    )


def test_a_run_calls_tools_in_an_interpreter_of_their_own(synced):
    apart(synced)
    synced.edit("tools/till.py", "import time", "import sys\nimport time")
    synced.edit("tools/till.py", "return a + b", "print('sum', sys.prefix); return a + b")
    code, out, err = synced("run", "clerk", "sum")
    assert (code, out) == (0, "The sum is 3.\n")
    assert f"sum {synced.root}/.venv\n" in err
    _, _, err = synced("run", "clerk", "Is it stuck?")
    assert '    tools/till.py:15 in stuck: raise OSError("the till is stuck")\n' in err


def pid_of_waiting(shop):
    """The process of the tool that waits, once it does."""
    waiting = shop.root / "waiting"
    while not waiting.exists() or not waiting.read_text():
        time.sleep(0.02)
    return waiting.read_text()


def ends(pid):
    for _ in range(600):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().split(") ")[1][0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def waiting(synced):
    """A shop whose tools run apart, and tell by which process they wait."""
    apart(synced)
    synced.edit("tools/till.py", "import time", "import os\nimport time")
    synced.edit("tools/till.py", ".touch()", ".write_text(str(os.getpid()))")
    return synced


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_a_run_ends_nothing_of_a_tool_goes_on(waiting, number):
    with waiting.started("run", "clerk", "wait") as command:
        pid = pid_of_waiting(waiting)
        command.process.send_signal(number)
        command.result()
    assert ends(pid)


STARTS = """child = subprocess.Popen(["sh", "-c", "sleep 600; true"])
    Path("waiting").write_text(str(child.pid))
    child.wait()"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows what a thread started")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_tool_in_our_own_process_has_started_ends_with_the_command(synced, number):
    synced.edit("tools/till.py", "import time", "import subprocess\nimport time")
    synced.edit("tools/till.py", "time.sleep(60)", STARTS)
    with synced.started("run", "clerk", "wait") as command:
        pid = pid_of_waiting(synced)
        while not (started := Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            time.sleep(0.02)
        command.process.send_signal(number)
        assert command.result().code == 130
    assert ends(pid)
    assert ends(started[0])


def test_a_tool_that_ends_our_own_process_is_told_and_is_no_success(synced):
    synced.forks = True
    synced.edit("tools/till.py", "import time", "import os\nimport time")
    synced.edit("tools/till.py", "time.sleep(60)", "os._exit(0)")
    code, out, err = synced("run", "-q", "clerk", "wait")
    assert (code, out) == (1, "")
    assert err == (
        "\nerror: wait ended the process by os._exit(0); what was under way is neither cancelled"
        " nor recorded. `tools: {python: …}` in assistctl.yaml has functions called in processes of"
        " their own\n"
    )
    synced.edit("tools/till.py", "os._exit(0)", "import ctypes; ctypes.string_at(0)")
    code, out, err = synced("run", "-q", "clerk", "wait")
    assert (code, out) == (-signal.SIGSEGV, "")
    assert err.startswith("Fatal Python error: Segmentation fault\n")
    assert "tools/till.py" in err


def test_a_chat_goes_on_after_a_tool_was_stopped(waiting):
    with waiting.on_terminal("chat", "clerk", TERM="dumb") as terminal:
        terminal.wait_for("> ")
        terminal.type("wait\n")
        pid = pid_of_waiting(waiting)
        terminal.interrupt("cancelling the run …\n")
        assert ends(pid)
        terminal.type("sum\n")
        terminal.wait_for("The sum is 3.\n")
        terminal.type("/exit\n")
        assert terminal.end() == 0


def test_an_interpreter_that_is_not_there_is_told_before_any_request(synced):
    synced.edit(
        "assistctl.yaml", "vector_stores:", "tools: {python: .venv/bin/python}\nvector_stores:"
    )
    error = (
        "error: assistctl.yaml:9:17: `python`: .venv/bin/python does not exist; make the "
        "environment, or correct the path\n"
    )
    for arguments in (["run", "clerk", "sum"], ["tools", "call", "add"]):
        assert synced(*arguments) == (1, "", error)
    assert synced("validate").code == 0
    assert synced("plan", "-q").code == 0


def test_a_name_that_means_several_functions_must_be_told_from_the_others(synced):
    synced.edit(
        "assistants/greeter.yaml",
        "instructions",
        "tools: [{type: function, python: 'till:add', approval: ask}]\ninstructions",
    )
    several = (
        "error: several functions are called 'add'; say which: clerk/add "
        "(assistants/clerk.yaml:10:5) and greeter/add (assistants/greeter.yaml:1:9)\n"
    )
    assert synced("tools", "show", "add") == (1, "", several)
    shown = json.loads(synced("tools", "show", "greeter/add", "--format", "json").out)
    assert shown["approval"] == "ask"


def test_an_unknown_name_is_an_error_with_a_suggestion(shared):
    assert shared("tools", "call", "ad") == (
        1,
        "",
        "error: no function 'ad' is declared in this workspace; did you mean 'add'?\n",
    )
    assert shared("tools", "call", "greeter/add") == (
        1,
        "",
        "error: 'greeter' has no function 'add'; it is used by: clerk\n",
    )
    code, out, err = shared("tools", "lst")
    assert (code, out, err.splitlines()[0]) == (
        64,
        "",
        "error: No such command 'lst'. Did you mean 'list'?",
    )


def test_the_target_of_the_command_goes_before_that_of_the_environment(synced):
    synced.edit("tools/till.py", "import time", "import time\nfrom assistctl import ToolContext")
    synced.edit("tools/till.py", "def stuck()", "def stuck(where: ToolContext)")
    synced.edit("tools/till.py", 'raise OSError("the till is stuck")', "return where.target")
    there = {"STAGING_URL": "http://127.0.0.1:9/v1", "STAGING_KEY": "any"}
    for arguments in (
        ("-t", "staging", "tools", "call", "stuck"),
        ("tools", "-t", "staging", "call", "stuck"),
        ("tools", "call", "-t", "staging", "stuck"),
    ):
        result = synced(*arguments, "-q", ASSISTCTL_TARGET="local", **there)
        assert result == (0, "staging\n", "")
    assert synced("tools", "call", "stuck", "-q") == (0, "local\n", "")


def test_of_several_faults_in_the_arguments_people_hear_as_many_as_the_model(shop):
    code, out, err = shop("tools", "call", "add", '{"a": "x", "b": "y", "c": 1}')
    details = [
        {"at": "", "message": "Additional properties are not allowed ('c' was unexpected)"},
        {"at": "a", "message": "'x' is not of type 'integer'"},
        {"at": "b", "message": "'y' is not of type 'integer'"},
    ]
    assert (code, json.loads(out)["error"]["details"]) == (1, details)
    assert err == (
        "✗ add invalid_arguments: the arguments do not fit the parameters of add (Additional "
        "properties are not allowed ('c' was unexpected); a: 'x' is not of type 'integer'; b: 'y' "
        "is not of type 'integer')  … s\n"
    )
