import json
import signal
import socket

import pytest

from assistctl.apis.transport.client import Client
from assistctl.commands._options import Options
from assistctl.commands._workspace import load
from assistctl.commands.serve import _model_in_words, _projects
from assistctl.errors import RemoteError
from assistctl.server import Settings, code_report
from assistctl.targets import server_settings


def names_at(url, key):
    client = Client(url, key)
    try:
        return sorted(str(item["name"]) for item in client.list("/assistants"))
    finally:
        client.close()


def test_in_a_workspace_its_local_database_is_served_until_a_signal(synced, tmp_path):
    with synced.started("serve", "-q", "--port", "0") as server:
        url = server.wait_for("Serving ").split()[-1]
        assert names_at(url, "any") == ["Clerk", "None"]
        server.process.send_signal(signal.SIGINT)
        told = f"""\
Serving the Assistants API v2 at http://127.0.0.1:…/v1
  database {synced.root}/.assistctl/local.db, answers come from the scripted model
  code_interpreter: {code_report(Settings(tmp_path / "any.db"))}
  no API key: anybody on this machine may use it
"""
        assert server.result() == (0, "", told)


def test_where_the_default_target_is_another_server_the_local_one_is_served(synced, tmp_path):
    """Without that target's variables, which nobody needs for it."""
    synced.edit("assistctl.yaml", "targets:\n", "default_target: staging\ntargets:\n")
    with synced.started("serve", "-q", "--port", "0") as server:
        url = server.wait_for("Serving ").split()[-1]
        assert names_at(url, "any") == ["Clerk", "None"]
        server.process.send_signal(signal.SIGINT)
        told = f"""\
Serving the Assistants API v2 at http://127.0.0.1:…/v1
  database {synced.root}/.assistctl/local.db, answers come from the scripted model
  target local: the workspace's default target, staging, is another server
  code_interpreter: {code_report(Settings(tmp_path / "any.db"))}
  no API key: anybody on this machine may use it
"""
        assert server.result() == (0, "", told)


def test_code_interpreter_can_be_switched_off(synced):
    with synced.started("serve", "-q", "--port", "0", "--no-code-interpreter") as server:
        client = Client(server.wait_for("Serving ").split()[-1], "any")
        [clerk] = [item for item in client.list("/assistants") if item["name"] == "Clerk"]
        run = client.post("/threads/runs", {"assistant_id": clerk["id"]})
        client.close()
        assert run["notes"] == [
            "code_interpreter is switched off on this server; the run goes on without it",
            "answered by the scripted model, not by a language model",
        ]


def test_the_address_that_is_told_to_clients_cannot_be_that_of_the_model(shared, tmp_path):
    elsewhere = type(shared)(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://localhost:{port}/v1"
    clients = {"OPENAI_API_KEY": "sk-any", "OPENAI_BASE_URL": url}
    with elsewhere.started("serve", "-q", "--port", str(port), **clients) as server:
        told = f"""\
error: {url} is to answer the runs, but that is this server itself; name another model endpoint \
(and where OPENAI_BASE_URL is set for clients, unset it for the server)
"""
        assert server.result() == (1, "", told)


def test_who_answers_is_told_by_address_and_api_and_nothing_that_may_be_secret(shop, monkeypatch):
    endpoint = "{base_url: 'https://host/v1', api_key: '${A_KEY}', headers: {x-key: '${A_KEY}'}"
    more = "query: {code: '${A_KEY}'}, extra_body: {user: '${A_KEY}'}"
    monkeypatch.setenv("A_KEY", "hidden-value")

    def told(declared):
        shop.edit("assistctl.yaml", "local: {model: scripted}", f"local: {{model: {declared}}}")
        settings = server_settings(load(Options(workspace=shop.root)))
        shop.edit("assistctl.yaml", f"local: {{model: {declared}}}", "local: {model: scripted}")
        assert "hidden-value" not in repr(settings)
        return _model_in_words(settings.model)

    assert told(f"{endpoint}, {more}}}") == "answers come from https://host/v1 (api: auto)"
    assert told(f"{endpoint}, api: chat}}") == "answers come from https://host/v1 (api: chat)"


@pytest.mark.parametrize(
    ("options", "report"),
    [
        (("--no-code-interpreter",), "switched off"),
        (
            ("--code-python", "/no/such/python"),
            "not available (the interpreter /no/such/python cannot be used:"
            " [Errno 2] No such file or directory: '/no/such/python')",
        ),
    ],
)
def test_what_code_interpreter_can_do_is_told_at_the_start(synced, options, report):
    with synced.started("serve", "-q", "--port", "0", *options) as server:
        assert server.wait_for("  code_interpreter: ").strip() == f"code_interpreter: {report}"


def test_elsewhere_a_database_of_its_own_is_served_to_those_who_have_a_key(shared, tmp_path):
    elsewhere = type(shared)(tmp_path)
    keys = {"ASSISTCTL_API_KEYS": "key-a, key-c"}
    with elsewhere.started("serve", "-q", "--port", "0", "--api-key", "b:key-b", **keys) as server:
        url = server.wait_for("Serving ").split()[-1]
        assert [names_at(url, key) for key in ("key-a", "key-b", "key-c")] == [[], [], []]
        with pytest.raises(RemoteError, match="401"):
            names_at(url, "key-x")
        server.process.terminate()
        told = f"""\
Serving the Assistants API v2 at http://127.0.0.1:…/v1
  database assistants.db, no model is configured, so only assistants with a script can run
  code_interpreter: {code_report(Settings(tmp_path / "any.db"))}
  projects: b (1 key), default (2 keys)
"""
        assert server.result() == (0, "", told)
    assert (tmp_path / "assistants.db").exists()


def test_what_cannot_be_served_is_a_clear_error(shared):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = (
            f"error: cannot serve on 127.0.0.1:{port} (Address already in use); "
            "choose another --host or --port\n"
        )
        assert shared("serve", "--port", str(port)) == (1, "", error)
    there = {"STAGING_URL": "http://127.0.0.1:1/v1", "STAGING_KEY": "any"}
    error = (
        "error: target 'staging' is another server, so there is nothing to serve; leave out "
        "--target (or ASSISTCTL_TARGET) to serve the workspace's own database\n"
    )
    assert shared("serve", "-t", "staging", **there) == (1, "", error)


def test_a_server_without_a_key_serves_this_machine_only(shared):
    error = (
        "error: without an API key the server listens on loopback only, not on 0.0.0.0; "
        "give it at least one key, or use --host 127.0.0.1\n"
    )
    assert shared("serve", "--host", "0.0.0.0", "--port", "0") == (1, "", error)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ([":x"], "write KEY or PROJECT:KEY"),
        (["x:"], "write KEY or PROJECT:KEY"),
        ([""], "write KEY or PROJECT:KEY"),
        (["schlüssel"], "keys and projects are made of visible ASCII characters, no spaces"),
        (["shop: key"], "keys and projects are made of visible ASCII characters, no spaces"),
        (["a:key", "b:key"], "one key opens both 'a' and 'b'"),
    ],
)
def test_a_key_that_can_be_none_is_a_usage_error(shared, keys, reason):
    code, out, err = shared("serve", *(word for key in keys for word in ("--api-key", key)))
    assert (code, out, err.splitlines()[0]) == (
        64,
        "",
        f"error: Invalid value for '--api-key' or ASSISTCTL_API_KEYS: {reason}",
    )


