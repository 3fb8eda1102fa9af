"""`assistctl completion`: a script that teaches a shell the commands and their options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from assistctl.commands._options import Options, as_command

SHELLS = ("bash", "zsh", "fish")


@as_command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(options: Options, shell: str) -> None:
    """Print a completion script for a shell.

    It completes commands, options, and what the workspace has: targets, assistants, files, stores,
    threads, snapshots, functions. For zsh, ~/.zfunc has to be in fpath.

    \b
    Examples:
      assistctl completion bash > ~/.local/share/bash-completion/completions/assistctl
      assistctl completion zsh > ~/.zfunc/_assistctl
      assistctl completion fish > ~/.config/fish/completions/assistctl.fish
    """
    completion_class = get_completion_class(shell)
    assert completion_class is not None, shell
    root = click.get_current_context().find_root()
    script = completion_class(root.command, {}, "assistctl", "_ASSISTCTL_COMPLETE").source()
    click.echo(script.strip())
