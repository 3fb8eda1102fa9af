"""What an MCP server is shown: only ever by the name of a variable, which is read where it is
sent."""

from pathlib import Path

from assistctl.spec import load

TOP = """\
version: 1
workspace: shop
defaults: {model: gpt-6.1}
targets:
  prod: {api: responses, base_url: "https://models.example.com/v1"}
  here: {api: responses, model: scripted}
"""
SHOP = """\
responses:
  tools:
    - {type: mcp, server_label: stock, tunnel_id: t, authorization: %s}
"""


def read(root: Path, authorization: str, target: str, **environ: str) -> tuple[object, list[str]]:
    (root / "assistants").mkdir(exist_ok=True)
    (root / "assistctl.yaml").write_text(TOP, encoding="utf-8")
    (root / "assistants" / "shop.yaml").write_text(SHOP % authorization, encoding="utf-8")
    workspace, problems = load(root, target=target, environ=environ)
    (tool,) = workspace.assistants["shop"].own["responses"]["tools"]
    assert "secret-of-the-stock" not in repr(workspace)
    return tool.get("authorization"), list(map(str, problems))


def test_it_is_read_where_it_is_sent_and_nowhere_else(tmp_path: Path) -> None:
    token = {"STOCK_TOKEN": "secret-of-the-stock"}
    assert read(tmp_path, "'${STOCK_TOKEN}'", "prod", **token) == ("secret-of-the-stock", [])
    assert read(tmp_path, "'${STOCK_TOKEN}'", "local", **token) == ("${STOCK_TOKEN}", [])
    for target in ("local", "here"):
        assert read(tmp_path, "'${STOCK_TOKEN}'", target) == ("${STOCK_TOKEN}", [])


def test_a_variable_that_is_not_set_is_wrong_where_it_would_be_sent(tmp_path: Path) -> None:
    _, problems = read(tmp_path, "'${STOCK_TOKEN}'", "prod")
    assert problems == [
        "assistants/shop.yaml:3:69: the environment variable STOCK_TOKEN is not set; set it to the"
        " key"
    ]


def test_one_that_is_written_out_is_wrong_everywhere(tmp_path: Path) -> None:
    for target in ("prod", "local"):
        _, problems = read(tmp_path, "abc", target)
        assert problems == [
            "assistants/shop.yaml:3:69: `responses.tools[0].authorization` must be a reference to"
            " an environment variable; put the key in an environment variable and write ${ITS_NAME}"
        ]
