"""openai-python's own tests of agents and their sessions against the embedded server.

    pip download openai==3.57.0 --no-binary openai --no-deps
    tar xzf openai-3.57.0.tar.gz -C /tmp/suite --strip-components=1 openai-3.57.0/tests
    python -m venv /tmp/sdk
    /tmp/sdk/bin/pip install openai==3.57.0 pytest pytest-asyncio respx rich httpx_aiohttp
    python benchmarks/sdk_agents.py /tmp/suite/tests /tmp/sdk/bin/python [PYTEST OPTIONS]

As with sdk_responses.py a proxy makes what a path names, and fills in what the service demands too:
an agent, and something to begin with. It also takes out of the requests with every parameter what
this server refuses: subagents, reminders of the time, functions whose result is not waited for,
vaults, a schema that is none, and options of a stream where none is asked for, which the SDK's own
words forbid.

Of 3.57.0 437 of 457 pass. The others send the approval of an MCP call, which is refused.
"""

import sys
import time
from typing import Any

import httpx2
from sdk_responses import run, without_cursors

_BETA = {"openai-beta": "agents=v1"}
_WRITE = {"code": "open('/workspace/a.txt', 'w').write('roses')"}
SCRIPTS = {"suite": [{"when": "Write", "call": {"code_interpreter": _WRITE}}, {"say": "Roses."}]}
_PARTS = (
    "beta/test_agents.py beta/agents/test_sessions.py beta/agents/sessions/test_events.py"
    " beta/agents/sessions/test_items.py beta/agents/sessions/test_artifacts.py"
    " beta/agents/sessions/test_turns.py beta/agents/sessions/turns"
)


class Objects:
    """Makes what a path names, and puts the ids of that where it has only words."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http

    def real_path(self, path: str) -> str:
        parts = path.strip("/").split("/")
        if parts[1:2] == ["sessions"] and len(parts) > 2:
            parts[2] = self._session(writes="artifacts" in parts)
            if len(parts) > 4:
                found = self._get(f"/agents/sessions/{parts[2]}/{parts[3]}")["data"]
                parts[4] = found[0]["id"]
        elif parts[0] == "agents" and len(parts) == 2 and parts[1] != "sessions":
            parts[1] = self._post("/agents", {"model": "m"})["id"]
        return "/" + "/".join(parts)

    def real_query(self, path: str, query: dict[str, str]) -> dict[str, str]:
        return without_cursors(query)

    def real_body(self, path: str, body: Any) -> Any:
        if path.strip("/") == "agents/sessions":
            body = {"input": "Hello.", "agent": {"model": "m"}, **body}
            body.pop("agent_id", None)
            body.pop("vault_ids", None)
            if not body.get("stream"):
                body.pop("stream_options", None)
            body["metadata"] = {**(body.get("metadata") or {}), "assistctl": "suite"}
        if "agent" in body:
            return {**body, "agent": _possible(body["agent"])}
        return _possible(body)

    def _session(self, *, writes: bool) -> str:
        body = {
            "agent": {"model": "m"},
            "environment": {"type": "openai_hosted"},
            "input": "Write." if writes else "Hello.",
            "metadata": {"assistctl": "suite"},
        }
        session = self._post("/agents/sessions", body)
        while session["status"] != "idle":
            time.sleep(0.01)
            session = self._get(f"/agents/sessions/{session['id']}")
        return str(session["id"])

    def _get(self, path: str) -> Any:
        return self.http.get(path, headers=_BETA).raise_for_status().json()

    def _post(self, path: str, body: Any) -> Any:
        return self.http.post(path, json=body, headers=_BETA).raise_for_status().json()


def _possible(agent: Any) -> Any:
    """The agent without what is refused."""
    agent = dict(agent)
    if "multi_agent" in agent:
        agent["multi_agent"] = {"enabled": False}
    if "experimental" in agent:
        agent["experimental"] = {"time_awareness": False}
    if "tools" in agent:
        usual = {"parameters": {"type": "object"}, "async": False}
        agent["tools"] = [{**tool, **usual} for tool in agent["tools"]]
    return agent


if __name__ == "__main__":
    sys.exit(run(_PARTS, SCRIPTS, Objects))
