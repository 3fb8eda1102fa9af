"""What each API makes of what an assistant's YAML can declare: one table for `validate`, `plan`,
`assistctl capabilities`, docs/surfaces.md and the tests. Imports no SDK.

A feature is called by its path in the YAML; where only some values of it are meant, by these too
(`tools.function.strict`). What `run` and `chat` do for one conversation is called by the option
(`--model`). Source: the types of the openai SDK 3.57.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from assistctl.errors import Place, Problem
from assistctl.resources import Assistant, FileSearch, Target, Workspace
from assistctl.surface import (
    ATTACHED_TO_SEARCH,
    COPY,
    MAX_COST,
    ONCE_IN_NEW_THREADS,
    ONCE_OPTIONS,
    RETRIES,
    Capabilities,
    Capability,
    Support,
)

TITLES: Mapping[str, str] = {
    "assistants": "Assistants API",
    "agents": "Agents API",
    "responses": "Responses API",
}
"""Every API that a target can be declared to speak, and its name for people."""

_OUT = "remove it, or make it null under the target's `overrides`"


def _as(how: str) -> Capability:
    return Capability(Support.NATIVE, how)


def _emulated(how: str, *, on_request: bool = False) -> Capability:
    return Capability(Support.EMULATED, how, on_request=on_request)


def _refused(way_out: str = _OUT) -> Capability:
    return Capability(Support.REFUSED, way_out)


_NATIVE = Capability(Support.NATIVE)
_EACH = _as("sent with each response")
_AS_FUNCTIONS = _as("each tool of the server is a function, which `run` and `chat` call there")


def _own(api: str, capability: Capability) -> tuple[Capability, Capability, Capability]:
    """The row of what only one API has."""
    elsewhere = Capability(Support.LEFT_OUT, f"for targets that speak the {TITLES[api]}")
    first, second, third = (capability if name == api else elsewhere for name in TITLES)
    return first, second, third


_HOSTED = Capability(Support.NATIVE, "not at the embedded server", hosted=True)
_MCP = replace(_HOSTED, how=f"{_HOSTED.how}; where consent is wanted, `run` and `chat` ask for it")
_USED = "leave it out: what a run has used is told once it is over"
_DEFAULT = "give each variable a default, which the instructions can be"
_ONCE = (_as("as a field of the run"), _as(ONCE_IN_NEW_THREADS), _EACH)
_NOT_ONCE = (_ONCE[0], _refused("leave it out: agents have no such thing"), _EACH)

ASSISTANT = "assistant"
"""The feature that there are assistants at all."""

TABLE: Mapping[str, tuple[Capability, Capability, Capability]] = {
    ASSISTANT: (
        _NATIVE,
        _as("as an agent"),
        _emulated(
            "nothing at the target holds an assistant; an empty vector store, where there are any,"
            " says which uploads each uses, and `run` and `chat` send all else with each response"
        ),
    ),
    "name": (_NATIVE, _NATIVE, _emulated("the empty vector store's")),
    "description": (
        _NATIVE,
        _emulated("kept in the agent's metadata"),
        _emulated("kept in the workspace; no model reads it"),
    ),
    "model": (_NATIVE, _NATIVE, _EACH),
    "instructions": (_NATIVE, _as("put after instructions of the service's own"), _EACH),
    "variables": (
        _as("synced with the defaults; told to a run with other values"),
        _as("synced with the defaults; told to a new session with other values"),
        _EACH,
    ),
    "variables without a default": (
        _refused(f"{_DEFAULT} synced with"),
        _refused(f"{_DEFAULT} synced with"),
        _EACH,
    ),
    "temperature": (_NATIVE, _refused(), _EACH),
    "top_p": (_NATIVE, _refused(), _EACH),
    "response_format": (_NATIVE, _as("as `text.format`"), _as("as `text.format`")),
    "response_format.json_object": (
        _NATIVE,
        _refused("declare `type: json_schema` with a schema"),
        _as("as `text.format`"),
    ),
    "reasoning_effort": (_NATIVE, _as("as `reasoning.effort`"), _as("as `reasoning.effort`")),
    "metadata": (_NATIVE, _NATIVE, _EACH),
    "metadata of more than four pairs": (
        _NATIVE,
        _refused("keep four: the other twelve hold what agents have no field for"),
        _EACH,
    ),
    "protect": (_NATIVE, _NATIVE, _emulated("of the empty vector store")),
    "tools.code_interpreter": (
        _NATIVE,
        _as("as the session's environment `openai_hosted`, with the files under /workspace"),
        _as("in a container that the target makes"),
    ),
    "tools.file_search": (
        _NATIVE,
        _emulated(
            "a function that `run` and `chat` answer by searching the vector store",
            on_request=True,
        ),
        _NATIVE,
    ),
    "tools.file_search without a store": (
        _NATIVE,
        _refused("give it `files` or a `vector_store`"),
        _refused("give it `files` or a `vector_store`"),
    ),
    ATTACHED_TO_SEARCH: (
        _NATIVE,
        _refused("give the assistant code_interpreter to use --attach"),
        _as("as `input_file` of the message"),
    ),
    "tools.function": (_NATIVE, _NATIVE, _NATIVE),
    "tools.function.strict": (
        _NATIVE,
        _emulated("`run` and `chat` check the arguments, and the model is told what is wrong"),
        _NATIVE,
    ),
    "tools.function without description": (_NATIVE, _refused("describe the function"), _NATIVE),
    "tools.mcp_functions": (_AS_FUNCTIONS, _AS_FUNCTIONS, _AS_FUNCTIONS),
    "run.tool_choice": (_NATIVE, _refused(), _as("sent with the first response of each turn")),
    "run.parallel_tool_calls": (_NATIVE, _refused(), _EACH),
    "run.max_prompt_tokens": (_NATIVE, _refused(), _refused()),
    "run.max_completion_tokens": (
        _NATIVE,
        _refused(),
        _as("as `max_output_tokens`, less what the turn has used already"),
    ),
    "run.truncation_strategy": (
        _NATIVE,
        _refused(),
        _as("as `truncation: auto`, which is sent anyway"),
    ),
    "run.truncation_strategy.last_messages": (
        _NATIVE,
        _refused(),
        _refused("declare `type: auto`, or remove it"),
    ),
    "agents": _own("agents", _as("kept by the agent, or told to each of its sessions")),
    "agents.tools.web_search": _own("agents", _HOSTED),
    "agents.tools.mcp": _own("agents", _MCP),
    "agents.tools.programmatic_tool_calling": _own("agents", _HOSTED),
    "agents.tools.automations": _own("agents", _HOSTED),
    "agents.multi_agent": _own("agents", _HOSTED),
    "agents.experimental": _own("agents", _HOSTED),
    "agents.environment": _own("agents", _as("that of each new session")),
    **dict.fromkeys(
        (
            *("agents.environment.network", "agents.environment.packages"),
            *("agents.environment.setup_commands", "agents.environment.env"),
            *("agents.environment.skills", "agents.environment.capability_directories"),
            *("agents.environment.environment_template_id", "agents.vault_ids"),
        ),
        _own("agents", _HOSTED),
    ),
    "responses": _own("responses", _EACH),
    "responses.tools.web_search": _own("responses", _HOSTED),
    "responses.tools.mcp": _own("responses", _MCP),
    "responses.context_management": _own("responses", _HOSTED),
    **dict.fromkeys(
        (ONCE_OPTIONS[name] for name in ("model", "instructions", "reasoning_effort")), _ONCE
    ),
    **dict.fromkeys(
        (ONCE_OPTIONS[name] for name in ("temperature", "top_p", "max_completion_tokens")),
        _NOT_ONCE,
    ),
    RETRIES: (
        _as("as another run on the thread"),
        _refused("leave it out: the session would have the message twice"),
        _as("as another response to the message"),
    ),
    COPY: (
        _as("as a thread, without the calls of functions"),
        _emulated(
            "as the first message of a session, which the assistant answers: a turn that costs"
            " tokens"
        ),
        _as("as a conversation"),
    ),
    MAX_COST: (
        _refused(f"{_USED}; use --max-tokens"),
        _refused(f"{_USED}; use --max-tool-rounds"),
        _as("looked at after each response"),
    ),
}
"""Feature -> what becomes of it at each API, in the order of TITLES."""

AGENTS_PAIRS = 4
"""How many pairs of an agent's metadata are the user's own: sixteen, less owner, record (1), files
(2), unused (3), protection, uploads (2), stores and description."""


@dataclass(frozen=True)
class Feature:
    """One thing that an assistant declares: where, and what becomes of it at a target."""

    name: str
    place: Place
    capability: Capability


def of_api(api: str) -> Capabilities:
    """What an API makes of every feature, whatever a target asks for."""
    column = list(TITLES).index(api)
    return {name: row[column] for name, row in TABLE.items()}


def at(target: Target) -> Capabilities:
    """The same at a target: what is emulated on request only is refused where it is not asked, and
    what only services have at the server that the command starts."""
    return {
        name: _here(name, capability, target) for name, capability in of_api(target.api).items()
    }


def _here(name: str, capability: Capability, target: Target) -> Capability:
    word = name.removeprefix("tools.")
    way_out = None
    if capability.hosted and target.local:
        way_out = f"remove it, or write `{target.api}: null` for it under the target's `overrides`"
    if capability.on_request and word not in target.emulate:
        way_out = f"remove it, or write `emulate: [{word}]` at the target: {capability.how}"
    if way_out is None:
        return capability
    return replace(capability, support=Support.REFUSED, how=way_out)


def features(assistant: Assistant, capabilities: Capabilities) -> tuple[Feature, ...]:
    """What an assistant declares, in the order of the table."""
    declared = _declared(assistant)
    return tuple(
        Feature(name, declared[name], capability)
        for name, capability in capabilities.items()
        if name in declared
    )


def refusals(workspace: Workspace) -> tuple[Problem, ...]:
    """What the workspace declares and its target cannot do, each where it is declared."""
    target = workspace.target
    refused = {name: it for name, it in at(target).items() if it.support is Support.REFUSED}
    speaks = f"speaks the {TITLES[target.api]}"
    problems: dict[Place, Problem] = {}  # of what is refused twice at one place the first is told
    for assistant in workspace.assistants.values():
        for feature in features(assistant, refused):
            where = "is the embedded server" if feature.capability.hosted else speaks
            what = f"`{feature.name}` cannot be had at {target.name!r}, which {where}"
            problem = Problem(feature.place, what, feature.capability.how)
            problems.setdefault(feature.place, problem)
    return (*problems.values(), *_needless(target))


def _needless(target: Target) -> Iterator[Problem]:
    """What a target is to emulate although it needs no such thing."""
    for word in target.emulate:
        if not of_api(target.api)[f"tools.{word}"].on_request:
            what = f"the {TITLES[target.api]} has {word}, which {target.name!r} is to emulate"
            yield Problem(target.place, what, f"remove {word} from `emulate`")


def notes(assistants: Iterable[Assistant], capabilities: Capabilities) -> Iterator[str]:
    """What a plan says of what is at the target in place of assistants, of what is emulated because
    the target was asked to, and of what is left out."""
    if capabilities[ASSISTANT].support is Support.EMULATED:
        yield f"{capabilities[ASSISTANT].how}."
    told = {
        name: it
        for name, it in capabilities.items()
        if (it.support is Support.EMULATED and it.on_request)
        or (it.support is Support.LEFT_OUT and "." not in name)
    }
    for assistant in assistants:
        for feature in features(assistant, told):
            how = feature.capability.how
            if feature.capability.support is Support.EMULATED:
                yield f"{feature.name} of {assistant.address} is emulated: {how}"
            else:
                yield f"`{feature.name}` of {assistant.address} is left out: it is {how}"


def _declared(assistant: Assistant) -> dict[str, Place]:
    """By their names in the table; values that make a difference have a name of their own."""
    answers, places = assistant.settings.get("response_format"), assistant.places
    own = assistant.own.get("agents")
    nothing = {*_asking_for_nothing(own)} if own else ()
    found = {name: place for name, place in places.items() if name not in nothing}
    if isinstance(answers, Mapping) and answers["type"] == "json_object":
        found["response_format.json_object"] = places["response_format"]
    if len(assistant.settings.get("metadata") or ()) > AGENTS_PAIRS:
        found["metadata of more than four pairs"] = places["metadata"]
    template = assistant.template
    if template and any(it.default is None for it in template.variables.values()):
        found["variables without a default"] = places["variables"]
    strategy = assistant.run.get("truncation_strategy") or {}
    if strategy.get("type") == "last_messages":
        found["run.truncation_strategy.last_messages"] = places["run.truncation_strategy"]
    if any(isinstance(tool, FileSearch) and not tool.store for tool in assistant.tools):
        found["tools.file_search without a store"] = places["tools.file_search"]
    for function in reversed(assistant.functions):  # of several the first one is named
        if function.strict:
            found["tools.function.strict"] = function.place
        if not function.description:
            found["tools.function without description"] = function.place
    return found


def _asking_for_nothing(own: Mapping[str, Any]) -> Iterator[str]:
    """What is declared for agents only to have none of it, which they can everywhere."""
    if not own.get("multi_agent", {}).get("enabled"):
        yield "agents.multi_agent"
    if not own.get("experimental", {}).get("time_awareness"):
        yield "agents.experimental"
    if own.get("environment", {}).get("network", {}).get("access") == "disabled":
        yield "agents.environment.network"
