"""The table of what each API makes of what can be declared."""

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from assistctl import loading
from assistctl.apis import SURFACES, capabilities
from assistctl.errors import DeclarationError
from assistctl.render.capabilities import table_markdown
from assistctl.spec.grammar.assistants import _TOOL_TYPES, ASSISTANTS
from assistctl.spec.grammar.surfaces import APIS
from assistctl.spec.grammar.surfaces import SURFACES as SURFACES_GRAMMAR
from assistctl.surface import Support

DOCS = Path(__file__).parents[2] / "docs" / "surfaces.md"
TOP = """\
version: 1
workspace: shop
defaults: {model: gpt-6-luna}
vector_stores: {handbook: {}}
targets:
  agents: {api: agents, base_url: "http://127.0.0.1:9/v1"}
  searching: {api: agents, base_url: "http://127.0.0.1:9/v1", emulate: [file_search]}
  responses: {api: responses, base_url: "http://127.0.0.1:9/v1"}
  searched: {api: responses, base_url: "http://127.0.0.1:9/v1", emulate: [file_search]}
  agents-here: {api: agents, model: scripted}
  responses-here: {api: responses, model: scripted}
"""
OWN = """\
agents:
  service_tier: flex
  environment: {type: openai_hosted, network: {access: enabled}, packages: {npm: [left-pad]}}
  multi_agent: {enabled: true}
  tools: [{type: web_search}]
responses:
  tools:
    - {type: web_search}
    - {type: mcp, server_label: stock, server_url: "https://stock.example.com/mcp"}
"""
SHOP = """\
name: Shop
description: Sells roses.
instructions: Sell.
temperature: 0.5
response_format: {type: json_object}
tools:
  - type: code_interpreter
  - {type: file_search, vector_store: handbook}
  - type: function
    function: {name: sell, parameters: {type: object, properties: {}}}
run:
  tool_choice: required
  max_prompt_tokens: 1000
  truncation_strategy: {type: last_messages, last_messages: 3}
"""


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "assistants").mkdir()
    (tmp_path / "assistctl.yaml").write_text(TOP, encoding="utf-8")
    (tmp_path / "assistants" / "shop.yaml").write_text(SHOP, encoding="utf-8")
    return tmp_path


def refused(root, target):
    with pytest.raises(DeclarationError) as caught:
        loading.load(root, target)
    return [str(problem) for problem in caught.value.problems]


def test_the_document_has_the_table_of_the_code():
    by_api = {api: capabilities.of_api(api) for api in capabilities.TITLES}
    table = table_markdown(by_api, capabilities.TITLES)
    assert DOCS.read_text(encoding="utf-8").endswith(f"-->\n{table}\n"), (
        "write the output of `assistctl capabilities --all` below the mark in docs/surfaces.md"
    )


def test_all_that_can_be_declared_has_a_row():
    declared = ASSISTANTS["assistant"]["properties"]
    features = {name for name in declared if name not in ("tools", "run")}
    features |= {f"run.{name}" for name in declared["run"]["properties"]}
    features |= {f"tools.{name}" for name in _TOOL_TYPES}
    assert sorted(features - capabilities.TABLE.keys()) == []


def test_every_tool_that_only_one_api_has_has_a_row():
    for api in APIS:
        kinds = SURFACES_GRAMMAR[f"{api}_tool"]["properties"]["type"]["enum"]
        rows = {name for name in capabilities.TABLE if name.startswith(f"{api}.tools.")}
        assert rows == {f"{api}.tools.{kind}" for kind in kinds}


def test_whatever_is_refused_or_emulated_says_what_to_do_or_what_is_done():
    silent = [
        (name, api)
        for name, row in capabilities.TABLE.items()
        for api, capability in zip(capabilities.TITLES, row, strict=True)
        if capability.support is not Support.NATIVE and not capability.how
    ]
    assert silent == []


def test_every_api_that_is_spoken_has_a_column():
    assert SURFACES.keys() <= capabilities.TITLES.keys()


def test_what_agents_cannot_do_is_wrong_where_it_is_declared(shop):
    no = "cannot be had at 'agents', which speaks the Agents API"
    away = "remove it, or make it null under the target's `overrides`"
    assert refused(shop, "agents") == [
        f"assistants/shop.yaml:4:1: `temperature` {no}; {away}",
        f"assistants/shop.yaml:5:1: `response_format.json_object` {no};"
        " declare `type: json_schema` with a schema",
        f"assistants/shop.yaml:8:5: `tools.file_search` {no}; remove it, or write"
        " `emulate: [file_search]` at the target: a function that `run` and `chat` answer by"
        " searching the vector store",
        f"assistants/shop.yaml:10:15: `tools.function without description` {no};"
        " describe the function",
        f"assistants/shop.yaml:12:3: `run.tool_choice` {no}; {away}",
        f"assistants/shop.yaml:13:3: `run.max_prompt_tokens` {no}; {away}",
        f"assistants/shop.yaml:14:3: `run.truncation_strategy` {no}; {away}",
    ]


def test_what_responses_cannot_do_is_wrong_where_it_is_declared(shop):
    no = "cannot be had at 'responses', which speaks the Responses API"
    assert refused(shop, "responses") == [
        f"assistants/shop.yaml:13:3: `run.max_prompt_tokens` {no};"
        " remove it, or make it null under the target's `overrides`",
        f"assistants/shop.yaml:14:3: `run.truncation_strategy.last_messages` {no};"
        " declare `type: auto`, or remove it",
    ]


