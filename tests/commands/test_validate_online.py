"""validate --online: the embedded server, behind a proxy that tells of the end of models."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from openai.types import Model

from assistctl.apis.transport.client import Client
from assistctl.server import EmbeddedServer, Settings
from tests.apis.fault_proxy import error, proxy_to

DAY = (datetime.now(UTC) + timedelta(days=30)).date()
WARNING = f"'gpt-6-luna' ends at 'staging' in 30 days, on {DAY}; choose one that stays"
PLACE = "assistctl.yaml:3:12"
VALID = "Valid: 2 assistants, 4 functions, 2 files.\n"


def ending(request, body):
    if "/models" in request.path:
        for item in body["data"]:
            item["shutdown_date"] = str(DAY)
            Model.model_validate(item, strict=True, extra="forbid")
    return body


@pytest.fixture(scope="module")
def staging(tmp_path_factory):
    """A target that lists gpt-6-luna, which ends in thirty days."""
    database = tmp_path_factory.mktemp("staging") / "staging.db"
    with (
        EmbeddedServer(Settings(database, model="scripted")) as server,
        proxy_to(server.base_url) as proxy,
    ):
        client = Client(server.base_url, server.api_key)
        client.create("/assistants", {"model": "gpt-6-luna"})
        client.close()
        proxy.rewrite = ending
        yield proxy, {"STAGING_URL": proxy.base_url, "STAGING_KEY": server.api_key}


@pytest.fixture
def online(shop, staging):
    _, environ = staging
    return lambda *arguments: shop("validate", "--online", "-t", "staging", *arguments, **environ)


def test_a_model_that_ends_soon_is_a_warning(online):
    assert online() == (0, VALID, f"{PLACE}: warning: {WARNING}\n")


def test_with_strict_a_warning_is_an_error(online):
    assert online("--strict") == (1, "", f"{PLACE}: {WARNING}\nerror: 1 problem\n")


def test_how_soon_is_soon_can_be_said(online):
    assert online("--within", "29") == (0, VALID, "")


def test_a_model_that_the_target_has_not_is_an_error(online, shop):
    shop.edit("assistants/greeter.yaml", "instructions", "model: gpt-6-lune\ninstructions")
    assert online() == (
        1,
        "",
        f"{PLACE}: warning: {WARNING}\n"
        "assistants/greeter.yaml:1:1: 'staging' has no model 'gpt-6-lune'; did you mean"
        " 'gpt-6-luna'?\n"
        "error: 1 problem\n",
    )


def test_programs_are_told_as_json(online, shop):
    shop.edit("assistants/greeter.yaml", "instructions", "model: llama\ninstructions")
    code, out, err = online("--format", "json")
    assert (code, err) == (1, "")
    assert json.loads(out) == {
        "problems": [
            {
                "file": "assistants/greeter.yaml",
                "line": 1,
                "column": 1,
                "what": "'staging' has no model 'llama'",
                "remedy": "choose one that it has",
            }
        ],
        "warnings": [
            {
                "file": "assistctl.yaml",
                "line": 3,
                "column": 12,
                "what": f"'gpt-6-luna' ends at 'staging' in 30 days, on {DAY}",
                "remedy": "choose one that stays",
            }
        ],
    }


def test_a_target_that_does_not_answer_is_told(online, staging):
    proxy, _ = staging
    proxy.fault = lambda number, request: error(403) if "/models" in request.path else None
    try:
        code, out, err = online()
    finally:
        proxy.fault = lambda number, request: None
    assert (code, out) == (1, "")
    assert "GET /models: 403" in err
    assert "the target is staging" in err


def test_where_a_script_answers_no_model_is_asked_for(shop):
    assert shop("validate", "--online") == (0, VALID, "")


def test_a_model_endpoint_behind_the_embedded_server_is_asked_too(shop, staging):
    _, environ = staging
    shop.edit(
        "assistctl.yaml",
        "targets:\n",
        "targets:\n  behind: {model: {base_url: '${STAGING_URL}', api_key: '${STAGING_KEY}'}}\n",
    )
    shop.edit("assistants/greeter.yaml", "instructions", "model: gpt-6-lune\ninstructions")
    place = "assistctl.yaml:5:3"
    missing = (
        "it does not list the model 'gpt-6-lune'; did you mean 'gpt-6-luna'? "
        "`models: {gpt-6-lune: ITS_NAME}` maps a name to the endpoint's own"
    )
    arguments = ("validate", "--online", "-t", "behind")
    assert shop(*arguments, **environ) == (0, VALID, f"{place}: warning: {missing}\n")
    nobody = "http://127.0.0.1:9/v1"
    assert shop(*arguments, **environ | {"STAGING_URL": nobody}) == (
        1,
        "",
        f"{place}: the model endpoint http://127.0.0.1:…/v1 (as it is declared) cannot be reached:"
        " All connection attempts failed; start it, or look at the address, at the network, and at"
        " HTTPS_PROXY\nerror: 1 problem\n",
    )
