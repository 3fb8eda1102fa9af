"""What is declared of an endpoint, and which dialect its models are first asked in."""

from __future__ import annotations

import pytest

from assistctl.server.models.dialect import Dialect, Quirk
from assistctl.server.models.endpoint import Endpoint


def dialect(base_url, **declared):
    return Endpoint.parse({"base_url": base_url, **declared}).way("m").dialect


@pytest.mark.parametrize(
    ("base_url", "api"),
    [
        ("https://api.openai.com/v1", "responses"),
        ("https://eu.api.openai.com/v1", "responses"),
        ("https://mine.openai.azure.com/openai/v1", "responses"),
        ("https://mine.openai.azure.com/openai/deployments/x", "chat"),
        ("https://api.deepseek.com", "chat"),
        ("http://localhost:11434/v1", "chat"),
        ("https://notopenai.com/v1", "chat"),
        ("http://127.0.0.1:8000/v1", "chat"),
    ],
)
def test_the_api_is_told_from_the_host(base_url, api):
    assert dialect(base_url).api == api


def test_what_is_declared_goes_before_what_the_host_tells():
    assert dialect("https://api.openai.com/v1", api="chat").api == "chat"
    assert dialect("http://localhost/v1", profile="mistral", drop=["temperature"]) == Dialect(
        "chat",
        frozenset({"stream_options", "temperature"}),
        frozenset({Quirk.SHORT_IDS, Quirk.OLD_CAP}),
    )


def test_a_model_may_be_asked_otherwise_than_the_others():
    endpoint = Endpoint.parse(
        {
            "base_url": "http://localhost/v1",
            "headers": {"x-team": "flowers"},
            "context": 8192,
            "models": {
                "big": {"name": "llama-70b", "context": 131072, "headers": {"x-size": "big"}},
                "small": "llama-8b",
                "slow": {"run_seconds": 3600},
            },
        }
    )
    big, small, slow = endpoint.way("big"), endpoint.way("small"), endpoint.way("slow")
    assert (big.name, big.context, big.headers) == (
        "llama-70b",
        131072,
        {"x-team": "flowers", "x-size": "big"},
    )
    assert (small.name, small.context, small.headers) == ("llama-8b", 8192, {"x-team": "flowers"})
    assert (slow.name, slow.run_seconds, slow.timeout) == ("slow", 3600.0, 3600.0)
    assert (endpoint.way("x").name, endpoint.way("x").run_seconds) == ("x", 600.0)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            {"base_url": "http://x/v1/chat/completions"},
            "the model's base_url ends in /chat/completions, which is added to it; leave that out",
        ),
        (
            {"base_url": "http://x/v1/responses/"},
            "the model's base_url ends in /responses, which is added to it; leave that out",
        ),
        (
            {"base_url": "http://x/v1?api-version=1"},
            "the model's base_url has a query, 'http://x/v1?api-version=1'; leave it out, and"
            " declare its parameters under `query`",
        ),
        (
            {"base_url": "http://x/v1 "},
            "the model's base_url has spaces around it: 'http://x/v1 '",
        ),
        (
            {"base_url": "http://x", "api": "assistants"},
            "the model's api is one of auto, chat, responses, not 'assistants'",
        ),
        (
            {"base_url": "http://x", "headers": {"x": "a\nb"}},
            "the model's header x has characters that no HTTP header can carry",
        ),
        (
            {"base_url": "http://x", "ca_file": "/not/there.pem"},
            "the model's ca_file /not/there.pem is not there",
        ),
        (
            {"base_url": "http://x", "models": {"m": {"base_url": "http://y"}}},
            "unknown key of a model endpoint: base_url",
        ),
        (
            {"base_url": "http://x", "models": {"m": 3}},
            "an entry of the model's `models` is a name or a mapping",
        ),
    ],
)
def test_what_is_declared_wrongly_is_refused(declared, message):
    with pytest.raises(ValueError) as caught:
        Endpoint.parse(declared)
    assert str(caught.value) == message


def test_nothing_secret_shows_in_a_repr():
    endpoint = Endpoint.parse(
        {
            "base_url": "http://x",
            "api_key": "secret-key",
            "headers": {"x-token": "secret-header"},
            "query": {"token": "secret-query"},
            "extra_body": {"token": "secret-body"},
        }
    )
    assert "secret" not in repr(endpoint)
