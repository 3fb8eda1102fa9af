from collections.abc import Callable

import pytest

from assistctl.resources import Workspace

Loaded = Callable[..., tuple[Workspace, list[str]]]
TOP = "version: 1\nworkspace: shop\ntargets:\n  local:\n    model: "
OPENAI = "{base_url: https://api.openai.com/v1}"
AZURE = "{base_url: https://shop.openai.azure.com/openai/v1}"


@pytest.fixture
def warned(loaded: Loaded) -> Callable[..., list[str]]:
    """What an assistant with these fields is warned of, where this model endpoint answers."""

    def warned(fields: str, endpoint: str = OPENAI, **environ: str) -> list[str]:
        files = {"assistctl.yaml": TOP + endpoint, "assistants/a.yaml": fields}
        workspace, problems = loaded(files, **environ)
        assert problems == []
        return [f"{w.place.line}: {w.what}; {w.remedy}" for w in workspace.warnings]

    return warned


Warned = Callable[..., list[str]]
NONE = ", or declare `reasoning_effort: none`"


def sampling(line: int, model: str, option: str) -> str:
    what = f"`{model}` takes no `{option}` but 1 while it reasons: it is left out"
    return f"{line}: {what}; remove it"


@pytest.mark.parametrize(
    ("model", "options", "told"),
    [
        ("gpt-6-luna", "temperature: 0.2", [sampling(2, "gpt-6-luna", "temperature") + NONE]),
        ("gpt-6.1", "top_p: 0.5", [sampling(2, "gpt-6.1", "top_p") + NONE]),
        ("gpt-5.6-sol", "temperature: 0", [sampling(2, "gpt-5.6-sol", "temperature") + NONE]),
        ("gpt-6-astra", "temperature: 0", [sampling(2, "gpt-6-astra", "temperature")]),
        ("o4-mini", "top_p: 0.1", [sampling(2, "o4-mini", "top_p")]),
        ("gpt-6-luna", "temperature: 1", []),
        ("gpt-6-luna", "temperature: 0.2\nreasoning_effort: none", []),
        ("gpt-5.1", "temperature: 0.2", []),
        (
            "gpt-5.1-2025-11-13",
            "temperature: 0.2\nreasoning_effort: low",
            [sampling(2, "gpt-5.1-2025-11-13", "temperature") + NONE],
        ),
        (
            "gpt-6-astra",
            "reasoning_effort: none",
            [
                "2: `gpt-6-astra` does not take `reasoning_effort: none`: it is left out; "
                "choose low, medium, high, xhigh or max"
            ],
        ),
        (
            "gpt-6.1-sol",
            "reasoning_effort: none\ntop_p: 0.1",
            [
                "2: `gpt-6.1-sol` does not take `reasoning_effort: none`: it is left out; "
                "choose minimal, low, medium, high, xhigh or max",
                sampling(3, "gpt-6.1-sol", "top_p"),
            ],
        ),
        ("gpt-7", "temperature: 0.2\nreasoning_effort: none", []),
        ("gpt-5.4-chat-latest", "temperature: 0.2", []),
    ],
)
def test_what_a_model_does_not_take_is_told(
    warned: Warned, model: str, options: str, told: list[str]
) -> None:
    assert warned(f"model: {model}\n{options}\n") == told


def test_a_model_that_does_not_reason_takes_no_effort_and_any_temperature(warned: Warned) -> None:
    fields = "model: gpt-4.1-nano\nreasoning_effort: low\ntemperature: 0.2\n"
    told = "2: `gpt-4.1-nano` does not reason: `reasoning_effort` is left out; remove it"
    assert warned(fields) == [told]


def test_a_model_that_ends_is_told_with_what_can_take_its_place(warned: Warned) -> None:
    told = "1: OpenAI has `gpt-4o-2024-08-06` until 2027-01-14 and no longer; "
    assert warned("model: gpt-4o-2024-08-06\n") == [told + "choose another, such as gpt-6-luna"]
    told = "1: OpenAI has `o3` until 2026-12-11 and no longer; choose another, such as gpt-6.1"
    assert warned("model: o3\n") == [told]


