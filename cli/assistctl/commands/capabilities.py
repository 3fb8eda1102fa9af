"""`assistctl capabilities`: what a target's API makes of what is declared."""

from __future__ import annotations

import click

from assistctl.apis import capabilities
from assistctl.commands._completion import complete_key
from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load
from assistctl.render.capabilities import Held, held_json, held_text, table_json, table_markdown
from assistctl.sync.planning import find_assistant


@as_command("capabilities", formats=("text", "json"))
@click.argument("key", required=False, metavar="[KEY]", shell_complete=complete_key)
@click.option("--all", "everything", is_flag=True, help="All features at all APIs, as Markdown.")
def command(options: Options, key: str | None, everything: bool) -> None:
    """Tell what the target's API makes of what each assistant (or KEY) declares.

    native: the API has it. emulated: it has not, and what is done instead is said. refused: it
    cannot be had there, which `validate` and `plan` show as an error. Nothing is asked of the
    target, and --all needs no workspace.

    \b
    Examples:
      assistctl capabilities
      assistctl capabilities guide -t prod
      assistctl capabilities --all
    """
    as_json = options.format == "json"
    if everything and (key or options.target):
        raise click.UsageError("--all is about every API; leave out KEY and --target.")
    if everything:
        by_api = {name: capabilities.of_api(name) for name in capabilities.TITLES}
        click.echo(table_json(by_api) if as_json else table_markdown(by_api, capabilities.TITLES))
        return
    workspace = load(options, refuse=False)
    target = workspace.target
    assistants = [find_assistant(workspace, key)] if key else workspace.assistants.values()
    here = capabilities.at(target)
    held = [
        Held(
            assistant.address,
            tuple(
                (it.name, it.place, it.capability) for it in capabilities.features(assistant, here)
            ),
        )
        for assistant in assistants
    ]
    title = f"{target.name} ({capabilities.TITLES[target.api]})"
    click.echo(held_json(held, target.name, target.api) if as_json else held_text(held, title))
