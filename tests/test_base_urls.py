import pytest

from assistctl.base_urls import advice, is_loopback, is_near, with_version


@pytest.mark.parametrize(
    ("base_url", "meant"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("https://v1.example.com/", "https://v1.example.com/v1"),
        ("https://shop.openai.azure.com/openai", "https://shop.openai.azure.com/openai/v1"),
        ("https://openrouter.ai/api", "https://openrouter.ai/api/v1"),
        ("https://api.openai.com/v1", None),
        ("https://api.openai.com/V1/", None),
        ("https://generativelanguage.googleapis.com/v1beta/openai", None),
        ("https://shop.openai.azure.com/openai/deployments/gpt", None),
        ("https://open.bigmodel.cn/api/paas/v4", None),
    ],
)
def test_an_address_without_a_version_was_probably_meant_to_have_one(base_url, meant):
    assert with_version(base_url) == meant
    assert advice(base_url) == (f"is {meant} meant, with /v1 at its end?" if meant else "")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:192.168.1.7", False),
        ("192.168.1.7", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_loopback_is_told_without_asking_anybody(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:11434/v1", True),
        ("http://[::1]:11434/v1", True),
        ("http://models.localhost/v1", True),
        ("http://localhost.evil.example/v1", False),
        ("nonsense", False),
        ("http://[::1/v1", False),
    ],
)
def test_an_endpoint_on_this_machine_is_asked_without_a_proxy(url: str, expected: bool) -> None:
    assert is_near(url) is expected
