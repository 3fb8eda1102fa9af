"""assistctl import where assistants are agents: at a stand-in for the service, and at the embedded
server, which has files and stores as well."""

from contextlib import contextmanager

import pytest

from assistctl.apis.managed.ownership import described, uses
from assistctl.apis.transport.client import Client
from assistctl.apis.transport.files import upload
from assistctl.server import EmbeddedServer, Settings
from tests.apis.hosted_agents import hosted_agents

PROMPT = "You keep the books of a flower shop.\n\n- Prices are in ${CURRENCY}.\n"
SAVE = {
    "type": "function",
    "name": "save_bill",
    "description": "Saves it.",
    "parameters": {"type": "object", "properties": {"total": {"type": "number"}}},
}
BOOKS = {
    "name": "Books",
    "model": "gpt-6.1",
    "instructions": PROMPT,
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {
        "format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}},
        "verbosity": "low",
    },
    "service_tier": "flex",
    "multi_agent": {"enabled": True, "max_concurrent_subagents": 2},
    "metadata": {"team": "sales"},
    "tools": [
        SAVE,
        {"type": "web_search", "mode": "cached", "location": {"country": "GB"}},
        {"type": "programmatic_tool_calling"},
        {
            "type": "mcp",
            "server_label": "stock",
            "transport": {"type": "http", "server_url": "https://stock.example.com/mcp"},
            "allowed_tools": ["count"],
        },
    ],
}
YAML = """\
name: Books
model: gpt-6.1
instructions: {file: books.md}
tools:
  - type: function
    function:
      name: save_bill
      description: Saves it.
      parameters:
        type: object
        properties:
          total: {type: number}
response_format:
  type: json_schema
  json_schema:
    name: answer
    schema:
      type: object
      properties: {}
reasoning_effort: low
metadata: {team: sales}
agents:
  reasoning: {summary: auto}
  text: {verbosity: low}
  service_tier: flex
  multi_agent:
    enabled: true
    max_concurrent_subagents: 2
  tools:
    - type: web_search
      mode: cached
      location: {country: GB}
    - type: programmatic_tool_calling
    - type: mcp
      server_label: stock
      transport:
        type: http
        server_url: https://stock.example.com/mcp
      allowed_tools: [count]
      connection_origin: service
"""


@pytest.fixture
def there(shop):
    """The shop without assistants of its own, at a service that has agents."""
    for path in (shop.root / "assistants").iterdir():
        if path.suffix == ".yaml":
            path.unlink()
    shop.edit("assistctl.yaml", 'vector_stores:\n  handbook: {files: ["handbook/*.md"]}\n', "")
    shop.edit("assistctl.yaml", "staging:\n", "staging:\n    api: agents\n")
    with hosted_agents() as hosted:
        environ = {"STAGING_URL": hosted.base_url, "STAGING_KEY": "sk-test"}

        def there(command, *arguments):
            return shop(command, "-t", "staging", *arguments, **environ)

        there.root, there.hosted = shop.root, hosted
        yield there


def written(shop):
    return {
        path.name: path.read_text("utf-8")
        for path in (shop.root / "assistants").iterdir()
        if path.suffix in (".yaml", ".md")
    }


def test_an_agent_becomes_files_and_then_the_plan_is_empty(there):
    made = there.hosted.create(BOOKS)
    code, out, err = there("import", made["id"], "--yes")
    assert code == 0, err
    assert out.endswith(
        "Plan for staging: 0 to create, 1 to update (1 of them adopted), 0 to delete.\n"
    )
    assert written(there) == {"books.yaml": YAML, "books.md": PROMPT}
    assert there("plan") == (0, "No changes. staging is as declared.\n", "")
    (after,) = there.hosted.agents.values()
    same = made.keys() - {"metadata", "updated_at"}
    assert {name: after[name] for name in same} == {name: made[name] for name in same}


def test_what_cannot_be_declared_of_an_agent_is_named(there):
    made = there.hosted.create(
        {
            "name": "Odd",
            "model": "gpt-6.1",
            "tools": [
                {**SAVE, "defer_loading": True},
                {"type": "tool_search"},
                {"type": "computer_use"},
            ],
        }
    )
    code, _, err = there("import", "--all", "--yes")
    assert (code, written(there)) == (1, {})
    lost = (
        "`defer_loading` of the function save_bill, a tool of type 'tool_search',"
        " a tool of type 'computer_use'"
    )
    assert f'would lose it:\n  {made["id"]} "Odd": {lost}\n' in err
    code, _, err = there("import", "--all", "--no-adopt")
    assert code == 0, err
    assert written(there)["odd.yaml"].startswith(f"# Not imported: {lost[:40]}")


def test_more_metadata_than_an_agent_of_ours_has_room_for_is_named(there):
    made = there.hosted.create(
        {"name": "Full", "model": "gpt-6.1", "metadata": dict.fromkeys("abcde", "1")}
    )
    code, _, err = there("import", "--all", "--yes")
    assert (code, written(there)) == (1, {})
    assert (
        f"  {made['id']} \"Full\": `metadata of more than four pairs` cannot be had at 'staging'"
        in err
    )


@contextmanager
def speaking(shop):
    """The database of the target `there` as a client of its agents sees it."""
    database = shop.root / ".assistctl" / "local.db"
    database.parent.mkdir(exist_ok=True)
    with EmbeddedServer(Settings(database, model="scripted")) as server:
        client = Client(server.base_url, server.api_key)
        yield client
        client.close()


def test_an_agent_whose_owner_was_taken_away_is_imported_with_its_files_and_its_store(
    shop, tmp_path
):
    shop.edit(
        "assistctl.yaml",
        "targets:\n",
        "targets:\n  there: {api: agents, model: scripted, emulate: [file_search]}\n",
    )
    assert shop("sync", "-t", "there", "greeter", "--yes").code == 0
    with speaking(shop) as client:
        ids = []
        for name, text in (("prices.csv", "rose,1\n"), ("care.md", "# Care\n")):
            (tmp_path / name).write_text(text)
            ids.append(upload(client, tmp_path / name, name, "assistants")["id"])
        store = client.create("/vector_stores", {"name": "Care", "file_ids": ids[1:]})["id"]
        metadata = {**uses(ids[:1], [store]), **described("Keeps books."), "team": "a"}
        client.create("/agents", {"model": "gpt-6-luna", "name": "Books", "metadata": metadata})
    code, _, err = shop("import", "-t", "there", "--all", "--yes")
    assert code == 0, err
    assert (shop.root / "assistants" / "books.yaml").read_text("utf-8") == (
        "name: Books\n"
        "description: Keeps books.\n"
        "model: gpt-6-luna\n"
        "tools:\n"
        "  - type: code_interpreter\n"
        "    files: [books/prices.csv]\n"
        "  - type: file_search\n"
        "    files: [books/care.md]\n"
        "metadata: {team: a}\n"
    )
    code, out, err = shop("plan", "-t", "there", "books")
    assert (code, err) == (0, "")
    assert "No changes. What was asked for is as declared at there.\n" in out


def test_where_nothing_holds_assistants_there_is_nothing_to_import(shop):
    shop.edit(
        "assistctl.yaml", "targets:\n", "targets:\n  there: {api: responses, model: scripted}\n"
    )
    assert shop("import", "-t", "there", "--all") == (
        1,
        "",
        "error: there is nothing to import at there: an API of kind 'responses' holds no"
        " assistants, since what they are is sent with each request; import from a target that"
        " speaks another API, or from a dump with --file\n",
    )
