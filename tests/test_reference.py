"""The reference is made of the code, and nothing is missing in it."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from making import (
    MADE,
    MARK,
    commands,
    environment,
    exit_codes,
    library,
    problems,
    server_api,
    yaml_keys,
)

from assistctl import errors, main, spec
from assistctl.apis import capabilities
from assistctl.server import routing
from tests import forking

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
ENVIRON = dict.fromkeys(("MODEL_KEY", "STAGING_KEY", "OPENAI_API_KEY", "TIDES_TOKEN"), "k")
KINDS = pytest.mark.parametrize("kind", yaml_keys.FILES)


def rows(text):
    """The first cell of each row of the tables in a text, without its ticks."""
    return set(re.findall(r"^\| `([^`|]+)` \|", text, re.MULTILINE))


def test_everything_that_is_made_has_one_place():
    pages = (page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    places = [name for page in pages for name in MARK.findall(page)]
    assert sorted(places) == sorted(MADE)


@KINDS
def test_every_key_stands_in_the_reference(kind):
    """Counted in the schema, without what the reference is made with."""
    page = MADE[f"yaml-{kind}"]()
    told = {name.split(".")[-1].removesuffix("[]") for name in rows(page)}
    definitions = spec.schema(kind)["$defs"]
    if kind == "workspace":  # assistants have a page of their own
        definitions = {
            name: definitions[name] for name in {s.name for s in yaml_keys.sections(kind)}
        }
    assert keys(definitions) - told == set()


def keys(schema):
    if isinstance(schema, list):
        return set().union(*map(keys, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema["properties"]) if "description" in schema and "properties" in schema else set()
    return own.union(*map(keys, schema.values()))


@KINDS
def test_every_key_is_shown_in_an_example(kind):
    for section in yaml_keys.sections(kind):
        shown = set().union(*(yaml_keys.shown(section, it) for it in yaml_keys.covered(section)))
        assert {key.name for key in section.keys} - shown == set(), section.path


@pytest.mark.parametrize("target", ["local", "local-llm", "staging", "prod"])
def test_the_example_is_a_workspace_without_a_problem(target, tmp_path):
    root = shutil.copytree(yaml_keys.EXAMPLE, tmp_path / "example")
    (root / ".venv" / "bin").mkdir(parents=True)  # which no repository has
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    command = ["-m", "assistctl", "validate", "--target", target]
    done = forking.run(command, cwd=root, env={**os.environ, **ENVIRON})
    assert (done.returncode, done.stderr) == (0, "")


def test_every_feature_of_the_table_is_the_apis_of_some_key():
    features = {key.feature for section in yaml_keys.sections("assistant") for key in section.keys}
    named = {name for name in capabilities.TABLE if " " not in name and not name.startswith("--")}
    unknown = {
        name
        for name in named - features - {"assistant"}
        if not any(feature.startswith(f"{name}.") for feature in features)
    }
    # Values, not keys, make the difference in these.
    assert unknown == {
        "response_format.json_object",
        "tools.function.strict",
    }


def test_every_command_stands_in_the_reference_as_it_explains_itself():
    page = MADE["commands"]()
    titles = re.findall(r"^##+ assistctl (.+)$", page, re.MULTILINE)
    assert [title for title in titles if " " not in title] == list(main.COMMANDS)
    for name in ("plan", "threads copy"):
        shown = forking.run(["-m", "assistctl", *name.split(), "--help"], cwd=ROOT).stdout
        (context,) = (it for it in commands.commands() if it.command_path == f"assistctl {name}")
        words = " ".join(shown.partition("\nGlobal options:")[0].split())
        assert " ".join(commands.helped(context).split()) == words


def test_every_environment_variable_that_the_code_reads_stands_in_the_reference():
    assert environment.read() == environment.VARIABLES.keys()


def test_every_exit_code_stands_in_the_reference():
    codes = set(exit_codes.raised().values())
    assert codes | {0, 2, main.EXIT_USAGE, main.EXIT_INTERRUPTED} == exit_codes.MEANINGS.keys()
    assert f"| `{errors.Refused.__name__}` | 3 |" in exit_codes.page()


def test_every_public_name_of_the_library_says_what_it_is():
    page = MADE["library"]()
    for name in library.MODULES:
        assert f"\n## {name}\n" in f"\n{page}"
    assert re.findall(r"^### (\w+)\n\n```python\n[^`]*```\n\n\n", page, re.MULTILINE) == []


def test_every_endpoint_stands_in_the_reference():
    page = MADE["server-api"]()
    for word in routing.words():
        for endpoint in routing.endpoints_below(word):
            row = f"| {endpoint.method} | `/v1{endpoint.path}` |"
            assert (f"`/v1{endpoint.path}`" if server_api.refused(endpoint) else row) in page


def test_every_problem_that_a_broken_workspace_shows_stands_in_troubleshooting():
    broken = {path.parent.name for path in problems.WORKSPACES.glob("*/expected.txt")}
    grouped = [name for names in problems.groups().values() for name in names]
    assert broken - set(grouped) == {"good-full", "good-minimal"}
    page = MADE["problems"]().replace("\\", "")
    for name in grouped:
        told = (problems.WORKSPACES / name / "expected.txt").read_text("utf-8").splitlines()
        assert len(list(problems.lines(name))) == len(told)
        for what, remedy in problems.lines(name):
            assert f"| {what} | {remedy} |".replace("\\", "") in page
