"""What only one API has may be declared as the types of the SDK have it: no more, and no less but
for what is named here with its reason. Nothing of the SDK is read where YAML is."""

from collections.abc import Iterator
from typing import Any, Literal, Required, get_args, get_origin, get_type_hints

from openai.types.beta import (
    AgentCreateParams,
    EnvironmentParam,
    HostedSkillParam,
    PersistedAgentToolParam,
    PersistedMcpTransportParam,
)
from openai.types.beta.agents.session_create_params import SessionCreateParamsBase
from openai.types.responses import ToolParam
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from typing_extensions import is_typeddict

from assistctl.spec.grammar import checked
from assistctl.spec.grammar.surfaces import SURFACES

ASSISTANT = checked("assistant")["properties"]

SHARED = "declared for all APIs"
TURN = "of one turn or of the conversation, which `run` and `chat` make"
PROOF = "nothing here shows what comes of it"
OLD = "the SDK calls it outdated"
HANDS = "wants somebody to act for it, which nobody here does"
ELSEWHERE: dict[str, dict[str, str]] = {
    "agent": {
        **dict.fromkeys(("instructions", "metadata", "model", "name"), SHARED),
        "reasoning.effort": SHARED,
        "text.format": SHARED,
    },
    "session": {
        **dict.fromkeys(("agent_id", "input", "metadata", "stream_options"), TURN),
        "agent": "a session has the agent as it is",
    },
    "environment": {
        "files": "those of code_interpreter",
        "environment_id": "one that is there already would be shared by all sessions",
        "plugins": "bytes of an archive",
        "desktop": HANDS,
    },
    "response": {
        **dict.fromkeys(
            (
                *("instructions", "max_output_tokens", "metadata", "model", "temperature"),
                *("parallel_tool_calls", "tool_choice", "top_p"),
            ),
            SHARED,
        ),
        **dict.fromkeys(
            (
                *("background", "background_options", "conversation", "include", "input"),
                *("previous_response_id", "store", "stream_options"),
            ),
            TURN,
        ),
        **dict.fromkeys(("moderation", "top_logprobs", "image"), PROOF),
        "access_programs": "an account's own",
        "prompt": "ends on 2026-11-30",
        "user": OLD,
        "reasoning.effort": SHARED,
        "reasoning.generate_summary": OLD,
        "text.format": SHARED,
        "prompt_cache_options.comparison_response_id": PROOF,
        "prompt_cache_options.mode": "explicit points cannot be declared",
        "prompt_cache_options.prewarm": TURN,
    },
    "agents_mcp": {},
    "responses_mcp": {
        "allowed_callers": "there is no programmatic_tool_calling to declare",
        "defer_loading": "there is no tool_search to declare",
    },
}
TOOLS_ELSEWHERE = {
    "agents": {
        "function": SHARED,
        "tool_search": "functions cannot be deferred",
        "computer_use": HANDS,
    },
    "responses": {
        **dict.fromkeys(("function", "file_search", "code_interpreter"), SHARED),
        **dict.fromkeys(
            (
                *("computer", "computer_use_preview", "local_shell", "shell", "apply_patch"),
                *("custom", "namespace", "tool_search", "programmatic_tool_calling"),
            ),
            HANDS,
        ),
        "image_generation": PROOF,
        "web_search_preview": OLD,
    },
}


def test_an_agent_and_its_sessions_can_be_told_what_the_sdk_can_send() -> None:
    own = ASSISTANT["agents"]["properties"]
    of_sessions = get_type_hints(SessionCreateParamsBase)
    apart = {name: own[name] for name in own if name in of_sessions}
    shared = {name: own[name] for name in own if name not in apart}
    assert differences(shared, AgentCreateParams, "agent") == []
    assert differences(apart, SessionCreateParamsBase, "session") == []


def test_an_environment_can_be_told_what_the_sdk_can_send() -> None:
    (hosted,) = of_types(EnvironmentParam, "openai_hosted")
    declared = ASSISTANT["agents"]["properties"]["environment"]["properties"]
    assert differences(declared, hosted, "environment") == []
    (skill,) = of_types(HostedSkillParam, "skill_reference")
    assert differences(declared["skills"]["items"]["properties"], skill, "skill") == []


def test_a_response_can_be_told_what_the_sdk_can_send() -> None:
    own = ASSISTANT["responses"]["properties"]
    assert differences(own, ResponseCreateParamsBase, "response") == []


def test_every_tool_of_the_sdk_can_be_declared_or_has_a_reason_why_not() -> None:
    for api, union in (("agents", PersistedAgentToolParam), ("responses", ToolParam)):
        declared = set(SURFACES[f"{api}_tool"]["properties"]["type"]["enum"])
        known = {min(words(get_type_hints(it)["type"]), key=len) for it in get_args(union)}
        assert declared | TOOLS_ELSEWHERE[api].keys() == known
        for kind in declared:
            (tool,) = of_types(union, kind)
            schema = SURFACES[f"{api}_{kind}"]
            assert differences(schema["properties"], tool, f"{api}_{kind}") == []
            assert set(schema["required"]) == required(tool)


def test_both_transports_of_mcp_can_be_declared() -> None:
    for option in SURFACES["agents_mcp_transport"]["allOf"]:
        kind = option["if"]["properties"]["type"]["const"]
        (transport,) = of_types(PersistedMcpTransportParam, kind)
        assert differences(option["then"]["properties"], transport, "transport") == []
        assert set(option["then"]["required"]) == required(transport)


def differences(declared: dict[str, Any], known: Any, what: str) -> list[str]:
    """The paths at which keys and words are not those of the SDK, but for those with a reason."""
    found = {*_different("", declared, known)}
    reasons = ELSEWHERE.get(what, {}).keys()
    return sorted(found ^ reasons)


def _different(path: str, declared: dict[str, Any], known: Any) -> Iterator[str]:
    hints = {name.removesuffix("_"): hint for name, hint in get_type_hints(known).items()}
    yield from (f"{path}{name}" for name in declared.keys() ^ hints.keys())
    for name, schema in declared.items():
        hint = hints.get(name)
        if "enum" in schema and set(schema["enum"]) - {None} != at_least_one(hint, schema["enum"]):
            yield f"{path}{name}: {sorted(words(hint))}"
        inner = next(iter(dicts(hint)), None)
        properties = schema.get("properties") or schema.get("items", {}).get("properties")
        if properties and inner and name not in ("tools", "environment"):
            yield from _different(f"{path}{name}.", properties, inner)


def at_least_one(hint: Any, declared: list[str]) -> set[str]:
    """All words of the SDK's; where it has any text, those that are declared."""
    return words(hint) or set(declared) - {None}


def words(hint: Any) -> set[str]:
    """All texts that a type of the SDK lets through."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {word for inner in get_args(hint) for word in words(inner)}


def dicts(hint: Any) -> list[Any]:
    """The mappings that a type of the SDK lets through."""
    if is_typeddict(hint):
        return [hint]
    return [it for inner in get_args(hint) for it in dicts(inner)]


def of_types(union: Any, kind: str) -> list[Any]:
    return [it for it in get_args(union) if kind in words(get_type_hints(it)["type"])]


def required(known: Any) -> set[str]:
    hints = get_type_hints(known, include_extras=True)
    return {name for name, hint in hints.items() if get_origin(hint) is Required}
