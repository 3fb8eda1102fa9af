"""Every command's help has examples, and these can be typed."""

import inspect
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from assistctl.apis.transport.client import Client
from assistctl.commands._options import Invocation
from assistctl.loading import load
from assistctl.main import cli
from assistctl.server import EmbeddedServer, Settings
from tests.commands.conftest import Shop

NOT_TRIED = ("-C", "adopt", "chat", "completion", "console", "init", "mcp serve", "serve")
"""What does not end by itself, or is no matter of this workspace."""

ASKING = {f"assistctl {name}" for name in ("sync", "import", "pull", "rollback", "gc")}
ASKING |= {"assistctl threads delete"}
SNAPSHOT = "2027-05-01T101500.123456Z"


def commands(command: click.Command = cli, path: str = "assistctl") -> Iterator[tuple[str, str]]:
    """Every command and group by its path, with its help."""
    context = click.Context(command, info_name=path)
    yield path, inspect.cleandoc(command.help or "")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{path} {name}")


def examples(help_text: str) -> list[str]:
    _, _, block = help_text.partition("\b\nExamples:\n")
    return [line.strip() for line in block.splitlines() if line.strip()]


COMMANDS = dict(commands())
EXAMPLES = [(path, line) for path, text in COMMANDS.items() for line in examples(text)]


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_two_or_more_examples_of_itself(path):
    shown = examples(COMMANDS[path])
    assert len(shown) >= 2
    assert [line for line in shown if path not in line] == []


def typed(line: str) -> list[str]:
    """The words after `assistctl`, without what a shell does before and after."""
    own = line[line.index("assistctl") :].partition(" > ")[0]
    return shlex.split(own)[1:]


@pytest.mark.parametrize("line", [line for _, line in EXAMPLES])
def test_every_example_is_understood(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("plan.json", "dump.json", "promptfooconfig.yaml"):
        Path(name).write_text("{}")
    for directory in ("my-assistants", "help-desk"):
        Path(directory).mkdir()
    command: click.Command = cli
    context = cli.make_context("assistctl", typed(line), obj=Invocation())
    while isinstance(command, click.Group):
        words = [*context._protected_args, *context.args]
        name, found, rest = command.resolve_command(context, words)
        assert found is not None
        command = found
        context = command.make_context(name, rest, parent=context)


@pytest.fixture
def guide(tmp_path):
    """What `init` writes, with a store, a snapshot, and a second target."""
    shop = Shop(tmp_path / "guide")
    shop.root.mkdir()
    assert shop("init").code == 0
    (shop.root / "handbook").mkdir()
    (shop.root / "handbook" / "a.md").write_text("Open on Saturday.")
    body = {"id": "asst_1", "object": "assistant", "name": "Old one", "model": "m"}
    (shop.root / "dump.json").write_text(json.dumps([body]))
    scripts = {"guide/guide": load(shop.root).scripts["guide"]}
    settings = Settings(tmp_path / "prod.db", model="scripted", scripts=scripts)
    with EmbeddedServer(settings) as server, closing(Client(server.base_url, server.api_key)) as at:
        with (shop.root / "assistctl.yaml").open("a") as file:
            file.write(f'  prod: {{base_url: "{server.base_url}", api_key: "${{THE_KEY}}"}}\n')
            file.write('vector_stores: {handbook: {files: ["handbook/*.md"]}}\n')
        (shop.root / ".env").write_text(f"THE_KEY={server.api_key}\n")
        (shop.root / ".env").chmod(0o600)
        for target in ("local", "prod"):
            assert shop("sync", "--yes", "-q", "-t", target).code == 0
        shop.edit("assistants/guide.md", "friendly", "kind")
        assert shop("sync", "--yes", "-q").code == 0
        yield shop, at


def ids(shop: Shop, at: Client, words: list[str]) -> dict[str, str]:
    """What stands for an id in an example -> the id of something new."""
    if "asst_abc123" in words:
        return {"asst_abc123": at.create("/assistants", {"model": "m", "name": "Porter"})["id"]}
    if SNAPSHOT in words:
        listed = shop.raw("rollback", "guide", "--list", "--format", "json").stdout
        return {SNAPSHOT: json.loads(listed)[0]["name"]}
    if {"abc123", "thread_abc123"} & {*words}:
        said = shop.raw("run", "guide", "When do you open on Saturday?").stderr
        (thread,) = re.findall(r"thread (thread_\w+)", said)
        return {"thread_abc123": thread, "abc123": thread.removeprefix("thread_")}
    return {}


def test_every_example_does_what_it_says_in_the_workspace_of_init(guide):
    """The first one of each command as a process."""
    shop, at = guide
    failed, started = [], set()
    for path, line in EXAMPLES:
        words = typed(line)
        if path == "assistctl" or words[0] in NOT_TRIED or " ".join(words[:2]) in NOT_TRIED:
            continue
        if "--import" in words:
            continue  # tests/importing/test_promptfoo.py
        known = ids(shop, at, words)
        words = [known.get(word, word) for word in words]
        if path in ASKING and not {"--list", "--dry-run", "--file", "--no-adopt"} & {*words}:
            words.append("--yes")
        shop.forks = path not in started
        started.add(path)
        result = shop(*words, stdin='{"day": "monday"}')
        if result.code not in (0, 2):
            failed.append((line, result))
    assert failed == []
