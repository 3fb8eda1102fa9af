"""What is different for one conversation, said without a command line."""

import pytest

from assistctl.conversation import ConversationOptions, Limits, session
from assistctl.conversation.dry_run import would_send
from assistctl.errors import DeclarationError
from assistctl.loading import load


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "assistants").mkdir()
    (tmp_path / "assistants" / "clerk.yaml").write_text(
        "instructions: Greet {{ who }}.\nvariables: {who: everybody}\n"
    )
    (tmp_path / "assistctl.yaml").write_text(
        "version: 1\nworkspace: shop\ndefaults: {model: gpt-6-luna}\n"
    )
    return load(tmp_path, "local")


def test_the_instructions_are_made_of_the_variables(workspace):
    for told, instructions in (
        (ConversationOptions(variables={"who": "{{ Ada }}"}), "Greet {{ Ada }}."),
        (ConversationOptions(overrides={"instructions": "Ask {{ who }}."}), "Ask everybody."),
        (ConversationOptions(), "Greet everybody."),
    ):
        with session(workspace, "clerk", told) as talk:
            assert talk.assistant.settings["instructions"] == instructions
        sent = would_send(workspace, "clerk", told, "Hello", (), talk.surface.capabilities)
        assert sent["settings"]["instructions"] == instructions


def test_what_has_no_option_can_be_different_too(workspace):
    told = ConversationOptions(
        overrides={"response_format": {"type": "json_object"}, "tool_choice": "none"}
    )
    with session(workspace, "clerk", told) as talk:
        pass
    assert talk.assistant.once == ("response_format",)
    assert talk.assistant.settings["response_format"] == {"type": "json_object"}
    assert talk.assistant.run == {"tool_choice": "none"}


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        (ConversationOptions(variables={"whom": "Ada"}), "has no variable `whom`"),
        (ConversationOptions(overrides={"temperature": 9}), "--temperature: "),
        (
            ConversationOptions(overrides={"temprature": 1}),
            "temprature: unknown key `temprature`; did you mean `temperature`",
        ),
        (ConversationOptions(overrides={"tool_choice": "all"}), "^tool_choice: "),
        (ConversationOptions(limits=Limits(cost=1)), "--max-cost: it cannot be had"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_sent(workspace, told, problem):
    with pytest.raises(DeclarationError, match=problem), session(workspace, "clerk", told):
        pass
