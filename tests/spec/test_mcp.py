"""MCP servers and their lock file, read: nothing here starts a server."""

import pytest

from assistctl.errors import AssistctlError
from assistctl.resources import Function
from assistctl.spec import mcp, mcp_lock

TOP = """\
version: 1
workspace: shop
defaults: {model: gpt-6-luna}
mcp_servers:
  stock: {command: [stock-server, --fast], env: {STOCK_KEY: "${STOCK_KEY}"}}
  docs:
    url: https://docs.example.com/mcp
    headers: {Authorization: "Bearer ${DOCS_KEY}"}
"""
COUNT = {
    "description": "How many there are.",
    "parameters": {"type": "object", "properties": {"item": {"type": "string"}}},
}
LOCK, _ = mcp_lock.lock_text(
    {"stock": {"count": COUNT, "order/new": {"parameters": {"type": "object"}}}}
)
CLERK = "tools: [{type: mcp_functions, server: stock}]\n"


def shop(clerk=CLERK, top=TOP, lock=LOCK):
    return {
        "assistctl.yaml": top,
        "assistants/clerk.yaml": clerk,
        **({"mcp.lock.yaml": lock} if lock else {}),
    }


def test_an_assistant_has_the_locked_tools_as_functions(loaded):
    workspace, problems = loaded(shop(), STOCK_KEY="sk-1")
    assert problems == []
    count, order = workspace.assistants["clerk"].functions
    assert (count.name, count.description, count.parameters) == ("stock__count", *COUNT.values())
    assert (count.approval, count.source, count.place.line) == ("ask", "mcp.lock.yaml:7", 1)
    assert (order.name, str(order.mcp)) == ("stock__order_new_11f49e39", "mcp stock:order/new")
    server = order.mcp.server
    assert server.command == ("stock-server", "--fast")
    assert (server.env, server.missing) == ({"STOCK_KEY": "sk-1"}, ())
    assert "sk-1" not in repr(workspace)


def test_tools_are_chosen_by_their_names_and_handled_apart(loaded):
    clerk = """\
    tools:
      - {type: mcp_functions, server: stock, tools: [count], approval: never, timeout: 5}
      - {type: mcp_functions, server: stock, tools: [order/new]}
    """
    workspace, problems = loaded(shop(clerk))
    assert problems == []
    handled = [(it.mcp.name, it.approval, it.timeout) for it in _functions(workspace)]
    assert handled == [("count", "never", 5), ("order/new", "ask", None)]


def test_what_a_server_wants_of_the_environment_matters_when_it_is_started_only(loaded):
    workspace, problems = loaded(shop())
    assert problems == []
    assert [str(each) for each in _functions(workspace)[0].mcp.server.missing] == [
        "assistctl.yaml:5:61: the environment variable STOCK_KEY is not set; set it"
    ]


def test_a_default_is_advised_for_no_secret_also_where_only_its_key_says_that_it_is_one(loaded):
    server = (
        'stock: {url: "https://a.example", headers: {Authorization: "Bearer ${A}", X-B: "${B}"}}'
    )
    top = TOP.partition("  stock:")[0] + f"  {server}\n"
    workspace, problems = loaded(shop(top=top))
    assert problems == []
    assert [str(each) for each in _functions(workspace)[0].mcp.server.missing] == [
        "assistctl.yaml:5:62: the environment variable A is not set; set it",
        "assistctl.yaml:5:82: the environment variable B is not set; set it, or write "
        "${B:-default}",
    ]


def test_without_a_lock_file_the_command_that_makes_it_is_named(loaded):
    assert loaded(shop(lock=None))[1] == [
        "assistants/clerk.yaml:1:39: the tools of `stock` are not in mcp.lock.yaml; "
        "let `assistctl mcp lock` ask the server for them, and commit the file"
    ]


def test_unknown_servers_and_tools_are_told_where_they_are_named(loaded):
    clerk = """\
    tools:
      - {type: mcp_functions, server: stok}
      - {type: mcp_functions, server: stock, tools: [cuont]}
    """
    assert loaded(shop(clerk))[1] == [
        "assistants/clerk.yaml:2:35: no MCP server `stok` is declared in assistctl.yaml; "
        "did you mean `stock`?",
        "assistants/clerk.yaml:3:50: `stock` has no tool `cuont` in mcp.lock.yaml; "
        "did you mean `count`?",
    ]


def test_a_tool_can_be_had_once(loaded):
    clerk = CLERK.replace("}]", "}, {type: mcp_functions, server: stock, tools: [count]}]")
    assert loaded(shop(clerk))[1] == [
        "assistants/clerk.yaml:1:47: `clerk` has the function `stock__count` twice, "
        "first on line 1; keep one of them"
    ]


