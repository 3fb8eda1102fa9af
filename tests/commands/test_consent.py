"""Targets that want their name before anything is written to them."""

from contextlib import contextmanager

import pytest

from assistctl.apis.transport.client import Client
from assistctl.server import EmbeddedServer, Settings


@pytest.fixture
def guarded(shop, tmp_path):
    """The shop with a target that others use; returns it and what the environment must have."""
    shop.edit(
        "assistctl.yaml", "api_key: ${STAGING_KEY}", "api_key: ${STAGING_KEY}\n    confirm: true"
    )
    with EmbeddedServer(Settings(tmp_path / "staging.db", model="scripted")) as server:
        environ = {"STAGING_URL": server.base_url, "STAGING_KEY": server.api_key}

        @contextmanager
        def client():
            client = Client(server.base_url, server.api_key)
            yield client
            client.close()

        shop.environ, shop.client = environ, client
        yield shop


def names(shop):
    with shop.client() as client:
        return [item["metadata"]["assistctl"] for item in client.list("/assistants")]


SYNC = ("sync", "greeter", "-t", "staging")


def test_yes_alone_is_not_enough(guarded):
    code, _, err = guarded(*SYNC, "--yes", **guarded.environ)
    assert (code, err) == (
        3,
        "error: nobody can be asked here whether to apply 1 change to staging; use --confirm "
        "staging to do it\n",
    )
    assert names(guarded) == []


def test_the_targets_name_is(guarded):
    assert guarded(*SYNC, "--confirm", "staging", **guarded.environ).code == 0
    assert names(guarded) == ["shop/greeter"]


def test_another_targets_name_is_refused_even_where_nothing_is_to_be_done(guarded):
    assert guarded(*SYNC, "--confirm", "staging", **guarded.environ).code == 0
    code, out, err = guarded(*SYNC, "--confirm", "prod", **guarded.environ)
    assert (code, out) == (3, "")
    assert (
        err == "error: --confirm names 'prod', but the target is 'staging'; nothing was changed\n"
    )


def test_another_targets_name_is_refused_wherever_it_is_given(guarded):
    code, _, err = guarded(*SYNC, "--yes", "--confirm", "prod", **guarded.environ)
    assert (code, err) == (
        3,
        "error: --confirm names 'prod', but the target is 'staging'; nothing was changed\n",
    )
    code, _, err = guarded("sync", "--yes", "--confirm", "staging")
    assert (code, err) == (
        3,
        "error: --confirm names 'staging', but the target is 'local'; nothing was changed\n",
    )


def test_a_person_types_the_name(guarded):
    for typed, code in (("y\n", 3), ("staging\n", 0)):
        with guarded.on_terminal(*SYNC, **guarded.environ) as terminal:
            terminal.wait_for("To apply 1 change to staging, type the target's name: ")
            terminal.type(typed)
            assert terminal.end() == code
    assert names(guarded) == ["shop/greeter"]


def test_in_ci_nobody_is_asked_even_on_a_terminal(shop):
    with shop.on_terminal("sync", "greeter", CI="true") as terminal:
        assert terminal.end() == 3
    assert "nobody can be asked here whether to apply 1 change to local" in terminal.shown
    with shop.on_terminal("sync", "greeter", "--yes", CI="true") as terminal:
        assert terminal.end() == 0
    assert "━" not in terminal.shown


def test_every_command_that_writes_wants_it(guarded):
    with guarded.client() as client:
        found = client.create("/assistants", {"model": "m", "name": "Anna"})["id"]
    for command in (("adopt", "greeter", found), ("import", found)):
        code, _, err = guarded(*command, "-t", "staging", "--yes", **guarded.environ)
        assert (code, "use --confirm staging to do it" in err) == (3, True)
