import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import click
import pytest

from assistctl import __version__
from assistctl.commands._options import Options, as_command
from assistctl.errors import (
    AssistctlError,
    DeclarationError,
    Place,
    Problem,
    Refused,
    RemoteError,
    RunFailed,
)
from assistctl.main import COMMANDS, cli, main

PROBLEMS = (
    Problem(Place("assistctl.yaml", 2, 1), "no name", "add one"),
    Problem(Place("assistants/a.yaml", 3, 5), "unknown key", "remove it"),
)

ROOT = Path(__file__).parent.parent


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "assistctl", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
    )


def outcome_of(
    error: BaseException, *arguments: str, monkeypatch: pytest.MonkeyPatch
) -> int | str | None:
    """The exit code of a command that fails with this error."""

    @as_command("fail")
    def command(options: Options) -> None:
        raise error

    return _outcome(command, arguments, monkeypatch)


def _outcome(
    command: click.Command, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> int | str | None:
    module = ModuleType("a_command")
    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_command", module)
    monkeypatch.setitem(COMMANDS, "fail", ("a_command", "Fail."))
    with pytest.raises(SystemExit) as left:
        main(["fail", *arguments])
    return left.value.code


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (AssistctlError("no such key"), 1, "error: no such key\n"),
        (RemoteError("it said \x1b[2J", status=500), 1, "error: it said \\x1b[2J\n"),
        (RunFailed("the run ended as failed"), 1, "error: the run ended as failed\n"),
        (Refused("three fields drifted"), 3, "error: three fields drifted\n"),
        (
            DeclarationError(PROBLEMS),
            1,
            "assistants/a.yaml:3:5: unknown key; remove it\n"
            "assistctl.yaml:2:1: no name; add one\n"
            "error: 2 problems\n",
        ),
        (click.ClickException("no such file"), 1, "error: no such file\n"),
        (click.Abort(), 130, "interrupted\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
        (
            PermissionError(13, "Permission denied", "a.yaml"),
            1,
            "error: a.yaml: Permission denied\n",
        ),
        (
            KeyError("x"),
            1,
            "error: this is a bug in assistctl: KeyError: 'x'\n"
            "Run it again with -v to see where, and please report it.\n",
        ),
        (
            click.UsageError("-a and -b contradict each other"),
            64,
            "error: -a and -b contradict each other\n"
            "Usage: assistctl fail [OPTIONS]\n"
            "Try 'assistctl fail --help' for help.\n",
        ),
    ],
)
def test_an_exception_becomes_a_message_and_an_exit_code(
    error: BaseException,
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert outcome_of(error, monkeypatch=monkeypatch) == code
    assert capsys.readouterr() == ("", message)


@pytest.mark.parametrize("code", [None, 0, 2])
def test_what_a_command_returns_is_the_exit_code(
    code: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    @as_command("fail")
    def command(options: Options) -> int | None:
        return code

    assert _outcome(command, [], monkeypatch) == (code or 0)


def test_the_traceback_of_a_bug_is_shown_with_v(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome_of(KeyError("x"), "-v", monkeypatch=monkeypatch) == 1
    stderr = capsys.readouterr().err
    assert stderr.startswith("Traceback (most recent call last):\n")
    assert stderr.endswith("KeyError: 'x'\nerror: this is a bug in assistctl: KeyError: 'x'\n")


def test_with_assistctl_debug_every_error_has_its_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTCTL_DEBUG", "1")
    assert outcome_of(Refused("no"), monkeypatch=monkeypatch) == 3
    stderr = capsys.readouterr().err
    assert stderr.startswith("Traceback (most recent call last):\n")
    assert stderr.endswith("Refused: no\nerror: no\n")


UNFLUSHED = """
import sys, types
from assistctl.commands._options import as_command
from assistctl.main import COMMANDS, main

@as_command("write")
def command(options):
    sys.stdout.write("x")

sys.modules["write"] = types.ModuleType("write")
sys.modules["write"].command = command
COMMANDS["write"] = ("write", "Write.")
main(["write"])
"""


@pytest.mark.parametrize("arguments", [["-m", "assistctl", "--help"], ["-c", UNFLUSHED]])
def test_a_reader_that_leaves_is_no_error_to_speak_of(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        result = subprocess.run(
            [sys.executable, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True
        )
    assert (result.returncode, result.stderr) == (1, "")


def test_ctrl_c_while_it_is_still_being_imported_has_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    result = subprocess.run(
        [sys.executable, "-m", "assistctl", "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "interrupted\n")


CALL = ["tools", "call", "quote_delivery", '{"distance_km": 2, "stems": 10}']


@pytest.mark.parametrize("arguments", [["--help"], ["-C", str(ROOT), *CALL]])
def test_a_full_disk_is_said_once_and_is_an_error(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "assistctl", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    said = result.stderr.splitlines()[-1]
    assert (result.returncode, said) == (1, "error: No space left on device")


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys\n"
        "from assistctl.main import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as left:\n    assert left.code == 0\n"
        "heavy = {'openai', 'deepdiff', 'jsonschema', 'rich', 'starlette', 'yaml', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)),\n"
        "      sorted(m for m in sys.modules if m.startswith('assistctl.commands.')))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    *_, modules = result.stdout.splitlines()
    assert modules == (
        "[] ['assistctl.commands._completion', 'assistctl.commands._options', "
        "'assistctl.commands._suggestions', 'assistctl.commands._termination']"
    )
    column = max(map(len, COMMANDS)) + 2
    for name, (_, line) in COMMANDS.items():
        assert f"  {name:<{column}}{line}\n" in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded_and_has_help(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_a_misspelt_option_gets_a_suggestion() -> None:
    result = run("init", "--quite")
    assert (result.returncode, result.stdout, result.stderr) == (
        64,
        "",
        "error: No such option '--quite'. Did you mean '--quiet'?\n"
        "Usage: assistctl init [OPTIONS] [DIRECTORY]\n"
        "Try 'assistctl init --help' for help.\n",
    )


def test_no_arguments_is_a_usage_error_that_shows_the_help() -> None:
    result = run()
    assert (result.returncode, result.stdout) == (64, "")
    assert result.stderr == run("--help").stdout


def test_an_unknown_command_gets_a_suggestion() -> None:
    result = run("vaildate")
    assert (result.returncode, result.stdout, result.stderr) == (
        64,
        "",
        "error: No such command 'vaildate'. Did you mean 'validate'?\n"
        "Usage: assistctl [OPTIONS] COMMAND [ARGS]...\n"
        "Try 'assistctl --help' for help.\n",
    )


@pytest.mark.parametrize("arguments", [["--version"], ["completion", "--version"]])
def test_the_version_is_printed_before_and_after_a_command(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (0, f"assistctl {__version__}\n")


def test_the_shell_completes_commands_without_importing_them() -> None:
    result = run(_ASSISTCTL_COMPLETE="bash_complete", COMP_WORDS="assistctl s", COMP_CWORD="1")
    assert result.stdout.split() == [
        "plain,sync",
        "plain,steps",
        "plain,show",
        "plain,serve",
        "plain,schema",
    ]


def on_a_terminal(*arguments: str, **environ: str) -> str:
    """What a terminal gets, stdout and stderr together."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "assistctl", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "NO_COLOR": "", "TERM": "xterm", **environ},
    )
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # that is how Linux says that the terminal was hung up
        while chunk := os.read(controller, 4096):
            shown += chunk
    os.close(controller)
    process.wait()
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_unless_nobody_wants_them(tmp_path: Path) -> None:
    arguments = ["-C", str(tmp_path), "validate"]
    painted, plain = "\x1b[31m\x1b[1merror:\x1b[0m ", "error: "
    assert painted in on_a_terminal(*arguments)
    for shown in (
        on_a_terminal("--no-color", *arguments),
        on_a_terminal(*arguments, "--no-color"),
        on_a_terminal(*arguments, NO_COLOR="1"),
        on_a_terminal(*arguments, TERM="dumb"),
        on_a_terminal("validate", "--not-an-option", TERM="dumb"),
        run(*arguments, NO_COLOR="").stderr,
    ):
        assert "\x1b" not in shown
        assert plain in shown


def test_what_an_encoding_cannot_hold_is_no_reason_to_fail(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff")
    result = run("init", str(tmp_path / name), PYTHONIOENCODING="latin-1")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"  cd '{tmp_path}/\\udcff'\n" in result.stdout


@pytest.mark.parametrize(
    "name", ["plan", "validate", "sync", "list", "show", "rollback", "gc", "run"]
)
def test_a_broken_workspace_is_answered_in_json_by_all_that_write_json(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parent / "workspaces" / "yaml-empty"
    key = ["shop"] if name in ("show", "rollback", "run") else []
    words = ["hello"] if name == "run" else []
    with pytest.raises(SystemExit) as left:
        main([name, *key, *words, "-C", str(root), "--format", "json"])
    out, err = capsys.readouterr()
    (problem,) = json.loads(out)["problems"]
    assert (left.value.code, err) == (1, "")
    line = (
        f"{problem['file']}:{problem['line']}:{problem['column']}"
        if problem["line"]
        else problem["file"]
    )
    assert (
        f"{line}: {problem['what']}; {problem['remedy']}\n" == (root / "expected.txt").read_text()
    )
