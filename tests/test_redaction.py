"""One redaction for client and server: what a secret looks like, and what only resembles one."""

import pytest

from assistctl.redaction import Redaction, holds_secret
from assistctl.server.models.refusals import hidden

HIDDEN = "[redacted]"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
SECRETS = [
    ("Bearer 0123456789abcdef0", f"Bearer {HIDDEN}"),
    ("Basic dXNlcjpwYXNzd29yZDEyMw==", f"Basic {HIDDEN}"),
    ("Authorization: Basic dXNlcjpwdw==", f"Authorization: Basic {HIDDEN}"),
    ("{'authorization': 'Token 0123456789'}", f"{{'authorization': 'Token {HIDDEN}'}}"),
    ("[(b'authorization', b'Basic dXNlcjpwdw==')]", f"[(b'authorization', b'Basic {HIDDEN}')]"),
    ('{"api-key": "0123456789abcdef"}', f'{{"api-key": "{HIDDEN}"}}'),
    ("x-api-key=0123456789abcdef", f"x-api-key={HIDDEN}"),
    ("GET /v1?key=0123456789&a=b", f"GET /v1?key={HIDDEN}&a=b"),
    ("postgres://shop:s3cr3t@db/shop", f"postgres://shop:{HIDDEN}@db/shop"),
    ("redis://:geheim@cache", f"redis://:{HIDDEN}@cache"),
    ("jdbc:mysql://db/x?user=u&password=pw&ssl=1", f"jdbc:mysql://db/x?user=u&password={HIDDEN}&ssl=1"),
    ("Server=db;Pwd=geheim;Encrypt=yes", f"Server=db;Pwd={HIDDEN};Encrypt=yes"),
    ("https://hooks.slack.com/services/T0/B0/abcdef", f"https://hooks.slack.com/services/{HIDDEN}"),
    ("sk-proj-0123456789abcdef", HIDDEN),
    ("ghp_" + "a1" * 18, HIDDEN),
    ("github_pat_" + "a1" * 20, HIDDEN),
    ("xoxb-123456789012-abcdef", HIDDEN),
    ("AKIAIOSFODNN7EXAMPLE", HIDDEN),
    (JWT, HIDDEN),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", HIDDEN),
    ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", HIDDEN),
]  # fmt: skip
HARMLESS = [
    "Bearer token is missing",
    "Basic authentication is required",
    "https://example.com:8080/@someone",
    "write to me@example.com",
    "task-list, risk-free, desk-0123456789ab",
    "the api_key is wrong",
    "-----BEGIN CERTIFICATE-----",
    "Give your password: it is asked for at the door",
    HIDDEN,
]


@pytest.mark.parametrize(("text", "without"), SECRETS)
def test_secrets_of_others_are_taken_out_by_client_and_server_alike(text, without):
    said = f"refused {text}, sorry"
    if text.endswith("cut off"):
        said, without = f"refused {text}", f"refused {without}"
    else:
        without = f"refused {without}, sorry"
    assert Redaction("").text(said) == without
    assert Redaction("").value([{"instructions": said}]) == [{"instructions": without}]
    assert hidden(said, []) == without
    assert holds_secret(said)


@pytest.mark.parametrize(("_", "without"), SECRETS)
def test_what_was_redacted_once_stays_as_it_is(_, without):
    assert Redaction("").text(without) == without
    assert not holds_secret(without)


@pytest.mark.parametrize("text", HARMLESS)
def test_words_that_only_resemble_secrets_stay(text):
    assert Redaction("").text(text) == text
    assert hidden(text, []) == text
    assert not holds_secret(text)


def test_what_people_write_is_shown_unless_it_is_made_as_keys_are():
    text = "Explain basic internationalization and the api_key: it_stays_here"
    assert Redaction("").value(text) == text
    assert not holds_secret(text)


def test_the_own_key_is_taken_out_however_it_is_spelled_unless_it_is_a_word():
    assert Redaction("a/key+here").text("a/key+here or a%2Fkey%2Bhere") == f"{HIDDEN} or {HIDDEN}"
    assert hidden("my-own-key", ["my-own-key"]) == HIDDEN
    assert hidden("there is none", ["none"]) == "there is none"


def test_an_error_shows_no_secret_wherever_an_api_puts_it():
    redaction, key = Redaction("sk-proj-a1B2c3D4"), "sk-proj-a1B2c3D4"
    bad, good = f"bad key {key}", f"bad key {HIDDEN}"
    bodies = [
        {"last_error": {"code": "x", "message": bad}},
        {"error": {"code": "x", "message": bad}},
        {"error": bad, "status": "failed"},
        {"type": "error", "message": bad},
        {"type": "error", "error": {"message": bad}},
        {"turn": {"id": "turn_1", "error": {"message": bad}}},
        {"type": "response.failed", "response": {"error": {"message": bad}}},
        {"session": {"error": bad}},
    ]
    told = [str(redaction.errors(body)) for body in bodies]
    assert [text for text in told if key in text or good not in text] == []
    kept = {"id": "asst_1", "instructions": bad, "error": None, "message": bad}
    assert redaction.errors(dict(kept)) == kept
