from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from assistctl.commands._completion import complete_key
from assistctl.commands._options import Options, as_command, group_options


@as_command("plan", formats=("text", "json", "markdown"))
@click.argument("keys", nargs=-1, shell_complete=complete_key)
@click.option("--prune", is_flag=True, help="Delete what is not declared.")
def plan(options: Options, keys: tuple[str, ...], prune: bool) -> None:
    """Show what would be done.

    More about it.
    """
    click.echo(repr((options, keys, prune)))


@as_command("init")
def init(options: Options) -> None:
    """Begin."""
    click.echo(repr(options))


cli = click.Group("assistctl", params=group_options(), commands=[plan, init])


def invoke(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli, arguments, env=environ, prog_name="assistctl")


def options_of(*arguments: str, **environ: str) -> str:
    result = invoke(
        *arguments,
        **{"NO_COLOR": "", "FORCE_COLOR": "", "TERM": "xterm", "ASSISTCTL_TARGET": "", **environ},
    )
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_nothing_given_is_the_default() -> None:
    assert options_of("init") == repr(Options(None, None, "text", 0, None))


@pytest.mark.parametrize(
    "arguments",
    [
        ["-C", ".", "-t", "prod", "--format", "json", "-vv", "--no-color", "plan", "a", "--prune"],
        ["plan", "-C", ".", "-t", "prod", "--format", "json", "-vv", "--no-color", "a", "--prune"],
        ["-C", ".", "--format", "json", "plan", "a", "--prune", "-vv", "-t", "prod", "--no-color"],
        [
            *["-C", "..", "-t", "x", "--format", "jsonl", "-v", "plan", "a", "--prune"],
            *["-C", ".", "-t", "prod", "--format", "json", "-vv", "--no-color"],
        ],
    ],
)
def test_global_options_stand_before_or_after_the_command_and_the_later_wins(
    arguments: list[str],
) -> None:
    expected = (Options(Path(), "prod", "json", 2, False), ("a",), True)
    assert options_of(*arguments) == repr(expected)


def test_the_target_of_the_environment_yields_to_any_given_one() -> None:
    assert options_of("init", ASSISTCTL_TARGET="prod") == repr(Options(target="prod"))
    for arguments in (["-t", "dev", "init"], ["init", "-t", "dev"]):
        assert options_of(*arguments, ASSISTCTL_TARGET="prod") == repr(Options(target="dev"))


def test_no_color_is_respected_from_the_environment() -> None:
    assert options_of("init", NO_COLOR="1") == repr(Options(color=False))
    assert options_of("init", TERM="dumb") == repr(Options(color=False))


@pytest.mark.parametrize(
    ("arguments", "environ", "color"),
    [
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "yes", "TERM": "dumb"}, True),
        ([], {"FORCE_COLOR": "0"}, False),
        ([], {"FORCE_COLOR": "False"}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--no-color"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_the_option_wins_over_no_color_and_that_over_force_color_and_that_over_the_terminal(
    arguments: list[str], environ: dict[str, str], color: bool
) -> None:
    assert options_of("init", *arguments, **environ) == repr(Options(color=color))


@pytest.mark.parametrize(
    ("arguments", "verbosity"),
    [(["-q", "init"], -1), (["init", "-q"], -1), (["-q", "init", "-v"], 1), (["-v", "init"], 1)],
)
def test_quiet_and_verbose_at_two_positions_are_no_contradiction(
    arguments: list[str], verbosity: int
) -> None:
    assert options_of(*arguments) == repr(Options(verbosity=verbosity))
    assert Options(verbosity=verbosity).quiet is (verbosity < 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["init", "-q", "-v"], "-q and -v contradict each other."),
        (
            ["--format", "jsonl", "plan"],
            "Invalid value for '--format': 'plan' writes text, json or markdown, not jsonl.",
        ),
        (
            ["plan", "--format", "jsonl"],
            "Invalid value for '--format': 'jsonl' is not one of 'text', 'json', 'markdown'.",
        ),
        (
            ["--format", "json", "init"],
            "Invalid value for '--format': 'init' writes text, not json.",
        ),
        (
            ["init", "-C", "not/there"],
            "Invalid value for '-C' / '--workspace': Directory 'not/there' does not exist.",
        ),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str], message: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == f"Error: {message}"


def test_the_help_lists_a_commands_own_options_first() -> None:
    assert (
        invoke("plan", "--help").output
        == """\
Usage: assistctl plan [OPTIONS] [KEYS]...

  Show what would be done.

  More about it.

Options:
  --prune  Delete what is not declared.
  --help   Show this message and exit.

Global options:
  -C, --workspace DIR            The workspace; otherwise the nearest directory
                                 upwards with an assistctl.yaml.
  -t, --target NAME              The target to use (environment:
                                 ASSISTCTL_TARGET).
  --format [text|json|markdown]  How the result is written.
  -q, --quiet                    Only the result and errors.
  -v, --verbose                  More about what happens.
  --no-color                     No colours (environment: NO_COLOR, TERM=dumb;
                                 FORCE_COLOR for the contrary).
  --version                      Print the version and leave.
"""
    )


def test_a_command_with_one_format_does_not_speak_of_it() -> None:
    assert "--format" not in invoke("init", "--help").output


def test_colour_is_taken_out_where_it_is_not_wanted() -> None:
    @as_command("paint")
    def paint(options: Options) -> None:
        click.echo(click.style("x", fg="red"))

    for arguments, painted in (([], "\x1b[31mx\x1b[0m\n"), (["--no-color"], "x\n")):
        result = CliRunner().invoke(
            paint, arguments, env={"NO_COLOR": "", "FORCE_COLOR": "", "TERM": "xterm"}, color=True
        )
        assert result.output == painted


def test_shells_complete_the_keys_of_the_nearest_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "assistctl.yaml").write_text("version: 1\n")
    (tmp_path / "assistants" / "deep").mkdir(parents=True)
    for name in ("shop.yaml", "shop.script.yaml", "shopper.yaml", "helper.yaml"):
        (tmp_path / "assistants" / name).write_text("{}\n")
    monkeypatch.chdir(tmp_path / "assistants" / "deep")
    complete = _completer("plan")
    assert complete("s") == ["shop", "shopper"]
    assert complete("") == ["helper", "shop", "shopper"]


def test_shells_complete_keys_of_the_workspace_that_is_named(tmp_path: Path) -> None:
    assert _completer("plan", "-C", str(tmp_path))("") == []
    (tmp_path / "assistctl.yaml").write_text("version: 1\n")
    (tmp_path / "assistants").mkdir()
    (tmp_path / "assistants" / "a.yaml").write_text("{}\n")
    assert _completer("plan", "-C", str(tmp_path))("") == ["a"]
    assert _completer("-C", str(tmp_path), "plan")("") == ["a"]


def _completer(*words: str):  # type: ignore[no-untyped-def]
    from click.shell_completion import ShellComplete

    shell = ShellComplete(cli, {}, "assistctl", "_ASSISTCTL_COMPLETE")
    return lambda incomplete: [
        item.value for item in shell.get_completions(list(words), incomplete)
    ]
