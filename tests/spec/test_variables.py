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


@pytest.mark.parametrize(
    "name", ["API_KEY", "MY_TOKEN", "secret", "DB_PASSWORD", "OpenaiApiKey", "KEY2", "SECRETS"]
)
def test_a_secret_is_refused_in_public_values(name: str) -> None:
    assert expanded(f"${{{name}:-x}}") == (f"${{{name}:-x}}", 1)
    assert expanded("${API_KEY}", public=False) == ("sk-1", 0)


@pytest.mark.parametrize("name", ["KEYBOARD", "MAX_TOKENS", "SECRETARY", "SHOP"])
def test_a_harmless_name_is_not_taken_for_a_secret(name: str) -> None:
    assert expanded(f"${{{name}:-x}}")[1] == 0


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
