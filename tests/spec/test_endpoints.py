from collections.abc import Callable, Mapping
from pathlib import Path

from assistctl.resources import Workspace
from assistctl.spec import schema

Loaded = Callable[..., tuple[Workspace, list[str]]]
TOP = "version: 1\nworkspace: shop\ntargets:\n"

CERTIFICATE = Path(__file__).parent.parent / "workspaces/good-full/certs/company.pem"

VARIABLES = """\
  local:
    model:
      base_url: ${URL}
      api_key: ${A_KEY}
      api: ${API:-chat}
      headers: {api-key: "${A_KEY}", Authorization: "Bearer ${B_KEY}", X-Team: "${TEAM:-shop}"}
      extra_body:
        options: ["$${X}", "${TEAM:-shop}"]
        headers: {password: "${C_KEY}"}
      query: {api-version: "2026-05-01", code: "${B_KEY}"}
      ca_file: ${CERTS:-certs}/company.pem
      models:
        ${TEAM}: "${TEAM:-shop}-model"
        headers: {name: "${TEAM:-shop}", api: "${API:-auto}", headers: {api-key: "${B_KEY}"}}
      embeddings: {model: m}
"""
ENVIRON = {"URL": "http://host/v1", "A_KEY": " sk-a\n", "B_KEY": "sk-b\n", "C_KEY": "c"}


def model_of(loaded: Loaded, declared: str, **environ: str) -> Mapping[str, object]:
    files = {
        "assistctl.yaml": TOP + declared,
        "certs/company.pem": CERTIFICATE.read_bytes(),
    }
    workspace, problems = loaded(files, **environ)
    assert problems == []
    assert isinstance(workspace.target.model, dict)
    return workspace.target.model


def test_the_server_gets_values_in_place_of_variables(loaded: Loaded, tmp_path: Path) -> None:
    assert model_of(loaded, VARIABLES, **ENVIRON) == {
        "base_url": "http://host/v1",
        "api_key": "sk-a",
        "api": "chat",
        "headers": {"api-key": "sk-a", "Authorization": "Bearer sk-b", "X-Team": "shop"},
        "extra_body": {"options": ["${X}", "shop"], "headers": {"password": "c"}},
        "query": {"api-version": "2026-05-01", "code": "sk-b"},
        "ca_file": str(tmp_path / "certs" / "company.pem"),
        "models": {
            "${TEAM}": "shop-model",
            "headers": {"name": "shop", "api": "auto", "headers": {"api-key": "sk-b"}},
        },
        "embeddings": {"base_url": "http://host/v1", "api_key": "sk-a", "model": "m"},
    }


def test_what_is_left_out_is_left_out(loaded: Loaded) -> None:
    declared = "  local: {model: {base_url: http://host/v1, models: {a: {}}}}\n"
    assert model_of(loaded, declared) == {"base_url": "http://host/v1", "models": {"a": {}}}


def test_certificates_may_lie_outside_of_the_workspace(loaded: Loaded) -> None:
    declared = f"  local: {{model: {{base_url: https://host/v1, ca_file: '{CERTIFICATE}'}}}}\n"
    assert model_of(loaded, declared)["ca_file"] == str(CERTIFICATE)


def test_an_empty_variable_is_as_good_as_none(loaded: Loaded) -> None:
    declared = "  local: {model: {base_url: http://host/v1, headers: {api-key: '${A_KEY}'}}}\n"
    assert loaded({"assistctl.yaml": TOP + declared}, A_KEY="\n")[1] == [
        "assistctl.yaml:4:64: the environment variable A_KEY is not set; set it"
    ]


def test_no_value_that_may_be_secret_is_shown(loaded: Loaded) -> None:
    environ = {**ENVIRON, "B_KEY": "very\nsecret", "C_KEY": "quite secret"}
    workspace, problems = loaded({"assistctl.yaml": TOP + VARIABLES}, **environ)
    odd = (
        "the value has characters that no HTTP header can carry; "
        "use printable ASCII characters, in the variables that it names as well"
    )
    assert problems == [
        f"assistctl.yaml:9:53: {odd}",
        "assistctl.yaml:14:16: the certificates `certs/company.pem`: the file does not exist; "
        "name a file of PEM certificates, relative to assistctl.yaml or absolute",
        f"assistctl.yaml:17:82: {odd}",
    ]
    assert "secret" not in repr(workspace)


def test_every_setting_of_an_endpoint_has_an_example() -> None:
    definitions = schema("workspace")["$defs"]
    for name in ("model", "endpoint_model"):
        settings = definitions[name]["properties"]
        assert [key for key, setting in settings.items() if "examples" not in setting] == (
            ["embeddings"] if name == "model" else ["name"]
        )