def test_a_server_is_a_command_or_an_address_and_secrets_are_not_written_out(loaded):
    top = """\
    version: 1
    workspace: shop
    mcp_servers:
      none: {env: {A: b}}
      both: {command: [a], url: "https://a.example"}
      mixed: {command: [a], headers: {A: b}}
      secret: {command: [a], env: {API_KEY: sk-proj-abcdefghijklmnopqrstuvwx}}
      a name: {command: [a]}
    """
    assert loaded(shop("model: gpt-6-luna\n", top))[1] == [
        "assistctl.yaml:4:3: `none` has neither `command` nor `url`; write one of them",
        "assistctl.yaml:5:3: `both` has both `command` and `url`; write one of them",
        "assistctl.yaml:6:25: `headers` is for `url`; remove it, or write `url`",
        "assistctl.yaml:7:41: `secret.env.API_KEY` looks like a secret; "
        "put it in an environment variable and write ${ITS_NAME}",
        "assistctl.yaml:8:3: the key `a name` is not allowed; "
        "use a-z, A-Z, 0-9, - and _, at most 24 characters",
    ]


def test_a_lock_file_that_was_edited_is_told(loaded):
    words = "this is not as `assistctl mcp lock` writes it; write it anew with `assistctl mcp lock`"
    assert loaded(shop(lock="version: 2\nservers: {}\n"))[1] == [f"mcp.lock.yaml:1:1: {words}"]
    broken = "version: 1\nservers: {stock: {tools: {count: {description: Without a schema}}}}\n"
    assert loaded(shop(lock=broken))[1] == [f"mcp.lock.yaml:2:27: {words}"]


def test_names_that_the_api_could_not_have_get_a_mark():
    assert mcp.function_name("stock", "count") == "stock__count"
    assert mcp.function_name("stock", "a.b") != mcp.function_name("stock", "a/b")
    assert len(mcp.function_name("stock", "x" * 128)) == 64


def test_what_no_model_could_be_told_of_is_left_out_with_the_reason():
    schema = {"type": "object"}
    _, left_out = mcp_lock.lock_text(
        {
            "stock": {
                "good": {"description": "Costs ${MONEY}.\r\n😀‍", "parameters": schema},
                "bad\x1b[31m": {"parameters": schema},
                "bidi": {"description": "Pay \u202eeman", "parameters": schema},
                "huge": {"description": "x" * 10_000_000, "parameters": schema},
                "list": {"parameters": {"type": "array"}},
                "wrong": {"parameters": {"type": "object", "properties": {"a": 5}}},
            }
        }
    )
    assert left_out == {
        ("stock", "bad\x1b[31m"): "its name is empty, too long, or not printable",
        ("stock", "bidi"): "it has an invisible character (U+202E) in what a model would read",
        ("stock", "huge"): "its description and schema are larger than 64 KiB",
        ("stock", "list"): "`parameters.type` must be object, not `array`",
        (
            "stock",
            "wrong",
        ): "`parameters.properties.a` must be a mapping or true or false, not a number",
    }


def test_a_lock_file_reads_back_as_it_was_written(loaded):
    tools = {"odd": {"description": "Costs ${MONEY}.\r\n😀‍", "parameters": COUNT["parameters"]}}
    text, left_out = mcp_lock.lock_text({"stock": tools})
    assert left_out == {}
    workspace, problems = loaded(shop(lock=text))
    assert problems == []
    (odd,) = _functions(workspace)
    assert {"description": odd.description, "parameters": odd.parameters} == tools["odd"]


def _functions(workspace) -> tuple[Function, ...]:
    return workspace.assistants["clerk"].functions


def test_the_lock_file_is_made_anew_without_a_terminal(tmp_path):
    asked = {"type": "object", "properties": {"of": {"type": "string"}}}
    found = {"stock": {"count": {"parameters": asked}, "": {"parameters": {}}}}
    first = mcp_lock.relocked(tmp_path, ["stock"], found)
    assert first.before == ""
    assert first.changes == ("+ stock: count",)
    assert list(first.left_out) == [("stock", "")]
    first.write(tmp_path)
    again = {"stock": {"count": {"description": "Counts.", "parameters": asked}}}
    second = mcp_lock.relocked(tmp_path, ["stock", "gone"], again)
    assert second.before == first.after
    assert second.changes == ("~ stock: count (description)",)
    assert "+        description: Counts.\n" in second.difference
    assert mcp_lock.relocked(tmp_path, [], {}).changes == ("- stock: count",)
    assert [each.name for each in tmp_path.iterdir()] == [mcp_lock.LOCK]


def test_a_lock_file_that_cannot_be_written_is_as_it_was(tmp_path):
    (tmp_path / mcp_lock.LOCK).mkdir()
    with pytest.raises(AssistctlError, match=r"mcp\.lock\.yaml cannot be written"):
        mcp_lock.Relock("", "version: 1\n", {}, ()).write(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [mcp_lock.LOCK]
