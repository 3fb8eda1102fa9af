"""`assistctl schema`: the JSON Schema of the YAML files, for editors."""

from __future__ import annotations

import click

from assistctl import spec
from assistctl.commands._options import Options, as_command
from assistctl.render.values import json_document


@as_command("schema", formats=("json",))
@click.argument("kind", required=False, type=click.Choice(spec.KINDS), metavar="[KIND]")
def command(options: Options, kind: str | None) -> None:
    """Print the JSON Schema of the YAML files.

    \b
    KIND is one of
      workspace   assistctl.yaml
      assistant   assistants/*.yaml
      functions   tools/*.yaml
      script      assistants/*.script.yaml
      tests       assistants/*.tests.yaml
    Without it, one schema for all of them.

    \b
    Examples:
      assistctl schema > assistctl.schema.json
      assistctl schema tests
    """
    click.echo(json_document(spec.schema(kind)))
