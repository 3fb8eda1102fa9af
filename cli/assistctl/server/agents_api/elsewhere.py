"""What the Agents API has at OpenAI and not here, refused by its name."""

from __future__ import annotations

from functools import partial

from assistctl.server.agents_api.configuration import unsupported
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.wire import Document

_SESSION = "/agents/sessions/{session_id}"
_ENVIRONMENT = "/agents/environments/{environment_id}"
_TEMPLATES = "/agents/environments/templates"
_VAULT = "/vaults/{vault_id}"
_SUBAGENT = f"{_SESSION}/subagents/{{subagent_id}}"
_AUTOMATION = "/agents/automations/{automation_id}"
_PATHS = {
    "Automations are": {
        "/agents/automations": "GET POST",
        _AUTOMATION: "GET POST DELETE",
        f"{_AUTOMATION}/invocations": "GET POST",
        f"{_AUTOMATION}/invocations/{{invocation_id}}": "GET",
        f"{_AUTOMATION}/pause": "POST",
        f"{_AUTOMATION}/resume": "POST",
    },
    "Environments apart from a session are": {
        "/agents/environments": "GET POST",
        _ENVIRONMENT: "GET",
        f"{_ENVIRONMENT}/files": "GET POST",
    },
    "Templates of environments are": {
        _TEMPLATES: "GET POST",
        f"{_TEMPLATES}/{{environment_template_id}}": "GET POST DELETE",
    },
    "Subagents are": {
        f"{_SESSION}/subagents": "GET",
        _SUBAGENT: "GET",
        f"{_SUBAGENT}/items": "GET",
        f"{_SUBAGENT}/turns": "GET",
        f"{_SUBAGENT}/turns/{{turn_id}}": "GET",
        f"{_SUBAGENT}/turns/{{turn_id}}/items": "GET",
    },
    "Traces are": {f"{_SESSION}/traces": "GET"},
    "Vaults are": {
        "/vaults": "GET POST",
        _VAULT: "GET POST DELETE",
        f"{_VAULT}/credentials": "GET POST",
        f"{_VAULT}/credentials/{{credential_id}}": "GET POST DELETE",
    },
}


def _refuse(what: str, call: Call) -> Document:
    raise unsupported(what, code="unsupported_operation")


_ENDPOINTS = (
    Endpoint(method, path, partial(_refuse, what))
    for what, paths in _PATHS.items()
    for path, methods in paths.items()
    for method in methods.split()
)
ENDPOINTS = tuple(sorted(_ENDPOINTS, key=lambda endpoint: endpoint.path.count("{")))
"""Words in paths go before ids."""
