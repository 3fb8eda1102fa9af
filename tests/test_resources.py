import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assistctl.resources import ASSISTANT, Address, Price, digest

NUMBERS = st.sampled_from(
    [0, -0.0, 1, 1.0, 1.5, 10**30, 1e15, 1e16, 1e22, 5e-324, "1.0", "e+", True]
)
VALUES = st.recursive(
    st.none() | st.floats() | st.text(max_size=3) | NUMBERS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


def with_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: with_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_integers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@given(VALUES)
def test_a_digest_is_that_of_canonical_json_in_which_whole_numbers_are_integers(value: Any) -> None:
    text = json.dumps(
        with_integers(value), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    assert digest(value) == hashlib.sha256(text.encode()).hexdigest()


def test_a_digest_takes_tuples_for_lists_and_addresses_for_their_names() -> None:
    assert digest((1.0, Address(ASSISTANT, "shop"))) == digest([1, "assistant/shop"])


def test_a_price_is_for_a_million_tokens_and_those_that_are_cached_may_be_cheaper() -> None:
    usage = {"prompt_tokens": 3_000_000, "completion_tokens": 500_000, "total_tokens": 3_500_000}
    cached = {**usage, "prompt_token_details": {"cached_tokens": 1_000_000}}
    assert Price(2, 8).of(usage) == Price(2, 8).of(cached) == 10.0
    assert Price(2, 8, 0.5).of(cached) == 8.5
    assert Price(2, 8).of({}) == 0.0
