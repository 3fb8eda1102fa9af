"""How endpoints say that something is too long, each in its own words."""

from __future__ import annotations

import pytest

from assistctl.server.models.overflow import Overflow, overflow
from assistctl.server.models.refusals import Refused


def told(text, status=400):
    return overflow(Refused(status, text, text))


@pytest.mark.parametrize(
    ("text", "much"),
    [
        (
            "This model's maximum context length is 8192 tokens. However, your messages resulted in"
            " 10000 tokens.",
            Overflow(8192, 10000),
        ),
        (
            "This model's maximum context length is 8,192 tokens. However, you requested 8,404"
            " tokens (7,892 in the messages, 512 in the completion).",
            Overflow(8192, 7892, 512),
        ),
        (
            "'max_tokens' is too large: 5000. This model's maximum context length is 8192 tokens"
            " and your request has 7000 input tokens (5000 > 8192 - 7000).",
            Overflow(8192, 7000, 5000),
        ),
        (
            "Requested token count exceeds the model's maximum context length of 8192 tokens. You"
            " requested a total of 9000 tokens: 8500 tokens from the input messages and 500 tokens"
            " for the completion.",
            Overflow(8192, 8500, 500),
        ),
        (
            "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
            Overflow(200000, 199000, 8192),
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", Overflow(200000, 210000)),
        (
            "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and"
            " 512 `max_new_tokens`",
            Overflow(4096, 5000, 512),
        ),
        ("`inputs` must have less than 1024 tokens. Given: 1500", Overflow(1024, 1500)),
        (
            "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
            Overflow(8192, 9000),
        ),
        (
            '{"error":{"message":"the request exceeds the available context size","n_prompt_tokens"'
            ':9000,"n_ctx":8192}}',
            Overflow(8192, 9000),
        ),
        ("exceeds the available context size (8192 tokens), try", Overflow(8192)),
        ("Your request exceeded model token limit: 8192 (requested: 9000)", Overflow(8192, 9000)),
        (
            "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
            Overflow(131072, 140000),
        ),
        ("prompt token count of 130000 exceeds the limit of 128000", Overflow(128000, 130000)),
        (
            "The input token count (1200000) exceeds the maximum number of tokens allowed"
            " (1048576).",
            Overflow(1048576, 1200000),
        ),
        (
            "Prompt contains 33000 tokens and 0 draft tokens, too large for model with 32768"
            " maximum context length",
            Overflow(32768, 33000),
        ),
        ("Range of input length should be [1, 30720]", Overflow(30720)),
        ("Input is too long for requested model.", Overflow()),
        ("Prompt exceeds max length", Overflow()),
        ("Your input exceeds the context window of this model.", Overflow()),
    ],
)
def test_the_numbers_are_read_where_they_are_said(text, much):
    assert told(text) == much


@pytest.mark.parametrize("status", [413, 422, 500])
def test_it_is_said_with_several_statuses(status):
    assert told("input is too long", status) == Overflow()


def test_what_is_too_much_for_a_minute_is_too_much_for_ever():
    text = "Request too large for m on tokens per min (TPM): Limit 6000, Requested 9000."
    assert told(text, 429) == Overflow(6000, 9000)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Rate limit reached: Limit 6000, Used 5900, Requested 200.", 429),
        ("tool call id is too long", 400),
        ("temperature is not supported", 400),
        ("context_length_exceeded", 401),
    ],
)
def test_other_refusals_are_not_about_the_length(text, status):
    assert told(text, status) is None


@pytest.mark.parametrize(
    ("much", "excess", "room"),
    [
        (Overflow(8192, 8404), 8404 / 8192, -212),
        (Overflow(8192, 7892, 512), 7892 / 7680, 300),
        (Overflow(8192, 7000, 100), None, 1192),
        (Overflow(8192), None, None),
        (Overflow(), None, None),
    ],
)
def test_what_is_too_much_counts_prompt_and_answer(much, excess, room):
    assert (much.excess, much.room) == (excess, room)