def test_what_is_null_at_the_target_is_not_refused_there(shop):
    top = shop / "assistctl.yaml"
    overrides = "overrides: {assistants: {shop: {run: null}}}"
    top.write_text(TOP.replace("api: responses,", f"api: responses, {overrides},", 1))
    assert loading.load(shop, "responses").target.name == "responses"


def test_a_target_that_is_asked_to_emulate_a_tool_has_it(shop):
    assert not [line for line in refused(shop, "searching") if "file_search" in line]


def test_to_emulate_what_the_api_has_is_wrong(shop):
    assert (
        "assistctl.yaml:9:3: the Responses API has file_search, which 'searched' is to emulate;"
        " remove file_search from `emulate`"
    ) in refused(shop, "searched")


def test_what_is_emulated_on_request_is_said_in_the_plan(shop):
    workspace = loading.load(shop, "searching", refuse=False)
    here = capabilities.at(workspace.target)
    assert list(capabilities.notes(workspace.assistants.values(), here)) == [
        "tools.file_search of assistant/shop is emulated: a function that `run` and `chat` answer"
        " by searching the vector store"
    ]


def test_a_tool_that_is_there_twice_is_told_of_once_and_first(shop):
    (shop / "assistants" / "shop.yaml").write_text(
        dedent("""\
        tools:
          - {type: function, function: {name: a, description: A., parameters: {type: object}}}
          - {type: function, function: {name: b, parameters: {type: object}}}
          - {type: function, function: {name: c, parameters: {type: object}}}
        """),
        encoding="utf-8",
    )
    assert [line.partition(" ")[0] for line in refused(shop, "agents")] == [
        "assistants/shop.yaml:3:32:"
    ]


def test_a_search_of_nothing_is_refused_where_a_store_must_be_named(shop):
    (shop / "assistants" / "shop.yaml").write_text("tools: [{type: file_search}]\n")
    assert refused(shop, "responses") == [
        "assistants/shop.yaml:1:9: `tools.file_search without a store` cannot be had at"
        " 'responses', which speaks the Responses API; give it `files` or a `vector_store`"
    ]


def test_what_only_another_api_has_is_left_out_and_said(shop):
    (shop / "assistants" / "shop.yaml").write_text("responses: {service_tier: flex}\n")
    workspace = loading.load(shop, "local")
    assert workspace.assistants["shop"].own == {"responses": {"service_tier": "flex"}}
    notes = capabilities.notes(workspace.assistants.values(), capabilities.at(workspace.target))
    assert list(notes) == [
        "`responses` of assistant/shop is left out: it is for targets that speak the Responses API"
    ]
    beside = loading.load(shop, "responses")
    (note,) = capabilities.notes(beside.assistants.values(), capabilities.at(beside.target))
    assert note.startswith("nothing at the target holds an assistant; an empty vector store")


def test_what_only_services_have_is_refused_where_the_embedded_server_answers(shop):
    (shop / "assistants" / "shop.yaml").write_text(OWN, encoding="utf-8")
    no, away = (
        "cannot be had at '{}-here', which is the embedded server; remove it, or write",
        ("for it under the target's `overrides`"),
    )
    assert refused(shop, "agents-here") == [
        f"assistants/shop.yaml:{place}: `agents.{name}` {no.format('agents')} `agents: null` {away}"
        for place, name in (
            ("3:38", "environment.network"),
            ("3:66", "environment.packages"),
            ("4:3", "multi_agent"),
            ("5:11", "tools.web_search"),
        )
    ]
    assert refused(shop, "responses-here") == [
        f"assistants/shop.yaml:{place}: `responses.tools.{name}` {no.format('responses')}"
        f" `responses: null` {away}"
        for place, name in (("8:7", "web_search"), ("9:7", "mcp"))
    ]
    for target in ("agents", "responses"):
        assert loading.load(shop, target).assistants["shop"].own.keys() == {"agents", "responses"}


def test_nothing_is_refused_that_asks_for_nothing(shop):
    (shop / "assistants" / "shop.yaml").write_text(
        dedent("""\
        agents:
          environment: {type: openai_hosted, network: {access: disabled}, container_size: small}
          multi_agent: {enabled: false}
          experimental: {time_awareness: false}
        """),
        encoding="utf-8",
    )
    assert loading.load(shop, "agents-here").target.name == "agents-here"


def test_what_only_services_have_is_told_of_and_left_out_elsewhere_under_one_name(shop):
    (shop / "assistants" / "shop.yaml").write_text(OWN, encoding="utf-8")
    workspace = loading.load(shop, "local")
    here = capabilities.at(workspace.target)
    assert list(capabilities.notes(workspace.assistants.values(), here)) == [
        f"`{api}` of assistant/shop is left out: it is for targets that speak the {title} API"
        for api, title in (("agents", "Agents"), ("responses", "Responses"))
    ]
    told = {it.name for it in capabilities.features(workspace.assistants["shop"], here)}
    assert {"agents.tools.web_search", "responses.tools.mcp"} <= told


def test_an_agent_has_room_for_four_pairs_of_metadata(shop):
    for count, problems in ((4, 0), (5, 1)):
        pairs = ", ".join(f"k{number}: v" for number in range(count))
        (shop / "assistants" / "shop.yaml").write_text(f"metadata: {{{pairs}}}\n")
        workspace = loading.load(shop, "local")
        agents = replace(workspace.target, api="agents")
        found = capabilities.refusals(replace(workspace, target=agents))
        assert len(found) == problems
    assert str(found[0]).endswith(
        "`metadata of more than four pairs` cannot be had at 'local', which speaks the Agents API;"
        " keep four: the other twelve hold what agents have no field for"
    )
