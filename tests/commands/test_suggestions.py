"""Options that there are not, in this process: what is suggested in their place."""

import click
import pytest

from assistctl.commands._suggestions import NEVER
from assistctl.main import COMMANDS, cli

RISKY = ("delet", "not ask", "cancel", "whatever", "lose", "every")
"""What the help of an option says that nobody should be led to."""


def said(*arguments: str) -> str:
    with pytest.raises(click.NoSuchOption) as error:
        cli.main(arguments, "assistctl", standalone_mode=False)
    return error.value.format_message()


def options():
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                for spelling in (*option.opts, *option.secondary_opts):
                    if spelling.startswith("--"):
                        yield name, option, spelling


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("sync", "--dry-run"), "`assistctl plan` shows what sync would do."),
        (("sync", "clerk", "--check", "--yes"), "`assistctl plan` shows what sync would do."),
        (("gc", "--dry-run"), "Use --list to see what it would delete."),
        (("rollback", "clerk", "--preview"), "Use --list to see what each snapshot would change."),
        (("import", "--dry-run"), "Use --no-adopt to leave the target alone."),
        (("plan", "--json"), "Use --format json."),
        (("plan", "--markdown"), "Use --format markdown."),
        (("run", "clerk", "hi", "--jsonl"), "Use --format jsonl."),
        (("--json", "plan"), "Use --format json."),
        (("sync", "--overwrite"), "Use --on-drift overwrite."),
        (("validate", "--quite"), "Did you mean '--quiet'?"),
        (("--taget", "x", "plan"), "Did you mean '--target'?"),
        (("run", "--system", "x", "clerk", "hi"), ""),
        (("serve", "--json"), ""),
        (("sync", "--froce"), ""),
        (("sync", "--yess"), ""),
        (("plan", "-z"), ""),
    ],
    ids=str,
)
def test_an_option_that_there_is_not_gets_the_advice_that_helps(arguments, advice):
    wrong = next(it for it in arguments if it.startswith("-"))
    if arguments == ("sync", "clerk", "--check", "--yes"):
        wrong = "--check"
    assert said(*arguments) == " ".join(filter(None, (f"No such option '{wrong}'.", advice)))


def test_a_slip_of_the_finger_leads_to_the_option_unless_it_deletes_or_forces():
    for name, _, spelling in options():
        slip = spelling[:3] + spelling[4:3:-1] + spelling[5:]  # the third and fourth letter
        if slip != spelling and len(spelling) > 6:
            advice = said(name, slip).partition(". ")[2]
            assert advice == ("" if spelling in NEVER else f"Did you mean '{spelling}'?"), name


def test_what_is_never_suggested_is_what_the_help_calls_dangerous():
    risky = {
        spelling
        for _, option, spelling in options()
        if option.is_flag and any(word in (option.help or "").lower() for word in RISKY)
    }
    assert risky - NEVER == set()
