import pytest

from assistctl.commands._options import Options
from assistctl.commands._workspace import load
from assistctl.errors import AssistctlError
from assistctl.loading import environment
from assistctl.targets import server_settings
from tests.commands.middleman import staging


def test_dotenv_lies_beneath_the_environment(tmp_path, monkeypatch):
    text = "# ours\nMODEL_A=from-file\nexport MODEL_B='quoted ${MODEL_A}'\nEMPTY=\n"
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    monkeypatch.setenv("MODEL_A", "from-environment")
    found = environment(tmp_path)
    assert (found["MODEL_A"], found["MODEL_B"], found["EMPTY"]) == (
        "from-environment",
        "quoted ${MODEL_A}",
        "",
    )


def test_a_workspace_reads_its_dotenv(shop):
    shop.edit("assistants/greeter.yaml", "any language", "${GREETING:-none}")
    (shop.root / ".env").write_text("GREETING=Dutch\n", encoding="utf-8")
    assert 'instructions: "Greet in Dutch."' in shop("plan", "greeter").out
    assert 'instructions: "Greet in French."' in shop("plan", "greeter", GREETING="French").out


def test_what_goes_wrong_at_a_target_says_which_and_where_it_is_declared(shop):
    with staging(shop.root, lambda method, path, ask: (404, b"no such page")) as (_, environ):
        assert shop("plan", **environ) == (
            1,
            "",
            "error: GET /assistants: 404 Not Found; the target is staging, "
            "http://127.0.0.1:…/v1 (assistctl.yaml:6:3)\n",
        )


def test_what_is_no_dotenv_is_told_with_what_else_is_wrong_but_without_its_text(shop):
    dotenv = shop.root / ".env"
    dotenv.write_bytes(b"\xef\xbb\xbfGREETING=Dutch\n\n\nsecret words\nKEY='no end\n")
    shop.edit("assistants/greeter.yaml", "any language", "${GREETING} ${UNSET}")
    what = "this is not NAME=VALUE; mend the line, or quote the value"
    unset = "the environment variable UNSET is not set; set it, or write ${UNSET:-default}"
    assert shop("validate") == (
        1,
        "",
        f".env:4:1: {what}\n.env:5:1: {what}\n"
        f"assistants/greeter.yaml:1:15: {unset}\nerror: 3 problems\n",
    )
    dotenv.write_bytes(b"\xff\xfe")
    code, _, err = shop("import", "--all")
    assert (code, err.splitlines()[0]) == (1, ".env: the file is not UTF-8; save it as UTF-8")


def test_a_shared_function_may_get_its_python_and_so_its_parameters_from_an_assistant(shop):
    (shop.root / "tools" / "shared.yaml").write_text("functions: {greeting: {}}", encoding="utf-8")
    (shop.root / "tools" / "shared.py").write_text("def greet(name: str): ...", encoding="utf-8")
    with (shop.root / "assistants" / "greeter.yaml").open("a", encoding="utf-8") as greeter:
        greeter.write("\ntools: [{type: function, function: greeting, python: 'shared:greet'}]\n")
    workspace = load(Options(workspace=shop.root))
    (greeting,) = workspace.assistants["greeter"].functions
    assert greeting.parameters["properties"] == {"name": {"type": "string"}}
    assert workspace.functions["greeting"].parameters["properties"] == {}


def test_a_dotenv_names_the_model_as_the_environment_does(shop, monkeypatch):
    shop.edit("assistctl.yaml", "local: {model: scripted}", "local: {}")
    text = "OPENAI_API_KEY=sk-file\nOPENAI_BASE_URL=https://file/v1\n"
    (shop.root / ".env").write_text(text, encoding="utf-8")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = server_settings(load(Options(workspace=shop.root)))
    assert settings.model == {"base_url": "https://file/v1", "api_key": "sk-file"}
    monkeypatch.setenv("OPENAI_BASE_URL", "https://environment/v1")
    settings = server_settings(load(Options(workspace=shop.root)))
    assert settings.model == {"base_url": "https://environment/v1", "api_key": "sk-file"}


def test_a_wrong_endpoint_of_the_environment_is_told_with_what_was_meant(shop, monkeypatch):
    shop.edit("assistctl.yaml", "local: {model: scripted}", "local: {}")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    for url, told in (
        (
            "api.openai.com",
            "OPENAI_BASE_URL cannot be `api.openai.com`; write `https://api.openai.com/v1`",
        ),
        (
            "http://localhost:1/v1/chat/completions?key=secret",
            "OPENAI_BASE_URL cannot be `http://localhost:1/v1/chat/completions?***`; write "
            "`http://localhost:1/v1`: `/chat/completions` is added to it and no `?…` can follow",
        ),
        (
            "unix:///x",
            "OPENAI_BASE_URL cannot be `unix:///x`; write it like https://api.openai.com/v1, "
            "without credentials",
        ),
    ):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        with pytest.raises(AssistctlError) as error:
            server_settings(load(Options(workspace=shop.root)))
        assert str(error.value) == told


@pytest.mark.parametrize("target", ["staging", "local"])
def test_a_proxy_that_cannot_be_used_is_no_bug(shop, target):
    model = "{base_url: 'http://example.com/v1'}"
    shop.edit("assistctl.yaml", "local: {model: scripted}", f"local: {{model: {model}}}")
    environ = {"STAGING_URL": "http://example.com/v1", "STAGING_KEY": "k", "ALL_PROXY": "foo://x"}
    assert shop("plan", "--target", target, **environ) == (
        1,
        "",
        "error: a proxy that the environment names cannot be used: "
        "Unknown scheme for proxy URL URL('foo://x')\n",
    )
