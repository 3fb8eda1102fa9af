import pytest

from assistctl.base_urls import advice, with_version


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
