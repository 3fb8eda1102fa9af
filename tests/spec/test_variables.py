from collections.abc import Callable

import pytest

from assistctl.errors import Place
from assistctl.resources import Workspace
from assistctl.spec.findings import Findings
from assistctl.spec.variables import Variables, variable_of

ENVIRON = {"SHOP": "Blumen", "EMPTY": "", "API_KEY": "sk-1", "NESTED": "${SHOP}"}


def expanded(text: str, *, public: bool = True) -> tuple[str, int]:
    """The text and the number of findings."""
    findings = Findings()
    value = Variables(ENVIRON, findings).expand(text, Place("x"), public=public)
    return value, len(findings.in_order())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${SHOP}", "Blumen"),
        ("a ${SHOP} b ${SHOP}", "a Blumen b Blumen"),
        ("${NOWHERE:-a default: with $signs}", "a default: with $signs"),
        ("${EMPTY}", ""),
        ("${EMPTY:-x}", "x"),
        ("${SHOP:-x}", "Blumen"),
        ("${NOWHERE:-}", ""),
        ("${NESTED}", "${SHOP}"),
        ("$${SHOP}", "${SHOP}"),
        ("$$${SHOP}", "$${SHOP}"),
        ("$SHOP $ $$ {SHOP}", "$SHOP $ $$ {SHOP}"),
    ],
)
def test_variables_are_replaced(text: str, value: str) -> None:
    assert expanded(text) == (value, 0)


@pytest.mark.parametrize("text", ["${NOWHERE}", "${}", "${1}", "${SHOP-x}", "${SHOP", "${a b}"])
def test_what_cannot_be_replaced_stays_and_is_found(text: str) -> None:
    assert expanded(text) == (text, 1)


SECRET = """
    API_KEY MY_TOKEN secret DB_PASSWORD OpenaiApiKey KEY2 SECRETS ASSISTCTL_API_KEYS SHOP_TOKENS
    SHOP_PASSWORDS DB_PASS DBPASS dbPass MYSQL_PWD DB_PASSWD DATABASE_URL CELERY_BROKER_URL
    MONGODB_URI SQLALCHEMY_DATABASE_URI REDIS_URL_2 AzureWebJobsConnectionString NPM_AUTH _AUTH
    AUTH_HEADER GH_PAT githubPat SENTRY_DSN SLACK_WEBHOOK_URL PRIVATEKEYPEM APIKEYPROD
    SSH_PRIVATEKEY AWS_ACCESS_KEY_ID GOOGLE_APPLICATION_CREDENTIALS SESSION_COOKIE SSH_PASSPHRASE
    TOKEN_PROD MAX_TOKENS_KEY
"""
HARMLESS = """
    KEYBOARD MAX_TOKENS MAX_COMPLETION_TOKENS TOKENS_PER_MINUTE SECRETARY SHOP PWD OLDPWD COMPASS
    TURKEY_PHONE PATH PATTERN AUTHOR AUTH_DOMAIN OAUTH_CLIENT_ID PASSENGERS BASE_URL SHOP_URL
    TOKENIZER GITHUB_SHA HOME CI_COMMIT_REF_NAME
"""
VALUES = {
    "A": "postgres://shop:geheim@db/shop",
    "B": "https://hooks.slack.com/services/T0/B0/abcdefgh",
    "C": "sk-proj-0123456789abcdef",
    "D": "-----BEGIN PRIVATE KEY-----\nMIIE",
    "E": "Server=db;Password=geheim",
}


@pytest.mark.parametrize("name", SECRET.split())
def test_a_secret_is_refused_in_public_values(name: str) -> None:
    assert expanded(f"${{{name}:-x}}") == (f"${{{name}:-x}}", 1)
    assert expanded("${API_KEY}", public=False) == ("sk-1", 0)


@pytest.mark.parametrize("name", HARMLESS.split())
def test_a_harmless_name_is_not_taken_for_a_secret(name: str) -> None:
    assert expanded(f"${{{name}:-x}}")[1] == 0


@pytest.mark.parametrize("name", VALUES)
def test_a_variable_whose_value_holds_a_secret_is_refused_in_public_values(name: str) -> None:
    findings = Findings()
    variables = Variables(VALUES, findings)
    text = f"Ask at ${{{name}}}"
    assert variables.expand(text, Place("x")) == text
    assert list(map(str, findings.in_order())) == [
        f"x: the value of the variable {name} holds a key or a password, which would be stored at "
        "the target and shown in plans; keep secrets in the environment of your tools"
    ]
    assert variables.expand(text, Place("x"), public=False) == f"Ask at {VALUES[name]}"


@pytest.mark.parametrize(
    ("text", "name"),
    [("${A}", "A"), ("${A:-b}", None), ("x${A}", None), ("${A}${B}", None), ("${A}\n", None)],
)
def test_only_a_lone_reference_names_a_variable(text: str, name: str | None) -> None:
    assert variable_of(text) == name


def test_keys_instructions_files_and_scripts_are_left_alone(
    loaded: Callable[..., tuple[Workspace, list[str]]],
) -> None:
    workspace, problems = loaded(
        {
            "assistants/shop.yaml": """\
                instructions: {file: shop.md}
                metadata: {"${SHOP}": "${SHOP}"}
                """,
            "assistants/shop.md": "Hello ${SHOP}",
            "assistants/shop.script.yaml": "turns: [{say: '${SHOP}'}]",
        },
        SHOP="Blumen",
    )
    assert problems == []
    shop = workspace.assistants["shop"]
    assert shop.settings["instructions"] == "Hello ${SHOP}"
    assert shop.settings["metadata"] == {"${SHOP}": "Blumen"}
    assert workspace.scripts["shop"] == [{"say": "${SHOP}"}]
