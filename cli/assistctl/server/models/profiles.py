"""The well-known endpoints: what each of them wants, known before it is asked.

A profile only saves the requests in which the same would be learnt (`refusal_rules.py`). It is
chosen by the host of the base_url, or by `profile:`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from assistctl.server.models.dialect import Api, Quirk


@dataclass(frozen=True)
class Profile:
    """`hosts` are endings of host names, or `:port` of a server on this machine. `api` is what
    `auto` begins with; `key_header` brings the key as it is, beside Authorization."""

    hosts: tuple[str, ...] = ()
    api: Api = "chat"
    quirks: frozenset[Quirk] = frozenset()
    dropped: frozenset[str] = frozenset()
    key_header: str | None = None


UNKNOWN = Profile()

PROFILES: Mapping[str, Profile] = {
    # Functions and reasoning together only by Responses: developers.openai.com/api/docs/models.
    "openai": Profile((".openai.com",), api="responses"),
    # The same models; the key in a header of its own: learn.microsoft.com/azure/ai-foundry/openai.
    "azure": Profile(
        (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"),
        api="responses",
        key_header="api-key",
    ),
    # Signatures of thoughts, names in outputs: ai.google.dev/gemini-api/docs/thought-signatures.
    "gemini": Profile(
        ("generativelanguage.googleapis.com", "aiplatform.googleapis.com"),
        quirks=frozenset({Quirk.SIGNED_CALLS, Quirk.NAMED_OUTPUTS}),
    ),
    # json_object only: api-docs.deepseek.com/guides/json_mode.
    "deepseek": Profile(("api.deepseek.com",), quirks=frozenset({Quirk.JSON_OBJECT})),
    "kimi": Profile(("api.moonshot.ai", "api.moonshot.cn")),
    # Ids of nine letters and digits: docs.mistral.ai/capabilities/function_calling.
    "mistral": Profile(
        ("api.mistral.ai",),
        quirks=frozenset({Quirk.SHORT_IDS, Quirk.OLD_CAP}),
        dropped=frozenset({"stream_options"}),
    ),
    "groq": Profile(("api.groq.com",)),
    "openrouter": Profile(("openrouter.ai",)),
    # No response_format: docs.claude.com/en/api/openai-sdk.
    "anthropic": Profile(("api.anthropic.com",), dropped=frozenset({"response_format"})),
    # max_completion_tokens is ignored there: docs.ollama.com/api/openai-compatibility.
    # A format keeps it from calling: github.com/ollama/ollama/issues/11185.
    "ollama": Profile((":11434",), quirks=frozenset({Quirk.OLD_CAP, Quirk.FORMAT_OR_CALLS})),
    # A choice is a word: github.com/lmstudio-ai/lmstudio-bug-tracker/issues/670.
    "lmstudio": Profile((":1234",), quirks=frozenset({Quirk.EMPTY_CONTENT, Quirk.UNNAMED_CHOICE})),
    # A format keeps it from calling: github.com/vllm-project/vllm/issues/39929.
    "vllm": Profile(quirks=frozenset({Quirk.FORMAT_OR_CALLS})),
    # The same, and a choice that is no word counts as auto: seen (xllamacpp 2026.10.11549).
    "llama.cpp": Profile(quirks=frozenset({Quirk.FORMAT_OR_CALLS, Quirk.UNNAMED_CHOICE})),
}


def profile_of(base_url: str) -> Profile:
    """The profile of the endpoint with this address, as far as its host or port tells."""
    parts = urlsplit(base_url)
    host, port = f".{parts.hostname or ''}", f":{parts.port or ''}"
    for profile in PROFILES.values():
        for known in profile.hosts:
            if known == port or host.endswith(known if known.startswith(".") else f".{known}"):
                return profile
    return UNKNOWN
