from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from assistctl.errors import Place
from assistctl.resources import Target, Workspace
from assistctl.spec import served

Write = Callable[[Mapping[str, str | bytes]], Path]
Loaded = Callable[..., tuple[Workspace, list[str]]]
TOP = "version: 1\nworkspace: shop\n"


@pytest.mark.parametrize("declared", ["", "targets:\n  local:\n", "targets:\n  local: {}\n"])
def test_the_local_target_is_always_there(loaded: Loaded, declared: str) -> None:
    workspace, problems = loaded({"assistctl.yaml": TOP + declared}, target="local")
    assert problems == []
    assert workspace.targets == ("local",)
    assert workspace.target.local
    assert (workspace.target.name, workspace.target.namespace) == ("local", "shop")


def test_the_one_asked_for_wins_over_the_default(loaded: Loaded) -> None:
    top = TOP + "default_target: b\ntargets: {a: {}, b: {}}\n"
    assert loaded({"assistctl.yaml": top})[0].target.name == "b"
    assert loaded({"assistctl.yaml": top}, target="a")[0].target.name == "a"
    assert loaded({"assistctl.yaml": top}, target="local")[0].targets == ("local", "a", "b")


def test_variables_count_only_for_the_target_in_use(loaded: Loaded) -> None:
    top = TOP + (
        "targets:\n"
        "  a: {base_url: '${A_URL}', api_key: '${A_KEY}', namespace: '${A_NAME:-mine}'}\n"
        "  b: {base_url: '${B_URL}', api: '${B_API}', overrides: {assistants: {}}}\n"
    )
    workspace, problems = loaded(
        {"assistctl.yaml": top}, target="a", A_URL="http://localhost:8000/v1", A_KEY=" sk-a\n"
    )
    assert problems == []
    assert workspace.target == Target(
        "a", "assistants", "mine", Place("assistctl.yaml", 4, 3), "http://localhost:8000/v1", "sk-a"
    )


def test_what_a_variable_holds_is_checked_like_what_is_written(loaded: Loaded) -> None:
    top = TOP + "targets: {a: {base_url: '${A_URL}'}}\n"
    assert loaded({"assistctl.yaml": top}, target="a", A_URL="ftp://me:pw@host")[1] == [
        "assistctl.yaml:3:25: `targets.a.base_url` cannot be `ftp://***@host`; "
        "write it like https://api.openai.com/v1, without credentials"
    ]


def test_a_secret_may_not_reach_an_override(loaded: Loaded) -> None:
    top = TOP + "targets: {a: {overrides: {assistants: {shop: {name: '${MY_KEY}'}}}}}\n"
    files = {"assistctl.yaml": top, "assistants/shop.yaml": "model: m\n"}
    assert loaded(files, MY_KEY="k")[1] == []
    assert loaded(files, target="a", MY_KEY="k")[1] == [
        "assistctl.yaml:3:53: the variable MY_KEY looks like a secret, which would be stored at "
        "the target and shown in plans; keep secrets in the environment of your tools, or rename "
        "the variable"
    ]


def test_a_key_is_never_shown(loaded: Loaded) -> None:
    for key in (
        "sk-very-secret",
        "${X:-sk-very-secret}",
        "[sk-very-secret]",
        "{a: sk-very-secret}",
    ):
        top = TOP + f"targets: {{a: {{base_url: 'http://h/v1', api_key: {key}}}}}\n"
        workspace, problems = loaded({"assistctl.yaml": top}, target="a")
        assert len(problems) == 1
        assert "secret" not in repr((workspace, problems))


