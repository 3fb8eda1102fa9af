"""What only one API has of an assistant: fields -> what is sent to targets that speak it."""

from __future__ import annotations

from assistctl.resources import Json
from assistctl.spec.located import Located, plain
from assistctl.spec.secrets import check_exposed, key_of
from assistctl.spec.tools import Surroundings
from assistctl.spec.variables import AUTHORIZATION

_SAFE = {
    "agents": "put it into a vault, and name its `credential_id`",
    "responses": "write it as `authorization: ${ITS_NAME}`",
}
"""Where a secret for an MCP server belongs, by API."""


def own_of(api: str, declared: Located, around: Surroundings) -> dict[str, Json]:
    """The values that are declared for one API; where that is the target's, with the tokens that
    its MCP servers are shown. `declared` obeys the schema."""
    _check_secrets(api, declared, around)
    own: dict[str, Json] = plain(declared)
    if api == around.api:
        for tool, (at, _) in zip(own.get("tools", ()), declared.items_at("tools"), strict=True):
            if AUTHORIZATION in tool:
                token = key_of(at, around.environ, around.findings, AUTHORIZATION)
                tool[AUTHORIZATION] = token
    return own


def _check_secrets(api: str, declared: Located, around: Surroundings) -> None:
    environment, findings = declared.mapping("environment").mapping("env"), around.findings
    check_exposed(environment, f"{api}.environment.env", findings, "put it into a vault")
    for number, (tool, _) in enumerate(declared.items_at("tools")):
        at = f"{api}.tools[{number}]"
        for inner, name in ((tool, at), (tool.mapping("transport"), f"{at}.transport")):
            check_exposed(inner.mapping("headers"), f"{name}.headers", findings, _SAFE[api])