def test_a_project_ends_at_the_first_colon():
    keys = ("sk-a", "shop:sk:with:colons", "shop:sk-b", " sk-a ")
    assert _projects(keys) == {"sk-a": "default", "sk:with:colons": "shop", "sk-b": "shop"}


def test_a_dump_of_the_old_api_is_added_before_anything_is_served(shared, tmp_path):
    elsewhere = type(shared)(tmp_path)
    message = {"id": "msg_1", "created_at": 1, "thread_id": "thread_1", "role": "user"}
    entries = [{"id": "asst_1", "created_at": 1, "model": "m"}, message | {"content": "Hello"}]
    (tmp_path / "dump.jsonl").write_text("\n".join(json.dumps(entry) for entry in entries))
    seeding = ("serve", "-q", "--port", "0", "--seed", "dump.jsonl", "--api-key", "north:key-n")
    for counted in ("new: 1 assistant, 1 thread, 1 message", "left alone: 1 assistant, 1 message"):
        with elsewhere.started(*seeding) as server:
            assert "Seeded project 'north' from dump.jsonl" in server.wait_for("Seeded")
            server.wait_for(counted)
            url = server.wait_for("Serving ").split()[-1]
            client = Client(url, "key-n")
            assert [item["id"] for item in client.list("/assistants")] == ["asst_1"]
            client.close()


def test_a_dump_whose_contents_lead_nowhere_is_not_the_ports_fault(shared, tmp_path):
    file = {"object": "file", "created_at": 1, "filename": "a.txt", "purpose": "assistants"}
    entries = [{"id": f"file-{name}", **file} for name in ("gone", "folder")]
    (tmp_path / "dump" / "files" / "file-folder").mkdir(parents=True)
    (tmp_path / "dump" / "files" / "file-gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "dump" / "files.jsonl").write_text("\n".join(map(json.dumps, entries)))
    with type(shared)(tmp_path).started("serve", "--port", "0", "--seed", "dump") as server:
        server.wait_for("note: file-gone is left out: its content is not in the dump")
        server.wait_for("note: file-folder is left out: its content is not in the dump")
        server.wait_for("Serving ")


def test_a_dump_that_is_wrong_is_a_clear_error(shared, tmp_path):
    elsewhere = type(shared)(tmp_path)
    (tmp_path / "dump.json").write_text('[{"id": "asst_1", "created_at": 1}]')
    assert elsewhere("serve", "--seed", "dump.json") == (
        1,
        "",
        "error: cannot seed from dump.json; nothing was written:\n"
        "  dump.json[0] (asst_1): Missing required parameter: 'model'.\n",
    )
    keys = ("--api-key", "north:key-n", "--api-key", "south:key-s")
    code, _, err = elsewhere("serve", "--seed", "dump.json", *keys)
    assert (code, err.splitlines()[0]) == (
        64,
        "error: --seed needs a --seed-project: one of north, south",
    )
    code, _, err = elsewhere("serve", "--seed", "dump.json", *keys, "--seed-project", "west")
    assert (code, err.splitlines()[0]) == (
        64,
        "error: Invalid value for '--seed-project': no API key opens 'west';"
        " choose one of north, south",
    )
