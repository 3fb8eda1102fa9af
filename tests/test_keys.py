import unicodedata

import pytest

from assistctl.keys import LONGEST, as_key, composed, is_key
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address

GOOD = (
    *("shop", "2nd_shop-x", "花店", "花店-财务_助手2", "größe", "кассир", "हिन्दी", "ร้านดอกไม้"),
    *("フラワー", "꽃집", "متجر", "x" * LONGEST, "花" * LONGEST),
)
BAD = (
    *(
        "",
        "Shop",
        "ÄRGER",
        "Кассир",
        "a b",
        "花\u3000店",
        "花。",
        "-a",
        "_a",
        "\u0301a",
        "a.b",
        "a/b",
    ),
    *(
        "a\u200db",
        "a\u202eb",
        "花\ufe0f",
        "\u3164",
        "a🌹",
        "x" * (LONGEST + 1),
        "a\n",
        "\ud800",
        "①",
    ),
    unicodedata.normalize("NFD", "größe"),
)


@pytest.mark.parametrize("key", GOOD)
def test_letters_and_digits_of_any_script_make_a_key(key):
    assert is_key(key)


@pytest.mark.parametrize("text", BAD, ids=ascii)
def test_anything_else_does_not(text):
    assert not is_key(text)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Flower Shop: Paris, 2e!", "flower-shop-paris-2e"),
        ("Café „Zürich“", "cafe-zurich"),
        ("Größe & Maß", "größe-maß"),
        ("花店财务助手", "花店财务助手"),
        ("花店 ＦＡＱ（一）", "花店-faq-一"),
        ("Кассир №2", "кассир-no2"),
        ("ร้านดอกไม้", "ร้านดอกไม้"),
        ("İstanbul", "istanbul"),
        ("my_shop", "my_shop"),
        ("🌹🌹", ""),
        ("…", ""),
        ("x" * 80, "x" * LONGEST),
    ],
)
def test_a_key_is_made_of_a_name_whatever_its_script(name, key):
    assert as_key(name) == composed(key)
    assert not key or is_key(composed(key))


def test_keys_that_are_spelled_otherwise_are_the_same_address():
    apart = unicodedata.normalize("NFD", "größe")
    assert Address.parse(apart) == Address(ASSISTANT, "größe")
    assert Address.parse(f"vector_store/{apart}") == Address(VECTOR_STORE, "größe")
    assert Address.parse(f"file/{apart}.md") == Address(FILE, f"{apart}.md")