def test_azure_refuses_the_same_but_has_days_of_its_own(warned: Warned) -> None:
    told = [sampling(2, "gpt-5", "temperature")]
    assert warned("model: gpt-5\ntemperature: 0.2\n", AZURE) == told


ENTRY = "{base_url: https://api.openai.com/v1, models: {fast: gpt-6-luna, gpt-6-luna: old}}"
SLOW = "{base_url: https://api.openai.com/v1, models: {slow: {name: o3, drop: [top_p]}}}"


def test_what_counts_is_the_endpoints_own_name_of_a_model(warned: Warned) -> None:
    told = [sampling(2, "gpt-6-luna", "temperature") + NONE]
    assert warned("model: fast\ntemperature: 0.2\n", ENTRY) == told
    assert warned("model: gpt-6-luna\ntemperature: 0.2\n", ENTRY) == []
    [end] = warned("model: slow\ntop_p: 0.2\n", SLOW)
    assert end.startswith("1: OpenAI has `o3` until")


@pytest.mark.parametrize(
    "endpoint",
    [
        "scripted",
        "{base_url: http://localhost:11434/v1}",
        "{base_url: https://api.openai.com/v1, profile: vllm}",
        "{base_url: https://api.openai.com.example.com/v1}",
        "{base_url: https://api.openai.com/v1, drop: [temperature], models: {gpt-4o: gpt-6.1}}",
    ],
)
def test_where_nobody_can_know_who_answers_or_it_is_dropped_on_purpose_nothing_is_told(
    warned: Warned, endpoint: str
) -> None:
    assert warned("model: gpt-4o\nreasoning_effort: low\ntemperature: 0.2\n", endpoint) == []


def test_a_profile_tells_who_is_behind_a_gateway(warned: Warned) -> None:
    endpoint = "{base_url: https://gateway.example.com/v1, profile: openai}"
    [end] = warned("model: gpt-4o\n", endpoint)
    assert end.startswith("1: OpenAI has `gpt-4o` until")


def test_tools_by_chat_completions_want_a_model_that_does_not_reason(warned: Warned) -> None:
    chat = "{base_url: https://api.openai.com/v1, api: chat}"
    tools = "model: gpt-6-luna\ntools: [{type: code_interpreter}]\n"
    assert warned(tools, chat) == [
        "2: `gpt-6-luna` takes tools by Chat Completions only if it does not reason; "
        "remove `api: chat` from the target's model, so that it is asked by Responses"
    ]
    assert warned(tools + "reasoning_effort: none\n", chat) == []
    assert warned(tools) == []
    assert warned("model: gpt-6-luna\n", chat) == []


def test_the_environment_may_name_who_answers(loaded: Loaded) -> None:
    files = {
        "assistctl.yaml": "version: 1\nworkspace: shop\ndefaults: {model: gpt-4o}\n",
        "assistants/a.yaml": "name: A\n",
        "assistants/b.yaml": "name: B\n",
    }
    [warning] = loaded(files)[0].warnings
    assert str(warning.place) == "assistctl.yaml:3:19"
    assert loaded(files, OPENAI_BASE_URL="http://localhost:8080/v1")[0].warnings == ()
    assert loaded(files, OPENAI_API_KEY="")[0].warnings == ()


def test_instructions_that_are_the_name_of_a_file_are_told(loaded: Loaded) -> None:
    files = {
        "assistctl.yaml": f"{TOP}scripted\ndefaults: {{model: gpt-4.1}}\n",
        "assistants/a.yaml": "instructions: ../a.md\n",
        "assistants/b.yaml": "instructions: b.md\n",
        "assistants/c.yaml": f"instructions: {'长' * 300}\n",
        "a.md": "Be brief.\n",
    }
    [warning] = loaded(files)[0].warnings
    assert str(warning) == (
        "assistants/a.yaml:1:15: `instructions` is just the word `../a.md`, which is the name of a"
        " file; write {file: ../a.md} to have its text"
    )
