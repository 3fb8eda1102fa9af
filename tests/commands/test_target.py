"""A declared model endpoint: what it is asked, from the YAML on, and what is told of it."""

import json

import pytest

from tests.server.chat_endpoint import Reply, chat_endpoint_running

SECRET = "hidden/value+of~mine"
MODEL = """\
    model:
      base_url: {url}
      headers: {{X-Team: flowers, X-Gateway-Token: "Bearer ${{A_TOKEN}}"}}
      query: {{tenant: shop, code: "${{A_CODE}}"}}
      extra_body: {{thinking: {{type: disabled}}, credentials: {{password: "${{A_WORD}}"}}}}
      drop: [temperature]
      stream: false
      models:
        gpt-6-luna: {{name: qwen, headers: {{X-Team: roses}}, extra_body: {{seed: 7}}}}
"""


@pytest.fixture
def endpoint(shop):
    with chat_endpoint_running() as endpoint:
        model = MODEL.format(url=endpoint.url)
        shop.edit("assistctl.yaml", "  local: {model: scripted}\n", f"  local:\n{model}")
        environ = {"A_TOKEN": f"{SECRET}1", "A_CODE": f"{SECRET}2", "A_WORD": f"{SECRET}3"}
        text = "".join(f"{name}={value}\n" for name, value in environ.items())
        (shop.root / ".env").write_text(text, encoding="utf-8")
        yield endpoint


def test_an_endpoint_is_asked_as_it_is_declared_for_this_model(shop, endpoint):
    message = {"role": "assistant", "content": "Hallo!"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    endpoint.answer(Reply(200, {"object": "chat.completion", "choices": [choice]}))
    code, out, err = shop("run", "greeter", "Hello")
    assert (code, out, SECRET in err) == (0, "Hallo!\n", False), err
    [path], [headers], [body] = endpoint.paths, endpoint.headers, endpoint.requests
    assert path.endswith("/chat/completions?tenant=shop&code=hidden%2Fvalue%2Bof~mine2")
    assert (headers["x-team"], headers["x-gateway-token"]) == ("roses", f"Bearer {SECRET}1")
    assert {key: body.get(key) for key in ("model", "stream", "temperature", "seed")} == {
        "model": "qwen",
        "stream": False,
        "temperature": None,
        "seed": 7,
    }
    assert body["thinking"] == {"type": "disabled"}
    assert body["credentials"] == {"password": f"{SECRET}3"}


def test_what_a_careless_endpoint_says_shows_no_header_and_no_query(shop, endpoint):
    said = json.dumps({"headers": f"Bearer {SECRET}1", "url": f"/v1?code={SECRET}2"})
    endpoint.answer(Reply(401, {"error": {"message": f"refused {said}"}}))
    code, out, err = shop("run", "greeter", "Hello", "-v")
    assert (code, "refused" in err, SECRET in out + err) == (1, True, False), err
    traces = [
        path
        for path in shop.root.rglob("*")
        if path.is_file() and path.name != ".env" and SECRET in path.read_text("latin-1")
    ]
    assert traces == []