def test_embeddings_take_what_they_leave_out_from_the_model_but_its_key_only_to_its_address(
    loaded: Loaded,
) -> None:
    def embeddings(declared: str) -> object:
        model = f"{{base_url: '${{URL}}', api_key: '${{A_KEY}}', embeddings: {declared}}}"
        top = TOP + f"targets: {{local: {{model: {model}}}}}\n"
        environ = {"URL": "http://a/v1", "A_KEY": "sk-a", "B_KEY": "sk-b"}
        workspace, problems = loaded({"assistctl.yaml": top}, **environ)
        assert problems == []
        assert isinstance(workspace.target.model, dict)
        return workspace.target.model["embeddings"]

    own = {"base_url": "http://a/v1", "api_key": "sk-a", "model": "m"}
    assert embeddings("{model: m}") == own
    assert embeddings("{model: m, api_key: '${B_KEY}'}") == {**own, "api_key": "sk-b"}
    other = {"base_url": "http://a/v1/e", "model": "m", "timeout": 5}
    assert embeddings("{model: m, base_url: '${URL}/e', timeout: 5}") == other


def test_a_local_target_without_a_model_asks_whom_the_environment_names(loaded: Loaded) -> None:
    def model(declared: str, **environ: str) -> object:
        top = TOP + f"targets: {{a: {declared}}}\n"
        workspace, problems = loaded({"assistctl.yaml": top}, target="a", **environ)
        assert problems == []
        return workspace.target.model

    openai = {"base_url": "https://api.openai.com/v1", "api_key": "sk-a"}
    assert model("{}", OPENAI_API_KEY=" sk-a\n", OPENAI_BASE_URL="") == openai
    there = {"OPENAI_API_KEY": "sk-a", "OPENAI_BASE_URL": "http://host/v1\n"}
    assert model("{}", **there) == {"base_url": "http://host/v1", "api_key": "sk-a"}
    assert model("{}", OPENAI_API_KEY="\n", OPENAI_BASE_URL="http://host/v1") is None
    assert model("{model: scripted}", **there) == "scripted"
    assert model("{base_url: 'http://h/v1'}", **there) is None
    assert model("{api: agents, api_key: '${OPENAI_API_KEY}'}", **there) is None


REMOTE = "{base_url: 'https://h/v1', api_key: '${NOWHERE}'}"


@pytest.mark.parametrize(
    ("declared", "served_is"),
    [
        ("", ("local", "local")),
        ("default_target: local\n", ("local", "local")),
        (f"default_target: prod\ntargets: {{prod: {REMOTE}}}\n", ("prod", "local")),
        (f"default_target: b\ntargets: {{a: {{}}, b: {{}}, prod: {REMOTE}}}\n", ("b", "b")),
        (f"targets: {{local: {REMOTE}, a: {{}}, b: {{}}}}\n", ("local", "a")),
        (f"targets: {{local: {REMOTE}}}\n", ("local", None)),
        ("default_target: prod\ntargets: {prod: {api: responses}}\n", ("prod", "local")),
        ("default_target: nowhere\n", ("local", "local")),
        ("targets: [\n", ("local", "local")),
    ],
)
def test_the_embedded_server_is_one_of_the_targets_or_none(
    write: Write, declared: str, served_is: tuple[str, str | None]
) -> None:
    assert served(write({"assistctl.yaml": f"version: 1\nworkspace: x\n{declared}"})) == served_is


@pytest.mark.parametrize("api", ["agents", "responses"])
def test_what_declares_who_answers_is_the_embedded_server_whatever_its_api(
    loaded: Loaded, api: str
) -> None:
    top = TOP + f"targets: {{here: {{api: {api}, model: scripted}}}}\n"
    workspace, problems = loaded({"assistctl.yaml": top}, target="here")
    assert problems == []
    assert (workspace.target.api, workspace.target.local) == (api, True)
    assert workspace.target.model == "scripted"


@pytest.mark.parametrize(("port", "problems"), [(80, 0), (65535, 0), (65536, 1), (99999, 1)])
def test_a_port_is_one_of_65536(loaded: Loaded, port: int, problems: int) -> None:
    top = TOP + f"targets: {{a: {{base_url: 'http://h:{port}/v1', api_key: '${{K}}'}}}}\n"
    assert len(loaded({"assistctl.yaml": top}, target="a", K="k")[1]) == problems
